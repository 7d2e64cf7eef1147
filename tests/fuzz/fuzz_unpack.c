/* Bytes through unpack() alone: containers in containers, and whether every promise of
 * ingest/unpack.h about the order and the size of what is delivered holds. The first byte says
 * after how many pieces a document is left, and how. */
#include "base/text.h"
#include "base/when.h"
#include "ingest/unpack.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum {
    UNPACKED_MAX = 8 << 20,
    MEMBERS_MAX = 20,
    STAGE_WINDOW = 64 * 1024 /* what may come out before a limit is looked at */
};

struct delivery {
    bool in_document;
    bool stopped; /* UNPACK_STOP was answered */
    bool left;    /* UNPACK_SKIP was answered in this document */
    unsigned patience;
    int leave_with; /* 0: never */
    unsigned pieces;
    unsigned documents;
    uint64_t bytes;
    unsigned char head[CONTENT_HEAD];
    size_t head_len, head_seen;
};

static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void look_at_name(const char *name)
{
    if (!name)
        return;
    promise(text_is_utf8(name, strlen(name)));
    for (const char *p = name; *p; p++)
        promise((unsigned char)*p >= ' ' && *p != 127);
}

static int answer(struct delivery *d)
{
    if (d->leave_with == 0 || d->pieces++ < d->patience)
        return 0;
    d->left = true;
    d->stopped = d->leave_with == UNPACK_STOP;
    d->pieces = 0;
    return d->leave_with;
}

static int on_begin(void *context, const struct document *doc, struct err *e)
{
    struct delivery *d = context;

    (void)e;
    promise(!d->in_document && !d->stopped);
    promise(doc->content == CONTENT_XML || doc->content == CONTENT_JSON ||
            doc->content == CONTENT_MAIL || doc->content == CONTENT_MBOX ||
            doc->content == CONTENT_OTHER);
    promise(doc->head_len > 0 && doc->head_len <= CONTENT_HEAD);
    promise(++d->documents <= MEMBERS_MAX);
    look_at_name(doc->name);
    memcpy(d->head, doc->head, doc->head_len);
    d->head_len = doc->head_len;
    d->head_seen = 0;
    d->left = false;
    int leave = answer(d);
    d->in_document = leave == 0;
    return leave;
}

static int on_bytes(void *context, const unsigned char *bytes, size_t len, struct err *e)
{
    struct delivery *d = context;
    size_t n = d->head_len - d->head_seen < len ? d->head_len - d->head_seen : len;

    (void)e;
    promise(d->in_document && !d->left && !d->stopped && len > 0);
    promise(memcmp(d->head + d->head_seen, bytes, n) == 0);
    d->head_seen += n;
    d->bytes += len;
    promise(d->bytes <= UNPACKED_MAX + STAGE_WINDOW);
    int leave = answer(d);
    d->in_document = leave == 0;
    return leave;
}

static int on_end(void *context, const struct err *broken, struct err *e)
{
    struct delivery *d = context;

    (void)e;
    promise(d->in_document && !d->left && !d->stopped && d->head_seen == d->head_len);
    promise(!broken || broken->class == ERR_INPUT);
    d->in_document = false;
    return answer(d) == UNPACK_STOP ? UNPACK_STOP : 0;
}

static int on_failed(void *context, const char *name, const struct err *why, struct err *e)
{
    struct delivery *d = context;

    (void)e;
    promise(!d->in_document && !d->stopped && why->class == ERR_INPUT);
    look_at_name(name);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct document_ops ops = {
        .begin = on_begin, .bytes = on_bytes, .end = on_end, .failed = on_failed};
    struct delivery d = {0};
    struct limits limits = limits_default();
    struct err e;

    if (size == 0)
        return 0;
    d.leave_with = data[0] % 3; /* 0, UNPACK_SKIP, UNPACK_STOP */
    d.patience = data[0] / 3;
    struct blob b = blob_of_memory(data + 1, size - 1);
    limits.unpacked = UNPACKED_MAX;
    limits.members = MEMBERS_MAX;
    limits.seconds = 20;
    struct unpack_budget budget = {
        .limits = &limits, .packed = size - 1, .started_ms = when_monotonic_ms()};
    promise(unpack(&b, &budget, &ops, &d, &e) == 0 && !d.in_document);
    return 0;
}
