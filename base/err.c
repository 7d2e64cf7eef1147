#include "base/err.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

enum {
    DRAFT_MAX = 1024 /* more than an error holds, so that a cut is seen and marked */
};

/*
 * An error is one line on a terminal: whatever a stranger wrote into it, controls do not get
 * through. Line ends and the like become spaces, what is worse U+FFFD.
 */
static void keep_to_one_line(struct err *e, char *draft)
{
    for (char *s = draft; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
    }
    text_safe_into(e->text, sizeof e->text, draft);
}

int err_set(struct err *e, enum err_class class, const char *tag, const char *fmt, ...)
{
    char draft[DRAFT_MAX] = "";
    va_list ap;

    va_start(ap, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it does not see va_start */
    (void)vsnprintf(draft, sizeof draft, fmt, ap);
    va_end(ap);
    e->class = class;
    e->tag = tag;
    keep_to_one_line(e, draft);
    return (int)class;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char head[sizeof e->text / 2] = "";
    char draft[DRAFT_MAX] = "";
    va_list ap;

    va_start(ap, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it does not see va_start */
    (void)vsnprintf(head, sizeof head, fmt, ap);
    va_end(ap);
    (void)snprintf(draft, sizeof draft, "%s: %s", head, e->text);
    keep_to_one_line(e, draft);
    return (int)e->class;
}

int err_exit_status(enum err_class class)
{
    switch (class) {
    case ERR_INPUT:
        return EX_DATAERR;
    case ERR_TEMPORARY:
        return EX_TEMPFAIL;
    case ERR_UNREACHABLE:
        return EX_UNAVAILABLE;
    case ERR_LOGIN:
        return EX_NOPERM;
    case ERR_CONFIG:
        return EX_CONFIG;
    case ERR_USAGE:
        return EX_USAGE;
    case ERR_BUG:
        break;
    }
    return EX_SOFTWARE;
}
