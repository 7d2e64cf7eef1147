#include "parse/model.h"

#include "parse/flow.h"

#include <string.h>

const char *grade_name(enum grade g)
{
    static const char *const names[] = {"clean", "normalised", "recovered", "partial", "refused"};

    return names[g];
}

bool grade_parse(const char *name, enum grade *out)
{
    for (int g = GRADE_CLEAN; g <= (int)GRADE_REFUSED; g++) {
        if (strcmp(name, grade_name((enum grade)g)) == 0) {
            *out = (enum grade)g;
            return true;
        }
    }
    return false;
}

const char *report_kind_name(enum report_kind kind)
{
    static const char *const names[] = {"aggregate", "failure", "tls"};

    return names[kind];
}

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {"unknown", "fail", "pass"};

    return names[v];
}

const char *disposition_name(enum disposition d)
{
    static const char *const names[] = {"unknown", "none", "pass", "quarantine", "reject"};

    return names[d];
}

const char *dialect_name(enum dialect d)
{
    static const char *const names[] = {"draft", "rfc7489", "rfc9990"};

    return names[d];
}

const char *outcome_name(enum outcome o)
{
    static const char *const names[] = {
        "stored", "duplicate", "conflict", "not_a_report", "partial", "rejected", "deferred"};

    return names[o];
}

static const char *const message_kinds[] = {
    "rejected", "not_a_report", "failure", "aggregate", "tls"};

const char *message_kind_name(enum message_kind k)
{
    return message_kinds[k];
}

bool message_kind_parse(const char *name, enum message_kind *out)
{
    for (int k = 0; k < (int)MESSAGE_KINDS; k++) {
        if (strcmp(name, message_kinds[k]) == 0) {
            *out = (enum message_kind)k;
            return true;
        }
    }
    return false;
}
