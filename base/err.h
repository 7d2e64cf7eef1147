/*
 * Errors that carry their own story.
 *
 * A function that can fail takes `struct err *e` last and returns 0, or a class below zero with *e
 * filled in. The finder of a fault calls err_set(); each layer above prefixes what only it knows
 * with err_wrap() ("mailbox main", "UID 812", "report.zip"); nobody below cli/ and ingest/intake.c
 * prints anything. Results are written only on success.
 *
 * The class says what to do next, the tag (a stable lower-case word, the CLASS of the command
 * line's "dmarcmill: NAME: CLASS: explanation") says what was found, the text says it to a person.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_class {
    ERR_INPUT = -1, /* this input is bad or beyond a limit: reject it with the reason, go on */
    /* try again later: disk full, lock, lost connection; never file as bad input */
    ERR_TEMPORARY = -2,
    ERR_UNREACHABLE = -3, /* a server does not answer */
    ERR_LOGIN = -4,       /* a server refused the login */
    ERR_CONFIG = -5,      /* the configuration is wrong */
    ERR_USAGE = -6,       /* the command line is wrong */
    ERR_BUG = -7          /* a promise inside the program was broken */
};

struct err {
    enum err_class class;
    const char *tag; /* static storage */
    /* fixed size, so that it works when memory is gone; always terminated, one line */
    char text[480];
};

#define ERR_CHECKED __attribute__((warn_unused_result))

/* Both return the class, so that `return err_set(...)` reads well. */
int err_set(struct err *e, enum err_class class, const char *tag, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The sysexits status of a class: 65, 75, 69, 77, 78, 64, 70. */
int err_exit_status(enum err_class class);

#endif
