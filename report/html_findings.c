/*
 * The findings in the HTML report.
 */
#include "base/arena.h"
#include "report/render_html.h"
#include "report/sections.h"

#include <string.h>

#define FILL(id, ...) PHRASE_FILL(t->arena, t->words, id, __VA_ARGS__)

/* What was said about an earlier entry is not said again. */
struct said {
    const char *reasons[SECTION_ENTRIES];
    const char *remedies[SECTION_ENTRIES];
    size_t numbers[SECTION_ENTRIES];
    size_t n;
};

static const char *anchor_of(const struct tell *t, size_t number)
{
    return arena_printf(t->arena, "f%zu", number);
}

static void put_reference(struct html *h, const struct tell *t, size_t number)
{
    html_open(h, "p", NULL);
    html_open(h, "a", "href", arena_printf(t->arena, "#%s", anchor_of(t, number)), NULL);
    html_text(h, FILL(SEE_ABOVE, tell_number(t, (int64_t)number)));
    html_close(h);
    html_close(h);
}

static void put_explanation(
    struct html *h, const struct tell *t, const struct finding *f, size_t number, struct said *said)
{
    const char *reason = tell_reason(t, f);
    const char *remedy = tell_remedy(t, f);

    for (size_t i = 0; i < said->n; i++) {
        if (strcmp(said->reasons[i], reason) == 0 && strcmp(said->remedies[i], remedy) == 0) {
            put_reference(h, t, said->numbers[i]);
            return;
        }
    }
    said->reasons[said->n] = reason;
    said->remedies[said->n] = remedy;
    said->numbers[said->n++] = number;
    html_open(h, "dl", NULL);
    html_element(h, "dt", NULL, phrase(t->words, PHRASE_NEXT));
    html_element(h, "dd", NULL, remedy);
    html_element(h, "dt", NULL, phrase(t->words, PHRASE_WHY));
    html_element(h, "dd", NULL, reason);
    html_close(h);
}

static void put_finding(
    struct html *h, const struct tell *t, const struct finding *f, size_t number, struct said *said)
{
    const char *reading = tell_reading(t, f);

    html_open(h, "article", "class", "finding", "id", anchor_of(t, number), NULL);
    html_open(h, "h3", NULL);
    html_text(h, arena_printf(t->arena, "%zu. %s", number, tell_who(t, f)));
    html_element(h, "span", "code", cause_name(f->cause));
    html_close(h);
    html_element(h, "p", NULL, tell_outcome(t, f));
    put_explanation(h, t, f, number, said);
    html_element(h, "p", "seen", tell_seen(t, f));
    if (*reading)
        html_element(h, "p", "seen", reading);
    html_close(h);
}

static void open_section(struct html *h, const struct tell *t, const struct section *s)
{
    html_open(h, "section", "id", s->name, NULL);
    html_element(h, "h2", NULL, phrase(t->words, s->heading));
    if (s->note != PHRASE_COUNT)
        html_element(h, "p", "note", phrase(t->words, s->note));
    if (s->brief)
        html_open(h, "ul", "class", "brief", NULL);
}

static void close_section(
    struct html *h, const struct tell *t, const struct section *s, size_t n, int64_t rest)
{
    if (s->brief)
        html_close(h);
    if (n > SECTION_ENTRIES) {
        html_element(h, "p", "note",
            FILL(SECTION_MORE, tell_number(t, (int64_t)(n - SECTION_ENTRIES)),
                tell_messages(t, rest)));
    }
    html_close(h);
}

/* Numbers go through all sections; returns the next one. */
static size_t put_section(
    struct html *h, const struct tell *t, const struct section *s, size_t number)
{
    struct said said = {.n = 0};
    size_t n = 0;
    int64_t rest = 0;

    for (size_t i = 0; i < t->report->n_findings; i++) {
        const struct finding *f = &t->report->findings[i];
        if (!s->holds(f))
            continue;
        if (n++ == 0)
            open_section(h, t, s);
        if (n > SECTION_ENTRIES) {
            report_add(&rest, f->messages);
        } else if (s->brief) {
            html_element(h, "li", NULL, tell_brief(t, f));
        } else {
            put_finding(h, t, f, number++, &said);
        }
    }
    if (n)
        close_section(h, t, s, n, rest);
    return number;
}

void html_findings(struct html *h, const struct tell *t)
{
    size_t number = 1;

    for (size_t i = 0; i < SECTION_COUNT; i++)
        number = put_section(h, t, &sections[i], number);
}
