/*
 * A simulation written down: the verdict, what would be hit of which mail, and by which finding.
 */
#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"
#include "base/when.h"
#include "report/simulate.h"
#include "report/text_lines.h"

#include <inttypes.h>

enum {
    TOP_FINDINGS = 20
};

static const char *add_tag(struct arena *a, const char *list, const char *tag, const char *value)
{
    return value ? arena_printf(a, "%s%s%s=%s", list, *list ? ", " : "", tag, value) : list;
}

static const char *change_words(struct arena *a, const struct change *c)
{
    const char *list = "";

    list = add_tag(a, list, "p", c->p);
    list = add_tag(a, list, "sp", c->sp);
    list = add_tag(a, list, "np", c->np);
    list = add_tag(a, list, "adkim", c->adkim);
    list = add_tag(a, list, "aspf", c->aspf);
    if (c->without_dkim)
        list = arena_printf(a, "%s%swithout DKIM", list, *list ? ", " : "");
    if (c->without_spf)
        list = arena_printf(a, "%s%swithout SPF", list, *list ? ", " : "");
    return *list ? list : "nothing: the policies as reported";
}

static int64_t sum(const int64_t *n)
{
    int64_t all = 0;

    for (unsigned i = 0; i < INTENT_COUNT; i++)
        report_add(&all, n[i]);
    return all;
}

static int64_t hit_of(const struct simulation *s, unsigned i)
{
    int64_t n = s->quarantined[i];

    report_add(&n, s->rejected[i]);
    return n;
}

static void put_row(FILE *out, const char *name, const int64_t n[5])
{
    char number[NUMBER_MAX];

    (void)fprintf(out, "  %-11s", name);
    for (unsigned i = 0; i < 5; i++)
        (void)fprintf(out, " %12s", number_grouped(n[i], number));
    (void)fputc('\n', out);
}

static void put_table(const struct simulation *s, FILE *out)
{
    (void)fprintf(out, "\n  %-11s %12s %12s %12s %12s %12s\n", "", "messages", "hit today",
        "hit then", "quarantined", "rejected");
    for (unsigned i = 0; i < INTENT_COUNT; i++) {
        const int64_t n[5] = {
            s->by_intent[i], s->hit_today[i], hit_of(s, i), s->quarantined[i], s->rejected[i]};
        put_row(out, intent_name((enum intent)i), n);
    }
    int64_t hit = sum(s->quarantined);
    report_add(&hit, sum(s->rejected));
    const int64_t n[5] = {
        s->messages, sum(s->hit_today), hit, sum(s->quarantined), sum(s->rejected)};
    put_row(out, "all", n);
}

static void put_findings(const struct simulation *s, struct arena *a, FILE *out)
{
    char n[NUMBER_MAX];

    if (s->n_findings)
        (void)fputs("\nWhat would be hit\n", out);
    for (size_t i = 0; i < s->n_findings && i < TOP_FINDINGS; i++) {
        const struct finding *f = &s->findings[i];
        line_wrapped(out, "  - ",
            arena_printf(a, "%s (%s, %s): %s %s. %s", finding_title(a, f),
                class_name(causes[f->cause].class), cause_name(f->cause),
                number_grouped(f->messages, n), number_plural(f->messages, "message", "messages"),
                words_reason(a, f->cause, &f->evidence)));
    }
    if (s->n_findings > TOP_FINDINGS)
        (void)fprintf(out, "  and %zu more.\n", s->n_findings - TOP_FINDINGS);
}

void render_simulation_text(const struct simulation *s, FILE *out)
{
    struct arena *a = arena_new();
    char from[WHEN_TEXT_MAX];
    char to[WHEN_TEXT_MAX];
    const char *of = s->domain ? s->domain : s->client;

    when_format_day(s->from, from);
    when_format_day(s->to, to);
    (void)fprintf(
        out, "Simulation for %s, %s to %s (UTC)\n", of ? text_safe(a, of, 255) : "all", from, to);
    (void)fprintf(out, "Changed: %s\n\n", change_words(a, &s->change));
    if (s->messages == 0) {
        line_wrapped(out, "", "No messages were reported for this period.");
    } else {
        line_wrapped(out, "", simulation_verdict(a, s));
        put_table(s, out);
        if (s->change.np && s->nonexistent == 0) {
            (void)fputc('\n', out);
            line_wrapped(out, "  ",
                "np changes nothing here: of no From domain it is known that it does not exist.");
        }
        put_findings(s, a, out);
    }
    arena_free(a);
}

static void write_intents(struct json *j, const char *key, const int64_t *n)
{
    json_key(j, key);
    json_object(j);
    for (unsigned i = 0; i < INTENT_COUNT; i++)
        json_member_int(j, intent_name((enum intent)i), n[i]);
    json_end(j);
}

static void write_change(struct json *j, const struct change *c)
{
    json_key(j, "change");
    json_object(j);
    json_member_string(j, "p", c->p);
    json_member_string(j, "sp", c->sp);
    json_member_string(j, "np", c->np);
    json_member_string(j, "adkim", c->adkim);
    json_member_string(j, "aspf", c->aspf);
    json_member_bool(j, "without_dkim", c->without_dkim);
    json_member_bool(j, "without_spf", c->without_spf);
    json_end(j);
}

static void write_finding(struct json *j, const struct finding *f, struct arena *a)
{
    json_object(j);
    json_member_string(j, "domain", f->domain);
    json_member_string(j, "cause", cause_name(f->cause));
    json_member_string(j, "class", class_name(causes[f->cause].class));
    json_member_string(j, "intent", intent_name(intent_of(causes[f->cause].class)));
    json_member_string(j, "title", finding_title(a, f));
    json_member_string(j, "identity", words_identity(a, &f->evidence));
    json_member_int(j, "messages", f->messages);
    json_member_string(j, "reason", words_reason(a, f->cause, &f->evidence));
    json_member_string(j, "remedy", words_remedy(a, f->cause, &f->evidence));
    json_end(j);
}

static void write_readiness(struct json *j, const struct simulation *s, struct arena *a)
{
    const struct readiness *r = &s->readiness;

    json_key(j, "readiness");
    json_object(j);
    json_member_int(j, "failing", readiness_failing(r));
    json_member_int(j, "legitimate", readiness_legitimate(r));
    json_member_int(j, "days", readiness_days(r));
    json_member_int(j, "reporters", r->reporters);
    json_member_bool(j, "ready", readiness_ready(r));
    json_member_string(j, "verdict", simulation_verdict(a, s));
    json_end(j);
}

void render_simulation_json(const struct simulation *s, FILE *out)
{
    struct arena *a = arena_new();
    char from[WHEN_TEXT_MAX];
    char to[WHEN_TEXT_MAX];
    struct json j;

    when_format_day(s->from, from);
    when_format_day(s->to, to);
    json_init(&j, out, true);
    json_object(&j);
    json_member_string(&j, "client", s->client);
    json_member_string(&j, "domain", s->domain);
    json_member_string(&j, "from", from);
    json_member_string(&j, "to", to);
    write_change(&j, &s->change);
    json_member_int(&j, "messages", s->messages);
    json_member_int(&j, "nonexistent", s->nonexistent);
    write_intents(&j, "by_intent", s->by_intent);
    write_intents(&j, "hit_today", s->hit_today);
    write_intents(&j, "quarantined", s->quarantined);
    write_intents(&j, "rejected", s->rejected);
    write_readiness(&j, s, a);
    json_key(&j, "findings");
    json_array(&j);
    for (size_t i = 0; i < s->n_findings; i++) {
        arena_reset(a);
        write_finding(&j, &s->findings[i], a);
    }
    json_end(&j);
    json_end(&j);
    arena_free(a);
}
