/*
 * One IMAP session on libetpan: greeting, login, commands as text, what their answers bring.
 * Commands are written out here and only the answers are left to libetpan: its functions for single
 * commands take a failed FETCH for a success, or fall over an OK that comes without its data.
 */
#ifndef INGEST_IMAP_SESSION_H
#define INGEST_IMAP_SESSION_H

#include "base/err.h"
#include "ingest/imap_name.h"
#include "ingest/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    IMAP_ANSWER_BYTES = 1024 * 1024, /* plenty for an answer of a few lines, and for chatter */
    IMAP_COMMAND_MAX = 64 * 1024,
    IMAP_WORDS_MAX = 240,
    IMAP_FLAGS_MAX = 400
};

/* What the server said to a command that reached it. */
enum imap_answer {
    IMAP_OK = 0,
    IMAP_NO = 1,
    IMAP_BAD = 2
};

struct imap_session;

/* What a FETCH response says about one mail. */
struct imap_fetched {
    uint32_t uid;
    uint32_t size;
    int64_t arrived;            /* -1: not said, or no time */
    bool deleted;               /* it has the flag \Deleted */
    char flags[IMAP_FLAGS_MAX]; /* \Flagged, \Seen and keywords, with spaces between; what is too
                                   much is left out */
    char *body; /* the receiver may keep it: then it sets this to NULL and frees the body with
                   imap_body_free(); NULL: none came */
    size_t body_len;
    bool has_body; /* a body was sent, be it empty */
};

void imap_body_free(char *body); /* accepts NULL */

/*
 * Connects and logs in. ERR_UNREACHABLE: see imap_stream_open(); with STARTTLS also tls-stripped
 * (the server does not offer it; nothing was sent) and tls-injected. ERR_LOGIN and others: see
 * imap_login(). ERR_TEMPORARY: connection-lost, timeout, protocol, interrupted. ERR_CONFIG:
 * ca-file, client-certificate.
 */
int imap_session_open(
    struct imap_session **out, const struct imap_settings *set, struct err *e) ERR_CHECKED;

/*
 * Waits until there may be more mails in the folder: by IDLE (RFC 2177), at most `idle` seconds, or
 * without it by asking after `interval` seconds. 1: there may be; 0: ask again.
 */
int imap_wait(struct imap_session *s, unsigned idle, unsigned interval, struct err *e) ERR_CHECKED;

/* Says something to the server if it has not heard of us for so many seconds. */
int imap_keep_alive(struct imap_session *s, unsigned seconds, struct err *e) ERR_CHECKED;

/* Says LOGOUT if the connection still works. Accepts NULL. */
void imap_session_close(struct imap_session *s);

/*
 * Sends one command (without tag and CRLF) and reads its answer, of at most so many bytes. Returns
 * an enum imap_answer, or an error: then the connection is of no use any more, and every later
 * command fails the same way. `doing` is for the error.
 */
int imap_command(struct imap_session *s, const char *doing, uint64_t bytes, const char *command,
    struct err *e) ERR_CHECKED;

/* The same for a command that must succeed: NO and BAD become ERR_TEMPORARY, refused. */
int imap_must(struct imap_session *s, const char *doing, uint64_t bytes, const char *command,
    struct err *e) ERR_CHECKED;
int imap_refused(const struct imap_session *s, const char *doing, struct err *e);

/* SELECT, or EXAMINE, of a quoted folder name. Returns an enum imap_answer or an error. */
int imap_select(
    struct imap_session *s, const char *folder, bool examine, struct err *e) ERR_CHECKED;

uint32_t imap_uidvalidity(const struct imap_session *s);
uint32_t imap_exists(const struct imap_session *s);     /* mails when it was selected */
uint32_t imap_exists_now(const struct imap_session *s); /* as far as the server has told since */
bool imap_read_only(const struct imap_session *s);

/* About the last answer: the server's words (never empty), and its response code (RFC 5530). */
const char *imap_words(const struct imap_session *s, char out[IMAP_WORDS_MAX]);
bool imap_code(const struct imap_session *s, const char *code);
bool imap_is_busy(
    const struct imap_session *s); /* a code that speaks of now, not of what was asked */

/* Does it hold this text? */
bool imap_repeats(const struct imap_session *s, const char *text);

bool imap_has(const struct imap_session *s, const char *capability);
bool imap_has_login(const struct imap_session *s, const char *method); /* AUTH=METHOD */

/* AUTHENTICATE. `answer` goes out when the server asks for it, and `last` if it asks again. As
 * imap_command(). */
int imap_authenticate(struct imap_session *s, const char *command, const char *answer,
    const char *last, struct err *e) ERR_CHECKED;

/* By NAMESPACE (RFC 2342) if the server has it. */
int imap_naming(struct imap_session *s, struct imap_names *out, struct err *e) ERR_CHECKED;

/* Who gets the FETCH responses from now on; NULL: nobody. */
void imap_receive(
    struct imap_session *s, void (*receive)(void *context, struct imap_fetched *f), void *context);

#endif
