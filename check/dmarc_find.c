#include "check/dmarc_find.h"

#include "base/arena.h"
#include "base/text.h"

#include <string.h>

void dmarc_place_read(struct subject *s, const char *domain, bool quiet, struct dmarc_place *out)
{
    *out =
        (struct dmarc_place){.domain = domain, .name = arena_printf(s->arena, "_dmarc.%s", domain)};
    if (quiet) {
        subject_ask_quietly(s, out->name, DNS_TXT, &out->answer);
    } else {
        subject_ask(s, out->name, DNS_TXT, &out->answer);
    }
    for (size_t i = 0; i < out->answer.n; i++) {
        const struct dns_record *r = &out->answer.records[i];
        enum dmarc_kind kind = dmarc_kind_of(r->data, r->len);
        const struct dns_record **first = kind == DMARC_RECORD      ? &out->first
                                          : kind == DMARC_NEAR_MISS ? &out->near
                                                                    : &out->other;
        if (!*first)
            *first = r;
        out->n_records += kind == DMARC_RECORD;
    }
    if (out->n_records == 1) {
        struct dmarc_record *record = arena_alloc(s->arena, sizeof *record);
        dmarc_record_read(s->arena, out->first->data, out->first->len, record);
        out->record = record;
    }
}

static size_t labels(const char *name)
{
    size_t n = 1;

    for (; *name; name++)
        n += *name == '.';
    return n;
}

/* One label less, or 7 labels where there are more; NULL at the top. */
static const char *parent(const char *name)
{
    size_t most = DMARC_WALK_MAX - 1;
    size_t n = labels(name);
    size_t drop = n > most ? n - most : 1;

    for (; drop && name; drop--) {
        name = strchr(name, '.');
        name = name ? name + 1 : NULL;
    }
    return name;
}

/* The name one label below the parent on the way to `name`. */
static const char *child_of(const struct dmarc_place *above, const char *name)
{
    const char *dot;

    while ((dot = strchr(name, '.')) && strcmp(dot + 1, above->domain) != 0)
        name = dot + 1;
    return name;
}

/* RFC 9989 section 4.10.2, steps 1 to 4. */
static void choose(struct dmarc_walk *w, const char *start)
{
    const struct dmarc_place *fewest = NULL;

    for (size_t i = 0; i < w->n; i++) {
        const struct dmarc_place *p = &w->places[i];
        if (!p->record)
            continue;
        if (p->record->psd == DMARC_PSD_NO) {
            w->org = p->domain;
            w->org_place = p;
            return;
        }
        if (p->record->psd == DMARC_PSD_YES && i > 0) {
            w->org = child_of(p, start);
            w->psd = p;
            for (size_t k = 0; k < i; k++) {
                if (w->places[k].record && strcmp(w->places[k].domain, w->org) == 0)
                    w->org_place = &w->places[k];
            }
            return;
        }
        fewest = p;
    }
    w->org = fewest ? fewest->domain : start;
    w->org_place = fewest;
}

void dmarc_walk(struct subject *s, const char *domain, struct dmarc_walk *out)
{
    const char *name = domain;
    enum dmarc_psd psd = DMARC_PSD_UNKNOWN;

    *out = (struct dmarc_walk){0};
    do {
        struct dmarc_place *p = &out->places[out->n++];
        bool quiet = !strchr(name, '.') || domain_is_suffix(name);
        dmarc_place_read(s, name, quiet, p);
        out->incomplete = out->incomplete || (p->answer.status == DNS_FAILED && !quiet);
        psd = p->record ? p->record->psd : DMARC_PSD_UNKNOWN;
        name = parent(name);
    } while (name && psd == DMARC_PSD_UNKNOWN && out->n < DMARC_WALK_MAX);
    choose(out, domain);
}
