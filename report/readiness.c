#include "report/readiness.h"

#include "base/arena.h"
#include "base/when.h"
#include "report/phrases.h"

#include <inttypes.h>
#include <string.h>

int64_t readiness_failing(const struct readiness *r)
{
    int64_t n = r->classes[CLASS_FIX];

    report_add(&n, r->classes[CLASS_NONCAPABLE]);
    report_add(&n, r->classes[CLASS_FORWARD_BROKEN]);
    return n;
}

int64_t readiness_legitimate(const struct readiness *r)
{
    int64_t n = 0;

    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        if (i != CLASS_SPOOF && i != CLASS_UNKNOWN)
            report_add(&n, r->classes[i]);
    }
    return n;
}

int64_t readiness_days(const struct readiness *r)
{
    return r->first > r->last ? 0 : when_day(r->last) - when_day(r->first) + 1;
}

static bool few_fail(const struct readiness *r)
{
    int64_t all = readiness_legitimate(r);

    return all > 0 && readiness_failing(r) <
                          all / READINESS_PER_MESSAGES + (all % READINESS_PER_MESSAGES ? 1 : 0);
}

bool readiness_ready(const struct readiness *r)
{
    return few_fail(r) && r->reporters >= READINESS_REPORTERS &&
           readiness_days(r) >= READINESS_DAYS;
}

const char *share_words(struct arena *a, int64_t part, int64_t whole)
{
    if (whole <= 0)
        return "-";
    if (part == 0)
        return "0 %";
    if (part >= whole)
        return "100 %";
    double percent = (double)part * 100.0 / (double)whole;
    if (percent < 0.01)
        return "<0.01 %";
    if (percent > 99.99)
        return ">99.99 %";
    return arena_printf(a, percent < 1.0 || percent > 99.0 ? "%.2f %%" : "%.1f %%", percent);
}

#define FILL(id, ...) PHRASE_FILL(a, p, id, __VA_ARGS__)

static const char *number_of(struct arena *a, int64_t n)
{
    return arena_printf(a, "%" PRId64, n);
}

static const char *missing(struct arena *a, const struct phrases *p, const struct readiness *r)
{
    const char *list = few_fail(r) ? "" : phrase(p, PHRASE_READY_BELOW);

    if (r->reporters < READINESS_REPORTERS) {
        list = arena_printf(a, "%s%s%s", list, *list ? ", " : "",
            FILL(READY_RECEIVERS, number_of(a, READINESS_REPORTERS)));
    }
    if (readiness_days(r) < READINESS_DAYS) {
        list = arena_printf(
            a, "%s%s%s", list, *list ? ", " : "", FILL(READY_DAYS, number_of(a, READINESS_DAYS)));
    }
    return list;
}

const char *readiness_next(const char *policy)
{
    if (!policy || strcmp(policy, "none") == 0)
        return "quarantine";
    return strcmp(policy, "quarantine") == 0 ? "reject" : NULL;
}

const char *readiness_words(struct arena *a, const struct phrases *p, const struct readiness *r,
    const char *policy, const char *target)
{
    const char *next = target ? target : readiness_next(policy);
    int64_t n = readiness_days(r);
    const char *days = number_of(a, n);
    const char *receivers = number_of(a, r->reporters);
    const char *basis = arena_printf(a, "%s, %s", n == 1 ? FILL(DAY, days) : FILL(DAYS, days),
        r->reporters == 1 ? FILL(RECEIVER, receivers) : FILL(RECEIVERS, receivers));
    const char *hit = share_words(a, readiness_failing(r), readiness_legitimate(r));

    if (readiness_legitimate(r) == 0)
        return phrase(p, PHRASE_READY_UNKNOWN);
    if (!next)
        return FILL(READY_ALREADY, hit, basis);
    return readiness_ready(r) ? FILL(READY, next, hit, basis)
                              : FILL(READY_NOT, next, hit, basis, missing(a, p, r));
}

enum intent intent_of(enum cause_class class)
{
    if (class_is_legitimate(class))
        return INTENT_LEGITIMATE;
    if (class == CLASS_FORWARD || class == CLASS_FORWARD_BROKEN)
        return INTENT_FORWARDED;
    return class == CLASS_SPOOF ? INTENT_SPOOFED : INTENT_UNKNOWN;
}

const char *intent_name(enum intent i)
{
    static const char *const names[] = {"legitimate", "forwarded", "spoofed", "unknown"};

    return names[i];
}
