#include "store/decode.h"

#include "base/arena.h"
#include "base/text.h"
#include "parse/aggregate_value.h"
#include "store/auth.h"
#include "store/notes.h"
#include "store/pack.h"

#include <string.h>

/* ---- words ---- */

enum verdict decode_verdict(const char *name)
{
    enum verdict v = VERDICT_PASS;

    while (v > VERDICT_UNKNOWN && (!name || strcmp(name, verdict_name(v)) != 0))
        v--;
    return v;
}

enum disposition decode_disposition(const char *name)
{
    enum disposition d = DISPOSITION_REJECT;

    while (d > DISPOSITION_UNKNOWN && (!name || strcmp(name, disposition_name(d)) != 0))
        d--;
    return d;
}

enum grade decode_grade(const char *name)
{
    enum grade g = GRADE_REFUSED;

    return name && grade_parse(name, &g) ? g : GRADE_REFUSED;
}

static enum dialect decode_dialect(const char *name)
{
    enum dialect d = DIALECT_RFC9990;

    while (d > DIALECT_DRAFT && (!name || strcmp(name, dialect_name(d)) != 0))
        d--;
    return d;
}

struct addr decode_addr(struct db_value v)
{
    struct addr a = {0};

    if (v.type == DB_BLOB && (v.len == 4 || v.len == 16)) {
        a.len = (unsigned char)v.len;
        memcpy(a.bytes, v.bytes, v.len);
    }
    return a;
}

/* ---- columns ---- */

/* A row and where its texts go. */
struct row {
    const struct store *s;
    const struct db_stmt *stmt;
    struct arena *a;
};

static const char *text(const struct row *r, int column)
{
    const char *t = store_text(r->s, r->stmt, column);

    return t ? arena_strdup(r->a, t) : NULL;
}

static int64_t number(const struct row *r, int column)
{
    return store_int(r->s, r->stmt, column);
}

/* A key is never NULL in the database: "" stands for that. */
static const char *key(const struct row *r, int column)
{
    const char *t = text(r, column);

    return t && *t ? t : NULL;
}

static struct addr address(const struct row *r, int column)
{
    return decode_addr(r->s->c.driver->column(r->stmt, column));
}

static void notes(const struct row *r, int column, struct notes *out)
{
    notes_unpack(r->a, store_text(r->s, r->stmt, column), out);
}

static const char **strings(const struct row *r, int column, size_t *n)
{
    const char *packed = store_text(r->s, r->stmt, column);
    const char **out = NULL;
    const char *f[1];

    *n = 0;
    while (unpack_row(r->a, &packed, f, 1)) {
        out = arena_grow(r->a, out, n, sizeof *out);
        out[*n - 1] = f[0];
    }
    return out;
}

static struct header_field *fields(const struct row *r, int column, size_t *n)
{
    const char *packed = store_text(r->s, r->stmt, column);
    struct header_field *out = NULL;
    const char *f[2];

    *n = 0;
    while (unpack_row(r->a, &packed, f, 2)) {
        out = arena_grow(r->a, out, n, sizeof *out);
        out[*n - 1] = (struct header_field){f[0], f[1]};
    }
    return out;
}

/* ---- what was sent ---- */

struct sent {
    const char *name;
    const char *value; /* the normal form */
    const char **sent;
};

/* Rows are there for what was spelled otherwise; a name alone says that nothing was sent. */
static void fill_sent(const struct row *r, int column, const struct sent *list, size_t n)
{
    const char *packed = store_text(r->s, r->stmt, column);
    const char *f[2];

    for (size_t i = 0; i < n; i++)
        *list[i].sent = list[i].value;
    while (unpack_row(r->a, &packed, f, 2)) {
        for (size_t i = 0; f[0] && i < n; i++) {
            if (strcmp(list[i].name, f[0]) == 0)
                *list[i].sent = f[1];
        }
    }
}

/* ---- aggregate reports ---- */

static void decode_policy(const struct row *row, struct policy *p)
{
    p->domain = text(row, 2);
    p->p = text(row, 22);
    p->sp = text(row, 23);
    p->np = text(row, 24);
    p->adkim = text(row, 25);
    p->aspf = text(row, 26);
    p->pct = text(row, 27);
    p->fo = text(row, 28);
    p->testing = text(row, 29);
    p->discovery_method = text(row, 30);
}

void decode_report(
    const struct store *s, const struct db_stmt *stmt, struct arena *a, struct aggregate_report *r)
{
    const struct row row = {s, stmt, a};
    struct policy *p = &r->policy;

    *r = (struct aggregate_report){
        .reporter = text(&row, 3),
        .report_id = text(&row, 4),
        .begin = number(&row, 5),
        .end = number(&row, 6),
        .records = number(&row, 9),
        .messages = number(&row, 10),
        .dropped = number(&row, 11),
        .grade = decode_grade(store_text(s, stmt, 13)),
        .org_name = text(&row, 15),
        .email = text(&row, 16),
        .extra_contact_info = text(&row, 17),
        .generator = text(&row, 18),
        .dialect = decode_dialect(store_text(s, stmt, 19)),
        .version = text(&row, 20),
        .xml_namespace = text(&row, 21),
        .extension = text(&row, 33),
    };
    notes(&row, 14, &r->notes);
    r->errors = strings(&row, 32, &r->n_errors);
    decode_policy(&row, p);
    const struct sent sent[] = {
        {"report_id", r->report_id, &r->report_id_sent},
        {"begin", arena_printf(a, "%lld", (long long)r->begin), &r->begin_sent},
        {"end", arena_printf(a, "%lld", (long long)r->end), &r->end_sent},
        {"domain", p->domain, &p->domain_sent},
        {"adkim", p->adkim, &p->adkim_sent},
        {"aspf", p->aspf, &p->aspf_sent},
        {"p", p->p, &p->p_sent},
        {"sp", p->sp, &p->sp_sent},
        {"np", p->np, &p->np_sent},
        {"pct", p->pct, &p->pct_sent},
        {"testing", p->testing, &p->testing_sent},
    };
    fill_sent(&row, 31, sent, sizeof sent / sizeof *sent);
    if (r->report_id_sent && store_key_is_cut(r->report_id))
        r->report_id = report_id_read(a, r->report_id_sent);
    if (p->domain_sent && store_key_is_cut(p->domain))
        p->domain = domain_normalise(a, p->domain_sent, &(bool){false});
}

static void say_sent(struct auth_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct auth_result *r = &results[i];
        r->domain_sent = r->domain_sent ? r->domain_sent : r->domain;
        r->result_sent = r->result_sent ? r->result_sent : r->result;
    }
}

static void decode_auth(const struct row *row, int column, struct aggregate_record *r)
{
    struct auth_results auth;

    auth_unpack(row->a, store_text(row->s, row->stmt, column), &auth);
    say_sent(auth.dkims, auth.n_dkims);
    say_sent(auth.spfs, auth.n_spfs);
    r->dkims = auth.dkims;
    r->n_dkims = auth.n_dkims;
    r->spfs = auth.spfs;
    r->n_spfs = auth.n_spfs;
}

static const char *word_if(bool known, const char *word)
{
    return known ? word : NULL;
}

void decode_record(
    const struct store *s, const struct db_stmt *stmt, struct arena *a, struct aggregate_record *r)
{
    const struct row row = {s, stmt, a};
    char ip[ADDR_TEXT_MAX];

    *r = (struct aggregate_record){
        .source_ip = address(&row, 1),
        .count = number(&row, 2),
        .disposition = decode_disposition(store_text(s, stmt, 3)),
        .dkim = decode_verdict(store_text(s, stmt, 4)),
        .spf = decode_verdict(store_text(s, stmt, 5)),
        .envelope_to = text(&row, 6),
        .extension = text(&row, 9),
        .header_from = text(&row, 10),
        .envelope_from = text(&row, 11),
    };
    r->reasons = reasons_unpack(a, store_text(s, stmt, 7), &r->n_reasons);
    for (size_t i = 0; i < r->n_reasons; i++) {
        if (!r->reasons[i].type_sent)
            r->reasons[i].type_sent = r->reasons[i].type;
    }
    decode_auth(&row, 12, r);
    addr_format(&r->source_ip, ip);
    const struct sent sent[] = {
        {"source_ip", r->source_ip.len ? arena_strdup(a, ip) : NULL, &r->source_ip_sent},
        {"disposition",
            word_if(r->disposition != DISPOSITION_UNKNOWN, disposition_name(r->disposition)),
            &r->disposition_sent},
        {"dkim", word_if(r->dkim != VERDICT_UNKNOWN, verdict_name(r->dkim)), &r->dkim_sent},
        {"spf", word_if(r->spf != VERDICT_UNKNOWN, verdict_name(r->spf)), &r->spf_sent},
        {"header_from", r->header_from, &r->header_from_sent},
        {"envelope_from", r->envelope_from, &r->envelope_from_sent},
        {"envelope_to", r->envelope_to, &r->envelope_to_sent},
    };
    fill_sent(&row, 8, sent, sizeof sent / sizeof *sent);
}

/* ---- failure reports ---- */

void decode_failure(
    const struct store *s, const struct db_stmt *stmt, struct arena *a, struct failure_report *r)
{
    const struct row row = {s, stmt, a};
    struct db_value arrival = s->c.driver->column(stmt, 6);
    struct db_value sample = s->c.driver->column(stmt, 28);

    *r = (struct failure_report){
        .reported_domain = key(&row, 2),
        .reporter = text(&row, 4),
        .arrival = arrival.type == DB_INT ? arrival.n : -1,
        .incidents = number(&row, 7),
        .source_ip = address(&row, 8),
        .headers_only = number(&row, 29) != 0,
        .grade = decode_grade(store_text(s, stmt, 30)),
    };
    const char **const texts[] = {&r->source_ip_sent, &r->feedback_type, &r->version,
        &r->user_agent, &r->original_envelope_id, &r->original_mail_from, &r->original_rcpt_to,
        &r->arrival_date_sent, &r->message_id, &r->authentication_results, &r->delivery_result,
        &r->auth_failure, &r->identity_alignment, &r->dkim_domain, &r->dkim_selector,
        &r->dkim_identity, &r->spf_dns};
    for (int t = 0; t < (int)(sizeof texts / sizeof *texts); t++)
        *texts[t] = text(&row, 9 + t);
    r->fields = fields(&row, 26, &r->n_fields);
    r->sample_headers = fields(&row, 27, &r->n_sample_headers);
    if (sample.type == DB_BLOB && sample.len > 0) {
        r->sample = arena_strndup(a, sample.bytes, sample.len);
        r->sample_len = sample.len;
    }
    notes(&row, 31, &r->notes);
}

/* ---- TLS reports ---- */

void decode_tls(const struct store *s, const struct db_stmt *stmt, struct arena *a,
    struct tls_report *r, struct tls_policy *p)
{
    const struct row row = {s, stmt, a};

    *r = (struct tls_report){
        .reporter = text(&row, 3),
        .report_id = key(&row, 4),
        .begin = number(&row, 5),
        .end = number(&row, 6),
        .organization_name = text(&row, 15),
        .contact_info = text(&row, 16),
        .begin_sent = text(&row, 17),
        .end_sent = text(&row, 18),
        .grade = decode_grade(store_text(s, stmt, 20)),
    };
    notes(&row, 21, &r->notes);
    *p = (struct tls_policy){
        .domain = key(&row, 2),
        .type = text(&row, 9),
        .domain_sent = text(&row, 12),
        .successful = number(&row, 13),
        .failed = number(&row, 14),
    };
    p->strings = strings(&row, 10, &p->n_strings);
    p->mx_hosts = strings(&row, 11, &p->n_mx_hosts);
    if (!p->domain_sent)
        p->domain_sent = p->domain;
}

void decode_tls_failure(
    const struct store *s, const struct db_stmt *stmt, struct arena *a, struct tls_failure *f)
{
    const struct row row = {s, stmt, a};

    *f = (struct tls_failure){
        .result_type = text(&row, 3),
        .sending_mta_ip = text(&row, 4),
        .receiving_mx_hostname = text(&row, 5),
        .receiving_mx_helo = text(&row, 6),
        .receiving_ip = text(&row, 7),
        .sessions = number(&row, 8),
        .additional_information = text(&row, 9),
        .reason_code = text(&row, 10),
    };
}
