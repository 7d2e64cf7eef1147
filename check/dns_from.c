/* What every resolver has in common, wherever its answers come from. */
#include "base/arena.h"
#include "base/text.h"
#include "check/dns.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_MAX_OCTETS = 253, /* RFC 1035 2.3.4, in text form */
    LABEL_MAX_OCTETS = 63
};

struct dns {
    struct dns_ops ops;
    void *self;
    atomic_uint_fast64_t asked;
    atomic_uint_fast64_t failed;
};

const char *dns_type_name(enum dns_type t)
{
    static const char *const names[] = {
        [DNS_A] = "A",
        [DNS_AAAA] = "AAAA",
        [DNS_CNAME] = "CNAME",
        [DNS_DS] = "DS",
        [DNS_MX] = "MX",
        [DNS_NS] = "NS",
        [DNS_PTR] = "PTR",
        [DNS_SOA] = "SOA",
        [DNS_SPF] = "SPF",
        [DNS_TLSA] = "TLSA",
        [DNS_TXT] = "TXT",
    };

    return names[t];
}

struct dns *dns_from(const struct dns_ops *ops, void *self)
{
    struct dns *d = mem_alloc(sizeof *d);

    d->ops = *ops;
    d->self = self;
    return d;
}

void dns_close(struct dns *d)
{
    if (!d)
        return;
    d->ops.close(d->self);
    free(d);
}

static bool can_be_asked(const char *name)
{
    size_t label = 0;
    const char *p;

    for (p = name; *p; p++) {
        if (*p != '.') {
            if (++label > LABEL_MAX_OCTETS)
                return false;
        } else if (label == 0) {
            return false;
        } else {
            label = 0;
        }
    }
    return label > 0 && p - name <= NAME_MAX_OCTETS;
}

const char *dns_query_name(struct arena *a, const char *name)
{
    bool odd = false;
    const char *normal = domain_normalise(a, name, &odd);

    if (odd) { /* made fit for showing, and with blanks cut off: not what was meant */
        size_t len = strlen(name);
        if (len && name[len - 1] == '.')
            len--;
        normal = text_lower(a, arena_strndup(a, name, len));
    }
    return can_be_asked(normal) ? normal : NULL;
}

void dns_ask(
    struct dns *d, const char *name, enum dns_type type, struct arena *a, struct dns_answer *out)
{
    const char *asked = dns_query_name(a, name);

    *out = (struct dns_answer){.status = DNS_FAILED, .failure = "not a domain name"};
    atomic_fetch_add(&d->asked, 1);
    if (asked)
        d->ops.ask(d->self, asked, type, a, out);
    if (out->status == DNS_FAILED)
        atomic_fetch_add(&d->failed, 1);
}

void dns_ask_server(struct dns *d, const struct addr *server, const char *name, enum dns_type type,
    struct arena *a, struct dns_answer *out)
{
    const char *asked = dns_query_name(a, name);

    *out = (struct dns_answer){.status = DNS_FAILED, .failure = "no server can be asked"};
    atomic_fetch_add(&d->asked, 1);
    if (asked && d->ops.ask_server)
        d->ops.ask_server(d->self, server, asked, type, a, out);
    if (out->status == DNS_FAILED)
        atomic_fetch_add(&d->failed, 1);
}

void dns_expect(struct dns *d, const char *name, enum dns_type type)
{
    if (!d->ops.expect)
        return;
    struct arena *a = arena_new();
    const char *asked = dns_query_name(a, name);
    if (asked)
        d->ops.expect(d->self, asked, type);
    arena_free(a);
}

struct dns_totals dns_totals(struct dns *d)
{
    struct dns_totals t = {.asked = atomic_load(&d->asked), .failed = atomic_load(&d->failed)};

    t.sent = d->ops.sent ? d->ops.sent(d->self) : t.asked;
    return t;
}
