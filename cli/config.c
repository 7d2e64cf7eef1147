/*
 * libconfuse reads the syntax; two things it lets pass are caught here: an option given twice, and
 * a section that is never closed.
 */
#include "cli/config.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/nearest.h"
#include "base/text.h"
#include "cli/delivery.h"
#include "cli/files.h"
#include "cli/mailbox.h"
#include "cli/warn.h"
#include "report/identity.h"
#include "report/render.h"
#include "send/message.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CONFIG_MAX = 1024 * 1024,
    SENDERS_MAX = 64 * 1024 * 1024,
    KEYS_MAX = 64,
    BATCH_MESSAGES = 1000, /* at once into the store */
    FETCH_MESSAGES = 500,  /* each command costs a round trip */
    FOLDERS_MAX = 500,     /* each has a connection and a thread */
    PORT_IMAP = 143,
    PORT_IMAPS = 993,
    PORT_SMTP = 25,
    PORT_SUBMISSION = 587,
    PORT_SUBMISSIONS = 465
};

/*
 * An option that is put behind the last line: if it is not read there as one of the outermost
 * level, a section or comment was not closed.
 */
#define END_MARK "__end_of_file"

/* An option that has been set, of one section. */
struct seen {
    const cfg_t *section;
    const char *name;
    unsigned values;
    bool complete; /* of a list: its closing brace was read */
};

/* libconfuse hands no context to its callbacks; one file is read at a time. */
static struct reader {
    const char *path;
    struct config *config;
    struct seen *seen;
    size_t n_seen;
    struct err *error;
    bool failed;
} * reading;

/* The first fault is the one that is told: those behind it often follow from it. */
__attribute__((format(printf, 2, 3))) static int fault(const cfg_t *section, const char *fmt, ...)
{
    char text[300];
    va_list ap;

    if (reading->failed)
        return -1;
    reading->failed = true;
    va_start(ap, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it does not see va_start */
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)err_set(
        reading->error, ERR_CONFIG, "config", "%s:%d: %s", reading->path, section->line, text);
    return -1;
}

/* ---- values ---- */

/* 4096, 64K, 64M, 16G */
static bool parse_size(const char *text, uint64_t *out)
{
    static const char units[] = "KMG";
    char digits[24];
    int64_t n;
    size_t len = strlen(text);
    const char *unit = len ? strchr(units, text[len - 1]) : NULL;
    unsigned shift = unit && *unit ? 10U * (unsigned)(unit - units + 1) : 0;

    if (shift)
        len--;
    if (len == 0 || len >= sizeof digits)
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (!text_int64(digits, &n) || n < 1 || n > INT64_MAX >> shift)
        return false;
    *out = (uint64_t)n << shift;
    return true;
}

/* Numbers that are allowed, by option. */
static const struct range {
    const char *name;
    long least, most;
} ranges[] = {
    {"port", 1, 65535},
    {"timeout", 1, 3600},
    {"deadline", 1, 86400},
    {"idle", 1, 1740}, /* RFC 2177: a server may end it after 30 minutes */
    {"interval", 1, 86400},
    {"batch_messages", 1, 10000},
    {"ratio", 2, 1000000},
    {"members", 1, 100000},
    {"nesting", 1, 50},
    {"records", 1, 1000000000},
    {"seconds", 1, 86400},
    {"keep_aggregate", 0, 36500},
    {"keep_failure", 0, 36500},
    {"keep_tls", 0, 36500},
    {"keep_raw", 0, 36500},
    {"mailbox_failing", 0, 31536000},
    {"rejects", 0, 1000000},
    {"reporter_silent", 0, 30}, /* what went before must be in sight */
    {"repeat", 0, 31536000},
};

static int check_number(cfg_t *section, cfg_opt_t *opt)
{
    long n = cfg_opt_getnint(opt, 0);

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (strcmp(ranges[i].name, opt->name) != 0 || (n >= ranges[i].least && n <= ranges[i].most))
            continue;
        return fault(
            section, "%s must be from %ld to %ld", opt->name, ranges[i].least, ranges[i].most);
    }
    return 0;
}

static bool is_size(const char *name)
{
    return strcmp(name, "message") == 0 || strcmp(name, "unpacked") == 0 ||
           strcmp(name, "batch_bytes") == 0;
}

/* The setting that says what becomes of mails of this kind, instead of what `archive` says. */
static const char *const disposal_settings[MESSAGE_KINDS] = {
    [KIND_REJECTED] = "on_rejected",
    [KIND_NOT_A_REPORT] = "on_not_a_report",
    [KIND_FAILURE] = "on_failure",
    [KIND_AGGREGATE] = "on_aggregate",
    [KIND_TLS] = "on_tls",
};

/* "leave", "delete", "flag", "flag FLAG", "move FOLDER" */
static bool parse_disposal(struct arena *a, const char *text, struct disposal *out)
{
    size_t word = strcspn(text, " ");
    const char *rest = text + word + strspn(text + word, " ");
    const char *name = arena_strndup(a, text, word);

    if (strcmp(name, "move") == 0 && *rest) {
        *out = (struct disposal){DISPOSE_MOVE, arena_strdup(a, rest)};
    } else if (strcmp(name, "flag") == 0 && !strpbrk(rest, " \"(){}%*]")) {
        *out = (struct disposal){DISPOSE_FLAG, *rest ? arena_strdup(a, rest) : "\\Flagged"};
    } else if (strcmp(name, "delete") == 0 && !*rest) {
        *out = (struct disposal){DISPOSE_DELETE, NULL};
    } else if (strcmp(name, "leave") == 0 && !*rest) {
        *out = (struct disposal){DISPOSE_LEAVE, NULL};
    } else {
        return false;
    }
    return true;
}

static const struct {
    const char *name;
    const char *values[4];
    const char *said;
} words[] = {
    {"untrusted", {"count", "exclude"}, "count or exclude"},
    {"auth", {"password", "xoauth2", "oauthbearer"}, "password, xoauth2 or oauthbearer"},
    {"provider", {"microsoft", "google"}, "microsoft or google"},
    {"log", {"text", "json"}, "text or json"},
};

static bool is_one_of(const char *value, const char *const *values)
{
    while (*values && strcmp(value, *values) != 0)
        values++;
    return *values != NULL;
}

/* What a look is made of is read at the end: told here, while the line is known. */
static int check_look(cfg_t *section, cfg_opt_t *opt)
{
    const char *value = cfg_opt_getnstr(opt, 0);
    struct look_settings set = {0};
    struct err why;

    if (strcmp(opt->name, "timezone") == 0) {
        set.timezone = value;
    } else if (strcmp(opt->name, "cadence") == 0) {
        set.cadence = value;
    } else if (strcmp(opt->name, "language") == 0) {
        set.language = value;
    } else if (strcmp(opt->name, "logo") == 0) {
        set.logo = value;
    }
    return looks_check(&set, &why) ? fault(section, "%s", why.text) : 0;
}

/* Options that have few values. */
static int check_word(cfg_t *section, cfg_opt_t *opt)
{
    const char *value = cfg_opt_getnstr(opt, 0);
    enum failure_data data;

    if (strcmp(opt->name, "failure_data") == 0 && !failure_data_parse(value, &data))
        return fault(section, "%s must be none, headers or full", opt->name);
    struct disposal after;
    if (strncmp(opt->name, "on_", 3) == 0 &&
        !parse_disposal(reading->config->arena, value, &after)) {
        return fault(
            section, "%s must be leave, delete, flag, \"flag NAME\" or \"move FOLDER\"", opt->name);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(opt->name, words[i].name) == 0 && !is_one_of(value, words[i].values))
            return fault(section, "%s must be %s", opt->name, words[i].said);
    }
    if (strcmp(opt->name, "tls") == 0 && strcmp(value, "starttls") != 0 &&
        cfg_parse_boolean(value) < 0)
        return fault(section, "%s must be yes, no or starttls", opt->name);
    if (strcmp(opt->name, "token_url") == 0 && strncmp(value, "https://", 8) != 0)
        return fault(section, "%s must begin with https://", opt->name);
    for (unsigned i = 0; strcmp(opt->name, "authserv_id") == 0 && i < cfg_opt_size(opt); i++) {
        value = cfg_opt_getnstr(opt, i);
        if (strpbrk(value, " \t;\"()")) {
            return fault(section,
                "'%s' is not what stands in front of the first ; of Authentication-Results", value);
        }
    }
    return 0;
}

static int check_string(cfg_t *section, cfg_opt_t *opt)
{
    uint64_t size;

    for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
        const char *value = cfg_opt_getnstr(opt, i);
        if (!value || !*value) {
            return fault(
                section, "%s is empty (is an environment variable in it not set?)", opt->name);
        }
        for (const char *p = value; *p; p++) {
            if ((unsigned char)*p < 0x20 || *p == 0x7f)
                return fault(section, "%s has a control character in it", opt->name);
        }
    }
    if (strcmp(opt->name, "password") == 0) {
        return fault(section,
            "a %s in this file is not accepted: use password_file, password_command or "
            "password_env",
            opt->name);
    }
    if (check_word(section, opt) || check_look(section, opt))
        return -1;
    if (strcmp(opt->name, "type") == 0 && !mailbox_kind_find(cfg_opt_getnstr(opt, 0)))
        return fault(section, "%s must be imap or maildir", opt->name);
    if (is_size(opt->name) && !parse_size(cfg_opt_getnstr(opt, 0), &size))
        return fault(section, "%s must be a size like 65536, 64K, 64M or 16G", opt->name);
    return 0;
}

/* A second `key = value` silently replaces the first in libconfuse; `list += {...}` does not. */
static int check_given_once(cfg_t *section, cfg_opt_t *opt)
{
    bool list = (opt->flags & CFGF_LIST) != 0;
    struct seen *s = NULL;

    for (size_t i = 0; i < reading->n_seen; i++) {
        if (reading->seen[i].section == section && strcmp(reading->seen[i].name, opt->name) == 0)
            s = &reading->seen[i];
    }
    if (!s) {
        size_t at = reading->n_seen;
        reading->seen = arena_grow(
            reading->config->arena, reading->seen, &reading->n_seen, sizeof *reading->seen);
        reading->seen[at] = (struct seen){section, opt->name, cfg_opt_size(opt), false};
        return 0;
    }
    /* a list is looked at after each value and once more at its end */
    bool again = !list || (s->complete && cfg_opt_size(opt) < s->values) ||
                 (s->complete && cfg_opt_size(opt) == s->values && s->values == 1);
    s->complete = cfg_opt_size(opt) == s->values;
    s->values = cfg_opt_size(opt);
    return again ? fault(section, "%s is given twice", opt->name) : 0;
}

static int check_option(cfg_t *section, cfg_opt_t *opt)
{
    int rc = check_given_once(section, opt);

    if (!rc && opt->type == CFGT_STR)
        rc = check_string(section, opt);
    if (!rc && opt->type == CFGT_INT)
        rc = check_number(section, opt);
    return rc;
}

/* ---- sections, once each is complete ---- */

static const char *own_string(cfg_t *section, const char *name)
{
    const char *value = cfg_getstr(section, name);

    return value ? arena_strdup(reading->config->arena, value) : NULL;
}

static struct secret_source own_secret(cfg_t *section, const char *what)
{
    struct arena *a = reading->config->arena;

    return (struct secret_source){.what = what,
        .file = own_string(section, arena_printf(a, "%s_file", what)),
        .command = own_string(section, arena_printf(a, "%s_command", what)),
        .env = own_string(section, arena_printf(a, "%s_env", what))};
}

static uint64_t own_size(cfg_t *section, const char *name, uint64_t otherwise)
{
    const char *value = cfg_getstr(section, name);

    if (value)
        (void)parse_size(value, &otherwise);
    return otherwise;
}

static void take_disposals(cfg_t *m, struct disposal after[MESSAGE_KINDS])
{
    const char *archive = own_string(m, "archive");

    for (int k = 0; k < MESSAGE_KINDS; k++) {
        const char *own = cfg_getstr(m, disposal_settings[k]);
        after[k] = (struct disposal){archive ? DISPOSE_MOVE : DISPOSE_LEAVE, archive};
        if (own) /* check_word has seen it */
            (void)parse_disposal(reading->config->arena, own, &after[k]);
    }
}

static void take_folders(cfg_t *m, struct config_mailbox *to)
{
    struct arena *a = reading->config->arena;
    unsigned n = cfg_size(m, "folder");

    to->n_folders = n ? n : 1;
    to->folders = arena_alloc(a, to->n_folders * sizeof *to->folders);
    to->folders[0] = "INBOX";
    for (unsigned i = 0; i < n; i++)
        to->folders[i] = arena_strdup(a, cfg_getnstr(m, "folder", i));
}

static enum imap_tls parse_tls(const char *word)
{
    if (strcmp(word, "starttls") == 0)
        return IMAP_STARTTLS;
    return cfg_parse_boolean(word) > 0 ? IMAP_TLS : IMAP_PLAIN;
}

static void take_tls(cfg_t *m, struct config_mailbox *to)
{
    to->tls = parse_tls(cfg_getstr(m, "tls"));
    if (!to->port)
        to->port = to->tls == IMAP_TLS ? PORT_IMAPS : PORT_IMAP;
}

/* What is known of the two that most mailboxes are at. A refresh token has its scope already, but
 * Microsoft wants it to be said again. */
static void take_provider(cfg_t *m, struct config_mailbox *to)
{
    struct config_oauth *o = &to->oauth;
    struct arena *a = reading->config->arena;
    const char *provider = cfg_getstr(m, "provider");
    const char *tenant = cfg_getstr(m, "tenant");

    if (!provider)
        return;
    bool google = strcmp(provider, "google") == 0;
    if (!to->host)
        to->host = google ? "imap.gmail.com" : "outlook.office365.com";
    if (!o->token_url && !o->token_command && google)
        o->token_url = "https://oauth2.googleapis.com/token";
    if (!o->token_url && !o->token_command && !google) {
        o->token_url = arena_printf(a, "https://login.microsoftonline.com/%s/oauth2/v2.0/token",
            tenant ? tenant : "organizations");
    }
    if (!o->scope && !google) {
        o->scope = o->refresh_token_file
                       ? "https://outlook.office365.com/IMAP.AccessAsUser.All offline_access"
                       : "https://outlook.office365.com/.default";
    }
}

static void take_oauth(cfg_t *m, struct config_mailbox *to)
{
    const char *auth = cfg_getstr(m, "auth");

    to->login = strcmp(auth, "xoauth2") == 0       ? IMAP_LOGIN_XOAUTH2
                : strcmp(auth, "oauthbearer") == 0 ? IMAP_LOGIN_OAUTHBEARER
                                                   : IMAP_LOGIN_PASSWORD;
    to->oauth = (struct config_oauth){
        .token_command = own_string(m, "token_command"),
        .token_url = own_string(m, "token_url"),
        .client_id = own_string(m, "client_id"),
        .client_secret_file = own_string(m, "client_secret_file"),
        .refresh_token_file = own_string(m, "refresh_token_file"),
        .scope = own_string(m, "scope"),
    };
    take_provider(m, to);
}

static int take_mailbox(cfg_t *root, cfg_opt_t *opt)
{
    cfg_t *m = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
    struct config *c = reading->config;
    size_t at = c->n_mailboxes;
    const char *type = cfg_getstr(m, "type");

    c->mailboxes = arena_grow(c->arena, c->mailboxes, &c->n_mailboxes, sizeof *c->mailboxes);
    struct config_mailbox *to = &c->mailboxes[at];
    *to = (struct config_mailbox){
        .name = arena_strdup(c->arena, cfg_title(m)),
        .kind = type ? mailbox_kind_find(type) : NULL,
        .host = own_string(m, "host"),
        .port = (unsigned)cfg_getint(m, "port"),
        .user = own_string(m, "user"),
        .password = own_secret(m, "password"),
        .ca_file = own_string(m, "ca_file"),
        .tls_cert = own_string(m, "tls_cert"),
        .tls_key = own_string(m, "tls_key"),
        .verify = cfg_getbool(m, "verify"),
        .timeout = (unsigned)cfg_getint(m, "timeout"),
        .deadline = (unsigned)cfg_getint(m, "deadline"),
        .idle = (unsigned)cfg_getint(m, "idle"),
        .interval = (unsigned)cfg_getint(m, "interval"),
        .batch_bytes = own_size(m, "batch_bytes", 0),
        .batch_messages = (unsigned)cfg_getint(m, "batch_messages"),
        .path = own_string(m, "path"),
    };
    take_disposals(m, to->after);
    take_folders(m, to);
    take_tls(m, to);
    take_oauth(m, to);
    if (!*to->name)
        return fault(root, "%s has an empty name", opt->name);
    if (!to->kind)
        return fault(root, "mailbox %s: type is missing (imap or maildir)", to->name);
    struct err why;
    return to->kind->check(to, &why) ? fault(root, "%s", why.text) : 0;
}

static int take_domain(cfg_t *root, const char *client, const char *sent)
{
    struct config *c = reading->config;
    bool odd = false;
    const char *name = domain_normalise(c->arena, sent, &odd);
    size_t at = c->n_domains;

    if (odd || !*name)
        return fault(root, "'%s' is not a domain name", sent);
    for (size_t i = 0; i < c->n_domains; i++) {
        if (strcmp(c->domains[i].domain, name) == 0)
            return fault(root, "domain %s is given to two clients", name);
    }
    c->domains = arena_grow(c->arena, c->domains, &c->n_domains, sizeof *c->domains);
    c->domains[at] = (struct store_assignment){.domain = name, .client = client};
    return 0;
}

static void take_failure_data(cfg_t *section, const char *client)
{
    const char *word = cfg_getstr(section, "failure_data");
    struct config *c = reading->config;
    struct store_policy *p = &c->policy;
    enum failure_data data;

    if (!word || !failure_data_parse(word, &data))
        return;
    struct store_failure_data *list = arena_alloc(c->arena, (p->n_clients + 1) * sizeof *list);
    if (p->n_clients)
        memcpy(list, p->clients, p->n_clients * sizeof *list);
    list[p->n_clients++] = (struct store_failure_data){.client = client, .data = data};
    p->clients = list;
}

static int take_addresses(cfg_t *section, const char ***out, size_t *out_n)
{
    struct arena *a = reading->config->arena;
    const unsigned n = cfg_size(section, "recipients");
    const char **list = arena_alloc(a, (n + 1) * sizeof(const char *));

    for (unsigned i = 0; i < n; i++) {
        const char *sent = cfg_getnstr(section, "recipients", i);
        list[i] = message_address(a, sent);
        if (!list[i])
            return fault(section, "'%s' is not an address like name@example.net", sent);
        for (unsigned k = 0; k < i; k++) {
            if (strcmp(list[k], list[i]) == 0)
                return fault(section, "%s is among the recipients twice", list[i]);
        }
    }
    *out = list;
    *out_n = n;
    return 0;
}

/* What is not said is what there is of text, html and csv. */
static int take_formats(cfg_t *section, struct config_recipients *to)
{
    static const char *const usual[] = {"text", "html", "csv"};
    const unsigned said = cfg_size(section, "formats");
    const unsigned n = said ? said : sizeof usual / sizeof *usual;
    bool text = false;

    to->formats = arena_alloc(reading->config->arena, n * sizeof(const struct report_format *));
    for (unsigned i = 0; i < n; i++) {
        const char *name = said ? cfg_getnstr(section, "formats", i) : usual[i];
        const struct report_format *f = report_format_find(name);
        if (!f && said)
            return fault(section, "there is no format '%s'", name);
        for (size_t k = 0; k < to->n_formats; k++) {
            if (to->formats[k] == f)
                return fault(section, "%s is among the formats twice", name);
        }
        if (f)
            to->formats[to->n_formats++] = f;
        text = text || (f && delivery_is_text(f));
    }
    return text ? 0 : fault(section, "formats must have text or html in it");
}

static int take_recipients(cfg_t *section, const char *client)
{
    struct config *c = reading->config;
    struct config_recipients to = {.client = client};
    size_t at = c->n_recipients;

    if (cfg_size(section, "recipients") == 0) {
        return cfg_size(section, "formats")
                   ? fault(section, "formats are for recipients, and there are none")
                   : 0;
    }
    if (take_addresses(section, &to.addresses, &to.n_addresses) || take_formats(section, &to))
        return -1;
    c->recipients = arena_grow(c->arena, c->recipients, &c->n_recipients, sizeof to);
    c->recipients[at] = to;
    return 0;
}

static int take_client(cfg_t *root, cfg_opt_t *opt)
{
    cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
    struct config *c = reading->config;
    size_t at = c->n_clients;
    const char *name = arena_strdup(c->arena, cfg_title(section));

    if (!*name)
        return fault(root, "%s has an empty name", opt->name);
    c->clients = arena_grow(c->arena, c->clients, &c->n_clients, sizeof *c->clients);
    c->clients[at] = name;
    take_failure_data(section, name);
    for (unsigned i = 0; i < cfg_size(section, "domains"); i++) {
        if (take_domain(root, name, cfg_getnstr(section, "domains", i)))
            return -1;
    }
    return take_recipients(section, name);
}

/* NULL for what is not there; *bad is set for what is no address. */
static const char *own_address(cfg_t *section, const char *name, const char **bad)
{
    const char *sent = cfg_getstr(section, name);
    const char *address = sent ? message_address(reading->config->arena, sent) : NULL;

    if (sent && !address)
        *bad = sent;
    return address;
}

static void take_smtp_security(cfg_t *section, struct config_smtp *to)
{
    const enum imap_tls tls = parse_tls(cfg_getstr(section, "tls"));
    const char *auth = cfg_getstr(section, "auth");

    to->tls = tls == IMAP_TLS        ? SMTP_TLS_IMPLICIT
              : tls == IMAP_STARTTLS ? SMTP_TLS_STARTTLS
                                     : SMTP_TLS_NONE;
    to->login = strcmp(auth, "xoauth2") == 0       ? SMTP_LOGIN_XOAUTH2
                : strcmp(auth, "oauthbearer") == 0 ? SMTP_LOGIN_OAUTHBEARER
                                                   : SMTP_LOGIN_PASSWORD;
    if (!to->port) {
        to->port = to->tls == SMTP_TLS_IMPLICIT   ? PORT_SUBMISSIONS
                   : to->tls == SMTP_TLS_STARTTLS ? PORT_SUBMISSION
                                                  : PORT_SMTP;
    }
}

static int take_smtp(cfg_t *root, cfg_opt_t *opt)
{
    cfg_t *section = cfg_opt_getnsec(opt, 0);
    struct config_smtp *to = &reading->config->smtp;
    const char *bad = NULL;
    struct err why;

    if (check_given_once(root, opt))
        return -1;
    *to = (struct config_smtp){
        .host = own_string(section, "host"),
        .port = (unsigned)cfg_getint(section, "port"),
        .ca_file = own_string(section, "ca_file"),
        .user = own_string(section, "user"),
        .password = own_secret(section, "password"),
        .token_command = own_string(section, "token_command"),
        .timeout = (unsigned)cfg_getint(section, "timeout"),
        .from = own_address(section, "from", &bad),
        .from_name = own_string(section, "from_name"),
        .reply_to = own_address(section, "reply_to", &bad),
    };
    take_smtp_security(section, to);
    if (bad)
        return fault(root, "smtp: '%s' is not an address like name@example.net", bad);
    return delivery_check_smtp(to, &why) ? fault(root, "smtp: %s", why.text) : 0;
}

/* At the end: what it needs may stand behind it. */
static int take_warnings(cfg_t *root)
{
    cfg_t *section = cfg_getsec(root, "warnings");
    struct config *c = reading->config;
    struct err why;

    c->warnings = (struct config_warnings){
        .webhook = own_string(section, "webhook"),
        .ca_file = own_string(section, "ca_file"),
        .token = own_secret(section, "token"),
        .mailbox_failing = (unsigned)cfg_getint(section, "mailbox_failing"),
        .rejects = (unsigned)cfg_getint(section, "rejects"),
        .reporter_silent = (unsigned)cfg_getint(section, "reporter_silent"),
        .repeat = (unsigned)cfg_getint(section, "repeat"),
    };
    if (take_addresses(section, &c->warnings.recipients, &c->warnings.n_recipients))
        return -1;
    return warn_check(c, &why) ? fault(section, "warnings: %s", why.text) : 0;
}

/* After `senders`, whose ids a label may name; the sections themselves are read before it is known.
 */
static int take_labels(cfg_t *root)
{
    struct err why;

    for (unsigned i = 0; i < cfg_size(root, "label"); i++) {
        cfg_t *section = cfg_getnsec(root, "label", i);
        const char *name = cfg_getstr(section, "name");
        const char *sender = cfg_getstr(section, "is");
        if (cfg_size(section, "network") == 0)
            return fault(section, "label \"%s\": network is missing", cfg_title(section));
        if (!sender) {
            return fault(section,
                "label \"%s\": is it mine, or a forwarder, or which sender? "
                "The option 'is' is missing",
                cfg_title(section));
        }
        for (unsigned k = 0; k < cfg_size(section, "network"); k++) {
            if (identities_label(reading->config->identities, cfg_getnstr(section, "network", k),
                    name ? name : cfg_title(section), sender, &why))
                return fault(section, "label \"%s\": %s", cfg_title(section), why.text);
        }
    }
    return 0;
}

static int take_senders(cfg_t *root)
{
    const char *path = cfg_getstr(root, "senders");
    struct buf text;
    struct err why;

    if (!path)
        return take_labels(root);
    buf_init(&text, SENDERS_MAX);
    int rc = files_read(path, &text, &why);
    if (!rc)
        rc = identities_add(reading->config->identities, text.data ? text.data : "", path, &why);
    buf_done(&text);
    return rc ? fault(root, "senders: %s", why.text) : take_labels(root);
}

static int take_look(cfg_t *section, const char *client)
{
    cfg_t *provider = cfg_getsec(section, "provider");
    struct config *c = reading->config;
    const struct look_settings set = {
        .timezone = cfg_getstr(section, "timezone"),
        .cadence = cfg_getstr(section, "cadence"),
        .language = cfg_getstr(section, "language"),
        .provider = cfg_getstr(provider, "name"),
        .logo = cfg_getstr(provider, "logo"),
    };
    struct err why;

    return looks_add(c->arena, &c->looks, client, &set, &why) ? fault(section, "%s", why.text) : 0;
}

/* What is for everybody may stand behind the clients. */
static int take_looks(cfg_t *root)
{
    const struct config *c = reading->config;
    int rc = take_look(root, NULL);

    for (unsigned i = 0; !rc && i < cfg_size(root, "client") && i < c->n_clients; i++)
        rc = take_look(cfg_getnsec(root, "client", i), c->clients[i]);
    return rc;
}

/* -1: not said here. */
static int64_t own_days(cfg_t *section, const char *name, int64_t otherwise)
{
    int64_t days = cfg_getint(section, name);

    return days < 0 ? otherwise : days;
}

static struct store_retention own_retention(cfg_t *section, struct store_retention otherwise)
{
    return (struct store_retention){
        .aggregate = own_days(section, "keep_aggregate", otherwise.aggregate),
        .failure = own_days(section, "keep_failure", otherwise.failure),
        .tls = own_days(section, "keep_tls", otherwise.tls),
    };
}

/* What is for everybody may stand behind the clients. */
static void take_retention(cfg_t *root, struct config *c)
{
    c->keep = own_retention(root, (struct store_retention){0});
    c->keep_raw = own_days(root, "keep_raw", 0);
    c->retentions = arena_alloc(c->arena, (c->n_clients + 1) * sizeof *c->retentions);
    for (unsigned i = 0; i < cfg_size(root, "client") && i < c->n_clients; i++) {
        c->retentions[c->n_retentions++] = (struct config_retention){
            c->clients[i], own_retention(cfg_getnsec(root, "client", i), c->keep)};
    }
}

static void take_limits(cfg_t *root, struct limits *to)
{
    cfg_t *section = cfg_getsec(root, "limits");

    to->message = own_size(section, "message", to->message);
    to->unpacked = own_size(section, "unpacked", to->unpacked);
    to->ratio = (unsigned)cfg_getint(section, "ratio");
    to->members = (unsigned)cfg_getint(section, "members");
    to->nesting = (unsigned)cfg_getint(section, "nesting");
    to->records = cfg_getint(section, "records");
    to->seconds = (unsigned)cfg_getint(section, "seconds");
}

static void take_policy(cfg_t *root, struct config *c)
{
    const char *untrusted = cfg_getstr(root, "untrusted");
    unsigned n = cfg_size(root, "authserv_id");
    const char **ids = arena_alloc(c->arena, (n + 1) * sizeof *ids);

    (void)failure_data_parse(cfg_getstr(root, "failure_data"), &c->policy.failure_data);
    c->policy.exclude_untrusted = strcmp(untrusted, "exclude") == 0;
    for (unsigned i = 0; i < n; i++)
        ids[i] = arena_strdup(c->arena, cfg_getnstr(root, "authserv_id", i));
    c->policy.trust = (struct trust_settings){.authserv_ids = ids, .n_authserv_ids = n};
    c->n_selectors = cfg_size(root, "selectors");
    c->selectors = arena_alloc(c->arena, (c->n_selectors + 1) * sizeof *c->selectors);
    for (unsigned i = 0; i < c->n_selectors; i++)
        c->selectors[i] = arena_strdup(c->arena, cfg_getnstr(root, "selectors", i));
}

/* ---- reading ---- */

static const char *nearest_option(cfg_t *section, const char *word)
{
    const char *names[KEYS_MAX];
    size_t n = 0;

    for (unsigned i = 0; i < cfg_num(section) && n < KEYS_MAX; i++) {
        const char *name = cfg_opt_name(cfg_getnopt(section, i));
        if (strcmp(name, END_MARK) != 0 && strcmp(name, "password") != 0)
            names[n++] = name;
    }
    return nearest_name(word, names, n);
}

/* Parse errors of libconfuse come here; its "no such option 'x'" is made more helpful. */
__attribute__((format(printf, 2, 0))) static void syntax_fault(
    cfg_t *section, const char *fmt, va_list ap)
{
    static const char unknown[] = "no such option '";
    char text[300];

    (void)vsnprintf(text, sizeof text, fmt, ap);
    if (strncmp(text, unknown, sizeof unknown - 1) != 0) {
        (void)fault(section, "%s", text);
        return;
    }
    char *word = text + sizeof unknown - 1;
    word[strcspn(word, "'")] = '\0';
    const char *nearest = nearest_option(section, word);
    if (strcmp(word, END_MARK) == 0) {
        (void)fault(section, "the section '%s' is not closed: a } is missing", section->name);
    } else if (section->title && (strcmp(word, "mailbox") == 0 || strcmp(word, "client") == 0 ||
                                     strcmp(word, "label") == 0)) {
        (void)fault(section, "'%s' inside of %s \"%s\": is a } missing before it?", word,
            section->name, section->title);
    } else if (nearest) {
        (void)fault(section, "there is no option '%s', did you mean '%s'?", word, nearest);
    } else {
        (void)fault(section, "there is no option '%s' here", word);
    }
}

static int read_file(const char *path, struct buf *out, struct err *e)
{
    int rc = files_read(path, out, e);

    if (rc)
        return rc;
    if (out->len && memchr(out->data, '\0', out->len))
        return err_set(e, ERR_CONFIG, "config", "%s: this is not a text file", path);
    if (buf_adds(out, "\n" END_MARK " = 1\n"))
        return err_set(e, ERR_CONFIG, "config", "%s: the file is too large", path);
    return 0;
}

static void watch(cfg_t *cfg, const char *prefix, const cfg_opt_t *opts)
{
    char name[100];

    for (; opts->name; opts++) {
        (void)snprintf(name, sizeof name, "%s%s", prefix, opts->name);
        if (opts->type != CFGT_SEC)
            (void)cfg_set_validate_func(cfg, name, check_option);
    }
}

/* libconfuse copies them. */
static cfg_opt_t warning_options[] = {CFG_STR_LIST("recipients", NULL, CFGF_NONE),
    CFG_STR("webhook", NULL, CFGF_NONE), CFG_STR("ca_file", NULL, CFGF_NONE),
    CFG_STR("token_file", NULL, CFGF_NONE), CFG_STR("token_command", NULL, CFGF_NONE),
    CFG_STR("token_env", NULL, CFGF_NONE), CFG_INT("mailbox_failing", 14400, CFGF_NONE),
    CFG_INT("rejects", 10, CFGF_NONE), CFG_INT("reporter_silent", 3, CFGF_NONE),
    CFG_INT("repeat", 86400, CFGF_NONE), CFG_END()};

static cfg_opt_t smtp_options[] = {CFG_STR("host", NULL, CFGF_NONE), CFG_INT("port", 0, CFGF_NONE),
    CFG_STR("tls", "yes", CFGF_NONE), CFG_STR("ca_file", NULL, CFGF_NONE),
    CFG_STR("user", NULL, CFGF_NONE), CFG_STR("auth", "password", CFGF_NONE),
    CFG_STR("password", NULL, CFGF_NONE), CFG_STR("password_file", NULL, CFGF_NONE),
    CFG_STR("password_command", NULL, CFGF_NONE), CFG_STR("password_env", NULL, CFGF_NONE),
    CFG_STR("token_command", NULL, CFGF_NONE), CFG_INT("timeout", 60, CFGF_NONE),
    CFG_STR("from", NULL, CFGF_NONE), CFG_STR("from_name", NULL, CFGF_NONE),
    CFG_STR("reply_to", NULL, CFGF_NONE), CFG_END()};

static cfg_opt_t provider_options[] = {
    CFG_STR("name", NULL, CFGF_NONE), CFG_STR("logo", NULL, CFGF_NONE), CFG_END()};

static cfg_opt_t client_options[] = {CFG_STR_LIST("domains", NULL, CFGF_NONE),
    CFG_STR("failure_data", NULL, CFGF_NONE), CFG_STR("timezone", NULL, CFGF_NONE),
    CFG_STR("cadence", NULL, CFGF_NONE), CFG_STR("language", NULL, CFGF_NONE),
    CFG_STR_LIST("recipients", NULL, CFGF_NONE), CFG_STR_LIST("formats", NULL, CFGF_NONE),
    CFG_INT("keep_aggregate", -1, CFGF_NONE), CFG_INT("keep_failure", -1, CFGF_NONE),
    CFG_INT("keep_tls", -1, CFGF_NONE), CFG_SEC("provider", provider_options, CFGF_NONE),
    CFG_END()};

static cfg_opt_t label_options[] = {CFG_STR_LIST("network", NULL, CFGF_NONE),
    CFG_STR("name", NULL, CFGF_NONE), CFG_STR("is", NULL, CFGF_NONE), CFG_END()};

static cfg_opt_t mailbox_options[] = {CFG_STR("type", NULL, CFGF_NONE),
    CFG_STR("host", NULL, CFGF_NONE), CFG_INT("port", 0, CFGF_NONE),
    CFG_STR("user", NULL, CFGF_NONE), CFG_STR("password", NULL, CFGF_NONE),
    CFG_STR("password_file", NULL, CFGF_NONE), CFG_STR("password_command", NULL, CFGF_NONE),
    CFG_STR("password_env", NULL, CFGF_NONE), CFG_STR_LIST("folder", NULL, CFGF_NONE),
    CFG_STR("archive", NULL, CFGF_NONE), CFG_STR("on_rejected", NULL, CFGF_NONE),
    CFG_STR("on_not_a_report", NULL, CFGF_NONE), CFG_STR("on_failure", NULL, CFGF_NONE),
    CFG_STR("on_aggregate", NULL, CFGF_NONE), CFG_STR("on_tls", NULL, CFGF_NONE),
    CFG_STR("ca_file", NULL, CFGF_NONE), CFG_STR("tls", "yes", CFGF_NONE),
    CFG_STR("tls_cert", NULL, CFGF_NONE), CFG_STR("tls_key", NULL, CFGF_NONE),
    CFG_STR("auth", "password", CFGF_NONE), CFG_STR("provider", NULL, CFGF_NONE),
    CFG_STR("tenant", NULL, CFGF_NONE), CFG_STR("token_command", NULL, CFGF_NONE),
    CFG_STR("token_url", NULL, CFGF_NONE), CFG_STR("client_id", NULL, CFGF_NONE),
    CFG_STR("client_secret_file", NULL, CFGF_NONE), CFG_STR("refresh_token_file", NULL, CFGF_NONE),
    CFG_STR("scope", NULL, CFGF_NONE), CFG_INT("idle", 1500, CFGF_NONE),
    CFG_INT("interval", 300, CFGF_NONE), CFG_BOOL("verify", cfg_true, CFGF_NONE),
    CFG_INT("timeout", 60, CFGF_NONE), CFG_INT("deadline", 600, CFGF_NONE),
    CFG_STR("batch_bytes", "16M", CFGF_NONE), CFG_INT("batch_messages", FETCH_MESSAGES, CFGF_NONE),
    CFG_STR("path", NULL, CFGF_NONE), CFG_END()};

static int parse(const char *text)
{
    const struct limits d = limits_default();
    cfg_opt_t limits[] = {CFG_STR("message", NULL, CFGF_NONE), CFG_STR("unpacked", NULL, CFGF_NONE),
        CFG_INT("ratio", (long)d.ratio, CFGF_NONE), CFG_INT("members", (long)d.members, CFGF_NONE),
        CFG_INT("nesting", (long)d.nesting, CFGF_NONE), CFG_INT("records", d.records, CFGF_NONE),
        CFG_INT("seconds", (long)d.seconds, CFGF_NONE), CFG_END()};
    cfg_flag_t titled = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
    cfg_opt_t root[] = {CFG_STR("store", NULL, CFGF_NONE),
        CFG_INT("batch_messages", BATCH_MESSAGES, CFGF_NONE),
        CFG_STR("failure_data", "headers", CFGF_NONE), CFG_STR("untrusted", "count", CFGF_NONE),
        CFG_STR_LIST("authserv_id", NULL, CFGF_NONE), CFG_STR("senders", NULL, CFGF_NONE),
        CFG_STR_LIST("selectors", NULL, CFGF_NONE), CFG_STR("asn_file", NULL, CFGF_NONE),
        CFG_STR("country_file", NULL, CFGF_NONE), CFG_INT("keep_aggregate", -1, CFGF_NONE),
        CFG_INT("keep_failure", -1, CFGF_NONE), CFG_INT("keep_tls", -1, CFGF_NONE),
        CFG_INT("keep_raw", -1, CFGF_NONE), CFG_STR("metrics", NULL, CFGF_NONE),
        CFG_STR("log", "text", CFGF_NONE), CFG_STR("timezone", NULL, CFGF_NONE),
        CFG_STR("cadence", NULL, CFGF_NONE), CFG_STR("language", NULL, CFGF_NONE),
        CFG_SEC("provider", provider_options, CFGF_NONE), CFG_SEC("label", label_options, titled),
        CFG_SEC("mailbox", mailbox_options, titled), CFG_SEC("client", client_options, titled),
        CFG_SEC("smtp", smtp_options, CFGF_NONE), CFG_SEC("warnings", warning_options, CFGF_NONE),
        CFG_SEC("limits", limits, CFGF_NONE), CFG_INT(END_MARK, 0, CFGF_NONE), CFG_END()};
    cfg_t *cfg = cfg_init(root, CFGF_NONE);

    if (!cfg)
        return err_set(reading->error, ERR_TEMPORARY, "memory", "no memory for the configuration");
    (void)cfg_set_error_function(cfg, syntax_fault);
    watch(cfg, "", root);
    watch(cfg, "mailbox|", mailbox_options);
    watch(cfg, "client|", client_options);
    watch(cfg, "smtp|", smtp_options);
    watch(cfg, "warnings|", warning_options);
    watch(cfg, "limits|", limits);
    watch(cfg, "label|", label_options);
    watch(cfg, "provider|", provider_options);
    watch(cfg, "client|provider|", provider_options);
    (void)cfg_set_validate_func(cfg, "mailbox", take_mailbox);
    (void)cfg_set_validate_func(cfg, "client", take_client);
    (void)cfg_set_validate_func(cfg, "smtp", take_smtp);
    (void)cfg_set_validate_func(cfg, "warnings", check_given_once);
    (void)cfg_set_validate_func(cfg, "limits", check_given_once);
    if (cfg_parse_buf(cfg, text) != CFG_SUCCESS) {
        (void)fault(cfg, "%s", "cannot be understood");
    } else if (cfg_getint(cfg, END_MARK) != 1) {
        (void)fault(cfg, "%s", "a comment or section is not closed before the end");
    }
    if (!reading->failed)
        (void)take_senders(cfg);
    if (!reading->failed)
        (void)take_looks(cfg);
    if (!reading->failed)
        (void)take_warnings(cfg);
    take_limits(cfg, &reading->config->limits);
    take_retention(cfg, reading->config);
    take_policy(cfg, reading->config);
    reading->config->store = own_string(cfg, "store");
    reading->config->asn_file = own_string(cfg, "asn_file");
    reading->config->country_file = own_string(cfg, "country_file");
    reading->config->metrics = own_string(cfg, "metrics");
    reading->config->log_json = strcmp(cfg_getstr(cfg, "log"), "json") == 0;
    size_t folders = 0;
    for (size_t i = 0; i < reading->config->n_mailboxes; i++)
        folders += reading->config->mailboxes[i].n_folders;
    if (folders > FOLDERS_MAX)
        (void)fault(cfg, "there are more than %d folders in all mailboxes", FOLDERS_MAX);
    reading->config->batch_messages = (unsigned)cfg_getint(cfg, "batch_messages");
    (void)cfg_free(cfg);
    return reading->failed ? (int)reading->error->class : 0;
}

static struct config *config_new(void)
{
    struct config *c = mem_alloc(sizeof *c);

    c->arena = arena_new();
    c->identities = identities_new();
    c->limits = limits_default();
    c->batch_messages = BATCH_MESSAGES;
    c->policy.failure_data = FAILURE_DATA_HEADERS;
    return c;
}

/* The usual places; NULL when there is a file at neither. */
static const char *default_path(struct arena *a)
{
    const char *base = secure_getenv("XDG_CONFIG_HOME");
    const char *home = secure_getenv("HOME");
    const char *path = NULL;

    if (base && *base) {
        path = arena_printf(a, "%s/dmarcmill/dmarcmill.conf", base);
    } else if (home && *home) {
        path = arena_printf(a, "%s/.config/dmarcmill/dmarcmill.conf", home);
    }
    if (path && access(path, F_OK) == 0)
        return path;
    path = "/etc/dmarcmill/dmarcmill.conf";
    return access(path, F_OK) == 0 ? path : NULL;
}

int config_load(struct config **out, const char *path, struct err *e)
{
    struct config *c = config_new();
    struct buf text;
    int rc;

    c->path = path ? arena_strdup(c->arena, path) : default_path(c->arena);
    if (!c->path) {
        *out = c;
        return looks_add(c->arena, &c->looks, NULL, &(struct look_settings){0}, e);
    }
    struct reader r = {.path = c->path, .config = c, .error = e};
    buf_init(&text, CONFIG_MAX);
    rc = read_file(c->path, &text, e);
    reading = &r;
    if (!rc)
        rc = parse(text.data);
    reading = NULL;
    buf_done(&text);
    if (rc) {
        config_free(c);
    } else {
        *out = c;
    }
    return rc;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    identities_free(c->identities);
    looks_close(&c->looks);
    arena_free(c->arena);
    free(c);
}

const struct config_mailbox *config_mailbox(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->n_mailboxes; i++) {
        if (strcmp(c->mailboxes[i].name, name) == 0)
            return &c->mailboxes[i];
    }
    return NULL;
}

int config_default_store(struct arena *a, const char **url, struct err *e)
{
    const char *base = secure_getenv("XDG_STATE_HOME");
    const char *home = secure_getenv("HOME");
    const char *folder;

    if (base && *base) {
        folder = arena_printf(a, "%s/dmarcmill", base);
    } else if (geteuid() == 0) {
        folder = "/var/lib/dmarcmill";
    } else if (home && *home) {
        folder = arena_printf(a, "%s/.local/state/dmarcmill", home);
    } else {
        return err_set(e, ERR_CONFIG, "config",
            "no place for the store: give --store, or set XDG_STATE_HOME or HOME");
    }
    *url = arena_printf(a, "sqlite:%s/dmarcmill.db", folder);
    return files_make_folder(folder, 0700, e);
}
