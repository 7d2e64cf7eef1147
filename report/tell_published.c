/* What `check` has seen change, in sentences. */
#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "report/tell.h"

#include <string.h>

enum {
    CHANGES_SHOWN = 20,
    TEXT_MAX = 300
};

static const struct {
    const char *rank;
    enum phrase_id phrase;
} ranks[] = {
    {"weaker", PHRASE_PUBLISHED_WEAKER},
    {"changed", PHRASE_PUBLISHED_CHANGED},
    {"stronger", PHRASE_PUBLISHED_STRONGER},
    {"new", PHRASE_PUBLISHED_NEW},
};

static const char *record_of(const struct tell *t, const struct publishing *p)
{
    if (strcmp(p->kind, "finding") == 0)
        return text_safe(t->arena, p->name, TEXT_MAX);
    return arena_printf(t->arena, "%s %s", text_safe(t->arena, p->kind, TEXT_MAX),
        text_safe(t->arena, p->name, TEXT_MAX));
}

static const char *sentence(const struct tell *t, const struct publishing *p)
{
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        if (strcmp(ranks[i].rank, p->rank) != 0)
            continue;
        const char *values[] = {text_safe(t->arena, p->domain, TEXT_MAX),
            tell_day(t, when_day(p->at)), record_of(t, p),
            text_safe(t->arena, p->message, TEXT_MAX)};
        return phrase_fill(t->arena, t->words, ranks[i].phrase, values, 4);
    }
    return NULL;
}

/* Faults that are gone are counted: which they were helps nobody. */
static const char *gone(const struct tell *t, const struct publishing *p, int64_t n)
{
    const char *values[] = {text_safe(t->arena, p->domain, TEXT_MAX), tell_day(t, when_day(p->at)),
        tell_count(t, n, PHRASE_PUBLISHED_FAULT, PHRASE_PUBLISHED_FAULTS)};

    return phrase_fill(t->arena, t->words, PHRASE_PUBLISHED_GONE, values, 3);
}

static void show(const struct tell *t, struct lines *l, const char *line, int64_t *more)
{
    if (l->n < CHANGES_SHOWN) {
        lines_add(t, l, line);
    } else {
        ++*more;
    }
}

/* Hints can wait for whoever runs the check. */
static bool is_hint(const struct publishing *p)
{
    return strcmp(p->rank, "new") == 0 && strncmp(p->message, "crit: ", 6) != 0 &&
           strncmp(p->message, "err: ", 5) != 0;
}

struct lines tell_published(const struct tell *t)
{
    const struct published_in_period *all = &t->report->published;
    struct lines l = {0};
    int64_t more = 0;
    int64_t n_gone = 0;

    for (size_t i = 0; i < all->n; i++) {
        const struct publishing *p = &all->list[i];
        const struct publishing *next = i + 1 < all->n ? p + 1 : NULL;
        if (is_hint(p))
            continue;
        const char *line = sentence(t, p);
        if (line) {
            show(t, &l, line, &more);
            continue;
        }
        n_gone++;
        if (!next || sentence(t, next) || next->at != p->at ||
            strcmp(next->domain, p->domain) != 0) {
            show(t, &l, gone(t, p, n_gone), &more);
            n_gone = 0;
        }
    }
    if (more) {
        const char *number = tell_number(t, more);
        lines_add(t, &l, phrase_fill(t->arena, t->words, PHRASE_PUBLISHED_MORE, &number, 1));
    }
    return l;
}
