-- What people were warned of and have not been told the end of, PostgreSQL. schema/sqlite/006-warnings.sql is its twin.

CREATE TABLE warning (
    channel  text COLLATE "C" NOT NULL,
    kind     text COLLATE "C" NOT NULL CHECK (kind IN ('mailbox', 'rejects', 'reporter')),
    subject  text COLLATE "C" NOT NULL,
    since_at bigint NOT NULL,
    told_at  bigint NOT NULL,
    PRIMARY KEY (channel, kind, subject)
);
