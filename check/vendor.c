#include "check/vendor.h"

#include "base/arena.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>

static const char *const microsoft_mx[] = {"mail.protection.outlook.com", "mx.microsoft", NULL};
static const char *const google_mx[] = {"google.com", "googlemail.com", NULL};

const struct vendor_facts vendors[VENDOR_COUNT] = {
    [VENDOR_MICROSOFT] = {"Microsoft 365", "spf.protection.outlook.com", microsoft_mx},
    [VENDOR_GOOGLE] = {"Google", "_spf.google.com", google_mx},
};

int vendor_of_mx(const char *host)
{
    for (int v = 0; v < (int)VENDOR_COUNT; v++) {
        for (const char *const *suffix = vendors[v].mx_suffixes; *suffix; suffix++) {
            if (domain_is_within(host, *suffix))
                return v;
        }
    }
    return -1;
}

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
