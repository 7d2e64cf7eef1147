#include "base/lookup.h"

#include "base/arena.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

struct lookup {
    GHashTable *keys;
    /* Nobody who sends reports can choose texts that fall together. Without random bytes it is 0.
     */
    uint64_t seed;
};

static uint64_t hash_text(const struct lookup *l, const char *text)
{
    return XXH3_64bits_withSeed(text, strlen(text), l->seed);
}

static guint hash_of(gconstpointer key)
{
    return (guint)((const struct lookup_key *)key)->hash;
}

/* Long texts begin alike: the hash of all of it comes first. */
static gboolean same_text(gconstpointer left, gconstpointer right)
{
    const struct lookup_key *a = left;
    const struct lookup_key *b = right;

    return a->hash == b->hash && strcmp(a->text, b->text) == 0;
}

struct lookup *lookup_new(void)
{
    struct lookup *l = mem_alloc(sizeof *l);

    l->keys = g_hash_table_new(hash_of, same_text);
    (void)!getrandom(&l->seed, sizeof l->seed, 0);
    return l;
}

void lookup_free(struct lookup *l)
{
    if (!l)
        return;
    g_hash_table_destroy(l->keys);
    free(l);
}

void *lookup_find(const struct lookup *l, const char *text)
{
    const struct lookup_key wanted = {.hash = hash_text(l, text), .text = text};

    return g_hash_table_lookup(l->keys, &wanted);
}

void lookup_add(struct lookup *l, struct lookup_key *key)
{
    key->hash = hash_text(l, key->text);
    (void)g_hash_table_add(l->keys, key);
}
