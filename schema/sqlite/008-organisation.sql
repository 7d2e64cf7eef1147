-- Where the tree walk of RFC 9989 4.10 ends for a From domain: receivers that use it may see another organisation than the public suffix list does.
-- And where the DKIM names lead that mail services have their customers publish.

ALTER TABLE sender_domain ADD COLUMN organisation TEXT;
ALTER TABLE sender_domain ADD COLUMN keys TEXT;
