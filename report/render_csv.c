/*
 * One row for each source, for a spreadsheet: cells that would be formulas there are defused.
 */
#include "base/arena.h"
#include "base/csv.h"
#include "base/when.h"
#include "report/render.h"

#include <inttypes.h>
#include <string.h>

static const char *const columns[] = {"domain", "source_ip", "messages", "dmarc_pass",
    "spf_aligned", "dkim_aligned", "disposition", "identity", "cause", "class", "remedy",
    "reporters", "dmarc_fail", "causes", "first", "last"};

/* "reject" when it was the same for all, else "none=12 reject=3". */
static const char *action_words(struct arena *a, const struct report_share *s)
{
    const struct {
        const char *name;
        int64_t n;
    } actions[] = {
        {"none", s->actions.none},
        {"quarantine", s->actions.quarantine},
        {"reject", s->actions.reject},
        {"other", s->actions.other},
    };

    const char *words = "";

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (actions[i].n == 0)
            continue;
        if (actions[i].n == s->messages)
            return actions[i].name;
        words = arena_printf(
            a, "%s%s%s=%" PRId64, words, *words ? " " : "", actions[i].name, actions[i].n);
    }
    return words;
}

/* "F24=7 P1=3": all causes of a source. */
static const char *cause_words(struct arena *a, const struct report_source *s)
{
    const char *words = "";

    for (size_t i = 0; i < s->n_shares; i++) {
        words = arena_printf(a, "%s%s%s=%" PRId64, words, *words ? " " : "",
            cause_name(s->shares[i].cause), s->shares[i].messages);
    }
    return words;
}

static void put_day(struct csv *c, int64_t seconds)
{
    char text[WHEN_TEXT_MAX];

    when_format_day(when_day(seconds), text);
    csv_text(c, text);
}

void render_csv(const struct client_report *r, FILE *out)
{
    struct arena *a = arena_new();
    struct csv c;

    csv_init(&c, out, true);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        csv_text(&c, columns[i]);
    csv_end_row(&c);
    for (size_t i = 0; i < r->n_sources; i++) {
        const struct report_source *s = &r->sources[i];
        const struct report_share *all = &s->all;
        char ip[ADDR_TEXT_MAX];
        arena_reset(a);
        addr_format(&s->ip, ip);
        csv_text(&c, s->domain);
        csv_text(&c, ip);
        csv_int(&c, all->messages);
        csv_int(&c, all->dmarc_pass);
        csv_int(&c, all->spf_aligned);
        csv_int(&c, all->dkim_aligned);
        csv_text(&c, action_words(a, all));
        csv_text(&c, words_identity(a, &all->evidence));
        csv_text(&c, cause_name(all->cause));
        csv_text(&c, class_name(causes[all->cause].class));
        struct evidence why = s->shares[s->main].evidence;
        why.phrases = r->look.phrases;
        csv_text(&c, words_remedy(a, all->cause, &why));
        csv_int(&c, s->reporters);
        csv_int(&c, report_source_failed(s));
        csv_text(&c, cause_words(a, s));
        put_day(&c, all->first);
        put_day(&c, all->last);
        csv_end_row(&c);
    }
    arena_free(a);
}
