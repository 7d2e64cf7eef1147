-- Where the tree walk of RFC 9989 4.10 ends for a From domain: receivers that use it may see another organisation than the public suffix list does.
-- Where the DKIM names lead that mail services have their customers publish. In which country an address is.

ALTER TABLE sender_domain ADD COLUMN organisation TEXT;
ALTER TABLE sender_domain ADD COLUMN keys TEXT;
ALTER TABLE host ADD COLUMN country TEXT;

DROP VIEW v_host;
CREATE VIEW v_host AS
SELECT CASE length(h.ip)
       WHEN 4 THEN
           (16 * (instr('0123456789ABCDEF', substr(hex(h.ip), 1, 1)) - 1) + instr('0123456789ABCDEF', substr(hex(h.ip), 2, 1)) - 1)
           || '.' ||
           (16 * (instr('0123456789ABCDEF', substr(hex(h.ip), 3, 1)) - 1) + instr('0123456789ABCDEF', substr(hex(h.ip), 4, 1)) - 1)
           || '.' ||
           (16 * (instr('0123456789ABCDEF', substr(hex(h.ip), 5, 1)) - 1) + instr('0123456789ABCDEF', substr(hex(h.ip), 6, 1)) - 1)
           || '.' ||
           (16 * (instr('0123456789ABCDEF', substr(hex(h.ip), 7, 1)) - 1) + instr('0123456789ABCDEF', substr(hex(h.ip), 8, 1)) - 1)
       WHEN 16 THEN
           lower(substr(hex(h.ip), 1, 4) || ':' || substr(hex(h.ip), 5, 4) || ':' || substr(hex(h.ip), 9, 4) || ':' ||
               substr(hex(h.ip), 13, 4) || ':' || substr(hex(h.ip), 17, 4) || ':' || substr(hex(h.ip), 21, 4) || ':' ||
               substr(hex(h.ip), 25, 4) || ':' || substr(hex(h.ip), 29, 4))
       END AS source,
       h.ptr, h.confirmed, h.asn, h.network, h.looked_at, h.ip AS source_ip, h.country
  FROM host h;
