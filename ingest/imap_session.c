#include "ingest/imap_session.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/when.h"
#include "ingest/imap_login.h"
#include "ingest/imap_stream.h"

#include <libetpan/mailimap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    LOGOUT_SECONDS = 5
};

static const char naming[] = "asking how folders are named";

struct imap_session {
    struct imap_stream *stream;
    mailimap *imap;
    unsigned deadline;
    bool broken; /* why: */
    struct err why;
    uint32_t uidvalidity, exists;
    bool read_only;
    bool no_idle;     /* it was refused */
    int64_t spoke_ms; /* when the server heard of us last, of when_monotonic_ms() */
    void (*receive)(void *context, struct imap_fetched *f);
    void *context;
};

/* --- FETCH responses --- */

void imap_body_free(char *body)
{
    if (body)
        mailimap_nstring_free(body);
}

static int64_t server_time(const struct mailimap_date_time *t)
{
    char text[128];
    int64_t seconds;
    int zone = abs(t->dt_zone);

    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", t->dt_year,
        t->dt_month, t->dt_day, t->dt_hour, t->dt_min, t->dt_sec, t->dt_zone < 0 ? '-' : '+',
        zone / 100, zone % 100);
    return when_parse_rfc3339(text, &seconds) ? seconds : -1;
}

static const char *flag_name(const struct mailimap_flag *f)
{
    switch (f->fl_type) {
    case MAILIMAP_FLAG_ANSWERED:
        return "\\Answered";
    case MAILIMAP_FLAG_FLAGGED:
        return "\\Flagged";
    case MAILIMAP_FLAG_SEEN:
        return "\\Seen";
    case MAILIMAP_FLAG_DRAFT:
        return "\\Draft";
    case MAILIMAP_FLAG_KEYWORD:
        return f->fl_data.fl_keyword;
    default:
        return NULL;
    }
}

static void see_flags(struct imap_fetched *f, const struct mailimap_msg_att_dynamic *d)
{
    for (clistiter *i = d->att_list ? clist_begin(d->att_list) : NULL; i; i = clist_next(i)) {
        const struct mailimap_flag_fetch *flag = clist_content(i);
        const char *name = flag->fl_flag ? flag_name(flag->fl_flag) : NULL;
        if (flag->fl_flag && flag->fl_flag->fl_type == MAILIMAP_FLAG_DELETED)
            f->deleted = true;
        size_t used = strlen(f->flags);
        if (name && used + strlen(name) + 2 <= sizeof f->flags) {
            (void)snprintf(f->flags + used, sizeof f->flags - used, "%s%s", used ? " " : "", name);
        }
    }
}

/* Returns the body section, if that is what the attribute is. */
static struct mailimap_msg_att_body_section *see_static(
    struct imap_fetched *f, const struct mailimap_msg_att_static *a)
{
    switch (a->att_type) {
    case MAILIMAP_MSG_ATT_UID:
        f->uid = a->att_data.att_uid;
        break;
    case MAILIMAP_MSG_ATT_RFC822_SIZE:
        f->size = a->att_data.att_rfc822_size;
        break;
    case MAILIMAP_MSG_ATT_INTERNALDATE:
        if (a->att_data.att_internal_date)
            f->arrived = server_time(a->att_data.att_internal_date);
        break;
    case MAILIMAP_MSG_ATT_BODY_SECTION:
        return a->att_data.att_body_section;
    default:
        break;
    }
    return NULL;
}

static void on_message(struct mailimap_msg_att *m, void *context)
{
    struct imap_session *s = context;
    struct imap_fetched f = {.arrived = -1};
    struct mailimap_msg_att_body_section *body = NULL;

    if (!s->receive)
        return;
    for (clistiter *i = m->att_list ? clist_begin(m->att_list) : NULL; i; i = clist_next(i)) {
        const struct mailimap_msg_att_item *item = clist_content(i);
        struct mailimap_msg_att_body_section *section = NULL;
        if (item->att_type == MAILIMAP_MSG_ATT_ITEM_STATIC && item->att_data.att_static) {
            section = see_static(&f, item->att_data.att_static);
        } else if (item->att_type == MAILIMAP_MSG_ATT_ITEM_DYNAMIC && item->att_data.att_dyn) {
            see_flags(&f, item->att_data.att_dyn);
        }
        if (section)
            body = section;
    }
    if (!f.uid)
        return; /* a change of flags that nobody asked for */
    if (body) {
        f.has_body = true;
        f.body = body->sec_body_part;
        f.body_len = body->sec_body_part ? body->sec_length : 0;
    }
    s->receive(s->context, &f);
    if (body)
        body->sec_body_part = f.body;
}

void imap_receive(
    struct imap_session *s, void (*receive)(void *context, struct imap_fetched *f), void *context)
{
    s->receive = receive;
    s->context = context;
}

/* libetpan calls a message handler only if there is somebody to report progress to. */
static void no_progress(size_t current, size_t maximum, void *context)
{
    (void)current;
    (void)maximum;
    (void)context;
}

/* --- commands --- */

static int session_broke(struct imap_session *s, int r, const char *doing, struct err *e)
{
    if (!imap_stream_why(s->stream, e)) {
        if (r == MAILIMAP_ERROR_MEMORY) {
            (void)err_set(e, ERR_TEMPORARY, "memory", "no memory");
        } else {
            (void)err_set(e, ERR_TEMPORARY, "protocol", "the server's answer is not understood");
        }
    }
    (void)err_wrap(e, "%s", doing);
    s->broken = true;
    s->why = *e;
    return (int)e->class;
}

/* One line, and the first one of the answer. */
static int session_say(struct imap_session *s, const char *text)
{
    size_t len = strlen(text);

    if ((len && mailstream_write(s->imap->imap_stream, text, len) != (ssize_t)len) ||
        mailstream_write(s->imap->imap_stream, "\r\n", 2) != 2 ||
        mailstream_flush(s->imap->imap_stream) != 0 || !mailimap_read_line(s->imap))
        return MAILIMAP_ERROR_STREAM;
    return MAILIMAP_NO_ERROR;
}

static int session_send(struct imap_session *s, const char *text)
{
    int r = mailimap_send_current_tag(s->imap);

    return r == MAILIMAP_NO_ERROR ? session_say(s, text) : r;
}

static void session_begin(struct imap_session *s, uint64_t bytes)
{
    imap_stream_begin(s->stream, s->deadline, bytes);
    s->spoke_ms = when_monotonic_ms();
    (void)mmap_string_truncate(s->imap->imap_response_buffer, 0); /* libetpan keeps older words */
}

/* The rest of an answer whose first line is here, if r says that it is. */
static int session_answer(struct imap_session *s, int r, const char *doing, struct err *e)
{
    struct mailimap_response *response = NULL;

    if (r == MAILIMAP_NO_ERROR)
        r = mailimap_parse_response(s->imap, &response);
    if (r == MAILIMAP_ERROR_PROTOCOL)
        return IMAP_BAD;
    if (r != MAILIMAP_NO_ERROR)
        return session_broke(s, r, doing, e);
    int state = response->rsp_resp_done->rsp_data.rsp_tagged->rsp_cond_state->rsp_type;
    mailimap_response_free(response);
    return state == MAILIMAP_RESP_COND_STATE_OK ? IMAP_OK : IMAP_NO;
}

static int session_is_broken(const struct imap_session *s, struct err *e)
{
    if (s->broken)
        *e = s->why;
    return s->broken ? (int)e->class : 0;
}

int imap_command(
    struct imap_session *s, const char *doing, uint64_t bytes, const char *command, struct err *e)
{
    int r = session_is_broken(s, e);

    if (r)
        return r;
    session_begin(s, bytes);
    r = session_send(s, command);
    return session_answer(s, r, doing, e);
}

int imap_refused(const struct imap_session *s, const char *doing, struct err *e)
{
    char words[IMAP_WORDS_MAX];

    return err_set(
        e, ERR_TEMPORARY, "refused", "%s: the server says: %s", doing, imap_words(s, words));
}

int imap_must(
    struct imap_session *s, const char *doing, uint64_t bytes, const char *command, struct err *e)
{
    int r = imap_command(s, doing, bytes, command, e);

    return r > 0 ? imap_refused(s, doing, e) : r;
}

const char *imap_words(const struct imap_session *s, char out[IMAP_WORDS_MAX])
{
    text_safe_into(out, IMAP_WORDS_MAX, s->imap->imap_response ? s->imap->imap_response : "");
    if (!*out)
        (void)snprintf(out, IMAP_WORDS_MAX, "no reason given");
    return out;
}

bool imap_code(const struct imap_session *s, const char *code)
{
    const struct mailimap_response_info *info = s->imap->imap_response_info;

    return info && info->rsp_atom && !strcasecmp(info->rsp_atom, code);
}

bool imap_is_busy(const struct imap_session *s)
{
    return imap_code(s, "UNAVAILABLE") || imap_code(s, "INUSE") || imap_code(s, "LIMIT") ||
           imap_code(s, "SERVERBUG");
}

bool imap_has(const struct imap_session *s, const char *capability)
{
    return mailimap_has_extension(s->imap, capability) != 0;
}

/* The hierarchy delimiter as every server tells it. */
static int ask_delimiter(struct imap_session *s, struct imap_names *out, struct err *e)
{
    int r = imap_must(s, naming, IMAP_ANSWER_BYTES, "LIST \"\" \"\"", e);

    if (r || !s->imap->imap_response_info)
        return r;
    clist *folders = s->imap->imap_response_info->rsp_mailbox_list;
    if (folders && clist_begin(folders)) {
        const struct mailimap_mailbox_list *first = clist_content(clist_begin(folders));
        out->delimiter = first->mb_delimiter;
    }
    return 0;
}

int imap_select(struct imap_session *s, const char *folder, bool examine, struct err *e)
{
    struct mailimap_selection_info *info = mailimap_selection_info_new();
    struct buf command;

    if (!info)
        return err_set(e, ERR_TEMPORARY, "memory", "no memory");
    if (s->imap->imap_selection_info)
        mailimap_selection_info_free(s->imap->imap_selection_info);
    s->imap->imap_selection_info = info; /* libetpan fills it in */
    buf_init(&command, IMAP_COMMAND_MAX);
    (void)buf_printf(&command, "%s %s", examine ? "EXAMINE" : "SELECT", folder);
    int r = imap_command(s, "opening the folder", IMAP_ANSWER_BYTES, command.data, e);
    buf_done(&command);
    s->uidvalidity = info->sel_uidvalidity;
    s->exists = info->sel_exists;
    s->read_only = info->sel_perm == MAILIMAP_MAILBOX_READONLY;
    return r;
}

uint32_t imap_uidvalidity(const struct imap_session *s)
{
    return s->uidvalidity;
}

uint32_t imap_exists(const struct imap_session *s)
{
    return s->exists;
}

bool imap_read_only(const struct imap_session *s)
{
    return s->read_only;
}

uint32_t imap_exists_now(const struct imap_session *s)
{
    return s->imap->imap_selection_info ? s->imap->imap_selection_info->sel_exists : 0;
}

bool imap_repeats(const struct imap_session *s, const char *text)
{
    return s->imap->imap_response && strstr(s->imap->imap_response, text);
}

bool imap_has_login(const struct imap_session *s, const char *method)
{
    const struct mailimap_connection_info *info = s->imap->imap_connection_info;
    clist *list = info && info->imap_capability ? info->imap_capability->cap_list : NULL;

    for (clistiter *i = list ? clist_begin(list) : NULL; i; i = clist_next(i)) {
        const struct mailimap_capability *c = clist_content(i);
        if (c->cap_type == MAILIMAP_CAPABILITY_AUTH_TYPE && c->cap_data.cap_auth_type &&
            !strcasecmp(c->cap_data.cap_auth_type, method))
            return true;
    }
    return false;
}

/* --- commands that are conversations --- */

static const char *session_line(const struct imap_session *s)
{
    return s->imap->imap_stream_buffer->str;
}

/* "* 23 EXISTS" */
static bool is_exists(const char *line)
{
    static const char word[] = " EXISTS";
    size_t digits = strncmp(line, "* ", 2) == 0 ? strspn(line + 2, "0123456789") : 0;

    return digits && strncasecmp(line + 2 + digits, word, sizeof word - 1) == 0;
}

/* Reads on to the line in which the server asks for more ("+") or answers. *news: it told of
 * mails. */
static int session_until_asked(struct imap_session *s, bool *news)
{
    while (session_line(s)[0] == '*') {
        *news = *news || is_exists(session_line(s));
        if (!mailimap_read_line(s->imap))
            return MAILIMAP_ERROR_STREAM;
    }
    return MAILIMAP_NO_ERROR;
}

/* A quoted string at *at, into `out`; *at moves behind it. */
static bool take_quoted(const char **at, char *out, size_t size)
{
    const char *p = *at;
    size_t n = 0;

    if (*p++ != '"')
        return false;
    for (; *p && *p != '"'; p++) {
        p += *p == '\\' && p[1];
        if (n + 1 >= size)
            return false;
        out[n++] = *p;
    }
    out[n] = '\0';
    if (!*p)
        return false;
    *at = p + 1;
    return true;
}

/* The first of the user's own namespaces (RFC 2342 section 5), if the line tells one. What follows
 * it may be anything, which libetpan does not take. */
static void see_namespace(const char *line, struct imap_names *out)
{
    static const char begin[] = "* NAMESPACE ((";
    struct imap_names seen = {0};
    char delimiter[2] = "";

    if (strncasecmp(line, begin, sizeof begin - 1) != 0)
        return;
    line += sizeof begin - 1;
    if (!take_quoted(&line, seen.prefix, sizeof seen.prefix) || *line++ != ' ')
        return;
    if (!take_quoted(&line, delimiter, sizeof delimiter) && strncasecmp(line, "NIL", 3) != 0)
        return;
    seen.delimiter = delimiter[0];
    *out = seen;
}

static int ask_namespace(struct imap_session *s, struct imap_names *out, struct err *e)
{
    int r = session_is_broken(s, e);

    if (r)
        return r;
    session_begin(s, IMAP_ANSWER_BYTES);
    r = session_send(s, "NAMESPACE");
    while (r == MAILIMAP_NO_ERROR && session_line(s)[0] == '*') {
        see_namespace(session_line(s), out);
        if (!mailimap_read_line(s->imap))
            r = MAILIMAP_ERROR_STREAM;
    }
    r = session_answer(s, r, naming, e);
    return r > 0 ? imap_refused(s, naming, e) : r;
}

int imap_naming(struct imap_session *s, struct imap_names *out, struct err *e)
{
    *out = (struct imap_names){0};
    if (imap_has(s, "NAMESPACE")) {
        int r = ask_namespace(s, out, e);
        if (r || out->delimiter || *out->prefix)
            return r;
    }
    return ask_delimiter(s, out, e);
}

int imap_authenticate(struct imap_session *s, const char *command, const char *answer,
    const char *last, struct err *e)
{
    bool ignored = false;
    int r = session_is_broken(s, e);

    if (r)
        return r;
    session_begin(s, IMAP_ANSWER_BYTES);
    r = session_send(s, command);
    for (int asked = 0; asked < 2 && r == MAILIMAP_NO_ERROR; asked++) {
        r = session_until_asked(s, &ignored);
        if (r != MAILIMAP_NO_ERROR || session_line(s)[0] != '+')
            break;
        r = session_say(s, asked ? last : answer);
    }
    return session_answer(s, r, "login", e);
}

int imap_keep_alive(struct imap_session *s, unsigned seconds, struct err *e)
{
    if (when_monotonic_ms() - s->spoke_ms < (int64_t)seconds * 1000)
        return 0;
    return imap_must(s, "keeping the connection alive", IMAP_ANSWER_BYTES, "NOOP", e);
}

static const char awaiting[] = "waiting for mails";

/* What the server says until there is news or time is up. 0, or below zero: then the session is
 * broken, or it is time to give up and IDLE can still be ended. */
static int idle_listen(struct imap_session *s, unsigned seconds, bool *news, struct err *e)
{
    int64_t until = when_monotonic_ms() + (int64_t)seconds * 1000;
    int r = 0;

    while (!*news) {
        int64_t left = until - when_monotonic_ms();
        bool buffered = s->imap->imap_stream->read_buffer_len > 0;
        r = buffered ? 1 : imap_stream_await(s->stream, left > 0 ? left : 0, e);
        imap_stream_begin(s->stream, s->deadline, IMAP_ANSWER_BYTES);
        if (r <= 0)
            break;
        if (!mailimap_read_line(s->imap))
            return session_broke(s, MAILIMAP_ERROR_STREAM, awaiting, e);
        *news = is_exists(session_line(s));
        r = 0;
    }
    if (r < 0 && strcmp(e->tag, "interrupted") != 0) {
        (void)err_wrap(e, "%s", awaiting);
        s->broken = true;
        s->why = *e;
    }
    return r;
}

static int idle(struct imap_session *s, unsigned seconds, bool *news, struct err *e)
{
    struct err ignored;

    session_begin(s, IMAP_ANSWER_BYTES);
    int r = session_send(s, "IDLE");
    if (r == MAILIMAP_NO_ERROR)
        r = session_until_asked(s, news);
    if (r != MAILIMAP_NO_ERROR || session_line(s)[0] != '+') {
        r = session_answer(s, r, awaiting, e);
        s->no_idle = true; /* whatever it says that it can */
        return r < 0 ? r : 0;
    }
    r = idle_listen(s, seconds, news, e);
    if (s->broken)
        return r;
    int ended = session_answer(s, session_say(s, "DONE"), awaiting, r ? &ignored : e);
    if (r)
        return r;
    return ended > 0 ? imap_refused(s, awaiting, e) : ended;
}

int imap_wait(struct imap_session *s, unsigned idle_seconds, unsigned interval, struct err *e)
{
    bool news = false;
    int r = session_is_broken(s, e);

    if (r)
        return r;
    if (imap_has(s, "IDLE") && !s->no_idle) {
        r = idle(s, idle_seconds, &news, e);
        return r ? r : news;
    }
    uint32_t before = imap_exists_now(s);
    r = imap_stream_await(s->stream, (int64_t)interval * 1000, e);
    if (r >= 0)
        r = imap_must(s, awaiting, IMAP_ANSWER_BYTES, "NOOP", e);
    return r < 0 ? r : imap_exists_now(s) > before;
}

/* --- opening and closing --- */

static int session_greet(struct imap_session *s, struct err *e)
{
    mailstream *m = imap_stream_mailstream(s->stream);

    s->imap = mailimap_new(0, NULL);
    if (!s->imap || !m) {
        if (m)
            (void)mailstream_close(m);
        return err_set(e, ERR_TEMPORARY, "memory", "no memory");
    }
    mailimap_set_progress_callback(s->imap, no_progress, no_progress, NULL);
    mailimap_set_msg_att_handler(s->imap, on_message, s);
    imap_stream_begin(s->stream, s->deadline, IMAP_ANSWER_BYTES);
    int r = mailimap_connect(s->imap, m);
    if (r == MAILIMAP_NO_ERROR_AUTHENTICATED || r == MAILIMAP_NO_ERROR_NON_AUTHENTICATED)
        return 0;
    (void)session_broke(s, r, "waiting for the greeting", e);
    if (strcmp(e->tag, "interrupted") == 0)
        return (int)e->class;
    e->class = ERR_UNREACHABLE;
    if (strcmp(e->tag, "timeout") != 0)
        e->tag = "unreachable";
    return (int)e->class;
}

static int session_capabilities(struct imap_session *s, struct err *e)
{
    return imap_must(s, "asking for capabilities", IMAP_ANSWER_BYTES, "CAPABILITY", e);
}

/* Nothing of it is tried again: the connection is in nobody's hands, or in somebody else's. */
static int session_give_up(struct imap_session *s, int r, struct err *e)
{
    if (r) {
        s->broken = true;
        s->why = *e;
    }
    return r;
}

/* Anybody on the way can write what is read before the handshake, so it decides nothing but whether
 * there will be one. */
static int session_starttls(
    struct imap_session *s, const struct imap_stream_settings *connection, struct err *e)
{
    char words[IMAP_WORDS_MAX];

    if (s->imap->imap_state == MAILIMAP_STATE_AUTHENTICATED) {
        return session_give_up(s,
            err_set(e, ERR_UNREACHABLE, "tls-stripped",
                "the server says PREAUTH instead of STARTTLS; nothing was sent"),
            e);
    }
    int r = imap_command(s, "STARTTLS", IMAP_ANSWER_BYTES, "STARTTLS", e);
    if (r < 0)
        return r;
    if (r > 0) {
        r = err_set(e, ERR_UNREACHABLE, "tls-stripped",
            "there is no STARTTLS; nothing was sent: the server says: %s", imap_words(s, words));
    } else if (s->imap->imap_stream->read_buffer_len) {
        r = err_set(e, ERR_UNREACHABLE, "tls-injected",
            "more than the answer to STARTTLS came before the handshake");
    } else {
        r = imap_stream_starttls(s->stream, connection, e);
    }
    r = session_give_up(s, r, e);
    return r ? r : session_capabilities(s, e); /* what was told before is forgotten */
}

static int session_login(struct imap_session *s, const struct imap_settings *set, struct err *e)
{
    int r = 0;

    if (s->imap->imap_state == MAILIMAP_STATE_AUTHENTICATED) /* PREAUTH: a tunnel */
        return session_capabilities(s, e);
    if (!s->imap->imap_connection_info || !s->imap->imap_connection_info->imap_capability)
        r = session_capabilities(s, e);
    if (!r)
        r = imap_login(s, set, e);
    return r ? r : session_capabilities(s, e); /* they change with the login */
}

int imap_session_open(struct imap_session **out, const struct imap_settings *set, struct err *e)
{
    struct imap_stream_settings connection = {
        .host = set->host,
        .port = set->port,
        .tls = set->tls == IMAP_TLS,
        .verify = set->verify,
        .ca_file = set->ca_file,
        .cert = set->cert,
        .key = set->key,
        .timeout = set->timeout,
        .deadline = set->deadline,
        .stop = set->stop,
        .context = set->context,
    };
    struct imap_session *s = mem_alloc(sizeof *s);

    s->deadline = set->deadline;
    int r = imap_stream_open(&s->stream, &connection, e);
    if (!r)
        r = session_greet(s, e);
    if (!r && set->tls == IMAP_STARTTLS)
        r = session_starttls(s, &connection, e);
    if (!r)
        r = session_login(s, set, e);
    if (r) {
        imap_session_close(s);
    } else {
        *out = s;
    }
    return r;
}

void imap_session_close(struct imap_session *s)
{
    if (!s)
        return;
    if (s->imap && s->imap->imap_stream) {
        s->receive = NULL;
        if (!s->broken) {
            imap_stream_begin(s->stream, LOGOUT_SECONDS, IMAP_ANSWER_BYTES);
            (void)session_send(s, "LOGOUT"); /* the answer is BYE, the end of every connection */
        }
        /* else mailimap_free would speak to the server again */
        (void)mailstream_close(s->imap->imap_stream);
        s->imap->imap_stream = NULL;
    }
    if (s->imap)
        mailimap_free(s->imap);
    imap_stream_free(s->stream);
    free(s);
}
