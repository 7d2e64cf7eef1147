/* The networks of an SPF tree: what they come to, which are superfluous, and who uses them. */
#include "base/arena.h"
#include "check/spf_tree.h"

#include <stdlib.h>
#include <string.h>

/* Wider networks first where both begin alike; then in the order of meeting. */
static int compare(const void *left, const void *right)
{
    const struct spf_network *a = *(const struct spf_network *const *)left;
    const struct spf_network *b = *(const struct spf_network *const *)right;

    if (a->first.len != b->first.len)
        return a->first.len < b->first.len ? -1 : 1;
    int by_address = memcmp(a->first.bytes, b->first.bytes, a->first.len);
    if (by_address)
        return by_address;
    if (a->bits != b->bits)
        return a->bits < b->bits ? -1 : 1;
    return a < b ? -1 : a > b;
}

static bool covers(const struct spf_network *net, const struct addr *ip)
{
    unsigned whole = net->bits / 8;
    unsigned mask = 0xFFU & (0xFF00U >> (net->bits % 8));

    return net->first.len == ip->len && memcmp(net->first.bytes, ip->bytes, whole) == 0 &&
           (net->bits % 8 == 0 || ((net->first.bytes[whole] ^ ip->bytes[whole]) & mask) == 0);
}

/* What a record needs for it: "ip4:", the address, its prefix, a blank. */
static size_t octets_of(const struct spf_network *net)
{
    char text[ADDR_TEXT_MAX];
    size_t prefix = net->bits == net->first.len * 8U ? 0
                    : net->bits < 10                 ? 2
                    : net->bits < 100                ? 3
                                                     : 4;

    addr_format(&net->first, text);
    return sizeof "ip4:" - 1 + strlen(text) + prefix + 1;
}

static void count(struct spf_flat *f, const struct spf_network *net)
{
    f->networks++;
    f->octets += octets_of(net);
    if (net->first.len == 16) {
        f->networks6++;
    } else {
        f->addresses += UINT64_C(1) << (32 - net->bits);
    }
}

/* Only what the owner can delete: a whole address term of one of his records. */
static void note_overlap(const struct spf_tree *t, struct arena *a, struct spf_overlap **list,
    size_t *n, const struct spf_network *inner, const struct spf_network *outer)
{
    enum spf_kind kind = inner->term->kind;

    if ((kind != SPF_IP4 && kind != SPF_IP6) || !spf_node_is_own(t, inner->node) ||
        inner->term == outer->term)
        return;
    *list = arena_grow(a, *list, n, sizeof **list);
    (*list)[*n - 1] = (struct spf_overlap){.inner = inner, .outer = outer};
}

void spf_tree_flatten(const struct spf_tree *t, struct arena *a, struct spf_flat *out)
{
    static const size_t frame = sizeof "v=spf1 ~all" - 1;
    const struct spf_network **sorted;
    struct spf_flat f = {.octets = frame, .incomplete = t->top->dynamic || t->cut};
    struct spf_overlap *overlaps = NULL;
    const struct spf_network *outer = NULL;

    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
    sorted = arena_alloc(a, (t->n_networks + 1) * sizeof *sorted);
    for (size_t i = 0; i < t->n_networks; i++)
        sorted[i] = &t->networks[i];
    if (t->n_networks) {
        qsort(sorted, /* NOLINTNEXTLINE(bugprone-sizeof-expression): as above */
            t->n_networks, sizeof *sorted, compare);
    }
    /* Networks lie within each other or apart: the last one that lay in no other covers the next,
     * or nothing before does. */
    for (size_t i = 0; i < t->n_networks; i++) {
        if (outer && covers(outer, &sorted[i]->first)) {
            /* of two that are equal the owner's own is the one to delete */
            bool swap = outer->bits == sorted[i]->bits && spf_node_is_own(t, outer->node) &&
                        !spf_node_is_own(t, sorted[i]->node);
            note_overlap(
                t, a, &overlaps, &f.n_overlaps, swap ? outer : sorted[i], swap ? sorted[i] : outer);
            continue;
        }
        outer = sorted[i];
        count(&f, outer);
    }
    f.overlaps = overlaps;
    *out = f;
}

int64_t spf_branch_messages(const struct spf_tree *t, const struct spf_branch *b,
    const struct spf_source *sources, size_t n)
{
    int64_t messages = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = b->networks_from; k < b->networks_to; k++) {
            if (covers(&t->networks[k], &sources[i].ip)) {
                messages += sources[i].messages;
                break;
            }
        }
    }
    return messages;
}
