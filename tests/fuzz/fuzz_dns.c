/* A DNS message from a lying server. The first octet chooses what was asked for. */
#include "base/arena.h"
#include "check/dns_message.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void look_at_record(const struct dns_record *r)
{
    size_t end = 0;

    promise(!r->name || strlen(r->name) <= 4 * 255);
    promise(r->addr.len == 0 || r->addr.len == 4 || r->addr.len == 16);
    promise(!r->data || r->data[r->len] == '\0');
    for (size_t i = 0; i < r->n_strings; i++) {
        promise(r->strings[i] >= end && r->strings[i] - end <= 255);
        end = r->strings[i];
    }
    promise(r->n_strings == 0 || end == r->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct dns_answer x;
    bool open;

    if (size) {
        enum dns_type type = (enum dns_type)(data[0] % (DNS_TXT + 1));
        dns_message_read(data + 1, size - 1, type, a, &x, &open);
        promise((x.status == DNS_DATA) == (x.n > 0));
        promise((x.status == DNS_FAILED) == (x.failure != NULL));
        promise(x.n_chain <= 8 && (!open || (x.n_chain > 0 && x.status == DNS_NODATA)));
        promise(x.ttl <= INT32_MAX || x.status == DNS_FAILED);
        for (size_t i = 0; i < x.n; i++)
            look_at_record(&x.records[i]);
    }
    arena_free(a);
    return 0;
}
