#include "store/sql.h"

#include <stddef.h>

/* ---- counters, clients, owners ---- */

/* The end of a new block of ids. The row lock lasts as long as the transaction. */
const char sql_take_ids[] =
    "UPDATE counter SET value = value + $1 WHERE name = 'id' RETURNING value";

/* Raised by whoever changes domain_owner or moves reports. */
const char sql_owners_version[] = "SELECT value FROM counter WHERE name = 'owners'";
const char sql_last_id[] = "SELECT value FROM counter WHERE name = 'id'";
const char sql_counters_set[] =
    "UPDATE counter SET value = CASE name WHEN 'id' THEN CAST($1 AS bigint) "
    "ELSE CAST($2 AS bigint) END WHERE name IN ('id', 'owners')";
const char sql_owners_change[] = "UPDATE counter SET value = value + 1 WHERE name = 'owners'";

/* Changes nothing, but locks the row, and finds none if the owners have changed meanwhile. */
const char sql_owners_hold[] =
    "UPDATE counter SET value = value WHERE name = 'owners' AND value = $1 RETURNING value";

const char sql_owners[] = "SELECT domain, client_id FROM domain_owner";

const char sql_clients[] = "SELECT c.client_id, c.name, COUNT(o.domain) FROM client c "
                           "LEFT JOIN domain_owner o ON o.client_id = c.client_id "
                           "GROUP BY c.client_id, c.name ORDER BY c.name";
const char sql_client_ids[] = "SELECT client_id FROM client ORDER BY name";
const char sql_client_find[] = "SELECT client_id FROM client WHERE name = $1";
const char sql_client_name[] = "SELECT name FROM client WHERE client_id = $1";
const char sql_client_insert[] = "INSERT INTO client (client_id, name) VALUES ($1, $2) "
                                 "ON CONFLICT (name) DO NOTHING RETURNING client_id";
const char sql_client_delete[] = "DELETE FROM client WHERE client_id = $1";

const char sql_domains[] = "SELECT o.domain, c.name FROM domain_owner o "
                           "JOIN client c ON c.client_id = o.client_id ORDER BY o.domain";
const char sql_domain_assign[] =
    "INSERT INTO domain_owner (domain, client_id) VALUES ($1, $2) "
    "ON CONFLICT (domain) DO UPDATE SET client_id = excluded.client_id";
const char sql_domain_remove[] = "DELETE FROM domain_owner WHERE domain = $1 RETURNING client_id";
const char sql_domains_release[] = "DELETE FROM domain_owner WHERE client_id = $1";

/* ---- settings of this installation ---- */

const char sql_setting[] = "SELECT value FROM setting WHERE name = $1";
const char sql_setting_insert[] = "INSERT INTO setting (name, value) VALUES ($1, $2) "
                                  "ON CONFLICT (name) DO NOTHING";
const char sql_setting_put[] = "INSERT INTO setting (name, value) VALUES ($1, $2) "
                               "ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/* ---- moving a domain from client $1 to client $2 ---- */

/* Every policy domain that something is stored for, with the client it is stored under. */
const char sql_stored_domains[] = "SELECT client_id, domain FROM report GROUP BY client_id, domain "
                                  "UNION SELECT client_id, domain FROM failure_report "
                                  "UNION SELECT client_id, domain FROM tls_policy "
                                  "UNION SELECT client_id, domain FROM domain_check";

/* The reports of domain $3. An identity that the new client has already (a late writer) is not
 * moved: it is a duplicate. */
const char sql_move_reports[] =
    "INSERT INTO report ("
    "client_id, report_id, domain, reporter, report_uid, begin_at, end_at, day, state, "
    "records, messages, dropped, digest, grade, notes, org_name, email, extra_contact_info, "
    "generator, dialect, version, namespace, p, sp, np, adkim, aspf, pct, fo, testing, "
    "discovery_method, sent, errors, extension, trust, payload_id, stored_at"
    ") SELECT $2, "
    "report_id, domain, reporter, report_uid, begin_at, end_at, day, state, records, "
    "messages, dropped, digest, grade, notes, org_name, email, extra_contact_info, "
    "generator, dialect, version, namespace, p, sp, np, adkim, aspf, pct, fo, testing, "
    "discovery_method, sent, errors, extension, trust, payload_id, stored_at"
    " FROM report WHERE client_id = $1 AND domain = $3 "
    "ON CONFLICT (client_id, domain, reporter, report_uid, begin_at, end_at) DO NOTHING";

/* Sets and payloads of the reports that are being moved; they may be there from an earlier move. */
const char sql_move_auth_sets[] =
    "INSERT INTO auth_set (client_id, auth_id, header_from, envelope_from, results) "
    "SELECT $2, auth_id, header_from, envelope_from, results FROM auth_set "
    "WHERE client_id = $1 AND auth_id IN (SELECT x.auth_id FROM record x "
    "JOIN report r ON r.client_id = x.client_id AND r.report_id = x.report_id "
    "WHERE r.client_id = $1 AND r.domain = $3) ON CONFLICT (client_id, auth_id) DO NOTHING";
const char sql_move_auth_results[] =
    "INSERT INTO auth_result (client_id, auth_id, seq, kind, domain, selector, scope, result, "
    "human_result) "
    "SELECT $2, auth_id, seq, kind, domain, selector, scope, result, human_result FROM auth_result "
    "WHERE client_id = $1 AND auth_id IN (SELECT x.auth_id FROM record x "
    "JOIN report r ON r.client_id = x.client_id AND r.report_id = x.report_id "
    "WHERE r.client_id = $1 AND r.domain = $3) ON CONFLICT (client_id, auth_id, seq) DO NOTHING";
const char sql_move_records[] =
    "INSERT INTO record (client_id, report_id, recno, source_ip, messages, disposition, dkim, spf, "
    "auth_id, envelope_to, reasons, sent, extension) "
    "SELECT $2, report_id, recno, source_ip, messages, disposition, dkim, spf, auth_id, "
    "envelope_to, "
    "reasons, sent, extension FROM record WHERE client_id = $1 "
    "AND report_id IN (SELECT report_id FROM report WHERE client_id = $1 AND domain = $3) "
    "AND report_id IN (SELECT report_id FROM report WHERE client_id = $2 AND domain = $3)";
const char sql_move_failures[] =
    "INSERT INTO failure_report ("
    "client_id, failure_id, domain, identity, reporter, day, arrival, incidents, source_ip, "
    "source_ip_sent, feedback_type, version, user_agent, original_envelope_id, "
    "original_mail_from, original_rcpt_to, arrival_date_sent, message_id, "
    "authentication_results, delivery_result, auth_failure, identity_alignment, dkim_domain, "
    "dkim_selector, dkim_identity, spf_dns, fields, sample_headers, sample, headers_only, "
    "grade, notes, payload_id, stored_at"
    ") SELECT $2, "
    "failure_id, domain, identity, reporter, day, arrival, incidents, source_ip, "
    "source_ip_sent, feedback_type, version, user_agent, original_envelope_id, "
    "original_mail_from, original_rcpt_to, arrival_date_sent, message_id, "
    "authentication_results, delivery_result, auth_failure, identity_alignment, dkim_domain, "
    "dkim_selector, dkim_identity, spf_dns, fields, sample_headers, sample, headers_only, "
    "grade, notes, payload_id, stored_at"
    " FROM failure_report WHERE client_id = $1 AND domain = $3 "
    "ON CONFLICT (client_id, domain, identity) DO NOTHING";
const char sql_move_tls[] =
    "INSERT INTO tls_policy ("
    "client_id, tls_id, domain, reporter, report_uid, begin_at, end_at, seq, day, "
    "policy_type, policy_strings, mx_hosts, domain_sent, successful, failed, "
    "organization_name, contact_info, begin_sent, end_sent, digest, grade, notes, "
    "trust, payload_id, stored_at"
    ") SELECT $2, "
    "tls_id, domain, reporter, report_uid, begin_at, end_at, seq, day, policy_type, "
    "policy_strings, mx_hosts, domain_sent, successful, failed, organization_name, "
    "contact_info, begin_sent, end_sent, digest, grade, notes, trust, payload_id, stored_at"
    " FROM tls_policy WHERE client_id = $1 AND domain = $3 "
    "ON CONFLICT (client_id, domain, reporter, report_uid, begin_at, end_at, seq) DO NOTHING";
const char sql_move_tls_failures[] =
    "INSERT INTO tls_failure (client_id, tls_id, seq, result_type, sending_mta_ip, "
    "receiving_mx_hostname, "
    "receiving_mx_helo, receiving_ip, sessions, additional_information, reason_code) "
    "SELECT $2, tls_id, seq, result_type, sending_mta_ip, receiving_mx_hostname, "
    "receiving_mx_helo, "
    "receiving_ip, sessions, additional_information, reason_code FROM tls_failure WHERE "
    "client_id = $1 "
    "AND tls_id IN (SELECT tls_id FROM tls_policy WHERE client_id = $1 AND domain = $3) "
    "AND tls_id IN (SELECT tls_id FROM tls_policy WHERE client_id = $2 AND domain = $3)";

/* Records and TLS failures go with their parents. */
const char sql_drop_reports[] = "DELETE FROM report WHERE client_id = $1 AND domain = $2";
const char sql_drop_failures[] = "DELETE FROM failure_report WHERE client_id = $1 AND domain = $2";
const char sql_drop_tls[] = "DELETE FROM tls_policy WHERE client_id = $1 AND domain = $2";

/* The checks of domain $3. */
const char sql_move_checks[] =
    "INSERT INTO domain_check (client_id, domain, checked_at, last_seen, content, changes) "
    "SELECT $2, domain, checked_at, last_seen, content, changes FROM domain_check "
    "WHERE client_id = $1 AND domain = $3 ON CONFLICT (client_id, domain, checked_at) DO NOTHING";
const char sql_drop_checks[] = "DELETE FROM domain_check WHERE client_id = $1 AND domain = $2";

/* After all moves: raw payloads of client $1 that only client $2 refers to now. */
#define PAYLOADS_LEFT                                                                              \
    "client_id = $1 AND payload_id IN (SELECT payload_id FROM report WHERE client_id = $2 "        \
    "UNION SELECT payload_id FROM failure_report WHERE client_id = $2 "                            \
    "UNION SELECT payload_id FROM tls_policy WHERE client_id = $2) AND payload_id NOT IN ("        \
    "SELECT payload_id FROM report WHERE client_id = $1 AND payload_id IS NOT NULL "               \
    "UNION SELECT payload_id FROM failure_report WHERE client_id = $1 AND payload_id IS NOT NULL " \
    "UNION SELECT payload_id FROM tls_policy WHERE client_id = $1 AND payload_id IS NOT NULL)"
const char sql_move_chunks[] =
    "INSERT INTO payload_chunk (client_id, payload_id, seq, data) "
    "SELECT $2, payload_id, seq, data FROM payload_chunk WHERE " PAYLOADS_LEFT;
const char sql_drop_chunks[] = "DELETE FROM payload_chunk WHERE " PAYLOADS_LEFT;
const char sql_move_payloads[] =
    "INSERT INTO payload (client_id, payload_id, sha256, bytes, container, name, packed, kept) "
    "SELECT $2, payload_id, sha256, bytes, container, name, packed, kept FROM payload "
    "WHERE " PAYLOADS_LEFT;
const char sql_drop_payloads[] = "DELETE FROM payload WHERE " PAYLOADS_LEFT;

/* After all moves: sets of client $1 that no record of it uses any more. */
const char sql_drop_auth_sets[] =
    "DELETE FROM auth_set WHERE client_id = $1 "
    "AND auth_id NOT IN (SELECT auth_id FROM record WHERE client_id = $1)";

/* ---- writing ---- */

const char sql_insert_report[] =
    "INSERT INTO report ("
    "client_id, report_id, domain, reporter, report_uid, begin_at, end_at, day, state, "
    "records, messages, dropped, digest, grade, notes, org_name, email, extra_contact_info, "
    "generator, dialect, version, namespace, p, sp, np, adkim, aspf, pct, fo, testing, "
    "discovery_method, sent, errors, extension, trust, payload_id, stored_at"
    ") VALUES ("
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, "
    "$20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37"
    ") ON CONFLICT (client_id, domain, reporter, report_uid, begin_at, end_at) DO NOTHING "
    "RETURNING client_id, report_id";

/* All columns again: a streamed report is inserted before its end is known. */
const char sql_finish_report[] =
    "UPDATE report SET "
    "day = $8, state = $9, records = $10, messages = $11, dropped = $12, digest = $13, "
    "grade = $14, notes = $15, org_name = $16, email = $17, extra_contact_info = $18, "
    "generator = $19, dialect = $20, version = $21, namespace = $22, p = $23, sp = $24, "
    "np = $25, adkim = $26, aspf = $27, pct = $28, fo = $29, testing = $30, "
    "discovery_method = $31, sent = $32, errors = $33, extension = $34, trust = $35, "
    "payload_id = $36, stored_at = $37"
    " WHERE client_id = $1 AND report_id = $2 AND domain = $3 AND reporter = $4 "
    "AND report_uid = $5 AND begin_at = $6 AND end_at = $7";

/* Each find_ statement gives id, digest and state of what has the same identity. */
const char sql_find_report[] =
    "SELECT report_id, digest, state FROM report WHERE client_id = $1 AND domain = $2 "
    "AND reporter = $3 AND report_uid = $4 AND begin_at = $5 AND end_at = $6";
/* For the time that another copy is read in the same transaction: $3 is no report's id. */
const char sql_rename_report[] =
    "UPDATE report SET report_uid = $3 WHERE client_id = $1 AND report_id = $2";
const char sql_count_report[] =
    "SELECT records FROM report WHERE client_id = $1 AND report_id = $2";
const char sql_remove_report[] = "DELETE FROM report WHERE client_id = $1 AND report_id = $2";

const char sql_insert_failure[] =
    "INSERT INTO failure_report ("
    "client_id, failure_id, domain, identity, reporter, day, arrival, incidents, source_ip, "
    "source_ip_sent, feedback_type, version, user_agent, original_envelope_id, "
    "original_mail_from, original_rcpt_to, arrival_date_sent, message_id, "
    "authentication_results, delivery_result, auth_failure, identity_alignment, dkim_domain, "
    "dkim_selector, dkim_identity, spf_dns, fields, sample_headers, sample, headers_only, "
    "grade, notes, payload_id, stored_at"
    ") VALUES ("
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, "
    "$20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34"
    ") ON CONFLICT (client_id, domain, identity) DO NOTHING RETURNING client_id, failure_id";

const char sql_find_failure[] = "SELECT failure_id, identity, 'counts' FROM failure_report "
                                "WHERE client_id = $1 AND domain = $2 AND identity = $3";

const char sql_insert_tls[] =
    "INSERT INTO tls_policy ("
    "client_id, tls_id, domain, reporter, report_uid, begin_at, end_at, seq, day, "
    "policy_type, policy_strings, mx_hosts, domain_sent, successful, failed, "
    "organization_name, contact_info, begin_sent, end_sent, digest, grade, notes, "
    "trust, payload_id, stored_at"
    ") VALUES ("
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, "
    "$20, $21, $22, $23, $24, $25"
    ") ON CONFLICT (client_id, domain, reporter, report_uid, begin_at, end_at, seq) DO NOTHING "
    "RETURNING client_id, tls_id";

const char sql_find_tls[] =
    "SELECT tls_id, digest, CASE grade WHEN 'partial' THEN 'partial' ELSE 'counts' END "
    "FROM tls_policy WHERE client_id = $1 AND domain = $2 "
    "AND reporter = $3 AND report_uid = $4 AND begin_at = $5 AND end_at = $6 AND seq = $7";

const char sql_insert_auth_set[] =
    "INSERT INTO auth_set (client_id, auth_id, header_from, envelope_from, results) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (client_id, auth_id) DO NOTHING "
    "RETURNING client_id, auth_id";

/* ---- the ledger ---- */

/*
 * The first message with these bytes: its outcome, how many reports were read in it, how many
 * documents were not. Ordered by an expression: PostgreSQL would rather walk the whole primary key
 * in order than use the index on the hash and sort one row.
 */
const char sql_message_by_hash[] =
    "SELECT outcome, reports_new + reports_duplicate + reports_conflict + reports_partial, "
    "reports_rejected, class, COALESCE(kind, outcome) "
    "FROM message WHERE sha256 = $1 ORDER BY message_id + 0 LIMIT 1";
const char sql_message_by_key[] =
    "SELECT outcome, reports_new + reports_duplicate + reports_conflict + reports_partial, "
    "reports_rejected, class, COALESCE(kind, outcome) "
    "FROM message WHERE source = $1 AND source_key = $2 "
    "ORDER BY message_id + 0 LIMIT 1";
const char sql_message_by_id[] = "SELECT message_id FROM message WHERE message_id = $1";

/* The partial report $1 has been replaced by a complete copy. */
const char sql_reject_replaced[] =
    "UPDATE reject SET state = 'replaced' WHERE report_id = $1 AND state = 'open'";

/* Open rejects, or the one with id $1 in any state; $1 = 0 for all. */
const char sql_rejects[] =
    "SELECT j.reject_id, j.at, m.source, m.source_key, m.name, j.document, j.class, j.reason, "
    "p.payload_id, j.report_id, j.state "
    "FROM reject j JOIN message m ON m.message_id = j.message_id "
    "LEFT JOIN payload p ON p.payload_id = j.payload_id AND p.kept = 1 "
    "WHERE (CAST($1 AS bigint) = 0 AND j.state = 'open') OR j.reject_id = CAST($1 AS bigint) "
    "ORDER BY j.reject_id";
const char sql_reject_payload[] =
    "SELECT p.client_id, p.payload_id, p.packed, p.bytes FROM reject j "
    "JOIN payload p ON p.payload_id = j.payload_id WHERE j.reject_id = $1 AND p.kept = 1";
const char sql_payload_chunk[] =
    "SELECT data FROM payload_chunk WHERE client_id = $1 AND payload_id = $2 AND seq = $3";
const char sql_reject_settle[] =
    "UPDATE reject SET state = $2 WHERE reject_id = $1 AND state = 'open' RETURNING message_id";
const char sql_reject_report[] = "SELECT r.client_id, r.report_id FROM reject j "
                                 "JOIN report r ON r.report_id = j.report_id "
                                 "WHERE j.reject_id = $1 AND r.state = 'partial'";
const char sql_report_accept[] =
    "UPDATE report SET state = 'counts' WHERE client_id = $1 AND report_id = $2";
/* A message whose rejects have all been settled is not a rejected one any more; what they were
 * about is known from then on. */
const char sql_message_settle[] =
    "UPDATE message SET reports_duplicate = reports_duplicate + reports_rejected, "
    "reports_rejected = 0, outcome = CASE outcome WHEN 'rejected' THEN 'stored' ELSE outcome END "
    "WHERE message_id = $1 AND reports_rejected > 0 "
    "AND NOT EXISTS (SELECT 1 FROM reject WHERE message_id = $1 AND state = 'open')";

/* ---- reading again what is kept ---- */

/* All columns, in the order of the tables' insert statements. */
const char sql_report_whole[] =
    "SELECT "
    "client_id, report_id, domain, reporter, report_uid, begin_at, end_at, day, state, "
    "records, messages, dropped, digest, grade, notes, org_name, email, extra_contact_info, "
    "generator, dialect, version, namespace, p, sp, np, adkim, aspf, pct, fo, testing, "
    "discovery_method, sent, errors, extension, trust, payload_id, stored_at"
    " FROM report WHERE client_id = $1 AND report_id = $2";
const char sql_failure_whole[] =
    "SELECT "
    "client_id, failure_id, domain, identity, reporter, day, arrival, incidents, source_ip, "
    "source_ip_sent, feedback_type, version, user_agent, original_envelope_id, "
    "original_mail_from, original_rcpt_to, arrival_date_sent, message_id, "
    "authentication_results, delivery_result, auth_failure, identity_alignment, dkim_domain, "
    "dkim_selector, dkim_identity, spf_dns, fields, sample_headers, sample, headers_only, "
    "grade, notes, payload_id, stored_at"
    " FROM failure_report WHERE client_id = $1 AND failure_id = $2";
const char sql_tls_whole[] =
    "SELECT "
    "client_id, tls_id, domain, reporter, report_uid, begin_at, end_at, seq, day, "
    "policy_type, policy_strings, mx_hosts, domain_sent, successful, failed, "
    "organization_name, contact_info, begin_sent, end_sent, digest, grade, notes, "
    "trust, payload_id, stored_at"
    " FROM tls_policy WHERE client_id = $1 AND tls_id = $2";

/* What lies below report or TLS policy $2, behind number $3: so many that they fit into memory. */
const char sql_report_records[] =
    "SELECT client_id, report_id, recno, source_ip, messages, disposition, dkim, spf, auth_id, "
    "envelope_to, reasons, sent, extension FROM record "
    "WHERE client_id = $1 AND report_id = $2 AND recno > $3 ORDER BY recno LIMIT 1000";
const char sql_tls_failures[] =
    "SELECT client_id, tls_id, seq, result_type, sending_mta_ip, receiving_mx_hostname, "
    "receiving_mx_helo, receiving_ip, sessions, additional_information, reason_code "
    "FROM tls_failure WHERE client_id = $1 AND tls_id = $2 AND seq > $3 ORDER BY seq LIMIT 1000";
const char sql_remove_failure[] =
    "DELETE FROM failure_report WHERE client_id = $1 AND failure_id = $2";
const char sql_remove_tls[] = "DELETE FROM tls_policy WHERE client_id = $1 AND tls_id = $2";

const char sql_payload[] = "SELECT client_id, packed, sha256, container, name FROM payload "
                           "WHERE payload_id = $1 AND kept = 1";
const char sql_reject_origin[] =
    "SELECT j.payload_id, j.message_id, m.source, m.source_key, m.name, m.mail_from, m.subject, "
    "m.mail_date, m.authentication_results, CASE WHEN m.mail_from IS NULL AND m.subject IS NULL AND "
    "m.mail_message_id IS NULL THEN 0 ELSE 1 END "
    "FROM reject j JOIN message m ON m.message_id = j.message_id "
    "WHERE j.reject_id = $1 AND j.state = 'open' "
    "AND j.payload_id IN (SELECT payload_id FROM payload WHERE kept = 1)";

/* A partial report is not a document that could not be read. */
#define UNREAD "state = 'open' AND report_id IS NULL"
const char sql_payload_rejects[] = "SELECT COUNT(*), CAST(MIN(message_id) AS bigint) FROM reject "
                                   "WHERE payload_id = $1 AND " UNREAD;
const char sql_payload_close[] =
    "UPDATE reject SET state = 'retried' WHERE payload_id = $1 AND " UNREAD " RETURNING reject_id";

/* The next payloads behind $1, of what was stored from $2 on with a grade of $3 or worse. */
#define GRADED_BELOW(table)                                                                 \
    "SELECT payload_id FROM " table " WHERE payload_id > CAST($1 AS bigint) "               \
    "AND stored_at >= CAST($2 AS bigint) AND CASE grade WHEN 'clean' THEN 0 "               \
    "WHEN 'normalised' THEN 1 WHEN 'recovered' THEN 2 WHEN 'partial' THEN 3 ELSE 4 END >= " \
    "CAST($3 AS bigint) "
#define BYTES_ARE_KEPT "AND payload_id IN (SELECT payload_id FROM payload WHERE kept = 1) "
const char sql_kept_payloads[] = GRADED_BELOW("report") "UNION " GRADED_BELOW("failure_report")
    BYTES_ARE_KEPT "UNION " GRADED_BELOW("tls_policy") "ORDER BY payload_id LIMIT 10000";
/* What payloads $1 to $2 gave: kind, client, id. */
const char sql_kept_items[] =
    "SELECT payload_id, 0, client_id, report_id FROM report WHERE payload_id BETWEEN $1 AND $2 "
    "UNION ALL SELECT payload_id, 1, client_id, failure_id FROM failure_report "
    "WHERE payload_id BETWEEN $1 AND $2 "
    "UNION ALL SELECT payload_id, 2, client_id, tls_id FROM tls_policy "
    "WHERE payload_id BETWEEN $1 AND $2 ORDER BY 1, 4";
const char sql_kept_rejects[] =
    "SELECT payload_id, COUNT(*), CAST(MIN(message_id) AS bigint) FROM reject "
    "WHERE payload_id BETWEEN $1 AND $2 AND " UNREAD " GROUP BY payload_id ORDER BY payload_id";

/* ---- reading ---- */

/* $1 client, $2 to $3 days, $4 domain or NULL. */
#define DOMAIN_IS_WITHIN                                        \
    "(CAST($4 AS text) IS NULL OR r.domain = CAST($4 AS text) " \
    "OR (length(r.domain) > length(CAST($4 AS text)) "          \
    "AND substr(r.domain, length(r.domain) - length(CAST($4 AS text))) = '.' || CAST($4 AS text)))"

/* The state is written out, because that is what makes the partial index on it usable. */
#define REPORTS_IN_STATE(state)                                                                \
    "SELECT r.report_id, c.name, r.domain, r.reporter, r.org_name, r.report_uid, r.begin_at, " \
    "r.end_at, r.p, r.sp, r.adkim, r.aspf, r.records, r.messages, r.grade, r.notes, r.state, " \
    "r.trust, r.testing "                                                                      \
    "FROM report r JOIN client c ON c.client_id = r.client_id "                                \
    "WHERE r.client_id = $1 AND r.day BETWEEN $2 AND $3 AND r.state = '" state "' "            \
    "AND " DOMAIN_IS_WITHIN " "
#define REPORTS_ORDER "ORDER BY 3, 7, 4, 6"

const char sql_reports[] = REPORTS_IN_STATE("counts") REPORTS_ORDER;
const char sql_reports_with_partial[] =
    REPORTS_IN_STATE("counts") "UNION ALL " REPORTS_IN_STATE("partial") REPORTS_ORDER;

/*
 * The sum of counts in two halves, for store_sum: a thousand records that claim 2^53 messages each
 * are quickly sent, and must not make a client's totals fail.
 */
#define SUM_IN_HALVES                                                  \
    "CAST(COALESCE(SUM(x.messages / 1048576), 0) AS bigint) AS high, " \
    "CAST(COALESCE(SUM(x.messages % 1048576), 0) AS bigint) AS low"

/* $5: leave out the doubtful ones. Grouped before anything is joined to it: a client's week has
 * many records and few groups. */
#define SOURCE_GROUP                                                                           \
    "r.client_id, r.domain, x.source_ip, x.disposition, x.dkim, x.spf, x.auth_id, x.reasons, " \
    "r.reporter, r.p, r.sp, r.adkim, r.aspf, r.discovery_method"
const char sql_sources[] =
    "WITH g AS (SELECT r.client_id AS client_id, r.domain AS domain, x.source_ip AS source_ip, "
    "x.disposition AS disposition, x.dkim AS dkim, x.spf AS spf, x.auth_id AS auth_id, x.reasons "
    "AS reasons, r.reporter AS reporter, r.p AS p, r.sp AS sp, r.adkim AS adkim, r.aspf AS aspf, "
    "r.discovery_method AS discovery_method, "
    "COUNT(*) AS records, " SUM_IN_HALVES ", MIN(r.begin_at) AS first_at, "
    "MAX(r.begin_at) AS last_at "
    "FROM report r JOIN record x ON x.client_id = r.client_id AND x.report_id = r.report_id "
    "WHERE r.client_id = $1 AND x.client_id = $1 AND r.day BETWEEN $2 AND $3 AND r.state = "
    "'counts' AND (CAST($5 AS bigint) = 0 OR r.trust <> 'doubtful') "
    "AND " DOMAIN_IS_WITHIN " GROUP BY " SOURCE_GROUP ") "
    "SELECT c.name, g.domain, g.source_ip, g.disposition, g.dkim, g.spf, a.header_from, "
    "a.envelope_from, a.results, g.reasons, g.reporter, g.p, g.sp, g.adkim, g.aspf, "
    "g.discovery_method, g.records, g.high, g.low, g.first_at, g.last_at "
    "FROM g JOIN client c ON c.client_id = g.client_id "
    "JOIN auth_set a ON a.client_id = g.client_id AND a.auth_id = g.auth_id "
    "ORDER BY g.domain, g.source_ip NULLS FIRST, g.high DESC, g.low DESC, g.auth_id, "
    "g.disposition, g.dkim, g.spf, g.reasons NULLS FIRST, g.reporter, g.p NULLS FIRST, "
    "g.sp NULLS FIRST, g.adkim NULLS FIRST, g.aspf NULLS FIRST, g.discovery_method NULLS FIRST";

/* Messages of each day, by whether they passed. */
#define PASSES "WHERE x.dkim = 'pass' OR x.spf = 'pass'"
const char sql_days[] =
    "SELECT r.day, CAST(COALESCE(SUM(x.messages / 1048576) FILTER (" PASSES ")"
    ", 0) AS bigint) AS pass_high, CAST(COALESCE(SUM(x.messages % 1048576) FILTER (" PASSES ")"
    ", 0) AS bigint) AS pass_low, " SUM_IN_HALVES
    " FROM report r JOIN record x ON x.client_id = r.client_id AND x.report_id = r.report_id "
    "WHERE r.client_id = $1 AND x.client_id = $1 AND r.day BETWEEN $2 AND $3 AND r.state = "
    "'counts' AND (CAST($5 AS bigint) = 0 OR r.trust <> 'doubtful') AND " DOMAIN_IS_WITHIN
    " GROUP BY r.day ORDER BY r.day";

const char sql_failures[] =
    "SELECT r.failure_id, c.name, r.domain, r.reporter, r.arrival, r.source_ip, r.feedback_type, "
    "r.auth_failure, r.delivery_result, r.original_mail_from, r.dkim_domain, r.dkim_selector, "
    "r.incidents, r.grade, r.notes "
    "FROM failure_report r JOIN client c ON c.client_id = r.client_id "
    "WHERE r.client_id = $1 AND r.day BETWEEN $2 AND $3 AND " DOMAIN_IS_WITHIN
    " ORDER BY r.domain, r.arrival NULLS FIRST, r.failure_id";

/* One row for each type of failure, or one if there are none. */
const char sql_tls[] =
    "SELECT r.tls_id, c.name, r.domain, r.reporter, r.organization_name, r.report_uid, r.begin_at, "
    "r.end_at, r.payload_id, r.policy_type, r.successful, r.failed, r.grade, r.notes, r.trust, "
    "x.result_type, "
    "CAST(COALESCE(SUM(x.sessions / 1048576), 0) AS bigint) AS high, "
    "CAST(COALESCE(SUM(x.sessions % 1048576), 0) AS bigint) AS low "
    "FROM tls_policy r JOIN client c ON c.client_id = r.client_id "
    "LEFT JOIN tls_failure x ON x.client_id = r.client_id AND x.tls_id = r.tls_id "
    "WHERE r.client_id = $1 AND r.day BETWEEN $2 AND $3 AND " DOMAIN_IS_WITHIN
    " GROUP BY r.tls_id, c.name, r.domain, r.reporter, r.organization_name, r.report_uid, "
    "r.begin_at, r.end_at, r.payload_id, r.policy_type, r.successful, r.failed, r.grade, r.notes, "
    "r.trust, r.seq, x.result_type "
    "ORDER BY r.begin_at, r.reporter, r.report_uid, r.end_at, r.payload_id NULLS FIRST, r.seq, "
    "r.domain, r.tls_id, high DESC, low DESC, x.result_type NULLS FIRST";

/* ---- handing out again ---- */

/* The first day from $2 to $3 that there is something of; every table with an index on days. */
#define FIRST_DAY(table, condition) \
    "SELECT MIN(day) AS day FROM " table " WHERE client_id = $1 AND day BETWEEN $2 AND $3" condition
const char sql_first_day_of_reports[] = "SELECT MIN(day) FROM (" FIRST_DAY("report",
    " AND state = 'counts'") " UNION ALL " FIRST_DAY("report", " AND state = 'partial'") ") d";
const char sql_first_day_of_failures[] = FIRST_DAY("failure_report", "");
const char sql_first_day_of_tls[] = FIRST_DAY("tls_policy", "");

/* Records of report $2 behind number $3, with what they share. */
const char sql_export_records[] =
    "SELECT x.recno, x.source_ip, x.messages, x.disposition, x.dkim, x.spf, x.envelope_to, "
    "x.reasons, x.sent, x.extension, a.header_from, a.envelope_from, a.results "
    "FROM record x JOIN auth_set a ON a.client_id = x.client_id AND a.auth_id = x.auth_id "
    "WHERE x.client_id = $1 AND x.report_id = $2 AND x.recno > $3 ORDER BY x.recno LIMIT 1000";

/* ---- what is known of sources and From domains ---- */

const char sql_host[] = "SELECT ptr, confirmed, asn, network, country FROM host WHERE ip = $1";
const char sql_host_put[] =
    "INSERT INTO host (ip, looked_at, ptr, confirmed, asn, network, country) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (ip) DO UPDATE SET "
    "looked_at = excluded.looked_at, ptr = excluded.ptr, confirmed = excluded.confirmed, "
    "asn = excluded.asn, network = excluded.network, country = excluded.country";
/* The names are asked for again: it counts as never looked at, if it is new. */
const char sql_host_network[] =
    "INSERT INTO host (ip, looked_at, asn, network, country) VALUES ($1, 0, $2, $3, $4) "
    "ON CONFLICT (ip) DO UPDATE SET asn = excluded.asn, network = excluded.network, "
    "country = excluded.country";
const char sql_sender_domain[] =
    "SELECT nonexistent, parked, mx, spf, includes, networks, organisation, keys "
    "FROM sender_domain WHERE domain = $1";
const char sql_sender_domain_looked_at[] = "SELECT looked_at FROM sender_domain WHERE domain = $1";
const char sql_sender_domain_put[] =
    "INSERT INTO sender_domain (domain, looked_at, nonexistent, parked, mx, spf, includes, "
    "networks, organisation, keys) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
    "ON CONFLICT (domain) DO UPDATE SET "
    "looked_at = excluded.looked_at, nonexistent = excluded.nonexistent, "
    "parked = excluded.parked, mx = excluded.mx, spf = excluded.spf, "
    "includes = excluded.includes, networks = excluded.networks, "
    "organisation = excluded.organisation, keys = excluded.keys";

/* $1 client, $2 to $3 days, $4 the latest look that is too old, $5 behind which one. */
const char sql_hosts_due[] =
    "SELECT DISTINCT x.source_ip FROM report r "
    "JOIN record x ON x.client_id = r.client_id AND x.report_id = r.report_id "
    "LEFT JOIN host h ON h.ip = x.source_ip "
    "WHERE r.client_id = $1 AND x.client_id = $1 AND r.day BETWEEN $2 AND $3 "
    "AND r.state = 'counts' AND x.source_ip > $5 AND COALESCE(h.looked_at, -1) < $4 "
    "ORDER BY x.source_ip LIMIT 1000";
const char sql_domains_due[] =
    "SELECT DISTINCT a.header_from FROM report r "
    "JOIN record x ON x.client_id = r.client_id AND x.report_id = r.report_id "
    "JOIN auth_set a ON a.client_id = x.client_id AND a.auth_id = x.auth_id "
    "LEFT JOIN sender_domain d ON d.domain = a.header_from "
    "WHERE r.client_id = $1 AND x.client_id = $1 AND r.day BETWEEN $2 AND $3 "
    "AND r.state = 'counts' AND a.header_from > $5 AND COALESCE(d.looked_at, -1) < $4 "
    "ORDER BY a.header_from LIMIT 1000";

/* ---- verifying ---- */

/* Per report of client $1: what is written about it and what is there. */
const char sql_verify_reports[] =
    "SELECT r.report_id, r.domain, r.records, r.messages, COUNT(x.recno), " SUM_IN_HALVES
    " FROM report r LEFT JOIN record x ON x.client_id = r.client_id AND x.report_id = r.report_id "
    "WHERE r.client_id = $1 GROUP BY r.report_id, r.domain, r.records, r.messages "
    "ORDER BY r.report_id";
const char sql_verify_orphan_records[] =
    "SELECT COUNT(*) FROM record x LEFT JOIN report r "
    "ON r.client_id = x.client_id AND r.report_id = x.report_id WHERE x.client_id = $1 AND "
    "r.report_id IS NULL";
const char sql_verify_missing_auth[] =
    "SELECT COUNT(*) FROM record x LEFT JOIN auth_set a "
    "ON a.client_id = x.client_id AND a.auth_id = x.auth_id WHERE x.client_id = $1 AND a.auth_id "
    "IS NULL";
/* A mail's payload may lie with another client; nodes of a cluster do not join across clients. */
const char sql_verify_missing_payload[] =
    "WITH there AS MATERIALIZED (SELECT payload_id FROM payload) "
    "SELECT COUNT(*) FROM report r LEFT JOIN there p ON p.payload_id = r.payload_id "
    "WHERE r.client_id = $1 AND r.payload_id IS NOT NULL AND p.payload_id IS NULL";
const char sql_verify_missing_chunks[] =
    "SELECT COUNT(*) FROM payload p LEFT JOIN payload_chunk k "
    "ON k.client_id = p.client_id AND k.payload_id = p.payload_id AND k.seq = 0 "
    "WHERE p.client_id = $1 AND p.bytes > 0 AND p.kept = 1 AND k.payload_id IS NULL";
const char sql_verify_stray_chunks[] =
    "SELECT COUNT(*) FROM payload_chunk k LEFT JOIN payload p "
    "ON k.client_id = p.client_id AND k.payload_id = p.payload_id WHERE k.client_id = $1 AND "
    "p.payload_id IS NULL";
/* Clients that rows are stored under but that are not there. */
const char sql_verify_clients[] =
    "SELECT COUNT(*) FROM (SELECT DISTINCT client_id FROM record) x "
    "LEFT JOIN client c ON c.client_id = x.client_id WHERE c.client_id IS NULL";
/* Every stored report was once new or partial in some message. */
const char sql_verify_ledger[] =
    "SELECT (SELECT COUNT(*) FROM report), "
    "(SELECT CAST(COALESCE(SUM(reports_new + reports_partial), 0) AS bigint) FROM message)";
const char sql_verify_rejects[] = "SELECT COUNT(*) FROM reject j "
                                  "LEFT JOIN message m ON m.message_id = j.message_id "
                                  "WHERE m.message_id IS NULL";

/* ---- what is older than it is to be kept ---- */

/* Client, id, and how many rows hang below it, of client $1 from before day $2. A partial report
 * that somebody has to decide about stays. */
const char sql_prune_reports[] =
    "SELECT client_id, report_id, records FROM report WHERE client_id = $1 AND day < $2 "
    "AND state = 'counts' UNION ALL "
    "SELECT client_id, report_id, records FROM report WHERE client_id = $1 AND day < $2 "
    "AND state = 'partial' AND report_id NOT IN "
    "(SELECT report_id FROM reject WHERE state = 'open' AND report_id IS NOT NULL)";
const char sql_prune_failures[] = "SELECT client_id, failure_id, 0 FROM failure_report "
                                  "WHERE client_id = $1 AND day < $2";
const char sql_prune_tls[] =
    "SELECT p.client_id, p.tls_id, COUNT(f.seq) FROM tls_policy p LEFT JOIN tls_failure f "
    "ON f.client_id = p.client_id AND f.tls_id = p.tls_id "
    "WHERE p.client_id = $1 AND p.day < $2 GROUP BY p.client_id, p.tls_id";

/* Payloads, which may hold reports of several clients: so all clients are looked at at once. */
#define PAYLOADS_OF_REPORTS(CONDITION)                                                    \
    "SELECT payload_id FROM report WHERE payload_id IS NOT NULL" CONDITION                \
    " UNION SELECT payload_id FROM failure_report WHERE payload_id IS NOT NULL" CONDITION \
    " UNION SELECT payload_id FROM tls_policy WHERE payload_id IS NOT NULL" CONDITION

/* With nothing in them that is from day $1 or later, or still to be decided. */
const char sql_prune_raw[] =
    "SELECT client_id, payload_id, 1 + bytes / 262144 FROM payload WHERE kept = 1 "
    "AND payload_id IN (" PAYLOADS_OF_REPORTS(
        " AND day < $1") ") "
                         "AND payload_id NOT IN (" PAYLOADS_OF_REPORTS(
                             " AND day >= $1") ") "
                                               "AND payload_id NOT IN (SELECT payload_id FROM reject "
                                               "WHERE state = 'open' AND payload_id IS NOT NULL)";
/* That nothing refers to. */
const char sql_prune_payloads[] =
    "SELECT client_id, payload_id, 1 + bytes / 262144 FROM payload "
    "WHERE payload_id NOT IN (" PAYLOADS_OF_REPORTS(
        "") ") "
            "AND payload_id NOT IN (SELECT payload_id FROM reject WHERE payload_id IS NOT NULL)";
const char sql_payload_unkeep[] =
    "UPDATE payload SET kept = 0 WHERE client_id = $1 AND payload_id = $2";
const char sql_payload_drop_chunks[] =
    "DELETE FROM payload_chunk WHERE client_id = $1 AND payload_id = $2";
const char sql_payload_drop[] = "DELETE FROM payload WHERE client_id = $1 AND payload_id = $2";

/* ---- mailboxes ---- */

/* The lease $1 for $2 until $3, if it is free at $4, his already, or that of $5. */
const char sql_lease_take[] =
    "INSERT INTO lease (name, holder, until_at) VALUES ($1, $2, $3) "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at "
    "WHERE lease.holder = excluded.holder OR lease.until_at <= $4 OR lease.holder = $5 "
    "RETURNING until_at";
const char sql_lease_holder[] = "SELECT holder FROM lease WHERE name = $1";
const char sql_lease_renew[] = "UPDATE lease SET until_at = $2 WHERE holder = $1";
const char sql_lease_release[] = "DELETE FROM lease WHERE holder = $1";

/* One more poll of folder $2 of mailbox $1, at $3; $4 is the same if it went well, $5 if not. */
const char sql_mailbox_polled[] =
    "INSERT INTO mailbox (name, folder, polled_at, succeeded_at, failing_since, error_at, "
    "error_class, error_text, waiting, polls, failures, messages, stored, duplicate, conflict, "
    "not_a_report, partial, rejected) "
    "VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, 1, $9, $10, $11, $12, $13, $14, $15, $16) "
    "ON CONFLICT (name, folder) DO UPDATE SET polled_at = excluded.polled_at, "
    "succeeded_at = COALESCE(excluded.succeeded_at, mailbox.succeeded_at), "
    "failing_since = CASE WHEN excluded.failing_since IS NULL THEN NULL "
    "ELSE COALESCE(mailbox.failing_since, excluded.failing_since) END, "
    "error_at = COALESCE(excluded.error_at, mailbox.error_at), "
    "error_class = COALESCE(excluded.error_class, mailbox.error_class), "
    "error_text = COALESCE(excluded.error_text, mailbox.error_text), "
    "waiting = CASE WHEN excluded.waiting < 0 THEN mailbox.waiting ELSE excluded.waiting END, "
    "polls = mailbox.polls + 1, failures = mailbox.failures + excluded.failures, "
    "messages = mailbox.messages + excluded.messages, "
    "stored = mailbox.stored + excluded.stored, "
    "duplicate = mailbox.duplicate + excluded.duplicate, "
    "conflict = mailbox.conflict + excluded.conflict, "
    "not_a_report = mailbox.not_a_report + excluded.not_a_report, "
    "partial = mailbox.partial + excluded.partial, "
    "rejected = mailbox.rejected + excluded.rejected";

const char sql_mailboxes[] =
    "SELECT b.name, b.folder, b.polled_at, b.succeeded_at, b.failing_since, b.error_at, "
    "b.error_class, b.error_text, b.waiting, b.polls, b.failures, b.messages, b.stored, "
    "b.duplicate, b.conflict, b.not_a_report, b.partial, b.rejected, "
    "(SELECT COUNT(*) FROM reject j JOIN message m ON m.message_id = j.message_id "
    "WHERE m.source = b.name AND j.state = 'open') "
    "FROM mailbox b ORDER BY b.name, b.folder";

/* ---- deliveries ---- */

/* ---- warnings ---- */

const char sql_warnings[] = "SELECT channel, kind, subject, since_at, told_at FROM warning "
                            "ORDER BY channel, kind, subject";
const char sql_warning_told[] =
    "INSERT INTO warning (channel, kind, subject, since_at, told_at) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (channel, kind, subject) DO UPDATE SET told_at = excluded.told_at";
const char sql_warning_over[] =
    "DELETE FROM warning WHERE channel = $1 AND kind = $2 AND subject = $3";

/* Documents that nobody could read, not what was read and is in dispute. */
const char sql_unreadable_between[] = "SELECT COUNT(*) FROM reject WHERE at >= $1 AND at < $2 "
                                      "AND class <> 'conflict' AND class <> 'partial'";
const char sql_reporter_days[] =
    "SELECT reporter, day FROM report WHERE client_id = $1 AND day >= $2 AND state = 'counts' "
    "GROUP BY reporter, day";

const char sql_delivery[] = "SELECT state, edition, attempts FROM delivery WHERE client_id = $1 "
                            "AND from_day = $2 AND to_day = $3 AND recipient = $4";

/* One more attempt at delivery $1 to $4, of edition $6, at $8; there have been $5 so far, or
 * somebody else is at it. */
const char sql_delivery_begin[] =
    "INSERT INTO delivery (client_id, from_day, to_day, recipient, state, attempts, edition, "
    "mail_message_id, changed_at) "
    "VALUES ($1, $2, $3, $4, 'intended', CAST($5 AS bigint) + 1, $6, $7, $8) "
    "ON CONFLICT (client_id, from_day, to_day, recipient) DO UPDATE SET state = excluded.state, "
    "attempts = excluded.attempts, edition = excluded.edition, "
    "mail_message_id = excluded.mail_message_id, changed_at = excluded.changed_at "
    "WHERE delivery.attempts = CAST($5 AS bigint) RETURNING attempts";

/* What became of attempt $5: $6, with the reason $7, at $8. */
const char sql_delivery_settle[] =
    "UPDATE delivery SET state = $6, reason = $7, changed_at = $8, "
    "sent_at = CASE WHEN CAST($6 AS text) = 'sent' THEN CAST($8 AS bigint) ELSE sent_at END "
    "WHERE client_id = $1 AND from_day = $2 AND to_day = $3 AND recipient = $4 AND attempts = $5 "
    "RETURNING attempts";
const char sql_deliveries[] =
    "SELECT c.name, d.from_day, d.to_day, d.recipient, d.state, d.edition, d.attempts, "
    "d.mail_message_id, d.changed_at, d.sent_at, d.reason "
    "FROM delivery d JOIN client c ON c.client_id = d.client_id "
    "WHERE d.client_id = $1 AND d.to_day >= $2 AND d.from_day <= $3 "
    "ORDER BY d.from_day, d.to_day, d.recipient";
const char sql_deliveries_forget[] = "DELETE FROM delivery WHERE client_id = $1";

/* ---- checks ---- */

/* The state of client $1, domain $2 that was seen last. */
const char sql_check_last[] =
    "SELECT checked_at, last_seen, content FROM domain_check WHERE client_id = $1 AND domain = $2 "
    "ORDER BY checked_at DESC LIMIT 1";
const char sql_check_insert[] =
    "INSERT INTO domain_check (client_id, domain, checked_at, last_seen, content, changes) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (client_id, domain, checked_at) DO NOTHING";
/* State $3 was seen once more, at $4. */
const char sql_check_seen[] =
    "UPDATE domain_check SET last_seen = $4, content = $5 "
    "WHERE client_id = $1 AND domain = $2 AND checked_at = $3 AND last_seen <= $4";
const char sql_checks[] =
    "SELECT c.name, d.domain, d.checked_at, d.last_seen, d.content, d.changes "
    "FROM domain_check d JOIN client c ON c.client_id = d.client_id "
    "WHERE (CAST($1 AS bigint) = 0 OR d.client_id = $1) AND d.checked_at >= $2 "
    "AND d.checked_at <= $3 ORDER BY c.name, d.domain, d.checked_at";

const char *const sql_all[] = {
    sql_take_ids,
    sql_owners_version,
    sql_owners_change,
    sql_owners_hold,
    sql_owners,
    sql_clients,
    sql_client_ids,
    sql_client_find,
    sql_client_name,
    sql_setting,
    sql_setting_insert,
    sql_setting_put,
    sql_last_id,
    sql_counters_set,
    sql_client_insert,
    sql_client_delete,
    sql_domains,
    sql_domain_assign,
    sql_domain_remove,
    sql_domains_release,
    sql_stored_domains,
    sql_move_reports,
    sql_move_auth_sets,
    sql_move_auth_results,
    sql_move_records,
    sql_move_failures,
    sql_move_tls,
    sql_move_tls_failures,
    sql_drop_reports,
    sql_drop_failures,
    sql_drop_tls,
    sql_move_checks,
    sql_drop_checks,
    sql_move_chunks,
    sql_drop_chunks,
    sql_move_payloads,
    sql_drop_payloads,
    sql_drop_auth_sets,
    sql_insert_report,
    sql_finish_report,
    sql_find_report,
    sql_rename_report,
    sql_count_report,
    sql_remove_report,
    sql_insert_failure,
    sql_find_failure,
    sql_insert_tls,
    sql_find_tls,
    sql_insert_auth_set,
    sql_message_by_hash,
    sql_message_by_key,
    sql_message_by_id,
    sql_reject_replaced,
    sql_rejects,
    sql_reject_payload,
    sql_payload_chunk,
    sql_reject_settle,
    sql_reject_report,
    sql_report_accept,
    sql_message_settle,
    sql_report_whole,
    sql_failure_whole,
    sql_tls_whole,
    sql_report_records,
    sql_tls_failures,
    sql_remove_failure,
    sql_remove_tls,
    sql_payload,
    sql_reject_origin,
    sql_payload_rejects,
    sql_payload_close,
    sql_kept_payloads,
    sql_kept_items,
    sql_kept_rejects,
    sql_lease_take,
    sql_lease_holder,
    sql_lease_renew,
    sql_lease_release,
    sql_mailbox_polled,
    sql_mailboxes,
    sql_warnings,
    sql_warning_told,
    sql_warning_over,
    sql_unreadable_between,
    sql_reporter_days,
    sql_delivery,
    sql_delivery_begin,
    sql_delivery_settle,
    sql_deliveries,
    sql_deliveries_forget,
    sql_check_last,
    sql_check_insert,
    sql_check_seen,
    sql_checks,
    sql_reports,
    sql_reports_with_partial,
    sql_sources,
    sql_days,
    sql_failures,
    sql_tls,
    sql_first_day_of_reports,
    sql_first_day_of_failures,
    sql_first_day_of_tls,
    sql_export_records,
    sql_host,
    sql_host_put,
    sql_host_network,
    sql_sender_domain,
    sql_sender_domain_looked_at,
    sql_sender_domain_put,
    sql_hosts_due,
    sql_domains_due,
    sql_prune_reports,
    sql_prune_failures,
    sql_prune_tls,
    sql_prune_raw,
    sql_prune_payloads,
    sql_payload_unkeep,
    sql_payload_drop_chunks,
    sql_payload_drop,
    sql_verify_reports,
    sql_verify_orphan_records,
    sql_verify_missing_auth,
    sql_verify_missing_payload,
    sql_verify_missing_chunks,
    sql_verify_stray_chunks,
    sql_verify_clients,
    sql_verify_ledger,
    sql_verify_rejects,
    NULL,
};
