-- What people were warned of and have not been told the end of, SQLite. schema/postgresql/006-warnings.sql is its twin.

CREATE TABLE warning (
    channel  TEXT NOT NULL,
    kind     TEXT NOT NULL CHECK (kind IN ('mailbox', 'rejects', 'reporter')),
    subject  TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    told_at  INTEGER NOT NULL,
    PRIMARY KEY (channel, kind, subject)
) STRICT, WITHOUT ROWID;
