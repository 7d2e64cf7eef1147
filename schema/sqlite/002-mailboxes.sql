-- What a poller that runs for years has to remember, SQLite. schema/postgresql/002-mailboxes.sql is its twin.

-- What a mail was to whoever files it away, so that one that comes again can be filed alike.
ALTER TABLE message ADD COLUMN kind TEXT;

CREATE TABLE lease (
    name     TEXT PRIMARY KEY NOT NULL,
    holder   TEXT NOT NULL,
    until_at INTEGER NOT NULL
) STRICT;

CREATE TABLE mailbox (
    name          TEXT NOT NULL,
    folder        TEXT NOT NULL,
    polled_at     INTEGER NOT NULL,
    succeeded_at  INTEGER,
    failing_since INTEGER,
    error_at      INTEGER,
    error_class   TEXT,
    error_text    TEXT,
    waiting       INTEGER NOT NULL,
    polls         INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    messages      INTEGER NOT NULL,
    stored        INTEGER NOT NULL,
    duplicate     INTEGER NOT NULL,
    conflict      INTEGER NOT NULL,
    not_a_report  INTEGER NOT NULL,
    partial       INTEGER NOT NULL,
    rejected      INTEGER NOT NULL,
    PRIMARY KEY (name, folder)
) STRICT;
