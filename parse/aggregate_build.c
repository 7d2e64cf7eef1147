#include "parse/aggregate_build.h"

#include "base/text.h"
#include "base/when.h"
#include "parse/aggregate_value.h"
#include "parse/quirks.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum {
    DAY = 86400,
    ROOM = 256 * 1024 /* bytes of records that are collected before they are delivered */
};

static const int64_t oldest = 1325376000;          /* 2012-01-01: the year DMARC reports began */
static const int64_t newest = INT64_C(4102444800); /* 2100-01-01 */

void build_init(struct builder *b, const struct limits *limits)
{
    *b = (struct builder){.limits = limits, .head_arena = arena_new(), .record_arena = arena_new()};
}

void build_done(struct builder *b)
{
    arena_free(b->head_arena);
    arena_free(b->record_arena);
}

static void forget_records(struct builder *b)
{
    arena_reset(b->record_arena);
    b->records = NULL;
    b->n_records = 0;
    b->rows = NULL;
    b->n_rows = 0;
    b->in_record = false;
}

void build_start(struct builder *b, struct sink *sink, const struct report_hints *hints)
{
    struct builder fresh = {.sink = sink,
        .limits = b->limits,
        .hints = hints,
        .head_arena = b->head_arena,
        .record_arena = b->record_arena};

    arena_reset(fresh.head_arena);
    *b = fresh;
    forget_records(b);
}

void build_again(struct builder *b)
{
    forget_records(b);
    b->head_known = true;
    b->scanning = false;
    b->policies = 0;
    b->seen_records = 0;
    b->head.records = b->head.messages = b->head.dropped = 0;
    b->head.notes = (struct notes){0};
    b->head.grade = GRADE_CLEAN;
}

void build_note(struct builder *b, const char *code, const char *detail)
{
    if (!b->scanning)
        notes_add(&b->head.notes, &b->head.grade, b->head_arena, code, detail);
}

/* The same of a text that is not terminated. */
static void note_text(struct builder *b, const char *code, const char *text, size_t len)
{
    char detail[LIMIT_FIELD + 1];

    memcpy(detail, text, len);
    detail[len] = '\0';
    build_note(b, code, detail);
}

/* ---- containers ---- */

void build_policy_begin(struct builder *b)
{
    if (++b->policies > 1)
        build_note(b, "POLICY_REPEATED", NULL);
}

void build_record_begin(struct builder *b)
{
    b->in_record = true;
    b->rows = NULL;
    b->n_rows = 0;
    b->shared = (struct aggregate_record){0};
    b->identifiers = b->auth_results = false;
    b->row_over = b->reason_over = b->result_over = false;
}

void build_row_begin(struct builder *b)
{
    b->row_over = b->n_rows >= LIMIT_ROWS;
    if (b->row_over)
        return;
    if (b->n_rows == 1)
        build_note(b, "ROWS_REPEATED", NULL);
    b->rows = arena_grow(b->record_arena, b->rows, &b->n_rows, sizeof *b->rows);
}

/* The row that values belong to; a policy_evaluated without a row makes one. */
static struct row *current_row(struct builder *b)
{
    if (b->n_rows == 0)
        build_row_begin(b);
    return &b->rows[b->n_rows - 1];
}

void build_evaluated_begin(struct builder *b)
{
    current_row(b)->evaluated = true;
}

void build_reason_begin(struct builder *b)
{
    struct row *row = current_row(b);

    b->reason_over = row->n_reasons >= LIMIT_RESULTS;
    if (b->reason_over) {
        build_note(b, "RESULTS_CUT", "reason");
        return;
    }
    row->reasons = arena_grow(b->record_arena, row->reasons, &row->n_reasons, sizeof *row->reasons);
}

void build_identifiers_begin(struct builder *b, bool alias)
{
    b->identifiers = true;
    if (alias)
        build_note(b, "IDENTIFIERS_ALIAS", NULL);
}

void build_result_begin(struct builder *b, bool spf)
{
    struct auth_result **list = spf ? &b->shared.spfs : &b->shared.dkims;
    size_t *n = spf ? &b->shared.n_spfs : &b->shared.n_dkims;

    b->auth_results = true;
    b->result_over = *n >= LIMIT_RESULTS;
    if (b->result_over) {
        build_note(b, "RESULTS_CUT", "auth_results");
        return;
    }
    *list = arena_grow(b->record_arena, *list, n, sizeof **list);
}

static bool is_blank(const char *s)
{
    return !s || !*s;
}

void build_result_end(struct builder *b, bool spf)
{
    size_t *n = spf ? &b->shared.n_spfs : &b->shared.n_dkims;
    struct auth_result *r = spf ? b->shared.spfs : b->shared.dkims;

    if (*n == 0 || b->result_over)
        return;
    r += *n - 1;
    if (is_blank(r->domain_sent) && is_blank(r->result_sent) && is_blank(r->selector)) {
        /* gosecure.net and Cisco ESA write <dkim><domain/><selector/><result/></dkim> for "no
         * signature" */
        build_note(b, "AUTH_RESULT_EMPTY", NULL);
        (*n)--;
    }
}

/* RFC 9990 allows any number of foreign elements at the end of a record. */
static const char *join(
    struct builder *b, struct arena *a, const char *before, const char *xml, size_t len)
{
    size_t before_len = before ? strlen(before) : 0;

    if (before_len + len > LIMIT_EXTENSION) {
        build_note(b, "EXTENSION_CUT", NULL);
        return before;
    }
    return arena_printf(a, "%s%.*s", before ? before : "", (int)len, xml);
}

void build_extension(struct builder *b, const char *xml, size_t len)
{
    b->seen_rfc9990 = true;
    if (b->in_record) {
        b->shared.extension = join(b, b->record_arena, b->shared.extension, xml, len);
    } else if (!b->head_known) {
        b->head.extension = join(b, b->head_arena, b->head.extension, xml, len);
    }
}

/* ---- values ---- */

/* Keeps the first of repeated elements. An element that came empty first may still be filled. */
static bool put(struct builder *b, struct arena *a, const char **slot, const char *text, size_t len)
{
    if (*slot && **slot) {
        if (strlen(*slot) != len || memcmp(*slot, text, len) != 0)
            note_text(b, "ELEMENT_REPEATED", text, len);
        return true;
    }
    *slot = len ? arena_strndup(a, text, len) : "";
    return true;
}

static bool put_word(struct builder *b, const char **slot, const char *text, size_t len)
{
    const char *usual = *slot ? NULL : usual_word(text, len);

    if (!usual)
        return put(b, b->record_arena, slot, text, len);
    *slot = usual;
    return true;
}

static bool feedback_value(struct builder *b, enum element el, const char *text, size_t len)
{
    if (el != EL_VERSION)
        return false;
    b->seen_rfc7489 = true;
    return put(b, b->head_arena, &b->head.version, text, len);
}

static bool metadata_value(struct builder *b, enum element el, const char *text, size_t len)
{
    struct aggregate_report *h = &b->head;
    const char **slot;

    if (el == EL_ERROR) {
        if (h->n_errors >= LIMIT_ERRORS) {
            build_note(b, "ERRORS_CUT", NULL);
            return true;
        }
        h->errors = arena_grow(b->head_arena, h->errors, &h->n_errors, sizeof *h->errors);
        h->errors[h->n_errors - 1] = arena_strndup(b->head_arena, text, len);
        return true;
    }
    if (el == EL_ORG_NAME) {
        slot = &h->org_name;
    } else if (el == EL_EMAIL) {
        slot = &h->email;
    } else if (el == EL_EXTRA_CONTACT_INFO) {
        slot = &h->extra_contact_info;
    } else if (el == EL_REPORT_ID) {
        slot = &h->report_id_sent;
    } else if (el == EL_GENERATOR) {
        slot = &h->generator;
    } else if (el == EL_BEGIN) {
        slot = &h->begin_sent;
    } else if (el == EL_END) {
        slot = &h->end_sent;
    } else {
        return false;
    }
    b->seen_rfc9990 = b->seen_rfc9990 || el == EL_GENERATOR;
    return put(b, b->head_arena, slot, text, len);
}

static const char **policy_slot(struct policy *p, enum element el)
{
    const struct {
        enum element el;
        const char **slot;
    } slots[] = {
        {EL_DOMAIN, &p->domain_sent},
        {EL_ADKIM, &p->adkim_sent},
        {EL_ASPF, &p->aspf_sent},
        {EL_P, &p->p_sent},
        {EL_SP, &p->sp_sent},
        {EL_NP, &p->np_sent},
        {EL_PCT, &p->pct_sent},
        {EL_FO, &p->fo},
        {EL_TESTING, &p->testing_sent},
        {EL_DISCOVERY_METHOD, &p->discovery_method},
    };

    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        if (slots[i].el == el)
            return slots[i].slot;
    }
    return NULL;
}

static bool policy_value(struct builder *b, enum element el, const char *text, size_t len)
{
    const char **slot = policy_slot(&b->head.policy, el);

    if (!slot)
        return false;
    if (b->policies > 1)
        return true; /* the first counts: a mixture of two policies would be neither */
    b->seen_rfc9990 =
        b->seen_rfc9990 || el == EL_NP || el == EL_TESTING || el == EL_DISCOVERY_METHOD;
    b->seen_rfc7489 = b->seen_rfc7489 || el == EL_FO;
    return put(b, b->head_arena, slot, text, len);
}

static bool row_value(struct builder *b, enum element el, const char *text, size_t len)
{
    struct row *row = current_row(b);

    if (el == EL_SOURCE_IP)
        return put(b, b->record_arena, &row->source_ip, text, len);
    if (el == EL_COUNT)
        return put(b, b->record_arena, &row->count, text, len);
    return false;
}

static bool evaluated_value(struct builder *b, enum element el, const char *text, size_t len)
{
    struct row *row = current_row(b);

    if (el == EL_DISPOSITION)
        return put_word(b, &row->disposition, text, len);
    if (el == EL_DKIM)
        return put_word(b, &row->dkim, text, len);
    if (el == EL_SPF)
        return put_word(b, &row->spf, text, len);
    return false;
}

static bool reason_value(struct builder *b, enum element el, const char *text, size_t len)
{
    struct row *row = current_row(b);

    if (row->n_reasons == 0)
        return false;
    struct override_reason *reason = &row->reasons[row->n_reasons - 1];
    if (el == EL_TYPE)
        return put(b, b->record_arena, &reason->type_sent, text, len);
    if (el == EL_COMMENT)
        return put(b, b->record_arena, &reason->comment, text, len);
    if (el == EL_REASON && len) { /* rspamd and KDDI: text instead of children */
        note_text(b, "REASON_ODD", text, len);
        return put(b, b->record_arena, &reason->type_sent, text, len);
    }
    return el == EL_REASON;
}

static bool identifier_value(struct builder *b, enum element el, const char *text, size_t len)
{
    struct aggregate_record *r = &b->shared;

    if (el == EL_HEADER_FROM)
        return put(b, b->record_arena, &r->header_from_sent, text, len);
    if (el == EL_ENVELOPE_FROM) {
        b->seen_rfc7489 = true;
        return put(b, b->record_arena, &r->envelope_from_sent, text, len);
    }
    if (el == EL_ENVELOPE_TO)
        return put(b, b->record_arena, &r->envelope_to_sent, text, len);
    return false;
}

static bool result_value(struct builder *b, bool spf, enum element el, const char *text, size_t len)
{
    struct aggregate_record *shared = &b->shared;
    size_t n = spf ? shared->n_spfs : shared->n_dkims;

    if (n == 0)
        return false;
    struct auth_result *r = &(spf ? shared->spfs : shared->dkims)[n - 1];
    if (el == EL_DOMAIN)
        return put(b, b->record_arena, &r->domain_sent, text, len);
    if (el == EL_RESULT)
        return put_word(b, &r->result_sent, text, len);
    if (el == EL_HUMAN_RESULT) {
        b->seen_rfc9990 = b->seen_rfc9990 || spf;
        return put(b, b->record_arena, &r->human_result, text, len);
    }
    if (el == EL_SELECTOR && !spf) {
        b->seen_rfc7489 = true;
        return put(b, b->record_arena, &r->selector, text, len);
    }
    if (el == EL_SCOPE && spf) {
        b->seen_rfc7489 = true;
        return put_word(b, &r->scope, text, len);
    }
    return false;
}

bool build_value(
    struct builder *b, enum element container, enum element el, const char *text, size_t len)
{
    switch ((int)container) {
    case EL_FEEDBACK:
        return b->head_known || feedback_value(b, el, text, len);
    case EL_REPORT_METADATA:
    case EL_DATE_RANGE:
        return b->head_known || metadata_value(b, el, text, len);
    case EL_POLICY_PUBLISHED:
        return b->head_known || policy_value(b, el, text, len);
    case EL_ROW:
        return b->row_over || row_value(b, el, text, len);
    case EL_POLICY_EVALUATED:
        return b->row_over || evaluated_value(b, el, text, len);
    case EL_REASON:
        return b->row_over || b->reason_over || reason_value(b, el, text, len);
    case EL_IDENTIFIERS:
        return identifier_value(b, el, text, len);
    case EL_DKIM:
    case EL_SPF:
        return b->result_over || result_value(b, container == EL_SPF, el, text, len);
    default:
        return false;
    }
}

/* ---- a record's normal form ---- */

static const char *normal_domain(struct builder *b, struct arena *a, const char *sent)
{
    bool odd = false;
    bool was_address = false;

    if (!sent || !*sent || domain_is_plain(sent))
        return sent;
    const char *domain = domain_of_address(a, sent, &was_address);
    if (was_address)
        build_note(b, "DOMAIN_IS_ADDRESS", sent);
    if (!*domain)
        return domain;
    domain = domain_normalise(a, domain, &odd);
    if (odd)
        build_note(b, "DOMAIN_ODD", sent);
    return domain;
}

static void finish_address(struct builder *b, struct aggregate_record *r)
{
    const char *sent = r->source_ip_sent;

    if (is_blank(sent)) {
        build_note(b, "IP_MISSING", NULL);
    } else if (!addr_parse(sent, &r->source_ip)) {
        bool found = addr_parse_lenient(sent, &r->source_ip);
        build_note(b, found ? "IP_DECORATED" : "IP_INVALID", sent);
    }
}

static void finish_verdicts(struct builder *b, const struct row *row, struct aggregate_record *r)
{
    r->dkim_sent = row->dkim;
    r->spf_sent = row->spf;
    r->disposition_sent = row->disposition;
    r->dkim = verdict_read(row->dkim);
    r->spf = verdict_read(row->spf);
    r->disposition = disposition_read(row->disposition);
    if (!row->evaluated) {
        build_note(b, "POLICY_EVALUATED_MISSING", NULL);
        return;
    }
    const char *const words[] = {row->dkim, row->spf};

    const enum verdict verdicts[] = {r->dkim, r->spf};

    for (size_t i = 0; i < 2; i++) {
        if (verdicts[i] == VERDICT_UNKNOWN)
            build_note(b, is_blank(words[i]) ? "VERDICT_MISSING" : "VERDICT_ODD", words[i]);
    }
    if (r->disposition == DISPOSITION_UNKNOWN) {
        build_note(b, is_blank(row->disposition) ? "DISPOSITION_MISSING" : "DISPOSITION_ODD",
            row->disposition);
    }
    b->seen_rfc9990 = b->seen_rfc9990 || r->disposition == DISPOSITION_PASS;
}

static void finish_reasons(struct builder *b, const struct row *row, struct aggregate_record *r)
{
    r->reasons = row->reasons;
    for (size_t i = 0; i < row->n_reasons; i++) {
        struct override_reason reason = row->reasons[i];
        if (!reason.type_sent && !reason.comment) {
            build_note(b, "REASON_ODD", NULL); /* Comcast: <reason/>; it says nothing */
            continue;
        }
        if (is_blank(reason.type_sent)) {
            build_note(b, "REASON_ODD", reason.comment);
        } else {
            reason.type = text_lower(b->record_arena, reason.type_sent);
        }
        b->seen_rfc9990 =
            b->seen_rfc9990 || (reason.type && strcmp(reason.type, "policy_test_mode") == 0);
        r->reasons[r->n_reasons++] = reason;
    }
}

static void finish_results(struct builder *b, struct auth_result *list, size_t n, bool spf)
{
    for (size_t i = 0; i < n; i++) {
        struct auth_result *r = &list[i];
        bool odd = false;
        bool alias = false;
        r->domain = normal_domain(b, b->record_arena, r->domain_sent);
        /* empty is not a selector: it is none, as when the element is not there */
        r->selector = is_blank(r->selector) ? NULL : r->selector;
        r->scope = is_blank(r->scope) ? NULL : r->scope;
        if (r->scope)
            r->scope = scope_read(b->record_arena, r->scope);
        if (!is_blank(r->result_sent))
            r->result = result_read(b->record_arena, r->result_sent, spf, &odd, &alias);
        if (odd)
            build_note(b, "AUTH_RESULT_ODD", r->result_sent);
        if (alias)
            build_note(b, "AUTH_RESULT_ALIAS", r->result_sent);
    }
}

static void finish_shared(struct builder *b)
{
    struct aggregate_record *r = &b->shared;

    if (!b->identifiers)
        build_note(b, "IDENTIFIERS_MISSING", NULL);
    if (!b->auth_results)
        build_note(b, "AUTH_RESULTS_MISSING", NULL);
    r->header_from = normal_domain(b, b->record_arena, r->header_from_sent);
    if (is_blank(r->header_from))
        r->header_from = NULL;
    r->envelope_from = normal_domain(b, b->record_arena, r->envelope_from_sent);
    r->envelope_to = normal_domain(b, b->record_arena, r->envelope_to_sent);
    finish_results(b, r->dkims, r->n_dkims, false);
    finish_results(b, r->spfs, r->n_spfs, true);
}

static void finish_row(struct builder *b, const struct row *row)
{
    bool capped = false;
    int64_t count;
    enum spelling how = count_read(row->count, &count, &capped);

    if (how == SPELLING_MISSING || how == SPELLING_UNUSABLE) {
        build_note(b, "RECORD_DROPPED", row->count);
        b->head.dropped++;
        return;
    }
    if (capped) {
        build_note(b, "COUNT_CAPPED", row->count);
    } else if (how == SPELLING_ODD) {
        build_note(b, "COUNT_ODD", row->count);
    }
    if (count == 0)
        build_note(b, "COUNT_ZERO", NULL);
    b->records = arena_grow(b->record_arena, b->records, &b->n_records, sizeof *b->records);
    struct aggregate_record *r = &b->records[b->n_records - 1];
    *r = b->shared;
    r->count = count;
    r->source_ip_sent = row->source_ip;
    finish_address(b, r);
    finish_verdicts(b, row, r);
    finish_reasons(b, row, r);
}

/* ---- the report's normal form ---- */

static void finish_policy_words(struct builder *b)
{
    struct policy *p = &b->head.policy;

    struct {
        const char *sent;
        const char **value;
        const char *const *words;
        const char *odd;
        const char *empty; /* NULL: nothing to remark */
        const char *missing;
    } list[] = {
        {p->p_sent, &p->p, policy_words, "P_ODD", "P_MISSING", "P_MISSING"},
        {p->sp_sent, &p->sp, policy_words, "SP_ODD", "SP_EMPTY", NULL},
        {p->np_sent, &p->np, policy_words, "NP_ODD", NULL, NULL},
        {p->adkim_sent, &p->adkim, alignment_words, "ALIGNMENT_ODD", NULL, NULL},
        {p->aspf_sent, &p->aspf, alignment_words, "ALIGNMENT_ODD", NULL, NULL},
        {p->testing_sent, &p->testing, testing_words, "TESTING_ODD", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        *list[i].value = word_read(list[i].sent, list[i].words);
        const char *code = !list[i].sent     ? list[i].missing
                           : !*list[i].sent  ? list[i].empty
                           : !*list[i].value ? list[i].odd
                                             : NULL;
        if (code)
            build_note(b, code, list[i].sent);
    }
    const char *method = word_read(p->discovery_method, discovery_words);
    p->discovery_method = method ? method : p->discovery_method;
}

static void finish_pct(struct builder *b)
{
    struct policy *p = &b->head.policy;
    char digits[4];
    size_t n = p->pct_sent ? strspn(p->pct_sent, "0123456789") : 0;
    int64_t value;

    if (is_blank(p->pct_sent))
        return;
    bool percent =
        n && n < sizeof digits && (p->pct_sent[n] == '\0' || strcmp(p->pct_sent + n, "%") == 0);
    if (percent) {
        memcpy(digits, p->pct_sent, n);
        digits[n] = '\0';
        if (text_int64(digits, &value) && value <= 100)
            p->pct = arena_printf(b->head_arena, "%" PRId64, value);
    }
    if (!p->pct || p->pct_sent[n])
        build_note(b, "PCT_ODD", p->pct_sent);
}

/* A missing policy domain is known all the same when every record has the same From domain. */
static int finish_domain(struct builder *b, struct err *e)
{
    struct policy *p = &b->head.policy;

    p->domain = normal_domain(b, b->head_arena, p->domain_sent);
    if (!is_blank(p->domain))
        return 0;
    if (!b->one_from || b->mixed_from || !(b->head.org_name || b->head.report_id_sent))
        return err_set(e, ERR_INPUT, "schema-missing", "no policy domain");
    p->domain = b->one_from;
    build_note(b, "POLICY_DOMAIN_MISSING", b->one_from);
    return 0;
}

static bool usable_time(int64_t t)
{
    return t >= oldest && t < newest;
}

static enum spelling read_time(struct builder *b, const char *sent, int64_t *out)
{
    bool scaled = false;
    enum spelling how = time_read(sent, out, &scaled);

    if (scaled) {
        build_note(b, "DATE_MILLISECONDS", sent);
    } else if (how == SPELLING_ODD) {
        build_note(b, "DATE_ODD", sent);
    }
    return how;
}

/* begin and end from the file name, else from the mail. */
static bool fallback_period(const struct builder *b, int64_t *begin, int64_t *end)
{
    if (b->hints && file_name_period(b->hints->file_name, begin, end) && usable_time(*begin) &&
        usable_time(*end))
        return true;
    if (b->hints && usable_time(b->hints->mail_date)) {
        *begin = *end = b->hints->mail_date;
        return true;
    }
    return false;
}

/* Not both are there and of our age: one of them that is stands for both. */
static void mend_period(struct builder *b, bool have_begin, bool have_end)
{
    struct aggregate_report *h = &b->head;
    bool of_age = (have_begin && usable_time(h->begin)) || (have_end && usable_time(h->end));

    have_begin = have_begin && (!of_age || usable_time(h->begin));
    have_end = have_end && (!of_age || usable_time(h->end));
    build_note(b, "DATE_ODD", have_begin ? h->begin_sent : h->end_sent);
    h->begin = have_begin ? h->begin : h->end;
    h->end = have_end ? h->end : h->begin;
}

static int finish_period(struct builder *b, struct err *e)
{
    struct aggregate_report *h = &b->head;
    enum spelling first = read_time(b, h->begin_sent, &h->begin);
    enum spelling second = read_time(b, h->end_sent, &h->end);
    bool have_begin = first == SPELLING_PLAIN || first == SPELLING_ODD;
    bool have_end = second == SPELLING_PLAIN || second == SPELLING_ODD;
    int64_t begin;
    int64_t end;

    bool good = have_begin && have_end && usable_time(h->begin) && usable_time(h->end);
    if (!good && fallback_period(b, &begin, &end)) {
        build_note(b, "DATE_MISSING", h->begin_sent);
        h->begin = have_begin && usable_time(h->begin) ? h->begin : begin;
        h->end = have_end && usable_time(h->end) ? h->end : end;
    } else if (!h->begin_sent && !h->end_sent) {
        return err_set(e, ERR_INPUT, "schema-missing", "no date range");
    } else if (!good && !have_begin && !have_end) {
        return err_set(e, ERR_INPUT, "value-range", "no date range that can be read");
    } else if (!good) {
        mend_period(b, have_begin, have_end);
    }
    if (h->begin > h->end) {
        int64_t swap = h->begin;
        h->begin = h->end;
        h->end = swap;
        build_note(b, "DATE_SWAPPED", NULL);
    }
    if (h->end - h->begin > DAY)
        build_note(b, "WINDOW_OVER_24H", NULL);
    return 0;
}

/* FNV-1a, for nothing but a name: the same contents get the same made-up id. */
static uint64_t fold(uint64_t hash, const char *s)
{
    for (; s && *s; s++)
        hash = (hash ^ (unsigned char)*s) * UINT64_C(1099511628211);
    return (hash ^ 0xFF) * UINT64_C(1099511628211);
}

static const char *made_up_id(struct builder *b)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    hash = fold(hash, b->head.org_name);
    hash = fold(hash, b->head.email);
    for (size_t i = 0; i < b->n_records; i++) {
        hash = fold(hash, b->records[i].source_ip_sent);
        hash = fold(hash, b->records[i].header_from);
        hash = (hash ^ (uint64_t)b->records[i].count) * UINT64_C(1099511628211);
    }
    return arena_printf(b->head_arena, "made-of-contents-%016" PRIx64, hash);
}

static void finish_report_id(struct builder *b)
{
    struct aggregate_report *h = &b->head;
    const char *id = h->report_id_sent;

    if (!id || !*id) {
        build_note(b, "REPORT_ID_MISSING", NULL);
        h->report_id = made_up_id(b);
        return;
    }
    h->report_id = report_id_read(b->head_arena, id);
}

static void finish_dialect(struct builder *b)
{
    const char *uri = b->head.xml_namespace;
    bool of_9990 = uri && strcmp(uri, "urn:ietf:params:xml:ns:dmarc-2.0") == 0;

    if (b->seen_rfc9990 || of_9990) {
        b->head.dialect = DIALECT_RFC9990;
    } else if (b->seen_rfc7489) {
        b->head.dialect = DIALECT_RFC7489;
    }
    if (uri && !of_9990 && strcmp(uri, "http://dmarc.org/dmarc-xml/0.1") != 0)
        build_note(b, "XML_NAMESPACE_ODD", uri);
}

static int finish_head(struct builder *b, struct err *e)
{
    struct aggregate_report *h = &b->head;
    int r = finish_domain(b, e);

    if (r == 0)
        r = finish_period(b, e);
    if (r < 0)
        return r;
    finish_policy_words(b);
    finish_pct(b);
    finish_report_id(b);
    finish_dialect(b);
    if (is_blank(h->org_name))
        build_note(b, "ORG_NAME_MISSING", NULL);
    if (is_blank(h->email))
        build_note(b, "EMAIL_MISSING", NULL);
    const struct report_hints *hints = b->hints;
    h->reporter = reporter_key(b->head_arena, h->email, hints ? hints->file_name : NULL,
        hints ? hints->mail_from : NULL, h->org_name);
    return 0;
}

void build_resume(struct builder *b)
{
    struct err e;

    if (!b->begun) {
        build_start(b, b->sink, b->hints);
        return;
    }
    int64_t delivered = b->head.records;
    build_again(b);
    b->resumed = delivered;
    (void)finish_head(b, &e); /* what is to be remarked about it; it went well before */
}

/* ---- delivery ---- */

static int deliver_record(struct builder *b, struct aggregate_record *r, struct err *e)
{
    const struct sink_ops *ops = b->sink->ops;

    if (!r->header_from) {
        build_note(b, "HEADER_FROM_MISSING", NULL);
        r->header_from = b->head.policy.domain;
    } else if (!domain_is_within(r->header_from, b->head.policy.domain)) {
        build_note(b, "HEADER_FROM_FOREIGN", r->header_from);
    }
    b->head.records++;
    b->head.messages += r->count; /* both at most COUNT_MAX */
    if (b->head.messages > COUNT_MAX)
        b->head.messages = COUNT_MAX;
    if (b->skipped || b->head.records <= b->resumed || !ops->aggregate_record)
        return 0;
    return ops->aggregate_record(b->sink, r, e);
}

static int deliver(struct builder *b, struct err *e)
{
    const struct sink_ops *ops = b->sink->ops;
    int r = 0;

    if (!b->begun) {
        r = finish_head(b, e);
        if (r < 0)
            return r;
        b->begun = true;
        r = ops->aggregate_begin ? ops->aggregate_begin(b->sink, &b->head, e) : FLOW_GO_ON;
        if (r < 0)
            return r;
        b->skipped = r == FLOW_SKIP;
    }
    for (size_t i = 0; i < b->n_records; i++) {
        r = deliver_record(b, &b->records[i], e);
        if (r < 0)
            return r;
    }
    forget_records(b);
    return 0;
}

/* Is everything there that an identity is made of? */
static bool head_is_complete(const struct builder *b)
{
    const struct aggregate_report *h = &b->head;

    return b->head_known || (!is_blank(h->policy.domain_sent) && !is_blank(h->report_id_sent) &&
                                h->begin_sent && h->end_sent && h->email);
}

/* Which From domain the records agree on, as long as no policy domain was seen. */
static void remember_from(struct builder *b)
{
    const char *from = b->shared.header_from;

    if (!b->one_from && from)
        b->one_from = arena_strdup(b->head_arena, from);
    b->mixed_from = b->mixed_from || !from || strcmp(b->one_from, from) != 0;
}

int build_record_end(struct builder *b, struct err *e)
{
    if (b->n_rows == 0)
        build_row_begin(b); /* <record/>: dropped below, since it counts nothing */
    if (++b->seen_records > b->limits->records) {
        return err_set(
            e, ERR_INPUT, "limit-records", "more than %" PRId64 " records", b->limits->records);
    }
    if (b->row_over) {
        return err_set(
            e, ERR_INPUT, "limit-records", "more than %d rows in one record", LIMIT_ROWS);
    }
    finish_shared(b);
    for (size_t i = 0; i < b->n_rows; i++)
        finish_row(b, &b->rows[i]);
    b->in_record = false;
    if (is_blank(b->head.policy.domain_sent))
        remember_from(b);
    if (b->scanning) {
        forget_records(b);
        return 0;
    }
    if (arena_used(b->record_arena) < ROOM)
        return 0;
    if (head_is_complete(b))
        return deliver(b, e);
    /* The head comes after the records (Mail.ru, and whoever likes it so): read on for it, then
     * have all of it once more. */
    b->scanning = true;
    forget_records(b);
    return 0;
}

int build_finish(struct builder *b, bool complete, struct err *e)
{
    if (b->scanning)
        return AGGREGATE_AGAIN;
    if (!complete) {
        if (!b->begun && b->n_records == 0) {
            return err_set(
                e, ERR_INPUT, "truncated", "it breaks off before its first complete record");
        }
        build_note(b, "TRUNCATED", NULL);
    } else if (b->hints && b->hints->truncated_payload) {
        build_note(b, "CONTAINER_BROKEN", NULL);
    }
    if (b->seen_records == 0)
        build_note(b, "NO_RECORDS", NULL);
    int r = deliver(b, e);
    if (r < 0)
        return r;
    return b->sink->ops->aggregate_end && !b->skipped
               ? b->sink->ops->aggregate_end(b->sink, &b->head, e)
               : 0;
}
