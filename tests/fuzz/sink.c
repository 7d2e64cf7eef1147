#include "base/text.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* The promises of parse/model.h that hold for every string: clean UTF-8, no NUL inside (it would
 * end earlier), readable to its end. */
static void look(const char *s)
{
    if (s && !text_is_utf8(s, strlen(s)))
        abort();
}

static void look_at_results(const struct auth_result *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        look(list[i].domain);
        look(list[i].selector);
        look(list[i].scope);
        look(list[i].result);
        look(list[i].human_result);
    }
}

static int begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    (void)s;
    (void)e;
    look(r->org_name);
    look(r->email);
    look(r->report_id);
    look(r->policy.domain);
    look(r->extension);
    if (!r->reporter || !r->policy.domain || !r->report_id || r->begin > r->end)
        abort();
    return 0;
}

static int record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    (void)s;
    (void)e;
    look(r->header_from);
    look(r->envelope_from);
    look(r->envelope_to);
    look(r->source_ip_sent);
    look_at_results(r->dkims, r->n_dkims);
    look_at_results(r->spfs, r->n_spfs);
    if (r->count < 0 || r->count > (INT64_C(1) << 53))
        abort();
    /* fails safe: only the very word is a pass */
    if (r->dkim == VERDICT_PASS && !text_equal_nocase(r->dkim_sent, "pass"))
        abort();
    if (r->spf == VERDICT_PASS && !text_equal_nocase(r->spf_sent, "pass"))
        abort();
    if (r->disposition == DISPOSITION_REJECT && !text_equal_nocase(r->disposition_sent, "reject"))
        abort();
    return 0;
}

static int end(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    (void)s;
    (void)e;
    if (r->records < 0 || r->messages < 0)
        abort();
    for (size_t i = 0; i < r->notes.n; i++)
        look(r->notes.items[i].detail);
    return 0;
}

static int failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    (void)s;
    (void)e;
    look(r->feedback_type);
    look(r->reported_domain);
    look(r->authentication_results);
    for (size_t i = 0; i < r->n_fields; i++)
        look(r->fields[i].value);
    for (size_t i = 0; i < r->n_sample_headers; i++)
        look(r->sample_headers[i].value);
    return 0;
}

static int tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    (void)s;
    (void)e;
    look(r->organization_name);
    look(r->report_id);
    for (size_t i = 0; i < r->n_policies; i++) {
        const struct tls_policy *p = &r->policies[i];
        look(p->domain);
        if (p->successful < 0 || p->failed < 0)
            abort();
        for (size_t k = 0; k < p->n_failures; k++)
            look(p->failures[k].result_type);
    }
    return 0;
}

static const struct sink_ops ops = {
    .aggregate_begin = begin,
    .aggregate_record = record,
    .aggregate_end = end,
    .failure = failure,
    .tls = tls,
};

struct sink fuzz_sink = {&ops};
