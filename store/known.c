#include "store/known.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLACES = 64 * 1024 /* a power of two */
};

struct text_place {
    struct hash128 key;
    unsigned char id[AUTH_ID_BYTES];
};

struct written_place {
    int64_t client; /* 0: free */
    unsigned char id[AUTH_ID_BYTES];
};

struct known {
    struct hash_secret secret;
    struct text_place texts[PLACES];
    struct written_place written[PLACES];
};

struct known *known_new(void)
{
    struct known *k = mem_alloc(sizeof *k);

    hash_secret_make(&k->secret);
    return k;
}

void known_free(struct known *k)
{
    free(k);
}

struct hash128 known_key(const struct known *k, const void *text, size_t len)
{
    return hash128_secret(&k->secret, text, len);
}

bool known_id(const struct known *k, struct hash128 key, unsigned char id[AUTH_ID_BYTES])
{
    const struct text_place *p = &k->texts[key.low & (PLACES - 1)];

    if (p->key.low != key.low || p->key.high != key.high)
        return false;
    memcpy(id, p->id, AUTH_ID_BYTES);
    return true;
}

void known_id_add(struct known *k, struct hash128 key, const unsigned char id[AUTH_ID_BYTES])
{
    struct text_place *p = &k->texts[key.low & (PLACES - 1)];

    p->key = key;
    memcpy(p->id, id, AUTH_ID_BYTES);
}

/* An id is a piece of SHA-256: any part of it is as good as a hash. */
static size_t place_of(int64_t client, const unsigned char id[AUTH_ID_BYTES])
{
    uint64_t n;

    memcpy(&n, id, sizeof n);
    return (size_t)((n + (uint64_t)client * 0x9e3779b97f4a7c15U) & (PLACES - 1));
}

bool known_written(const struct known *k, int64_t client, const unsigned char id[AUTH_ID_BYTES])
{
    const struct written_place *p = &k->written[place_of(client, id)];

    return p->client == client && memcmp(p->id, id, AUTH_ID_BYTES) == 0;
}

void known_written_add(struct known *k, int64_t client, const unsigned char id[AUTH_ID_BYTES])
{
    struct written_place *p = &k->written[place_of(client, id)];

    p->client = client;
    memcpy(p->id, id, AUTH_ID_BYTES);
}

void known_forget_written(struct known *k)
{
    memset(k->written, 0, sizeof k->written);
}
