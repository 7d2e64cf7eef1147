-- What domains had published when they were checked, PostgreSQL. schema/sqlite/005-checks.sql is its twin.

CREATE TABLE domain_check (
    client_id       bigint NOT NULL REFERENCES client (client_id),
    domain          text COLLATE "C" NOT NULL,
    checked_at      bigint NOT NULL,
    last_seen       bigint NOT NULL,
    content         text COLLATE "C" NOT NULL,
    changes         text COLLATE "C",
    PRIMARY KEY (client_id, domain, checked_at)
);

CREATE VIEW v_domain_check AS
SELECT c.name AS client, d.domain, d.checked_at, d.last_seen,
       to_char(DATE '1970-01-01' + CAST(d.checked_at / 86400 AS integer), 'YYYY-MM-DD') AS date, d.content, d.changes, d.client_id
  FROM domain_check d
  JOIN client c ON c.client_id = d.client_id;
