#include "tests/unit/dns_table.h"

#include "base/arena.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STRING_MAX = 255,
    CHAIN_MAX = 8
};

enum kind {
    RECORD,
    FAILURE,
    NO_NAME,
    EXISTS,
    AUTHENTICATED,
    TTL
};

struct entry {
    const char *name;
    enum kind kind;
    enum dns_type type;
    bool every_type; /* FAILURE */
    const char *failure;
    uint32_t ttl;
    struct dns_record record;
};

struct dns_table {
    struct arena *arena;
    struct entry *entries;
    size_t n;
};

struct dns_table *dns_table_new(void)
{
    struct dns_table *t = mem_alloc(sizeof *t);

    t->arena = arena_new();
    return t;
}

/* ---- what a value says ---- */

static void add_string(struct dns_table *t, struct dns_record *r, const char *s, size_t len)
{
    size_t n = r->n_strings;
    size_t *ends = arena_alloc(t->arena, (n + 1) * sizeof *ends);
    char *data = arena_alloc(t->arena, r->len + len + 1);

    if (n)
        memcpy(ends, r->strings, n * sizeof *ends);
    if (r->len)
        memcpy(data, r->data, r->len);
    if (len)
        memcpy(data + r->len, s, len);
    ends[n] = r->len + len;
    r->data = data;
    r->len += len;
    r->strings = ends;
    r->n_strings = n + 1;
}

static void read_text(struct dns_table *t, struct dns_record *r, const char *value, size_t len)
{
    size_t n = len / STRING_MAX + 1;
    size_t *ends = arena_alloc(t->arena, n * sizeof *ends);

    for (size_t i = 0; i < n; i++)
        ends[i] = i + 1 < n ? (i + 1) * STRING_MAX : len;
    r->data = arena_strndup(t->arena, value, len);
    r->len = len;
    r->strings = ends;
    r->n_strings = n;
}

static bool read_strings(struct dns_table *t, struct dns_record *r, const char *value)
{
    const char *open = strchr(value, '"');

    r->data = "";
    while (open) {
        const char *close = strchr(open + 1, '"');
        if (!close)
            return false;
        add_string(t, r, open + 1, (size_t)(close - open - 1));
        open = strchr(close + 1, '"');
    }
    return true;
}

static bool read_addr(struct dns_record *r, enum dns_type type, const char *value)
{
    r->addr.len = type == DNS_A ? 4 : 16;
    return inet_pton(type == DNS_A ? AF_INET : AF_INET6, value, r->addr.bytes) == 1;
}

/* "3 1 1 0123abcd": usage, selector, matching type, and the rest in hex. */
static bool read_tlsa(struct dns_table *t, struct dns_record *r, const char *value)
{
    char *p;
    const char usage = (char)strtoul(value, &p, 10);
    const char selector = (char)strtoul(p, &p, 10);
    const char matching = (char)strtoul(p, &p, 10);
    const char head[] = {usage, selector, matching};

    add_string(t, r, head, sizeof head);
    p += strspn(p, " ");
    for (; isxdigit((unsigned char)p[0]) && isxdigit((unsigned char)p[1]); p += 2) {
        const char hex[] = {p[0], p[1], '\0'};
        char octet = (char)strtoul(hex, NULL, 16);
        add_string(t, r, &octet, 1);
    }
    r->strings = NULL;
    r->n_strings = 0;
    return r->len > sizeof head;
}

/* A name as it stands in an answer; wildcards keep their asterisk. */
static const char *read_name(struct dns_table *t, const char *value)
{
    const char *name = dns_query_name(t->arena, value);

    return name ? name : "";
}

static bool read_record(
    struct dns_table *t, struct dns_record *r, enum dns_type type, const char *value, size_t len)
{
    char *rest;

    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        return read_addr(r, type, value);
    case DNS_MX:
        r->preference = (unsigned)strtoul(value, &rest, 10);
        r->name = read_name(t, rest + strspn(rest, " \t"));
        return rest != value;
    case DNS_CNAME:
    case DNS_NS:
    case DNS_PTR:
        r->name = read_name(t, value);
        return true;
    case DNS_DS: /* what is in it makes no difference */
        r->data = value;
        r->len = len;
        return true;
    case DNS_TLSA:
        return read_tlsa(t, r, value);
    case DNS_TXT:
    case DNS_SPF:
        read_text(t, r, value, len);
        return true;
    case DNS_SOA:
        return true;
    }
    return false;
}

/* ---- entries ---- */

static bool find_type(const char *word, enum dns_type *type)
{
    for (int i = DNS_A; i <= (int)DNS_TXT; i++) {
        if (strcmp(word, dns_type_name((enum dns_type)i)) == 0) {
            *type = (enum dns_type)i;
            return true;
        }
    }
    return false;
}

static bool read_entry(
    struct dns_table *t, struct entry *e, const char *word, const char *value, size_t len)
{
    if (find_type(word, &e->type)) {
        e->kind = RECORD;
        return read_record(t, &e->record, e->type, value, len);
    }
    if (strcmp(word, "STRINGS") == 0) {
        e->kind = RECORD;
        e->type = DNS_TXT;
        return read_strings(t, &e->record, value);
    }
    if (strcmp(word, "SERVFAIL") == 0 || strcmp(word, "TIMEOUT") == 0) {
        e->kind = FAILURE;
        e->failure = *word == 'S' ? "SERVFAIL" : "no answer in time";
        e->every_type = !find_type(value, &e->type);
        return true;
    }
    e->ttl = (uint32_t)strtoul(value, NULL, 10);
    e->kind = strcmp(word, "NXDOMAIN") == 0 ? NO_NAME
              : strcmp(word, "EXISTS") == 0 ? EXISTS
              : strcmp(word, "AD") == 0     ? AUTHENTICATED
                                            : TTL;
    return e->kind != TTL || strcmp(word, "TTL") == 0;
}

void dns_table_add(
    struct dns_table *t, const char *name, const char *type, const char *value, size_t len)
{
    struct entry e = {.name = dns_query_name(t->arena, name)};
    const char *copy = arena_strndup(t->arena, value, len);

    if (!e.name || !read_entry(t, &e, type, copy, len))
        return;
    t->entries = arena_grow(t->arena, t->entries, &t->n, sizeof *t->entries);
    t->entries[t->n - 1] = e;
}

void dns_table_lines(struct dns_table *t, const char *lines)
{
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        char *line = arena_strndup(t->arena, lines, len);
        char *name = line + strspn(line, " \t");
        char *type = name + strcspn(name, " \t");
        type += strspn(type, " \t");
        name[strcspn(name, " \t")] = '\0';
        char *value = type + strcspn(type, " \t");
        value += strspn(value, " \t");
        type[strcspn(type, " \t")] = '\0';
        if (*name)
            dns_table_add(t, name, type, value, strlen(value));
        lines += len + (lines[len] == '\n');
    }
}

/* ---- answers ---- */

static bool is_at_or_above(const char *name, const char *below)
{
    size_t n = strlen(name);
    size_t b = strlen(below);

    return b >= n && strcmp(below + b - n, name) == 0 && (b == n || below[b - n - 1] == '.');
}

static bool exists(const struct dns_table *t, const char *name)
{
    bool found = false;

    for (size_t i = 0; i < t->n; i++) {
        if (t->entries[i].kind == NO_NAME && strcmp(t->entries[i].name, name) == 0)
            return false;
        found =
            found || (t->entries[i].kind != NO_NAME && is_at_or_above(name, t->entries[i].name));
    }
    return found;
}

/* The name whose records answer for this one: itself, a wildcard, or none. */
static const char *find_owner(const struct dns_table *t, const char *name, struct arena *a)
{
    if (exists(t, name))
        return name;
    for (size_t i = 0; i < t->n; i++) {
        if (t->entries[i].kind == NO_NAME && strcmp(t->entries[i].name, name) == 0)
            return NULL;
    }
    const char *encloser = name;
    while (encloser && !exists(t, encloser)) {
        const char *dot = strchr(encloser, '.');
        encloser = dot ? dot + 1 : NULL;
    }
    const char *wildcard = encloser ? arena_printf(a, "*.%s", encloser) : "*";
    return exists(t, wildcard) ? wildcard : NULL;
}

static void add_answer(struct dns_answer *out, const struct dns_record *r, struct arena *a)
{
    struct dns_record *records = arena_alloc(a, (out->n + 1) * sizeof *records);

    if (out->n)
        memcpy(records, out->records, out->n * sizeof *records);
    records[out->n++] = *r;
    out->records = records;
}

/* Fills in what the table has at one name; returns the target of a CNAME to follow. */
static const char *look_up(const struct dns_table *t, const char *owner, enum dns_type type,
    struct arena *a, struct dns_answer *out)
{
    const char *alias = NULL;
    const char *failure = NULL;

    for (size_t i = 0; i < t->n; i++) {
        const struct entry *e = &t->entries[i];
        if (strcmp(e->name, owner) != 0)
            continue;
        if (e->kind == RECORD && e->type == type) {
            add_answer(out, &e->record, a);
        } else if (e->kind == RECORD && e->type == DNS_CNAME) {
            alias = e->record.name;
        } else if (e->kind == FAILURE && (e->every_type || e->type == type)) {
            failure = e->failure;
        } else if (e->kind == AUTHENTICATED) {
            out->authenticated = true;
        } else if (e->kind == TTL) {
            out->ttl = e->ttl;
        }
    }
    out->status = out->n ? DNS_DATA : DNS_NODATA;
    if (out->n)
        return NULL;
    if (failure) {
        out->status = DNS_FAILED;
        out->failure = failure;
        return NULL;
    }
    return alias;
}

static void table_ask(
    void *self, const char *name, enum dns_type type, struct arena *a, struct dns_answer *out)
{
    const struct dns_table *t = self;
    const char **chain = arena_alloc(a, CHAIN_MAX * sizeof *chain);

    *out = (struct dns_answer){.ttl = 3600, .chain = chain};
    for (;;) {
        const char *owner = find_owner(t, name, a);
        out->status = DNS_NXDOMAIN;
        const char *alias = owner ? look_up(t, owner, type, a, out) : NULL;
        if (!alias)
            return;
        if (out->n_chain == CHAIN_MAX) {
            out->status = DNS_FAILED;
            out->failure = "more than 8 CNAMEs";
            return;
        }
        chain[out->n_chain++] = name = alias;
    }
}

static void table_close(void *self)
{
    struct dns_table *t = self;

    arena_free(t->arena);
    free(t);
}

struct dns *dns_table_open(struct dns_table *t)
{
    static const struct dns_ops ops = {.ask = table_ask, .close = table_close};

    return dns_from(&ops, t);
}

struct dns *dns_table_of(const char *lines)
{
    struct dns_table *t = dns_table_new();

    dns_table_lines(t, lines);
    return dns_table_open(t);
}
