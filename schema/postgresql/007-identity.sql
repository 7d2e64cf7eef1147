-- The client last in what identifies a report, PostgreSQL. schema/sqlite/007-identity.sql is its twin.
--
-- An index that begins with the client looks to the planner like a way to the parent of a record, as good as the primary key while the
-- tables are small. A session that has planned its foreign keys then goes through all reports of a client for each record, until
-- somebody analyses the table.

ALTER TABLE report DROP CONSTRAINT report_client_id_domain_reporter_report_uid_begin_at_end_at_key;
ALTER TABLE report ADD CONSTRAINT report_identity UNIQUE (domain, reporter, report_uid, begin_at, end_at, client_id);

ALTER TABLE tls_policy DROP CONSTRAINT tls_policy_client_id_domain_reporter_report_uid_begin_at_en_key;
ALTER TABLE tls_policy ADD CONSTRAINT tls_policy_identity UNIQUE (domain, reporter, report_uid, begin_at, end_at, seq, client_id);
