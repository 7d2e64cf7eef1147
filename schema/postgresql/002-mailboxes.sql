-- What a poller that runs for years has to remember, PostgreSQL. schema/sqlite/002-mailboxes.sql is its twin.

-- What a mail was to whoever files it away, so that one that comes again can be filed alike.
ALTER TABLE message ADD COLUMN kind text COLLATE "C";

CREATE TABLE lease (
    name     text COLLATE "C" PRIMARY KEY NOT NULL,
    holder   text COLLATE "C" NOT NULL,
    until_at bigint NOT NULL
);

CREATE TABLE mailbox (
    name          text COLLATE "C" NOT NULL,
    folder        text COLLATE "C" NOT NULL,
    polled_at     bigint NOT NULL,
    succeeded_at  bigint,
    failing_since bigint,
    error_at      bigint,
    error_class   text COLLATE "C",
    error_text    text COLLATE "C",
    waiting       bigint NOT NULL,
    polls         bigint NOT NULL,
    failures      bigint NOT NULL,
    messages      bigint NOT NULL,
    stored        bigint NOT NULL,
    duplicate     bigint NOT NULL,
    conflict      bigint NOT NULL,
    not_a_report  bigint NOT NULL,
    partial       bigint NOT NULL,
    rejected      bigint NOT NULL,
    PRIMARY KEY (name, folder)
);
