#include "store/notes.h"

#include "base/arena.h"
#include "base/text.h"
#include "parse/quirks.h"
#include "store/pack.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    NOTE_FIELDS = 3
};

int notes_pack(struct buf *out, const struct notes *notes)
{
    int bad = 0;

    for (size_t i = 0; i < notes->n; i++) {
        const struct note *n = &notes->items[i];
        char times[24];
        const char *fields[NOTE_FIELDS] = {n->code, n->detail, n->times > 1 ? times : NULL};
        (void)snprintf(times, sizeof times, "%" PRIu64, n->times);
        bad |= pack_row(out, fields, NOTE_FIELDS);
    }
    return bad;
}

void notes_unpack(struct arena *a, const char *packed, struct notes *out)
{
    const char *f[NOTE_FIELDS];

    *out = (struct notes){0};
    while (unpack_row(a, &packed, f, NOTE_FIELDS)) {
        const struct quirk *q = f[0] ? quirk_find(f[0]) : NULL;
        int64_t times = 1;
        if (f[2] && (!text_int64(f[2], &times) || times < 1))
            times = 1;
        out->items = arena_grow(a, out->items, &out->n, sizeof *out->items);
        out->items[out->n - 1] =
            (struct note){.code = q ? q->code : f[0], .detail = f[1], .times = (uint64_t)times};
    }
}

const char *notes_codes(struct arena *a, const char *packed)
{
    const char *list = NULL;
    const char *f[1];

    while (unpack_row(a, &packed, f, 1)) {
        if (f[0])
            list = list ? arena_printf(a, "%s,%s", list, f[0]) : f[0];
    }
    return list;
}
