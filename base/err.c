#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* An error is one line on a terminal: whatever a stranger wrote into it, controls do not get
 * through. */
static void keep_to_one_line(char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
    }
}

int err_set(struct err *e, enum err_class class, const char *tag, const char *fmt, ...)
{
    va_list ap;

    e->class = class;
    e->tag = tag;
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    keep_to_one_line(e->text);
    return (int)class;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char head[sizeof e->text / 2];
    char tail[sizeof e->text];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(head, sizeof head, fmt, ap);
    va_end(ap);
    memcpy(tail, e->text, sizeof tail);
    size_t used = strlen(head);
    memcpy(e->text, head, used);
    size_t room = sizeof e->text - used - sizeof ": ";
    memcpy(e->text + used, ": ", 2);
    size_t kept = strnlen(tail, room);
    memcpy(e->text + used + 2, tail, kept);
    e->text[used + 2 + kept] = '\0';
    keep_to_one_line(e->text);
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
