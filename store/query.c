#include "base/arena.h"
#include "base/text.h"
#include "store/decode.h"
#include "store/notes.h"
#include "store/sql.h"
#include "store/store.h"

#include <string.h>

/* ---- one client, or all of them one after another ---- */

/*
 * Every query names one client: that is the first column of every index, and of a distributed table
 * it is one node. All clients are therefore as many queries.
 */
struct client_list {
    struct arena *memory;
    int64_t *ids;
    size_t n;
};

static int add_client(void *context, struct store *s, struct db_stmt *stmt)
{
    struct client_list *l = context;

    l->ids = arena_grow(l->memory, l->ids, &l->n, sizeof *l->ids);
    l->ids[l->n - 1] = store_int(s, stmt, 0);
    return 0;
}

static int find_clients(
    struct store *s, const struct store_period *p, struct client_list *l, struct err *e)
{
    if (!p->client)
        return store_query(s, &(struct query){sql_client_ids, NULL, 0, add_client, l}, e);
    l->ids = arena_alloc(l->memory, sizeof *l->ids);
    l->n = 1;
    return store_client_find(s, p->client, &l->ids[0], e);
}

struct reading {
    const char *sql; /* $1 client, $2 and $3 days, $4 domain or NULL, and perhaps $5 */
    size_t n_values;
    int (*take)(void *context, struct store *s, struct db_stmt *stmt);
    void *context;
};

static int read_period(
    struct store *s, const struct store_period *p, const struct reading *r, struct err *e)
{
    struct client_list l = {.memory = arena_new()};
    bool odd = false;
    const char *domain =
        p->domain ? store_key_text(l.memory, domain_normalise(l.memory, p->domain, &odd)) : NULL;
    int got = find_clients(s, p, &l, e);

    for (size_t k = 0; k < l.n && got == 0; k++) {
        struct db_value values[] = {db_int(l.ids[k]), db_int(p->from), db_int(p->to),
            db_text(domain), db_int(s->policy.exclude_untrusted)};
        got = store_query(s, &(struct query){r->sql, values, r->n_values, r->take, r->context}, e);
    }
    arena_free(l.memory);
    return got;
}

/* ---- reports ---- */

struct report_reader {
    int (*row)(void *context, const struct store_report_row *r);
    void *context;
    struct arena *memory; /* of one row */
};

static int take_report(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct report_reader *reader = context;
    const char *state = store_text(s, stmt, 16);
    arena_reset(reader->memory);
    bool partial = state && strcmp(state, "partial") == 0;
    struct store_report_row r = {
        .id = store_int(s, stmt, 0),
        .client = store_text(s, stmt, 1),
        .domain = store_text(s, stmt, 2),
        .reporter = store_text(s, stmt, 3),
        .org_name = store_text(s, stmt, 4),
        .report_id = store_text(s, stmt, 5),
        .begin = store_int(s, stmt, 6),
        .end = store_int(s, stmt, 7),
        .p = store_text(s, stmt, 8),
        .sp = store_text(s, stmt, 9),
        .adkim = store_text(s, stmt, 10),
        .aspf = store_text(s, stmt, 11),
        .records = store_int(s, stmt, 12),
        .messages = store_int(s, stmt, 13),
        .grade = store_text(s, stmt, 14),
        .notes = notes_codes(reader->memory, store_text(s, stmt, 15)),
        .trust = trust_parse(store_text(s, stmt, 17)),
        .partial = partial,
    };
    const char *testing = store_text(s, stmt, 18);

    r.testing = testing && strcmp(testing, "y") == 0;
    r.counts = !partial && !(s->policy.exclude_untrusted && r.trust == TRUST_DOUBTFUL);

    return reader->row(reader->context, &r);
}

int store_reports(struct store *s, const struct store_period *p, bool with_partial,
    int (*row)(void *context, const struct store_report_row *r), void *context, struct err *e)
{
    struct report_reader reader = {row, context, arena_new()};
    const struct reading r = {
        .n_values = 4,
        .sql = with_partial ? sql_reports_with_partial : sql_reports,
        .take = take_report,
        .context = &reader,
    };
    int got = read_period(s, p, &r, e);

    arena_free(reader.memory);
    return got;
}

/* ---- sources ---- */

struct source_reader {
    int (*row)(void *context, const struct store_source_row *r);
    void *context;
};

static int take_source(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct source_reader *reader = context;
    struct store_source_row r = {
        .client = store_text(s, stmt, 0),
        .domain = store_text(s, stmt, 1),
        .source_ip = decode_addr(s->c.driver->column(stmt, 2)),
        .disposition = decode_disposition(store_text(s, stmt, 3)),
        .dkim = decode_verdict(store_text(s, stmt, 4)),
        .spf = decode_verdict(store_text(s, stmt, 5)),
        .header_from = store_text(s, stmt, 6),
        .envelope_from = store_text(s, stmt, 7),
        .auth = store_text(s, stmt, 8),
        .reasons = store_text(s, stmt, 9),
        .reporter = store_text(s, stmt, 10),
        .p = store_text(s, stmt, 11),
        .sp = store_text(s, stmt, 12),
        .adkim = store_text(s, stmt, 13),
        .aspf = store_text(s, stmt, 14),
        .discovery_method = store_text(s, stmt, 15),
        .records = store_int(s, stmt, 16),
        .messages = store_sum(store_int(s, stmt, 17), store_int(s, stmt, 18)),
        .first = store_int(s, stmt, 19),
        .last = store_int(s, stmt, 20),
    };

    return reader->row(reader->context, &r);
}

int store_sources(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_source_row *r), void *context, struct err *e)
{
    struct source_reader reader = {row, context};
    const struct reading r = {
        .sql = sql_sources,
        .n_values = 5,
        .take = take_source,
        .context = &reader,
    };

    return read_period(s, p, &r, e);
}

/* ---- days ---- */

struct day_reader {
    int (*row)(void *context, const struct store_day_row *r);
    void *context;
};

static int take_day(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct day_reader *reader = context;
    const struct store_day_row r = {
        .day = store_int(s, stmt, 0),
        .passed = store_sum(store_int(s, stmt, 1), store_int(s, stmt, 2)),
        .messages = store_sum(store_int(s, stmt, 3), store_int(s, stmt, 4)),
    };

    return reader->row(reader->context, &r);
}

int store_days(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_day_row *r), void *context, struct err *e)
{
    struct day_reader reader = {row, context};
    const struct reading r = {.sql = sql_days, .n_values = 5, .take = take_day, .context = &reader};

    return read_period(s, p, &r, e);
}

/* ---- failure reports ---- */

struct failure_reader {
    int (*row)(void *context, const struct store_failure_row *r);
    void *context;
    struct arena *memory; /* of one row */
};

static int take_failure(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct failure_reader *reader = context;
    struct db_value arrival = s->c.driver->column(stmt, 4);

    arena_reset(reader->memory);
    const struct store_failure_row r = {
        .id = store_int(s, stmt, 0),
        .client = store_text(s, stmt, 1),
        .domain = store_text(s, stmt, 2),
        .reporter = store_text(s, stmt, 3),
        .arrival = arrival.type == DB_INT ? arrival.n : -1,
        .source_ip = decode_addr(s->c.driver->column(stmt, 5)),
        .feedback_type = store_text(s, stmt, 6),
        .auth_failure = store_text(s, stmt, 7),
        .delivery_result = store_text(s, stmt, 8),
        .original_mail_from = store_text(s, stmt, 9),
        .dkim_domain = store_text(s, stmt, 10),
        .dkim_selector = store_text(s, stmt, 11),
        .incidents = store_int(s, stmt, 12),
        .grade = store_text(s, stmt, 13),
        .notes = notes_codes(reader->memory, store_text(s, stmt, 14)),
    };
    return reader->row(reader->context, &r);
}

int store_failures(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_failure_row *r), void *context, struct err *e)
{
    struct failure_reader reader = {row, context, arena_new()};
    const struct reading r = {
        .sql = sql_failures,
        .n_values = 4,
        .take = take_failure,
        .context = &reader,
    };
    int got = read_period(s, p, &r, e);

    arena_free(reader.memory);
    return got;
}

/* ---- TLS reports ---- */

struct tls_reader {
    int (*row)(void *context, const struct store_tls_row *r);
    void *context;
    struct arena *memory; /* of one row */
};

static int take_tls(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct tls_reader *reader = context;

    arena_reset(reader->memory);
    struct store_tls_row r = {
        .id = store_int(s, stmt, 0),
        .client = store_text(s, stmt, 1),
        .domain = store_text(s, stmt, 2),
        .reporter = store_text(s, stmt, 3),
        .organization_name = store_text(s, stmt, 4),
        .report_id = store_text(s, stmt, 5),
        .begin = store_int(s, stmt, 6),
        .end = store_int(s, stmt, 7),
        .payload = store_int(s, stmt, 8),
        .policy_type = store_text(s, stmt, 9),
        .successful = store_int(s, stmt, 10),
        .failed = store_int(s, stmt, 11),
        .grade = store_text(s, stmt, 12),
        .notes = notes_codes(reader->memory, store_text(s, stmt, 13)),
        .trust = trust_parse(store_text(s, stmt, 14)),
        .result_type = store_text(s, stmt, 15),
        .sessions = store_sum(store_int(s, stmt, 16), store_int(s, stmt, 17)),
    };
    r.counts = decode_grade(r.grade) < GRADE_PARTIAL &&
               !(s->policy.exclude_untrusted && r.trust == TRUST_DOUBTFUL);
    return reader->row(reader->context, &r);
}

int store_tls(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_tls_row *r), void *context, struct err *e)
{
    struct tls_reader reader = {row, context, arena_new()};
    const struct reading r = {
        .sql = sql_tls,
        .n_values = 4,
        .take = take_tls,
        .context = &reader,
    };
    int got = read_period(s, p, &r, e);

    arena_free(reader.memory);
    return got;
}

/* ---- deliveries ---- */

struct delivery_reader {
    int (*row)(void *context, const struct store_delivery *d);
    void *context;
};

static int take_delivery(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct delivery_reader *reader = context;
    const char *state = store_text(s, stmt, 4);
    struct db_value sent = s->c.driver->column(stmt, 9);
    const struct store_delivery d = {
        .client = store_text(s, stmt, 0),
        .from = store_int(s, stmt, 1),
        .to = store_int(s, stmt, 2),
        .recipient = store_text(s, stmt, 3),
        .state = store_delivery_state(state ? state : ""),
        .edition = store_int(s, stmt, 5),
        .attempts = store_int(s, stmt, 6),
        .message_id = store_text(s, stmt, 7),
        .changed_at = store_int(s, stmt, 8),
        .sent_at = sent.type == DB_INT ? sent.n : -1,
        .reason = store_text(s, stmt, 10),
    };

    return reader->row(reader->context, &d);
}

int store_deliveries(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_delivery *d), void *context, struct err *e)
{
    struct delivery_reader reader = {row, context};
    const struct reading r = {
        .sql = sql_deliveries,
        .n_values = 3,
        .take = take_delivery,
        .context = &reader,
    };

    return read_period(s, p, &r, e);
}
