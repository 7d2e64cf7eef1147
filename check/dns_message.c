#include "check/dns_message.h"

#include "base/arena.h"
#include "base/text.h"

#include <ares.h>
#include <string.h>
#include <strings.h>

enum {
    HEADER_SIZE = 12,
    RECORD_FIXED = 10, /* type, class, TTL, length */
    CLASS_IN = 1,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_OPT = 41,
    CHAIN_MAX = 8,
    /* RFC 2308 section 5 leaves it open how long a "no" without SOA may be believed */
    NEGATIVE_TTL = 60
};

static unsigned type_number(enum dns_type t)
{
    static const unsigned short numbers[] = {
        [DNS_A] = 1,
        [DNS_AAAA] = 28,
        [DNS_CNAME] = TYPE_CNAME,
        [DNS_DS] = 43,
        [DNS_MX] = 15,
        [DNS_NS] = 2,
        [DNS_PTR] = 12,
        [DNS_SOA] = TYPE_SOA,
        [DNS_SPF] = 99,
        [DNS_TLSA] = 52,
        [DNS_TXT] = 16,
    };

    return numbers[t];
}

/* ---- a question ---- */

static unsigned char *put16(unsigned char *to, unsigned n)
{
    *to++ = (unsigned char)(n >> 8);
    *to++ = (unsigned char)n;
    return to;
}

static unsigned char *put_name(unsigned char *to, const char *name)
{
    while (*name) {
        size_t n = strcspn(name, ".");
        *to++ = (unsigned char)n;
        memcpy(to, name, n);
        to += n;
        name += n + (name[n] == '.');
    }
    *to++ = 0;
    return to;
}

size_t dns_message_question(const char *name, enum dns_type type, unsigned id, unsigned how,
    unsigned char out[DNS_QUESTION_MAX])
{
    const unsigned recursion_desired = 0x0100;
    const unsigned authentic_data = 0x0020;
    const unsigned checking_disabled = 0x0010;
    unsigned char *to = out;

    if (strlen(name) > 253)
        return 0;
    to = put16(to, id);
    to = put16(to, recursion_desired | (how & DNS_UNCHECKED ? checking_disabled : authentic_data));
    to = put16(to, 1); /* questions */
    to = put16(to, 0);
    to = put16(to, 0);
    to = put16(to, how & DNS_PLAIN ? 0 : 1); /* additional: OPT */
    to = put_name(to, name);
    to = put16(to, type_number(type));
    to = put16(to, CLASS_IN);
    if (how & DNS_PLAIN)
        return (size_t)(to - out);
    *to++ = 0; /* OPT stands at the root */
    to = put16(to, TYPE_OPT);
    to = put16(to, DNS_UDP_SIZE);
    to = put16(to, 0); /* extended response code, version */
    to = put16(to, 0); /* flags */
    to = put16(to, 0); /* no options */
    return (size_t)(to - out);
}

/* ---- an answer ---- */

struct reader {
    const unsigned char *bytes;
    size_t len;
    size_t at;
    struct arena *arena;
};

struct resource {
    const char *owner;
    unsigned type, class;
    uint32_t ttl;
    size_t data; /* where its RDATA begins */
    size_t size;
};

static unsigned get16(const struct reader *r, size_t at)
{
    return (unsigned)r->bytes[at] << 8 | r->bytes[at + 1];
}

static uint32_t get32(const struct reader *r, size_t at)
{
    return (uint32_t)get16(r, at) << 16 | get16(r, at + 2);
}

unsigned dns_message_rcode(const unsigned char *bytes, size_t len)
{
    return len < HEADER_SIZE ? DNS_RCODE_SERVFAIL : bytes[3] & 0x0FU;
}

/* The name at `at`, in lower case; NULL when it is none. *next is behind it. */
static const char *get_name(const struct reader *r, size_t at, size_t *next)
{
    char *name;
    long used;

    if (at >= r->len ||
        ares_expand_name(r->bytes + at, r->bytes, (int)r->len, &name, &used) != ARES_SUCCESS)
        return NULL;
    *next = at + (size_t)used;
    const char *lower = text_lower(r->arena, name);
    ares_free_string(name);
    return lower;
}

static bool next_resource(struct reader *r, struct resource *out)
{
    size_t at;

    out->owner = get_name(r, r->at, &at);
    if (!out->owner || r->len < at || r->len - at < RECORD_FIXED)
        return false;
    out->type = get16(r, at);
    out->class = get16(r, at + 2);
    out->ttl = get32(r, at + 4);
    if (out->ttl > INT32_MAX) /* RFC 2181 section 8 */
        out->ttl = 0;
    out->size = get16(r, at + 8);
    out->data = at + RECORD_FIXED;
    if (r->len - out->data < out->size)
        return false;
    r->at = out->data + out->size;
    return true;
}

static bool read_strings(const struct reader *r, const struct resource *x, struct dns_record *out)
{
    size_t n = 0;
    size_t end = x->data + x->size;

    for (size_t at = x->data; at < end; at += 1 + (size_t)r->bytes[at])
        n++;
    size_t *ends = arena_alloc(r->arena, (n + 1) * sizeof *ends);
    char *data = arena_alloc(r->arena, x->size + 1);
    size_t len = 0;
    n = 0;
    for (size_t at = x->data; at < end;) {
        size_t size = r->bytes[at++];
        if (end - at < size)
            return false;
        memcpy(data + len, r->bytes + at, size);
        at += size;
        ends[n++] = len += size;
    }
    out->data = data;
    out->len = len;
    out->strings = ends;
    out->n_strings = n;
    return true;
}

static bool read_addr(const struct reader *r, const struct resource *x, struct dns_record *out)
{
    if (x->size != 4 && x->size != 16)
        return false;
    out->addr.len = (unsigned char)x->size;
    memcpy(out->addr.bytes, r->bytes + x->data, x->size);
    return true;
}

static bool read_record(
    const struct reader *r, const struct resource *x, enum dns_type type, struct dns_record *out)
{
    size_t ignored;

    switch (type) {
    case DNS_A:
        return x->size == 4 && read_addr(r, x, out);
    case DNS_AAAA:
        return x->size == 16 && read_addr(r, x, out);
    case DNS_MX:
        if (x->size < 3)
            return false;
        out->preference = get16(r, x->data);
        out->name = get_name(r, x->data + 2, &ignored);
        return out->name != NULL;
    case DNS_CNAME:
    case DNS_NS:
    case DNS_PTR:
    case DNS_SOA: /* its first name: the primary server */
        out->name = get_name(r, x->data, &ignored);
        return out->name != NULL;
    case DNS_SPF:
    case DNS_TXT:
        return read_strings(r, x, out);
    case DNS_DS:
    case DNS_TLSA:
        out->data = arena_strndup(r->arena, (const char *)r->bytes + x->data, x->size);
        out->len = x->size;
        return true;
    }
    return false;
}

static int fail(struct dns_answer *out, const char *why)
{
    *out = (struct dns_answer){.status = DNS_FAILED, .failure = why};
    return -1;
}

static const char *rcode_name(unsigned rcode)
{
    switch (rcode) {
    case DNS_RCODE_FORMERR:
        return "FORMERR";
    case DNS_RCODE_SERVFAIL:
        return "SERVFAIL";
    case DNS_RCODE_REFUSED:
        return "REFUSED";
    default:
        return "the server answers with an error";
    }
}

/* All records of the answer section; NULL when they are not as the header says. */
static const struct resource *read_section(struct reader *r, size_t n)
{
    struct resource *list;

    if (n > r->len / (RECORD_FIXED + 1)) /* there is no room for that many */
        return NULL;
    list = arena_alloc(r->arena, (n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        if (!next_resource(r, &list[i]))
            return NULL;
    }
    return list;
}

static void lower_ttl(struct dns_answer *out, uint32_t ttl)
{
    out->ttl = ttl < out->ttl ? ttl : out->ttl;
}

/* From the name asked along the CNAMEs to the name that may hold the records; NULL: too far. */
static const char *follow(const struct reader *r, const struct resource *list, size_t n,
    const char *name, struct dns_answer *out)
{
    const char **chain = arena_alloc(r->arena, CHAIN_MAX * sizeof *chain);

    out->chain = chain;
    for (size_t i = 0; i < n;) {
        size_t ignored;
        if (list[i].type != TYPE_CNAME || list[i].class != CLASS_IN ||
            strcmp(list[i].owner, name) != 0) {
            i++;
            continue;
        }
        const char *target = get_name(r, list[i].data, &ignored);
        if (!target || out->n_chain == CHAIN_MAX)
            return NULL;
        lower_ttl(out, list[i].ttl);
        chain[out->n_chain++] = name = target;
        i = 0; /* servers need not put them in order */
    }
    return name;
}

static int read_answers(
    struct reader *r, size_t n, enum dns_type type, const char *asked, struct dns_answer *out)
{
    const struct resource *list = read_section(r, n);
    const char *holder = asked;

    if (!list)
        return fail(out, "the answer is damaged");
    if (type != DNS_CNAME)
        holder = follow(r, list, n, asked, out);
    if (!holder)
        return fail(out, "more than 8 CNAMEs");
    struct dns_record *records = arena_alloc(r->arena, (n + 1) * sizeof *records);
    for (size_t i = 0; i < n; i++) {
        if (list[i].type != type_number(type) || list[i].class != CLASS_IN ||
            strcmp(list[i].owner, holder) != 0)
            continue;
        if (!read_record(r, &list[i], type, &records[out->n]))
            return fail(out, "the answer is damaged");
        lower_ttl(out, list[i].ttl);
        out->n++;
    }
    out->records = records;
    return 0;
}

/* How long "no" may be believed (RFC 2308 section 5). */
static uint32_t negative_ttl(struct reader *r, size_t n)
{
    struct resource x;

    for (size_t i = 0; i < n && next_resource(r, &x); i++) {
        if (x.type == TYPE_SOA && x.size >= 20) {
            uint32_t minimum = get32(r, x.data + x.size - 4);
            return minimum < x.ttl ? minimum : x.ttl;
        }
    }
    return NEGATIVE_TTL;
}

void dns_message_read(const unsigned char *bytes, size_t len, enum dns_type type, struct arena *a,
    struct dns_answer *out, bool *open)
{
    struct reader r = {.bytes = bytes, .len = len, .at = HEADER_SIZE, .arena = a};
    unsigned rcode = dns_message_rcode(bytes, len);

    *open = false;
    if (len < HEADER_SIZE || get16(&r, 4) != 1) {
        (void)fail(out, "the answer is damaged");
        return;
    }
    if (rcode != DNS_RCODE_NOERROR && rcode != DNS_RCODE_NXDOMAIN) {
        (void)fail(out, rcode_name(rcode));
        return;
    }
    *out = (struct dns_answer){
        .ttl = UINT32_MAX, .authoritative = bytes[2] & 0x04, .authenticated = bytes[3] & 0x20};
    const char *asked = get_name(&r, r.at, &r.at);
    if (!asked || r.len - r.at < 4) {
        (void)fail(out, "the answer is damaged");
        return;
    }
    r.at += 4;
    if (read_answers(&r, get16(&r, 6), type, asked, out))
        return;
    out->status = out->n ? DNS_DATA : rcode == DNS_RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
    *open = out->status == DNS_NODATA && out->n_chain > 0;
    if (out->n == 0 && !*open)
        lower_ttl(out, negative_ttl(&r, get16(&r, 8)));
}
