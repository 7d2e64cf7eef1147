-- Where the tree walk of RFC 9989 4.10 ends for a From domain: receivers that use it may see another organisation than the public suffix list does.

ALTER TABLE sender_domain ADD COLUMN organisation text COLLATE "C";
