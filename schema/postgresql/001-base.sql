-- The base schema, PostgreSQL. schema/README.md says what each table means; schema/sqlite/001-base.sql is its twin.

CREATE TABLE counter (
    name  text COLLATE "C" PRIMARY KEY NOT NULL,
    value bigint NOT NULL
);

INSERT INTO counter (name, value) VALUES ('id', 1000), ('owners', 1);

CREATE TABLE setting (
    name  text COLLATE "C" PRIMARY KEY NOT NULL,
    value bytea NOT NULL
);

CREATE TABLE client (
    client_id bigint PRIMARY KEY NOT NULL,
    name      text COLLATE "C" NOT NULL UNIQUE
);

INSERT INTO client (client_id, name) VALUES (1, 'unassigned');

CREATE TABLE domain_owner (
    domain    text COLLATE "C" PRIMARY KEY NOT NULL,
    client_id bigint NOT NULL REFERENCES client (client_id)
);

CREATE TABLE report (
    client_id          bigint NOT NULL REFERENCES client (client_id),
    report_id          bigint NOT NULL,
    domain             text COLLATE "C" NOT NULL,
    reporter           text COLLATE "C" NOT NULL,
    report_uid         text COLLATE "C" NOT NULL,
    begin_at           bigint NOT NULL,
    end_at             bigint NOT NULL,
    day                bigint NOT NULL,
    state              text COLLATE "C" NOT NULL CHECK (state IN ('counts', 'partial')),
    records            bigint NOT NULL,
    messages           bigint NOT NULL,
    dropped            bigint NOT NULL,
    digest             bytea NOT NULL,
    grade              text COLLATE "C" NOT NULL,
    notes              text COLLATE "C",
    org_name           text COLLATE "C",
    email              text COLLATE "C",
    extra_contact_info text COLLATE "C",
    generator          text COLLATE "C",
    dialect            text COLLATE "C",
    version            text COLLATE "C",
    namespace          text COLLATE "C",
    p                  text COLLATE "C",
    sp                 text COLLATE "C",
    np                 text COLLATE "C",
    adkim              text COLLATE "C",
    aspf               text COLLATE "C",
    pct                text COLLATE "C",
    fo                 text COLLATE "C",
    testing            text COLLATE "C",
    discovery_method   text COLLATE "C",
    sent               text COLLATE "C",
    errors             text COLLATE "C",
    extension          text COLLATE "C",
    trust              text COLLATE "C" NOT NULL CHECK (trust IN ('verified', 'plausible', 'doubtful')),
    payload_id         bigint,
    stored_at          bigint NOT NULL,
    PRIMARY KEY (client_id, report_id),
    UNIQUE (client_id, domain, reporter, report_uid, begin_at, end_at)
);

-- Partial, so that no plan made while the tables are small can take them for the way to a single report.
CREATE INDEX report_day ON report (client_id, day) WHERE state = 'counts';
CREATE INDEX report_partial_day ON report (client_id, day) WHERE state = 'partial';

CREATE TABLE record (
    client_id   bigint NOT NULL,
    report_id   bigint NOT NULL,
    recno       bigint NOT NULL,
    source_ip   bytea,
    messages    bigint NOT NULL,
    disposition text COLLATE "C" NOT NULL,
    dkim        text COLLATE "C" NOT NULL,
    spf         text COLLATE "C" NOT NULL,
    auth_id     bytea NOT NULL,
    envelope_to text COLLATE "C",
    reasons     text COLLATE "C",
    sent        text COLLATE "C",
    extension   text COLLATE "C",
    PRIMARY KEY (client_id, report_id, recno),
    FOREIGN KEY (client_id, report_id) REFERENCES report (client_id, report_id) ON DELETE CASCADE
);

CREATE TABLE auth_set (
    client_id     bigint NOT NULL,
    auth_id       bytea NOT NULL,
    header_from   text COLLATE "C",
    envelope_from text COLLATE "C",
    results       text COLLATE "C" NOT NULL,
    PRIMARY KEY (client_id, auth_id)
);

CREATE TABLE auth_result (
    client_id    bigint NOT NULL,
    auth_id      bytea NOT NULL,
    seq          bigint NOT NULL,
    kind         text COLLATE "C" NOT NULL CHECK (kind IN ('dkim', 'spf')),
    domain       text COLLATE "C",
    selector     text COLLATE "C",
    scope        text COLLATE "C",
    result       text COLLATE "C",
    human_result text COLLATE "C",
    PRIMARY KEY (client_id, auth_id, seq),
    FOREIGN KEY (client_id, auth_id) REFERENCES auth_set (client_id, auth_id) ON DELETE CASCADE
);

CREATE TABLE failure_report (
    client_id              bigint NOT NULL REFERENCES client (client_id),
    failure_id             bigint NOT NULL,
    domain                 text COLLATE "C" NOT NULL,
    identity               bytea NOT NULL,
    reporter               text COLLATE "C" NOT NULL,
    day                    bigint NOT NULL,
    arrival                bigint,
    incidents              bigint NOT NULL,
    source_ip              bytea,
    source_ip_sent         text COLLATE "C",
    feedback_type          text COLLATE "C",
    version                text COLLATE "C",
    user_agent             text COLLATE "C",
    original_envelope_id   text COLLATE "C",
    original_mail_from     text COLLATE "C",
    original_rcpt_to       text COLLATE "C",
    arrival_date_sent      text COLLATE "C",
    message_id             text COLLATE "C",
    authentication_results text COLLATE "C",
    delivery_result        text COLLATE "C",
    auth_failure           text COLLATE "C",
    identity_alignment     text COLLATE "C",
    dkim_domain            text COLLATE "C",
    dkim_selector          text COLLATE "C",
    dkim_identity          text COLLATE "C",
    spf_dns                text COLLATE "C",
    fields                 text COLLATE "C",
    sample_headers         text COLLATE "C",
    sample                 bytea,
    headers_only           bigint NOT NULL CHECK (headers_only IN (0, 1)),
    grade                  text COLLATE "C" NOT NULL,
    notes                  text COLLATE "C",
    payload_id             bigint,
    stored_at              bigint NOT NULL,
    PRIMARY KEY (client_id, failure_id),
    UNIQUE (client_id, domain, identity)
);

CREATE INDEX failure_report_day ON failure_report (client_id, day);

CREATE TABLE tls_policy (
    client_id         bigint NOT NULL REFERENCES client (client_id),
    tls_id            bigint NOT NULL,
    domain            text COLLATE "C" NOT NULL,
    reporter          text COLLATE "C" NOT NULL,
    report_uid        text COLLATE "C" NOT NULL,
    begin_at          bigint NOT NULL,
    end_at            bigint NOT NULL,
    seq               bigint NOT NULL,
    day               bigint NOT NULL,
    policy_type       text COLLATE "C",
    policy_strings    text COLLATE "C",
    mx_hosts          text COLLATE "C",
    domain_sent       text COLLATE "C",
    successful        bigint NOT NULL,
    failed            bigint NOT NULL,
    organization_name text COLLATE "C",
    contact_info      text COLLATE "C",
    begin_sent        text COLLATE "C",
    end_sent          text COLLATE "C",
    digest            bytea NOT NULL,
    grade             text COLLATE "C" NOT NULL,
    notes             text COLLATE "C",
    trust             text COLLATE "C" NOT NULL CHECK (trust IN ('verified', 'plausible', 'doubtful')),
    payload_id        bigint,
    stored_at         bigint NOT NULL,
    PRIMARY KEY (client_id, tls_id),
    UNIQUE (client_id, domain, reporter, report_uid, begin_at, end_at, seq)
);

CREATE INDEX tls_policy_day ON tls_policy (client_id, day);

CREATE TABLE tls_failure (
    client_id              bigint NOT NULL,
    tls_id                 bigint NOT NULL,
    seq                    bigint NOT NULL,
    result_type            text COLLATE "C",
    sending_mta_ip         text COLLATE "C",
    receiving_mx_hostname  text COLLATE "C",
    receiving_mx_helo      text COLLATE "C",
    receiving_ip           text COLLATE "C",
    sessions               bigint NOT NULL,
    additional_information text COLLATE "C",
    reason_code            text COLLATE "C",
    PRIMARY KEY (client_id, tls_id, seq),
    FOREIGN KEY (client_id, tls_id) REFERENCES tls_policy (client_id, tls_id) ON DELETE CASCADE
);

CREATE TABLE payload (
    client_id  bigint NOT NULL,
    payload_id bigint NOT NULL,
    sha256     bytea NOT NULL,
    bytes      bigint NOT NULL,
    container  text COLLATE "C" NOT NULL,
    name       text COLLATE "C",
    packed     bigint NOT NULL CHECK (packed IN (0, 1)),
    kept       bigint NOT NULL CHECK (kept IN (0, 1)),
    PRIMARY KEY (client_id, payload_id)
);

CREATE INDEX payload_by_id ON payload (payload_id);

CREATE TABLE payload_chunk (
    client_id  bigint NOT NULL,
    payload_id bigint NOT NULL,
    seq        bigint NOT NULL,
    data       bytea NOT NULL,
    PRIMARY KEY (client_id, payload_id, seq)
);

CREATE TABLE message (
    message_id             bigint PRIMARY KEY NOT NULL,
    source                 text COLLATE "C" NOT NULL,
    source_key             text COLLATE "C" NOT NULL,
    sha256                 bytea,
    bytes                  bigint NOT NULL,
    name                   text COLLATE "C",
    mail_from              text COLLATE "C",
    subject                text COLLATE "C",
    mail_message_id        text COLLATE "C",
    authentication_results text COLLATE "C",
    mail_date              bigint,
    seen_at                bigint NOT NULL,
    outcome                text COLLATE "C" NOT NULL,
    class                  text COLLATE "C",
    reason                 text COLLATE "C",
    reports_new            bigint NOT NULL,
    reports_duplicate      bigint NOT NULL,
    reports_conflict       bigint NOT NULL,
    reports_partial        bigint NOT NULL,
    reports_rejected       bigint NOT NULL,
    others_new             bigint NOT NULL,
    others_known           bigint NOT NULL
);

CREATE INDEX message_sha256 ON message (sha256);
CREATE INDEX message_source ON message (source, source_key);

CREATE TABLE reject (
    reject_id  bigint PRIMARY KEY NOT NULL,
    message_id bigint NOT NULL,
    payload_id bigint,
    report_id  bigint,
    document   text COLLATE "C",
    class      text COLLATE "C" NOT NULL,
    reason     text COLLATE "C" NOT NULL,
    at         bigint NOT NULL,
    state      text COLLATE "C" NOT NULL CHECK (state IN ('open', 'retried', 'accepted', 'replaced'))
);

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
           get_byte(x.source_ip, 0) || '.' || get_byte(x.source_ip, 1) || '.' || get_byte(x.source_ip, 2) || '.' || get_byte(x.source_ip, 3)
       WHEN 16 THEN
           rtrim(regexp_replace(encode(x.source_ip, 'hex'), '(....)', '\1:', 'g'), ':')
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
