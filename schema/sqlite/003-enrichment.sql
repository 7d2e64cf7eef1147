-- What the DNS and network databases say of sources and From domains, as of the last look, SQLite.
-- schema/postgresql/003-enrichment.sql is its twin.

CREATE TABLE host (
    ip        BLOB PRIMARY KEY NOT NULL,
    looked_at INTEGER NOT NULL,
    ptr       TEXT,
    confirmed INTEGER CHECK (confirmed IN (0, 1)),
    asn       INTEGER,
    network   TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE sender_domain (
    domain      TEXT PRIMARY KEY NOT NULL,
    looked_at   INTEGER NOT NULL,
    nonexistent INTEGER CHECK (nonexistent IN (0, 1)),
    parked      INTEGER CHECK (parked IN (0, 1)),
    mx          TEXT,
    spf         INTEGER CHECK (spf IN (0, 1)),
    includes    TEXT,
    networks    TEXT
) STRICT, WITHOUT ROWID;
