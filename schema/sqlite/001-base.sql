-- The base schema, SQLite. schema/README.md says what each table means; schema/postgresql/001-base.sql is its twin.

CREATE TABLE counter (
    name  TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counter (name, value) VALUES ('id', 1000), ('owners', 1);

CREATE TABLE setting (
    name  TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE client (
    client_id INTEGER PRIMARY KEY NOT NULL,
    name      TEXT NOT NULL UNIQUE
) STRICT;

INSERT INTO client (client_id, name) VALUES (1, 'unassigned');

CREATE TABLE domain_owner (
    domain    TEXT PRIMARY KEY NOT NULL,
    client_id INTEGER NOT NULL REFERENCES client (client_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE report (
    client_id          INTEGER NOT NULL REFERENCES client (client_id),
    report_id          INTEGER NOT NULL,
    domain             TEXT NOT NULL,
    reporter           TEXT NOT NULL,
    report_uid         TEXT NOT NULL,
    begin_at           INTEGER NOT NULL,
    end_at             INTEGER NOT NULL,
    day                INTEGER NOT NULL,
    state              TEXT NOT NULL CHECK (state IN ('counts', 'partial')),
    records            INTEGER NOT NULL,
    messages           INTEGER NOT NULL,
    dropped            INTEGER NOT NULL,
    digest             BLOB NOT NULL,
    grade              TEXT NOT NULL,
    notes              TEXT,
    org_name           TEXT,
    email              TEXT,
    extra_contact_info TEXT,
    generator          TEXT,
    dialect            TEXT,
    version            TEXT,
    namespace          TEXT,
    p                  TEXT,
    sp                 TEXT,
    np                 TEXT,
    adkim              TEXT,
    aspf               TEXT,
    pct                TEXT,
    fo                 TEXT,
    testing            TEXT,
    discovery_method   TEXT,
    sent               TEXT,
    errors             TEXT,
    extension          TEXT,
    trust              TEXT NOT NULL CHECK (trust IN ('verified', 'plausible', 'doubtful')),
    payload_id         INTEGER,
    stored_at          INTEGER NOT NULL,
    PRIMARY KEY (client_id, report_id),
    UNIQUE (client_id, domain, reporter, report_uid, begin_at, end_at)
) STRICT;

-- Partial, so that no plan made while the tables are small can take them for the way to a single report.
CREATE INDEX report_day ON report (client_id, day) WHERE state = 'counts';
CREATE INDEX report_partial_day ON report (client_id, day) WHERE state = 'partial';

CREATE TABLE record (
    client_id   INTEGER NOT NULL,
    report_id   INTEGER NOT NULL,
    recno       INTEGER NOT NULL,
    source_ip   BLOB,
    messages    INTEGER NOT NULL,
    disposition TEXT NOT NULL,
    dkim        TEXT NOT NULL,
    spf         TEXT NOT NULL,
    auth_id     BLOB NOT NULL,
    envelope_to TEXT,
    reasons     TEXT,
    sent        TEXT,
    extension   TEXT,
    PRIMARY KEY (client_id, report_id, recno),
    FOREIGN KEY (client_id, report_id) REFERENCES report (client_id, report_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE auth_set (
    client_id     INTEGER NOT NULL,
    auth_id       BLOB NOT NULL,
    header_from   TEXT,
    envelope_from TEXT,
    results       TEXT NOT NULL,
    PRIMARY KEY (client_id, auth_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE auth_result (
    client_id    INTEGER NOT NULL,
    auth_id      BLOB NOT NULL,
    seq          INTEGER NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('dkim', 'spf')),
    domain       TEXT,
    selector     TEXT,
    scope        TEXT,
    result       TEXT,
    human_result TEXT,
    PRIMARY KEY (client_id, auth_id, seq),
    FOREIGN KEY (client_id, auth_id) REFERENCES auth_set (client_id, auth_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE failure_report (
    client_id              INTEGER NOT NULL REFERENCES client (client_id),
    failure_id             INTEGER NOT NULL,
    domain                 TEXT NOT NULL,
    identity               BLOB NOT NULL,
    reporter               TEXT NOT NULL,
    day                    INTEGER NOT NULL,
    arrival                INTEGER,
    incidents              INTEGER NOT NULL,
    source_ip              BLOB,
    source_ip_sent         TEXT,
    feedback_type          TEXT,
    version                TEXT,
    user_agent             TEXT,
    original_envelope_id   TEXT,
    original_mail_from     TEXT,
    original_rcpt_to       TEXT,
    arrival_date_sent      TEXT,
    message_id             TEXT,
    authentication_results TEXT,
    delivery_result        TEXT,
    auth_failure           TEXT,
    identity_alignment     TEXT,
    dkim_domain            TEXT,
    dkim_selector          TEXT,
    dkim_identity          TEXT,
    spf_dns                TEXT,
    fields                 TEXT,
    sample_headers         TEXT,
    sample                 BLOB,
    headers_only           INTEGER NOT NULL CHECK (headers_only IN (0, 1)),
    grade                  TEXT NOT NULL,
    notes                  TEXT,
    payload_id             INTEGER,
    stored_at              INTEGER NOT NULL,
    PRIMARY KEY (client_id, failure_id),
    UNIQUE (client_id, domain, identity)
) STRICT;

CREATE INDEX failure_report_day ON failure_report (client_id, day);

CREATE TABLE tls_policy (
    client_id         INTEGER NOT NULL REFERENCES client (client_id),
    tls_id            INTEGER NOT NULL,
    domain            TEXT NOT NULL,
    reporter          TEXT NOT NULL,
    report_uid        TEXT NOT NULL,
    begin_at          INTEGER NOT NULL,
    end_at            INTEGER NOT NULL,
    seq               INTEGER NOT NULL,
    day               INTEGER NOT NULL,
    policy_type       TEXT,
    policy_strings    TEXT,
    mx_hosts          TEXT,
    domain_sent       TEXT,
    successful        INTEGER NOT NULL,
    failed            INTEGER NOT NULL,
    organization_name TEXT,
    contact_info      TEXT,
    begin_sent        TEXT,
    end_sent          TEXT,
    digest            BLOB NOT NULL,
    grade             TEXT NOT NULL,
    notes             TEXT,
    trust             TEXT NOT NULL CHECK (trust IN ('verified', 'plausible', 'doubtful')),
    payload_id        INTEGER,
    stored_at         INTEGER NOT NULL,
    PRIMARY KEY (client_id, tls_id),
    UNIQUE (client_id, domain, reporter, report_uid, begin_at, end_at, seq)
) STRICT;

CREATE INDEX tls_policy_day ON tls_policy (client_id, day);

CREATE TABLE tls_failure (
    client_id              INTEGER NOT NULL,
    tls_id                 INTEGER NOT NULL,
    seq                    INTEGER NOT NULL,
    result_type            TEXT,
    sending_mta_ip         TEXT,
    receiving_mx_hostname  TEXT,
    receiving_mx_helo      TEXT,
    receiving_ip           TEXT,
    sessions               INTEGER NOT NULL,
    additional_information TEXT,
    reason_code            TEXT,
    PRIMARY KEY (client_id, tls_id, seq),
    FOREIGN KEY (client_id, tls_id) REFERENCES tls_policy (client_id, tls_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE payload (
    client_id  INTEGER NOT NULL,
    payload_id INTEGER NOT NULL,
    sha256     BLOB NOT NULL,
    bytes      INTEGER NOT NULL,
    container  TEXT NOT NULL,
    name       TEXT,
    packed     INTEGER NOT NULL CHECK (packed IN (0, 1)),
    kept       INTEGER NOT NULL CHECK (kept IN (0, 1)),
    PRIMARY KEY (client_id, payload_id)
) STRICT;

CREATE INDEX payload_by_id ON payload (payload_id);

CREATE TABLE payload_chunk (
    client_id  INTEGER NOT NULL,
    payload_id INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    data       BLOB NOT NULL,
    PRIMARY KEY (client_id, payload_id, seq)
) STRICT;

CREATE TABLE message (
    message_id             INTEGER PRIMARY KEY NOT NULL,
    source                 TEXT NOT NULL,
    source_key             TEXT NOT NULL,
    sha256                 BLOB,
    bytes                  INTEGER NOT NULL,
    name                   TEXT,
    mail_from              TEXT,
    subject                TEXT,
    mail_message_id        TEXT,
    authentication_results TEXT,
    mail_date              INTEGER,
    seen_at                INTEGER NOT NULL,
    outcome                TEXT NOT NULL,
    class                  TEXT,
    reason                 TEXT,
    reports_new            INTEGER NOT NULL,
    reports_duplicate      INTEGER NOT NULL,
    reports_conflict       INTEGER NOT NULL,
    reports_partial        INTEGER NOT NULL,
    reports_rejected       INTEGER NOT NULL,
    others_new             INTEGER NOT NULL,
    others_known           INTEGER NOT NULL
) STRICT;

CREATE INDEX message_sha256 ON message (sha256);
CREATE INDEX message_source ON message (source, source_key);

CREATE TABLE reject (
    reject_id  INTEGER PRIMARY KEY NOT NULL,
    message_id INTEGER NOT NULL,
    payload_id INTEGER,
    report_id  INTEGER,
    document   TEXT,
    class      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('open', 'retried', 'accepted', 'replaced'))
) STRICT;

CREATE INDEX reject_message ON reject (message_id);

CREATE VIEW v_report AS
SELECT c.name AS client, r.report_id, r.domain, r.reporter, r.org_name, r.email, r.report_uid, r.begin_at, r.end_at, r.day, r.state,
       r.records, r.messages, r.dropped, r.grade, r.notes, r.dialect, r.generator, r.p, r.sp, r.np, r.adkim, r.aspf, r.pct, r.fo,
       r.testing, r.discovery_method, r.errors, r.trust, r.client_id
  FROM report r
  JOIN client c ON c.client_id = r.client_id;

CREATE VIEW v_record AS
SELECT c.name AS client, r.domain, r.day, r.reporter, r.report_id, x.recno, x.messages,
       CASE length(x.source_ip)
       WHEN 4 THEN
           (16 * (instr('0123456789ABCDEF', substr(hex(x.source_ip), 1, 1)) - 1) + instr('0123456789ABCDEF', substr(hex(x.source_ip), 2, 1)) - 1)
           || '.' ||
           (16 * (instr('0123456789ABCDEF', substr(hex(x.source_ip), 3, 1)) - 1) + instr('0123456789ABCDEF', substr(hex(x.source_ip), 4, 1)) - 1)
           || '.' ||
           (16 * (instr('0123456789ABCDEF', substr(hex(x.source_ip), 5, 1)) - 1) + instr('0123456789ABCDEF', substr(hex(x.source_ip), 6, 1)) - 1)
           || '.' ||
           (16 * (instr('0123456789ABCDEF', substr(hex(x.source_ip), 7, 1)) - 1) + instr('0123456789ABCDEF', substr(hex(x.source_ip), 8, 1)) - 1)
       WHEN 16 THEN
           lower(substr(hex(x.source_ip), 1, 4) || ':' || substr(hex(x.source_ip), 5, 4) || ':' || substr(hex(x.source_ip), 9, 4) || ':' ||
               substr(hex(x.source_ip), 13, 4) || ':' || substr(hex(x.source_ip), 17, 4) || ':' || substr(hex(x.source_ip), 21, 4) || ':' ||
               substr(hex(x.source_ip), 25, 4) || ':' || substr(hex(x.source_ip), 29, 4))
       END AS source,
       CASE WHEN x.dkim = 'pass' OR x.spf = 'pass' THEN 'pass' ELSE 'fail' END AS dmarc,
       x.disposition, x.dkim, x.spf, a.header_from, a.envelope_from, x.envelope_to, x.reasons, r.state, r.trust, x.source_ip, x.auth_id, x.client_id
  FROM record x
  JOIN report r ON r.client_id = x.client_id AND r.report_id = x.report_id
  JOIN auth_set a ON a.client_id = x.client_id AND a.auth_id = x.auth_id
  JOIN client c ON c.client_id = x.client_id;

CREATE VIEW v_auth_result AS
SELECT c.name AS client, r.domain AS policy_domain, r.day, x.report_id, x.recno, x.messages, u.seq, u.kind, u.domain, u.selector, u.scope,
       u.result, u.human_result, r.state, x.client_id
  FROM record x
  JOIN report r ON r.client_id = x.client_id AND r.report_id = x.report_id
  JOIN auth_result u ON u.client_id = x.client_id AND u.auth_id = x.auth_id
  JOIN client c ON c.client_id = x.client_id;
