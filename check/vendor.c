#include "check/vendor.h"

#include "base/arena.h"

#include <string.h>

const struct vendor_facts vendors[VENDOR_COUNT] = {
    [VENDOR_MICROSOFT] = {"Microsoft 365", "spf.protection.outlook.com"},
    [VENDOR_GOOGLE] = {"Google", "_spf.google.com"},
};

bool vendor_in_spf(struct subject *s, enum vendor v)
{
    struct dns_answer answer;
    const char *term = arena_printf(s->arena, "include:%s", vendors[v].include);

    subject_ask_quietly(s, s->domain, DNS_TXT, &answer);
    for (size_t i = 0; i < answer.n; i++) {
        if (record_begins(&answer.records[i], "v=spf1") && strcasestr(answer.records[i].data, term))
            return true;
    }
    return false;
}

bool vendor_in_mx(struct subject *s, enum vendor v)
{
    struct dns_answer answer;

    subject_ask_quietly(s, s->domain, DNS_MX, &answer);
    for (size_t i = 0; i < answer.n; i++) {
        if (vendor_of_mx(answer.records[i].name) == (int)v)
            return true;
    }
    return false;
}

bool vendor_in_use(struct subject *s, enum vendor v)
{
    return vendor_in_mx(s, v) || vendor_in_spf(s, v);
}
