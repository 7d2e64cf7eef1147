-- Where the tree walk of RFC 9989 4.10 ends for a From domain: receivers that use it may see another organisation than the public suffix list does.
-- Where the DKIM names lead that mail services have their customers publish. In which country an address is.

ALTER TABLE sender_domain ADD COLUMN organisation text COLLATE "C";
ALTER TABLE sender_domain ADD COLUMN keys text COLLATE "C";
ALTER TABLE host ADD COLUMN country text COLLATE "C";

CREATE OR REPLACE VIEW v_host AS
SELECT CASE length(h.ip)
       WHEN 4 THEN
           get_byte(h.ip, 0) || '.' || get_byte(h.ip, 1) || '.' || get_byte(h.ip, 2) || '.' || get_byte(h.ip, 3)
       WHEN 16 THEN
           rtrim(regexp_replace(encode(h.ip, 'hex'), '(....)', '\1:', 'g'), ':')
       END AS source,
       h.ptr, h.confirmed, h.asn, h.network, h.looked_at, h.ip AS source_ip, h.country
  FROM host h;
