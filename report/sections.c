#include "report/sections.h"

enum cause_class finding_class(const struct finding *f)
{
    return causes[f->cause].class;
}

static bool is_open(const struct finding *f, enum cause_class class)
{
    return f->status == FINDING_OPEN && finding_class(f) == class;
}

bool finding_is_to_fix(const struct finding *f)
{
    return is_open(f, CLASS_FIX) || is_open(f, CLASS_NONCAPABLE);
}

bool finding_is_weak(const struct finding *f)
{
    return is_open(f, CLASS_OK_WEAK);
}

bool finding_is_unknown(const struct finding *f)
{
    return is_open(f, CLASS_UNKNOWN);
}

static bool is_broken(const struct finding *f)
{
    return is_open(f, CLASS_FORWARD_BROKEN);
}

static bool is_forwarded(const struct finding *f)
{
    return is_open(f, CLASS_FORWARD) && !f->large;
}

/* So much is hardly ever forwarded. */
static bool is_perhaps_own(const struct finding *f)
{
    return is_open(f, CLASS_FORWARD) && f->large;
}

static bool is_abuse(const struct finding *f)
{
    return is_open(f, CLASS_SPOOF);
}

static bool is_transient(const struct finding *f)
{
    return is_open(f, CLASS_TRANSIENT);
}

static bool is_minor(const struct finding *f)
{
    return f->status == FINDING_MINOR;
}

static bool is_quiet(const struct finding *f)
{
    return f->status == FINDING_QUIET;
}

static bool is_resolved(const struct finding *f)
{
    return f->status == FINDING_RESOLVED;
}

const struct section sections[SECTION_COUNT] = {
    {"fix", PHRASE_SECTION_FIX, PHRASE_COUNT, finding_is_to_fix, false},
    {"weak", PHRASE_SECTION_WEAK, PHRASE_COUNT, finding_is_weak, false},
    {"perhaps", PHRASE_SECTION_PERHAPS, PHRASE_SECTION_PERHAPS_NOTE, is_perhaps_own, false},
    {"unknown", PHRASE_SECTION_UNKNOWN, PHRASE_COUNT, finding_is_unknown, false},
    {"transient", PHRASE_SECTION_TRANSIENT, PHRASE_COUNT, is_transient, false},
    {"broken", PHRASE_SECTION_BROKEN, PHRASE_SECTION_BROKEN_NOTE, is_broken, false},
    {"forwarded", PHRASE_SECTION_FORWARDED, PHRASE_SECTION_FORWARDED_NOTE, is_forwarded, true},
    {"abuse", PHRASE_SECTION_ABUSE, PHRASE_SECTION_ABUSE_NOTE, is_abuse, false},
    {"minor", PHRASE_SECTION_MINOR, PHRASE_SECTION_MINOR_NOTE, is_minor, true},
    {"quiet", PHRASE_SECTION_QUIET, PHRASE_COUNT, is_quiet, true},
    {"resolved", PHRASE_SECTION_RESOLVED, PHRASE_COUNT, is_resolved, true},
};
