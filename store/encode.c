#include "base/when.h"
#include "store/auth.h"
#include "store/batch.h"
#include "store/notes.h"
#include "store/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- values ---- */

static struct db_value text_in(struct arena *a, const char *s)
{
    if (!s)
        return db_null();
    size_t len = strlen(s);
    return db_text_of(arena_strndup(a, s, len), len);
}

static struct db_value packed_in(struct arena *a, struct buf *b)
{
    struct db_value v = db_null();

    if (b->len)
        v = db_text_of(arena_strndup(a, b->data, b->len), b->len);
    buf_clear(b);
    return v;
}

static struct db_value blob_in(struct arena *a, const void *bytes, size_t len)
{
    if (!bytes || !len)
        return db_null();
    return db_blob(arena_strndup(a, bytes, len), len);
}

static struct db_value addr_in(struct arena *a, const struct addr *ip)
{
    return blob_in(a, ip->bytes, ip->len);
}

static struct db_value time_in(int64_t seconds)
{
    return seconds < 0 ? db_null() : db_int(seconds);
}

static struct db_value key_in(struct arena *a, const char *s)
{
    return text_in(a, store_key_text(a, s ? s : ""));
}

static struct db_value payload_in(const struct item *i)
{
    return i->payload ? db_int(i->payload->id) : db_null();
}

static struct db_value trust_in(const struct writer *w, const char *reporter)
{
    return db_text(trust_name(trust_judge(&w->message->evidence, reporter ? reporter : "")));
}

static struct db_value notes_in(struct writer *w, const struct notes *notes)
{
    buf_clear(&w->text);
    if (notes_pack(&w->text, notes) < 0)
        buf_clear(&w->text);
    return packed_in(w->heads, &w->text);
}

static struct db_value strings_in(
    struct writer *w, struct arena *a, const char *const *strings, size_t n)
{
    int bad = 0;

    buf_clear(&w->text);
    for (size_t i = 0; i < n; i++)
        bad |= pack_row(&w->text, &strings[i], 1);
    if (bad)
        buf_clear(&w->text);
    return packed_in(a, &w->text);
}

static struct db_value fields_in(
    struct writer *w, struct arena *a, const struct header_field *fields, size_t n)
{
    int bad = 0;

    buf_clear(&w->text);
    for (size_t i = 0; i < n; i++)
        bad |= pack_row(&w->text, (const char *const[]){fields[i].name, fields[i].value}, 2);
    if (bad)
        buf_clear(&w->text);
    return packed_in(a, &w->text);
}

/* ---- aggregate reports ---- */

void encode_identity(struct writer *w, struct item *i, const struct aggregate_report *r)
{
    struct arena *a = w->heads;
    struct db_value *v = arena_alloc(a, REPORT_COLUMNS * sizeof *v);

    v[1] = db_int(i->id);
    v[2] = key_in(a, r->policy.domain);
    v[3] = key_in(a, r->reporter);
    v[4] = key_in(a, r->report_id);
    v[5] = db_int(r->begin);
    v[6] = db_int(r->end);
    v[7] = db_int(when_day(r->begin));
    v[8] = db_text("partial");
    v[9] = v[10] = v[11] = db_int(0);
    v[12] = db_blob(i->digest, DIGEST_BYTES);
    v[13] = db_text(grade_name(GRADE_PARTIAL));
    v[34] = trust_in(w, r->reporter);
    v[35] = payload_in(i);
    v[36] = db_int(when_now());
    i->values = v;
    i->domain = v[2].bytes;
}

/* Was it there, and spelled otherwise? Only what differs is worth its bytes. */
static struct db_value report_sent(
    struct writer *w, const struct item *i, const struct aggregate_report *r)
{
    const struct policy *p = &r->policy;
    struct buf *b = &w->text;
    char begin[24];
    char end[24];
    int bad = 0;

    buf_clear(b);
    (void)snprintf(begin, sizeof begin, "%" PRId64, r->begin);
    (void)snprintf(end, sizeof end, "%" PRId64, r->end);
    bad |= pack_if_differs(b, "report_id", i->values[4].bytes, r->report_id_sent);
    bad |= pack_if_differs(b, "begin", begin, r->begin_sent);
    bad |= pack_if_differs(b, "end", end, r->end_sent);
    bad |= pack_if_differs(b, "domain", i->domain, p->domain_sent);
    bad |= pack_if_differs(b, "adkim", p->adkim, p->adkim_sent);
    bad |= pack_if_differs(b, "aspf", p->aspf, p->aspf_sent);
    bad |= pack_if_differs(b, "p", p->p, p->p_sent);
    bad |= pack_if_differs(b, "sp", p->sp, p->sp_sent);
    bad |= pack_if_differs(b, "np", p->np, p->np_sent);
    bad |= pack_if_differs(b, "pct", p->pct, p->pct_sent);
    bad |= pack_if_differs(b, "testing", p->testing, p->testing_sent);
    if (bad)
        buf_clear(b);
    return packed_in(w->heads, b);
}

int encode_report(struct writer *w, struct item *i, const struct aggregate_report *r, struct err *e)
{
    struct arena *a = w->heads;
    struct db_value *v = i->values;
    const struct policy *p = &r->policy;
    const char *const texts[] = {r->org_name, r->email, r->extra_contact_info, r->generator,
        dialect_name(r->dialect), r->version, r->xml_namespace, p->p, p->sp, p->np, p->adkim,
        p->aspf, p->pct, p->fo, p->testing, p->discovery_method};

    if (!i->domain)
        return err_set(e, ERR_BUG, "flow-order", "a report ended that had not begun");
    i->partial = r->grade >= GRADE_PARTIAL;
    digest_bytes(&i->sum, i->digest);
    v[8] = db_text(i->partial ? "partial" : "counts");
    v[9] = db_int(i->records);
    v[10] = db_int(i->messages);
    v[11] = db_int(r->dropped);
    v[13] = db_text(grade_name(r->grade));
    v[14] = notes_in(w, &r->notes);
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
        v[15 + t] = text_in(a, texts[t]);
    v[31] = report_sent(w, i, r);
    v[32] = strings_in(w, a, r->errors, r->n_errors);
    v[33] = text_in(a, r->extension);
    return 0;
}

static struct auth *find_auth(struct writer *w, struct hash128 key)
{
    struct auth *a = w->auths[key.high & (AUTH_BUCKETS - 1)];

    while (a && (a->key.low != key.low || a->key.high != key.high))
        a = a->next;
    return a;
}

static int auth_id(
    struct writer *w, struct hash128 key, unsigned char id[AUTH_ID_BYTES], struct err *e)
{
    unsigned char sha256[32];

    if (known_id(w->store->known, key, id))
        return 0;
    struct blob text = blob_of_memory(w->text.data, w->text.len);
    int got = blob_sha256(&text, sha256, e);
    if (got < 0)
        return got;
    memcpy(id, sha256, AUTH_ID_BYTES);
    known_id_add(w->store->known, key, id);
    return 0;
}

/* The set of a record: identifiers in the first row of the text, authentication results below. */
static int auth_of(
    struct writer *w, const struct aggregate_record *r, struct auth **out, struct err *e)
{
    const char *identifiers[] = {r->header_from, r->envelope_from};
    struct buf *b = &w->text;

    buf_clear(b);
    int bad = pack_row(b, identifiers, 2);
    size_t head = b->len;
    bad |= auth_pack(b, r);
    if (bad) {
        return err_set(
            e, ERR_BUG, "record-size", "a record's authentication results are too large");
    }
    struct hash128 key = known_key(w->store->known, b->data, b->len);
    *out = find_auth(w, key);
    if (*out)
        return 0;
    struct auth *a = arena_alloc(w->rows, sizeof *a);
    int got = auth_id(w, key, a->id, e);
    if (got < 0)
        return got;
    a->key = key;
    a->header_from = text_in(w->rows, r->header_from).bytes;
    a->envelope_from = text_in(w->rows, r->envelope_from).bytes;
    a->results = arena_strndup(w->rows, b->data + head, b->len - head);
    a->next = w->auths[key.high & (AUTH_BUCKETS - 1)];
    w->auths[key.high & (AUTH_BUCKETS - 1)] = a;
    *out = a;
    return 0;
}

static const char *verdict_or_null(enum verdict v)
{
    return v == VERDICT_UNKNOWN ? NULL : verdict_name(v);
}

static struct db_value record_sent(struct writer *w, const struct aggregate_record *r)
{
    struct buf *b = &w->text;
    char ip[ADDR_TEXT_MAX];
    int bad = 0;

    buf_clear(b);
    addr_format(&r->source_ip, ip);
    bad |= pack_if_differs(b, "source_ip", r->source_ip.len ? ip : NULL, r->source_ip_sent);
    bad |= pack_if_differs(b, "disposition",
        r->disposition == DISPOSITION_UNKNOWN ? NULL : disposition_name(r->disposition),
        r->disposition_sent);
    bad |= pack_if_differs(b, "dkim", verdict_or_null(r->dkim), r->dkim_sent);
    bad |= pack_if_differs(b, "spf", verdict_or_null(r->spf), r->spf_sent);
    bad |= pack_if_differs(b, "header_from", r->header_from, r->header_from_sent);
    bad |= pack_if_differs(b, "envelope_from", r->envelope_from, r->envelope_from_sent);
    bad |= pack_if_differs(b, "envelope_to", r->envelope_to, r->envelope_to_sent);
    if (bad)
        buf_clear(b);
    return packed_in(w->rows, b);
}

static struct child *new_child(struct writer *w, struct item *i)
{
    struct child *c = arena_alloc(w->rows, sizeof *c);

    *i->children_end = c;
    i->children_end = &c->next;
    c->values[1] = db_int(i->id);
    return c;
}

int encode_record(struct writer *w, struct item *i, const struct aggregate_record *r, struct err *e)
{
    struct auth *auth = NULL;
    int got = auth_of(w, r, &auth, e);

    if (got < 0)
        return got;
    if (digest_add_record(&i->sum, &w->text, r) < 0)
        return err_set(e, ERR_BUG, "record-size", "a record is too large");
    struct child *c = new_child(w, i);
    c->auth = auth;
    i->records++;
    i->messages = store_sum(0, i->messages + r->count); /* both at most 2^53 */
    c->values[2] = db_int(i->records);
    c->values[3] = addr_in(w->rows, &r->source_ip);
    c->values[4] = db_int(r->count);
    c->values[5] = db_text(disposition_name(r->disposition));
    c->values[6] = db_text(verdict_name(r->dkim));
    c->values[7] = db_text(verdict_name(r->spf));
    c->values[8] = db_blob(auth->id, AUTH_ID_BYTES);
    c->values[9] = text_in(w->rows, r->envelope_to);
    if (reasons_pack(&w->text, r) < 0)
        buf_clear(&w->text);
    c->values[10] = packed_in(w->rows, &w->text);
    c->values[11] = record_sent(w, r);
    c->values[12] = text_in(w->rows, r->extension);
    return 0;
}

/* ---- failure reports ---- */

/* Such reports carry no id of their own: the same bytes with the same arrival are the same report.
 */
static int failure_identity(struct writer *w, const struct item *i, const struct failure_report *r,
    unsigned char out[32], struct err *e)
{
    unsigned char sha256[32] = {0};
    char text[128];

    if (i->payload)
        memcpy(sha256, i->payload->sha256, sizeof sha256);
    size_t n = sizeof sha256;
    memcpy(text, sha256, n);
    int more = snprintf(text + n, sizeof text - n, "|%" PRId64 "|%d", r->arrival, w->failures++);
    struct blob b = blob_of_memory(text, n + (size_t)more);
    return blob_sha256(&b, out, e);
}

static struct db_value *failure_values(struct writer *w, const struct item *i,
    const struct failure_report *r, const unsigned char identity[32])
{
    struct arena *a = w->heads;
    struct db_value *v = arena_alloc(a, FAILURE_COLUMNS * sizeof *v);
    const char *const texts[] = {r->source_ip_sent, r->feedback_type, r->version, r->user_agent,
        r->original_envelope_id, r->original_mail_from, r->original_rcpt_to, r->arrival_date_sent,
        r->message_id, r->authentication_results, r->delivery_result, r->auth_failure,
        r->identity_alignment, r->dkim_domain, r->dkim_selector, r->dkim_identity, r->spf_dns};

    v[1] = db_int(i->id);
    v[2] = key_in(a, r->reported_domain);
    v[3] = db_blob(identity, 32);
    v[4] = key_in(a, r->reporter);
    v[5] = db_int(when_day(r->arrival >= 0 ? r->arrival : when_now()));
    v[6] = time_in(r->arrival);
    v[7] = db_int(r->incidents);
    v[8] = addr_in(a, &r->source_ip);
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
        v[9 + t] = text_in(a, texts[t]);
    v[26] = fields_in(w, w->rows, r->fields, r->n_fields);
    v[27] = fields_in(w, w->rows, r->sample_headers, r->n_sample_headers);
    v[28] = blob_in(w->rows, r->sample, r->sample_len);
    v[29] = db_int(r->headers_only);
    v[30] = db_text(grade_name(r->grade));
    v[31] = notes_in(w, &r->notes);
    v[32] = payload_in(i);
    v[33] = db_int(when_now());
    return v;
}

/* Whose it is comes out in the transaction; by then nothing may have to be read again. */
int encode_failure(struct writer *w, struct item *i, const struct failure_report *r, struct err *e)
{
    unsigned char *identity = arena_alloc(w->heads, 32);
    int got = failure_identity(w, i, r, identity, e);

    if (got < 0)
        return got;
    memcpy(i->digest, identity, DIGEST_BYTES);
    for (unsigned data = 0; data <= FAILURE_DATA_FULL; data++) {
        struct redactor redactor = {.arena = w->scratch, .data = (enum failure_data)data};
        struct failure_report kept;
        if (!items_may_keep(w, redactor.data))
            continue;
        memcpy(redactor.key, w->redact_key, sizeof redactor.key);
        redact_failure(&redactor, r, &kept);
        i->values = i->forms[data] = failure_values(w, i, &kept, identity);
        arena_reset(w->scratch);
    }
    i->domain = i->values[2].bytes;
    return 0;
}

/* ---- TLS reports: one item per policy, because each belongs to the owner of its domain ---- */

static int add_tls_failure(struct writer *w, struct item *i, const struct tls_failure *f)
{
    char sessions[24];
    const char *const texts[] = {f->result_type, f->sending_mta_ip, f->receiving_mx_hostname,
        f->receiving_mx_helo, f->receiving_ip, f->additional_information, f->reason_code, sessions};
    struct child *c = new_child(w, i);

    (void)snprintf(sessions, sizeof sessions, "%" PRId64, f->sessions);
    c->values[2] = db_int(++i->records);
    for (size_t t = 0; t < 5; t++)
        c->values[3 + t] = text_in(w->rows, texts[t]);
    c->values[8] = db_int(f->sessions);
    c->values[9] = text_in(w->rows, f->additional_information);
    c->values[10] = text_in(w->rows, f->reason_code);
    buf_clear(&w->text);
    int bad = pack_row(&w->text, texts, sizeof texts / sizeof *texts);
    if (!bad)
        digest_add(&i->sum, w->text.data, w->text.len);
    return bad;
}

static int digest_tls_policy(struct writer *w, struct item *i, const struct tls_policy *p)
{
    char counts[64];
    const char *const head[] = {p->type, counts};

    (void)snprintf(counts, sizeof counts, "%" PRId64 " %" PRId64, p->successful, p->failed);
    buf_clear(&w->text);
    int bad = pack_row(&w->text, head, 2);
    bad |= pack_row(&w->text, p->strings, p->n_strings);
    bad |= pack_row(&w->text, p->mx_hosts, p->n_mx_hosts);
    if (!bad)
        digest_add(&i->sum, w->text.data, w->text.len);
    return bad;
}

/* A report without any policy is kept too, as one row without a domain. */
int encode_tls(
    struct writer *w, struct item *i, const struct tls_report *r, size_t policy, struct err *e)
{
    static const struct tls_policy none;
    const struct tls_policy *p = policy < r->n_policies ? &r->policies[policy] : &none;
    struct arena *a = w->heads;
    struct db_value *v = arena_alloc(a, TLS_COLUMNS * sizeof *v);
    int bad = digest_tls_policy(w, i, p);

    for (size_t f = 0; f < p->n_failures; f++)
        bad |= add_tls_failure(w, i, &p->failures[f]);
    if (bad)
        return err_set(e, ERR_BUG, "report-size", "a TLS policy is too large");
    digest_bytes(&i->sum, i->digest);
    i->partial = r->grade >= GRADE_PARTIAL;
    v[1] = db_int(i->id);
    v[2] = key_in(a, p->domain);
    v[3] = key_in(a, r->reporter);
    v[4] = key_in(a, r->report_id);
    v[5] = db_int(r->begin);
    v[6] = db_int(r->end);
    v[7] = db_int((int64_t)policy);
    v[8] = db_int(when_day(r->begin));
    v[9] = text_in(a, p->type);
    v[10] = strings_in(w, w->rows, p->strings, p->n_strings);
    v[11] = strings_in(w, w->rows, p->mx_hosts, p->n_mx_hosts);
    v[12] = text_in(a, pack_difference(p->domain, p->domain_sent));
    v[13] = db_int(p->successful);
    v[14] = db_int(p->failed);
    v[15] = text_in(a, r->organization_name);
    v[16] = text_in(a, r->contact_info);
    v[17] = text_in(a, r->begin_sent);
    v[18] = text_in(a, r->end_sent);
    v[19] = db_blob(i->digest, DIGEST_BYTES);
    v[20] = db_text(grade_name(r->grade));
    v[21] = notes_in(w, &r->notes);
    v[22] = trust_in(w, r->reporter);
    v[23] = payload_in(i);
    v[24] = db_int(when_now());
    i->values = v;
    i->domain = v[2].bytes;
    return 0;
}
