-- What domains had published when they were checked, SQLite. schema/postgresql/005-checks.sql is its twin.

CREATE TABLE domain_check (
    client_id       INTEGER NOT NULL REFERENCES client (client_id),
    domain          TEXT NOT NULL,
    checked_at      INTEGER NOT NULL,
    last_seen       INTEGER NOT NULL,
    content         TEXT NOT NULL,
    changes         TEXT,
    PRIMARY KEY (client_id, domain, checked_at)
) STRICT;

CREATE VIEW v_domain_check AS
SELECT c.name AS client, d.domain, d.checked_at, d.last_seen, date(d.checked_at, 'unixepoch') AS date, d.content, d.changes, d.client_id
  FROM domain_check d
  JOIN client c ON c.client_id = d.client_id;
