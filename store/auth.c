#include "store/auth.h"

#include "base/arena.h"
#include "store/pack.h"

#include <string.h>

enum {
    AUTH_FIELDS = 7,
    REASON_FIELDS = 3
};

static int pack_one(struct buf *out, const char *kind, const struct auth_result *r)
{
    const char *fields[AUTH_FIELDS] = {
        kind,
        r->domain,
        kind[0] == 'd' ? r->selector : r->scope,
        r->result,
        r->human_result,
        pack_difference(r->domain, r->domain_sent),
        pack_difference(r->result, r->result_sent),
    };

    return pack_row(out, fields, AUTH_FIELDS);
}

int auth_pack(struct buf *out, const struct aggregate_record *r)
{
    int bad = 0;

    for (size_t i = 0; i < r->n_dkims; i++)
        bad |= pack_one(out, "dkim", &r->dkims[i]);
    for (size_t i = 0; i < r->n_spfs; i++)
        bad |= pack_one(out, "spf", &r->spfs[i]);
    return bad;
}

int reasons_pack(struct buf *out, const struct aggregate_record *r)
{
    int bad = 0;

    for (size_t i = 0; i < r->n_reasons; i++) {
        const struct override_reason *o = &r->reasons[i];
        const char *fields[REASON_FIELDS] = {
            o->type, o->comment, pack_difference(o->type, o->type_sent)};
        bad |= pack_row(out, fields, REASON_FIELDS);
    }
    return bad;
}

void auth_unpack(struct arena *a, const char *packed, struct auth_results *out)
{
    const char *f[AUTH_FIELDS];

    *out = (struct auth_results){0};
    while (unpack_row(a, &packed, f, AUTH_FIELDS)) {
        struct auth_result r = {
            .domain = f[1],
            .result = f[3],
            .human_result = f[4],
            .domain_sent = f[5],
            .result_sent = f[6],
        };
        if (f[0] && strcmp(f[0], "dkim") == 0) {
            r.selector = f[2];
            out->dkims = arena_grow(a, out->dkims, &out->n_dkims, sizeof r);
            out->dkims[out->n_dkims - 1] = r;
        } else {
            r.scope = f[2];
            out->spfs = arena_grow(a, out->spfs, &out->n_spfs, sizeof r);
            out->spfs[out->n_spfs - 1] = r;
        }
    }
}

struct override_reason *reasons_unpack(struct arena *a, const char *packed, size_t *n)
{
    struct override_reason *out = NULL;
    const char *f[REASON_FIELDS];

    *n = 0;
    while (unpack_row(a, &packed, f, REASON_FIELDS)) {
        out = arena_grow(a, out, n, sizeof *out);
        out[*n - 1] = (struct override_reason){.type = f[0], .comment = f[1], .type_sent = f[2]};
    }
    return out;
}
