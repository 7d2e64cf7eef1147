-- Which reports were sent to whom, and views for analysts, PostgreSQL. schema/sqlite/004-deliveries.sql is its twin.

CREATE TABLE delivery (
    client_id       bigint NOT NULL REFERENCES client (client_id),
    from_day        bigint NOT NULL,
    to_day          bigint NOT NULL,
    recipient       text COLLATE "C" NOT NULL,
    state           text COLLATE "C" NOT NULL CHECK (state IN ('intended', 'handed', 'waiting', 'sent', 'refused')),
    edition         bigint NOT NULL,
    attempts        bigint NOT NULL,
    mail_message_id text COLLATE "C" NOT NULL,
    changed_at      bigint NOT NULL,
    sent_at         bigint,
    reason          text COLLATE "C",
    PRIMARY KEY (client_id, from_day, to_day, recipient)
);

-- The views of the first step once more, with the day as a date at the end.

CREATE OR REPLACE VIEW v_report AS
SELECT c.name AS client, r.report_id, r.domain, r.reporter, r.org_name, r.email, r.report_uid, r.begin_at, r.end_at, r.day, r.state,
       r.records, r.messages, r.dropped, r.grade, r.notes, r.dialect, r.generator, r.p, r.sp, r.np, r.adkim, r.aspf, r.pct, r.fo,
       r.testing, r.discovery_method, r.errors, r.trust, r.client_id,
       CASE WHEN r.day BETWEEN -719162 AND 2932896 THEN to_char(DATE '1970-01-01' + CAST(r.day AS integer), 'YYYY-MM-DD') END AS date
  FROM report r
  JOIN client c ON c.client_id = r.client_id;

CREATE OR REPLACE VIEW v_record AS
SELECT c.name AS client, r.domain, r.day, r.reporter, r.report_id, x.recno, x.messages,
       CASE length(x.source_ip)
       WHEN 4 THEN
           get_byte(x.source_ip, 0) || '.' || get_byte(x.source_ip, 1) || '.' || get_byte(x.source_ip, 2) || '.' || get_byte(x.source_ip, 3)
       WHEN 16 THEN
           rtrim(regexp_replace(encode(x.source_ip, 'hex'), '(....)', '\1:', 'g'), ':')
       END AS source,
       CASE WHEN x.dkim = 'pass' OR x.spf = 'pass' THEN 'pass' ELSE 'fail' END AS dmarc,
       x.disposition, x.dkim, x.spf, a.header_from, a.envelope_from, x.envelope_to, x.reasons, r.state, r.trust, x.source_ip, x.auth_id, x.client_id,
       CASE WHEN r.day BETWEEN -719162 AND 2932896 THEN to_char(DATE '1970-01-01' + CAST(r.day AS integer), 'YYYY-MM-DD') END AS date
  FROM record x
  JOIN report r ON r.client_id = x.client_id AND r.report_id = x.report_id
  JOIN auth_set a ON a.client_id = x.client_id AND a.auth_id = x.auth_id
  JOIN client c ON c.client_id = x.client_id;

CREATE OR REPLACE VIEW v_auth_result AS
SELECT c.name AS client, r.domain AS policy_domain, r.day, x.report_id, x.recno, x.messages, u.seq, u.kind, u.domain, u.selector, u.scope,
       u.result, u.human_result, r.state, x.client_id,
       CASE WHEN r.day BETWEEN -719162 AND 2932896 THEN to_char(DATE '1970-01-01' + CAST(r.day AS integer), 'YYYY-MM-DD') END AS date
  FROM record x
  JOIN report r ON r.client_id = x.client_id AND r.report_id = x.report_id
  JOIN auth_result u ON u.client_id = x.client_id AND u.auth_id = x.auth_id
  JOIN client c ON c.client_id = x.client_id;

CREATE VIEW v_failure AS
SELECT c.name AS client, x.failure_id, x.domain, x.reporter, x.day, x.arrival, x.incidents,
       CASE length(x.source_ip)
       WHEN 4 THEN
           get_byte(x.source_ip, 0) || '.' || get_byte(x.source_ip, 1) || '.' || get_byte(x.source_ip, 2) || '.' || get_byte(x.source_ip, 3)
       WHEN 16 THEN
           rtrim(regexp_replace(encode(x.source_ip, 'hex'), '(....)', '\1:', 'g'), ':')
       END AS source,
       x.feedback_type, x.auth_failure, x.delivery_result, x.identity_alignment, x.dkim_domain, x.dkim_selector, x.spf_dns,
       x.original_mail_from, x.original_rcpt_to, x.grade, x.notes, x.source_ip, x.client_id,
       CASE WHEN x.day BETWEEN -719162 AND 2932896 THEN to_char(DATE '1970-01-01' + CAST(x.day AS integer), 'YYYY-MM-DD') END AS date
  FROM failure_report x
  JOIN client c ON c.client_id = x.client_id;

CREATE VIEW v_tls AS
SELECT c.name AS client, p.tls_id, p.domain, p.reporter, p.organization_name, p.report_uid, p.begin_at, p.end_at, p.day, p.policy_type,
       p.policy_strings, p.mx_hosts, p.successful, p.failed, p.grade, p.notes, p.trust, p.client_id,
       CASE WHEN p.day BETWEEN -719162 AND 2932896 THEN to_char(DATE '1970-01-01' + CAST(p.day AS integer), 'YYYY-MM-DD') END AS date
  FROM tls_policy p
  JOIN client c ON c.client_id = p.client_id;

CREATE VIEW v_tls_failure AS
SELECT c.name AS client, p.domain, p.day, p.reporter, p.tls_id, f.seq, f.result_type, f.sessions, f.sending_mta_ip, f.receiving_mx_hostname,
       f.receiving_mx_helo, f.receiving_ip, f.additional_information, f.reason_code, p.policy_type, p.grade, p.trust, p.client_id,
       CASE WHEN p.day BETWEEN -719162 AND 2932896 THEN to_char(DATE '1970-01-01' + CAST(p.day AS integer), 'YYYY-MM-DD') END AS date
  FROM tls_failure f
  JOIN tls_policy p ON p.client_id = f.client_id AND p.tls_id = f.tls_id
  JOIN client c ON c.client_id = f.client_id;

-- Records that claim more than 10^10 messages count as that many: no sum of them is too large for a bigint.
CREATE VIEW v_source_week AS
SELECT g.client, g.domain,
       CASE WHEN g.monday BETWEEN -719162 AND 2932896 THEN to_char(DATE '1970-01-01' + CAST(g.monday AS integer), 'IYYY-"W"IW') END AS week, g.monday,
       g.source, g.header_from,
       COUNT(DISTINCT g.report_id) AS reports, COUNT(DISTINCT g.reporter) AS reporters, COUNT(*) AS records,
       CAST(SUM(g.n) AS bigint) AS messages,
       CAST(SUM(CASE WHEN g.dmarc = 'pass' THEN g.n ELSE 0 END) AS bigint) AS dmarc_pass,
       CAST(SUM(CASE WHEN g.dmarc = 'fail' THEN g.n ELSE 0 END) AS bigint) AS dmarc_fail,
       CAST(SUM(CASE WHEN g.dkim = 'pass' THEN g.n ELSE 0 END) AS bigint) AS dkim_aligned,
       CAST(SUM(CASE WHEN g.spf = 'pass' THEN g.n ELSE 0 END) AS bigint) AS spf_aligned,
       CAST(SUM(CASE WHEN g.disposition = 'quarantine' THEN g.n ELSE 0 END) AS bigint) AS quarantined,
       CAST(SUM(CASE WHEN g.disposition = 'reject' THEN g.n ELSE 0 END) AS bigint) AS rejected,
       CAST(SUM(CASE WHEN g.trust = 'doubtful' THEN g.n ELSE 0 END) AS bigint) AS doubtful,
       MIN(g.date) AS first_date, MAX(g.date) AS last_date, g.client_id
  FROM (SELECT v.client, v.client_id, v.domain, v.source, v.header_from, v.report_id, v.reporter, v.dmarc, v.dkim, v.spf, v.disposition,
               v.trust, v.date, v.day - (v.day + 719162) % 7 AS monday,
               CASE WHEN v.messages > 10000000000 THEN 10000000000 ELSE v.messages END AS n
          FROM v_record v
         WHERE v.state = 'counts') g
 GROUP BY g.client, g.client_id, g.domain, g.monday, g.source, g.header_from;

CREATE VIEW v_delivery AS
SELECT c.name AS client,
       CASE WHEN d.from_day BETWEEN -719162 AND 2932896 THEN to_char(DATE '1970-01-01' + CAST(d.from_day AS integer), 'YYYY-MM-DD') END AS from_date,
       CASE WHEN d.to_day BETWEEN -719162 AND 2932896 THEN to_char(DATE '1970-01-01' + CAST(d.to_day AS integer), 'YYYY-MM-DD') END AS to_date,
       d.recipient, d.state, d.edition, d.attempts, d.mail_message_id, d.changed_at, d.sent_at, d.reason, d.from_day, d.to_day, d.client_id
  FROM delivery d
  JOIN client c ON c.client_id = d.client_id;

CREATE VIEW v_host AS
SELECT CASE length(h.ip)
       WHEN 4 THEN
           get_byte(h.ip, 0) || '.' || get_byte(h.ip, 1) || '.' || get_byte(h.ip, 2) || '.' || get_byte(h.ip, 3)
       WHEN 16 THEN
           rtrim(regexp_replace(encode(h.ip, 'hex'), '(....)', '\1:', 'g'), ':')
       END AS source,
       h.ptr, h.confirmed, h.asn, h.network, h.looked_at, h.ip AS source_ip
  FROM host h;
