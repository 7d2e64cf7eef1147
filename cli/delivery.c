#include "cli/delivery.h"

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/when.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/holder.h"
#include "cli/secret.h"
#include "report/phrases.h"
#include "report/render.h"
#include "report/report.h"
#include "send/message.h"
#include "send/smtp.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum {
    MAIL_MAX = 64 * 1024 * 1024,
    LEASE_SECONDS = 1800, /* longer than one mail may take */
    NAME_BYTES = 100      /* of an attachment */
};

/* A mail that is being sent. */
struct attempt {
    struct store *store;
    struct store_delivery *delivery;
};

struct sending {
    const struct delivery *d;
    char holder[STORE_HOLDER_MAX];
    int64_t from, to; /* of the client's report */
    char period[REPORT_PERIOD_MAX];
    bool mixed;          /* the clients' periods differ */
    struct smtp *smtp;   /* from the first mail on */
    struct arena *arena; /* of one client */
    /* the client's report in its formats; made for the first recipient who needs it */
    struct look look;
    struct message_part *parts;
    char **texts; /* their bytes */
    size_t n_parts;
    int64_t sent, sent_before, refused, waiting;
};

/* ---- settings ---- */

static int check_login(const struct config_smtp *c, struct err *e)
{
    int passwords = secret_sources(&c->password);
    int secrets = passwords + (c->token_command != NULL);

    if (!c->user && (secrets || c->login != SMTP_LOGIN_PASSWORD))
        return err_set(e, ERR_CONFIG, "config", "user is missing");
    if (!c->user)
        return 0;
    if (c->login == SMTP_LOGIN_PASSWORD && (passwords != 1 || c->token_command)) {
        return err_set(e, ERR_CONFIG, "config",
            "user wants one of password_file, password_command and password_env");
    }
    if (c->login != SMTP_LOGIN_PASSWORD && (passwords || !c->token_command))
        return err_set(e, ERR_CONFIG, "config", "auth wants token_command, and no password");
    return 0;
}

int delivery_check_smtp(const struct config_smtp *c, struct err *e)
{
    static const char fit[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";

    if (!c->host)
        return err_set(e, ERR_CONFIG, "config", "host is missing");
    if (c->host[strspn(c->host, fit)])
        return err_set(e, ERR_CONFIG, "config", "host must be a name or an address");
    if (!c->from)
        return err_set(e, ERR_CONFIG, "config", "from is missing");
    if (c->tls == SMTP_TLS_NONE && !addr_host_is_loopback(c->host)) {
        return err_set(e, ERR_CONFIG, "config",
            "tls = no is for a server on this machine (localhost, 127.0.0.1 or ::1)");
    }
    return check_login(c, e);
}

/* ---- the session ---- */

static int read_secret(const struct config_smtp *c, char **out, struct err *e)
{
    const struct secret_source token = {.what = "token", .command = c->token_command};

    if (secret_is_exposed(c->password.file)) {
        console_say(
            "smtp: password-exposed: everybody can read %s; chmod 600 it", c->password.file);
    }
    return secret_read(c->login == SMTP_LOGIN_PASSWORD ? &c->password : &token, out, e);
}

static int open_smtp(struct smtp **out, const struct config_smtp *c, struct err *e)
{
    char *secret = NULL;
    int rc = c->user ? read_secret(c, &secret, e) : 0;

    if (!rc) {
        const struct smtp_settings set = {
            .host = c->host,
            .port = c->port,
            .tls = c->tls,
            .ca_file = c->ca_file,
            .user = c->user,
            .login = c->login,
            .secret = secret,
            .timeout = c->timeout,
        };
        rc = smtp_open(out, &set, e);
    }
    secret_free(secret);
    return rc;
}

int delivery_probe(const struct config_smtp *c, struct err *e)
{
    struct smtp *smtp = NULL;
    int rc = open_smtp(&smtp, c, e);

    if (!rc)
        rc = smtp_probe(smtp, e);
    smtp_close(smtp);
    return rc;
}

int delivery_note(const struct config_smtp *c, const char *to, const char *subject,
    const char *text, int64_t date, struct err *e)
{
    struct arena *a = arena_new();
    const struct message_part part = {
        .media_type = "text/plain", .bytes = text, .len = strlen(text)};
    char when[24];

    (void)snprintf(when, sizeof when, "%" PRId64, date);
    const struct message m = {
        .from = c->from,
        .from_name = c->from_name,
        .reply_to = c->reply_to,
        .to = to,
        .subject = subject,
        .id = message_id(a, c->from, (const char *const[]){to, when, text}, 3),
        .date = date,
        .parts = &part,
        .n_parts = 1,
    };
    struct smtp *smtp = NULL;
    struct buf mail;

    buf_init(&mail, MAIL_MAX);
    int rc = message_write(&m, &mail, e);
    if (!rc)
        rc = open_smtp(&smtp, c, e);
    if (!rc) {
        const struct smtp_mail sent = {
            .from = c->from, .to = to, .bytes = mail.data, .len = mail.len};
        rc = smtp_send(smtp, &sent, e);
    }
    smtp_close(smtp);
    buf_done(&mail);
    arena_free(a);
    return rc;
}

/* ---- the mail ---- */

/* How a format goes into a mail. */
static const struct {
    const char *format, *media_type;
    bool text;
} forms[] = {
    {"text", "text/plain", true}, {"html", "text/html", true}, {"csv", "text/csv", false},
    {"json", "application/json", false}, {"", "application/octet-stream", false}, /* all others */
};

static size_t form_of(const struct report_format *f)
{
    size_t i = 0;

    while (i + 1 < sizeof forms / sizeof *forms && strcmp(forms[i].format, f->name) != 0)
        i++;
    return i;
}

bool delivery_is_text(const struct report_format *f)
{
    return forms[form_of(f)].text;
}

/* "acme-2026-W47.csv": whatever the client is called, some system has trouble with it. */
static const char *file_name(
    const struct sending *s, const char *client, const struct report_format *f)
{
    char *name = arena_strndup(s->arena, client, NAME_BYTES);

    for (char *p = name; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || *p == '-' || *p == '_';
        if (!plain)
            *p = '-';
    }
    return arena_printf(s->arena, "%s-%s.%s", name, s->period, f->extension);
}

static int render(const struct report_format *f, const struct client_report *r, char **out,
    size_t *out_len, struct err *e)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);

    if (!file)
        mem_exhausted();
    f->write(r, file);
    bool bad = ferror(file) != 0;
    if (fclose(file) || bad) {
        free(text);
        return err_set(e, ERR_TEMPORARY, "memory", "no memory for the report");
    }
    *out = text;
    *out_len = len;
    return 0;
}

static void forget_parts(struct sending *s)
{
    for (size_t i = 0; i < s->n_parts; i++)
        free(s->texts[i]);
    s->parts = NULL;
    s->n_parts = 0;
}

static int render_all(struct sending *s, const struct config_recipients *to, struct err *e)
{
    struct client_report report;
    int rc = s->d->build(s->d->context, to->client, s->arena, &report, e);

    if (rc)
        return rc;
    s->look = report.look;
    s->parts = arena_alloc(s->arena, to->n_formats * sizeof *s->parts);
    s->texts = arena_alloc(s->arena, to->n_formats * sizeof *s->texts);
    for (size_t i = 0; i < to->n_formats && !rc; i++) {
        const struct report_format *f = to->formats[i];
        struct message_part *part = &s->parts[i];
        part->media_type = forms[form_of(f)].media_type;
        part->name = delivery_is_text(f) ? NULL : file_name(s, to->client, f);
        rc = render(f, &report, &s->texts[i], &part->len, e);
        part->bytes = s->texts[i];
        s->n_parts += !rc;
    }
    return rc;
}

/* The same whenever and wherever this edition is sent. */
static const char *make_id(const struct sending *s, const struct store_delivery *d)
{
    const char *const words[] = {
        d->client, s->period, d->recipient, arena_printf(s->arena, "%" PRId64, d->edition)};

    return message_id(s->arena, s->d->config->smtp.from, words, sizeof words / sizeof *words);
}

static int write_mail(
    struct sending *s, const struct store_delivery *d, struct buf *out, struct err *e)
{
    const struct config_smtp *c = &s->d->config->smtp;
    const struct message m = {
        .from = c->from,
        .from_name = c->from_name ? c->from_name : s->look.provider,
        .reply_to = c->reply_to,
        .to = d->recipient,
        .subject = PHRASE_FILL(s->arena, s->look.phrases, SUBJECT, d->client, s->period),
        .id = d->message_id,
        .date = when_now(),
        .parts = s->parts,
        .n_parts = s->n_parts,
    };

    return message_write(&m, out, e);
}

/* ---- one recipient ---- */

static int note_handed(void *context, struct err *e)
{
    const struct attempt *a = context;

    a->delivery->state = DELIVERY_HANDED;
    return store_delivery_settle(a->store, a->delivery, e);
}

static int submit(struct sending *s, struct store_delivery *d, struct err *e)
{
    struct attempt attempt = {s->d->store, d};
    struct buf mail;

    buf_init(&mail, MAIL_MAX);
    int rc = write_mail(s, d, &mail, e);
    if (!rc) {
        const struct smtp_mail m = {
            .from = s->d->config->smtp.from,
            .to = d->recipient,
            .bytes = mail.data,
            .len = mail.len,
            .before_end = note_handed,
            .context = &attempt,
        };
        rc = smtp_send(s->smtp, &m, e);
    }
    buf_done(&mail);
    return rc;
}

/* What the attempt came to, in the store's words. */
static enum delivery_state outcome(int rc, const struct err *e)
{
    if (!rc)
        return DELIVERY_SENT;
    if (rc == ERR_INPUT)
        return DELIVERY_REFUSED;
    return strcmp(e->tag, "smtp-unsure") == 0 ? DELIVERY_HANDED : DELIVERY_WAITING;
}

static void count(struct sending *s, const struct store_delivery *d)
{
    s->sent += d->state == DELIVERY_SENT;
    s->refused += d->state == DELIVERY_REFUSED;
    s->waiting += d->state == DELIVERY_WAITING || d->state == DELIVERY_HANDED;
}

/* Does the error leave the others their chance? */
static bool is_about_one(const struct err *e)
{
    return smtp_about_mail(e) || strcmp(e->tag, "delivery-taken") == 0 ||
           strcmp(e->tag, "mail-too-large") == 0;
}

static void tell(struct sending *s, const struct store_delivery *d, const struct err *why)
{
    const char *name = arena_printf(s->arena, "%s %s: %s", d->client, s->period, d->recipient);

    if (why) {
        console_problem(name, why);
    } else if (s->d->verbosity > 0) {
        console_say("%s: %s", name, delivery_state_name(d->state));
    }
}

static int settle(struct sending *s, struct store_delivery *d, int rc, struct err *e)
{
    struct err later;

    if (rc && strcmp(e->tag, "delivery-taken") == 0) {
        s->waiting++;
        tell(s, d, e);
        return 0;
    }
    d->state = outcome(rc, e);
    d->reason = rc ? e->text : NULL;
    int settled = store_delivery_settle(s->d->store, d, rc ? &later : e);
    if (!rc && settled)
        return settled; /* it stays `handed`: it will come a second time */
    count(s, d);
    if (rc && !is_about_one(e))
        return rc;
    tell(s, d, rc ? e : NULL);
    return 0;
}

static int send_one(struct sending *s, struct store_delivery *d, struct err *e)
{
    bool done = d->state == DELIVERY_SENT || d->state == DELIVERY_REFUSED;
    int rc = s->smtp ? 0 : open_smtp(&s->smtp, &s->d->config->smtp, e);

    if (rc)
        return rc;
    d->edition += done;
    d->message_id = make_id(s, d);
    rc = store_delivery_begin(s->d->store, d, e);
    if (!rc)
        rc = submit(s, d, e);
    return settle(s, d, rc, e);
}

/* ---- all of them ---- */

static bool is_wanted(const struct sending *s, const struct store_delivery *d)
{
    bool done = d->state == DELIVERY_SENT || d->state == DELIVERY_REFUSED;

    return !done || s->d->resend;
}

static void pass_over(struct sending *s, const struct store_delivery *d)
{
    s->sent_before += d->state == DELIVERY_SENT;
    if (s->d->verbosity > 0) {
        console_say("%s %s: %s: %s before", d->client, s->period, d->recipient,
            delivery_state_name(d->state));
    }
}

static int send_to(
    struct sending *s, const struct config_recipients *to, const char *recipient, struct err *e)
{
    struct store_delivery d = {
        .client = to->client, .from = s->from, .to = s->to, .recipient = recipient};
    int rc = store_lease_renew(s->d->store, s->holder, LEASE_SECONDS, e);

    if (!rc)
        rc = store_delivery_find(s->d->store, &d, e);
    if (!rc && !is_wanted(s, &d)) {
        pass_over(s, &d);
        return 0;
    }
    if (!rc && !s->parts)
        rc = render_all(s, to, e);
    return rc ? rc : send_one(s, &d, e);
}

static int send_client(struct sending *s, const struct config_recipients *to, struct err *e)
{
    char period[REPORT_PERIOD_MAX];
    int rc = s->d->period(s->d->context, to->client, &s->from, &s->to, e);

    if (rc)
        return rc;
    report_period_name(s->from, s->to, period);
    s->mixed = s->mixed || (*s->period && strcmp(s->period, period) != 0);
    memcpy(s->period, period, sizeof s->period);
    s->arena = arena_new();
    for (size_t i = 0; i < to->n_addresses && !rc; i++) {
        if (!s->d->recipient || strcmp(s->d->recipient, to->addresses[i]) == 0)
            rc = send_to(s, to, to->addresses[i], e);
    }
    forget_parts(s);
    arena_free(s->arena);
    return rc;
}

static bool is_for(const struct delivery *d, const struct config_recipients *to)
{
    bool found = !d->recipient;

    for (size_t i = 0; i < to->n_addresses && !found; i++)
        found = strcmp(d->recipient, to->addresses[i]) == 0;
    return found && (!d->client || strcmp(d->client, to->client) == 0);
}

static int check(const struct delivery *d, struct err *e)
{
    const struct config *c = d->config;
    size_t n = 0;

    if (!c->smtp.host)
        return err_set(e, ERR_CONFIG, "config", "to send reports, the section smtp is needed");
    for (size_t i = 0; i < c->n_recipients; i++)
        n += is_for(d, &c->recipients[i]);
    if (n)
        return 0;
    if (d->recipient)
        return err_set(e, ERR_USAGE, "usage", "%s is no recipient of this", d->recipient);
    if (d->client)
        return err_set(e, ERR_CONFIG, "config", "client %s has no recipients", d->client);
    return err_set(e, ERR_CONFIG, "config", "no client has recipients");
}

static int send_all(struct sending *s, struct err *e)
{
    const struct config *c = s->d->config;
    int rc = 0;

    for (size_t i = 0; i < c->n_recipients && !rc; i++) {
        if (is_for(s->d, &c->recipients[i]))
            rc = send_client(s, &c->recipients[i], e);
    }
    smtp_close(s->smtp);
    return rc;
}

static void print_summary(const struct sending *s)
{
    if (s->d->verbosity < 0)
        return;
    (void)printf("%s: %" PRId64 " sent, %" PRId64 " sent before, %" PRId64 " refused, %" PRId64
                 " to be tried again\n",
        s->mixed ? "several periods" : s->period, s->sent, s->sent_before, s->refused, s->waiting);
}

int delivery_run(const struct delivery *d, struct err *e)
{
    struct sending s = {.d = d};
    struct err later;
    char other[STORE_HOLDER_MAX] = "";
    int rc = check(d, e);

    holder_self(s.holder);
    if (!rc)
        rc = holder_lease(d->store, "send", s.holder, LEASE_SECONDS, other, e);
    if (rc >= 0 && *other)
        rc = err_set(e, ERR_TEMPORARY, "leased", "another process is sending reports at present");
    if (rc < 0)
        return rc;
    rc = send_all(&s, e);
    int released = store_lease_release(d->store, s.holder, rc ? &later : e);
    print_summary(&s);
    if (rc || released)
        return rc ? rc : released;
    if (s.waiting)
        return EX_TEMPFAIL;
    return s.refused ? EX_DATAERR : 0;
}
