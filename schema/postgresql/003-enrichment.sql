-- What the DNS and network databases say of sources and From domains, as of the last look, PostgreSQL.
-- schema/sqlite/003-enrichment.sql is its twin.

CREATE TABLE host (
    ip        bytea PRIMARY KEY NOT NULL,
    looked_at bigint NOT NULL,
    ptr       text COLLATE "C",
    confirmed bigint CHECK (confirmed IN (0, 1)),
    asn       bigint,
    network   text COLLATE "C"
);

CREATE TABLE sender_domain (
    domain      text COLLATE "C" PRIMARY KEY NOT NULL,
    looked_at   bigint NOT NULL,
    nonexistent bigint CHECK (nonexistent IN (0, 1)),
    parked      bigint CHECK (parked IN (0, 1)),
    mx          text COLLATE "C",
    spf         bigint CHECK (spf IN (0, 1)),
    includes    text COLLATE "C",
    networks    text COLLATE "C"
);
