#include "cli/warn.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/delivery.h"
#include "cli/holder.h"
#include "send/webhook.h"
#include "store/store.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DAY = 86400,
    USUAL_DAYS = 28,
    DAILY_LEAST = 24,
    RISE = 3,
    ROUND_SECONDS = 1800, /* longer than its mails may take */
    WEBHOOK_SECONDS = 30,
    WORDS_MAX = 400 /* bytes of a subject or an error that are told */
};

static const char all_reporters[] = "all";
static const char webhook_channel[] = "webhook";

/* Something is wrong at present. */
struct trouble {
    const char *kind, *subject, *text;
    int64_t since;
};

enum news {
    NEWS_BEGINS,
    NEWS_LASTS,
    NEWS_OVER
};

/* What one channel is to be told. */
struct telling {
    enum news news;
    const char *channel;
    struct trouble about;
    bool told;
};

struct reporter {
    const char *name;
    uint64_t days;
};

struct warn_round {
    const struct config *config;
    struct arena *arena;
    char holder[STORE_HOLDER_MAX];
    char host[HOST_NAME_MAX + 1];
    int64_t now;

    struct trouble *troubles;
    size_t n_troubles;
    struct store_warning *known; /* what channels were told before; copied */
    size_t n_known;
    struct reporter *reporters;
    size_t n_reporters;
    bool any_writes; /* at least one of them */

    struct telling *tellings;
    size_t n_tellings;
};

/* ---- settings ---- */

bool warn_is_wanted(const struct config *c)
{
    return c->warnings.n_recipients > 0 || c->warnings.webhook;
}

int warn_check(const struct config *c, struct err *e)
{
    const struct config_warnings *w = &c->warnings;

    if (w->n_recipients && !c->smtp.host)
        return err_set(e, ERR_CONFIG, "config", "for recipients, the section smtp is needed");
    if (w->webhook && !webhook_url_is_safe(w->webhook)) {
        return err_set(e, ERR_CONFIG, "config",
            "webhook must be https://..., or http:// to this machine (localhost, 127.0.0.1 or "
            "[::1]), without a password in it");
    }
    if (secret_sources(&w->token) > 1) {
        return err_set(e, ERR_CONFIG, "config",
            "the webhook wants one of token_file, token_command and token_env");
    }
    if (!w->webhook && (w->ca_file || secret_sources(&w->token)))
        return err_set(e, ERR_CONFIG, "config", "webhook is missing");
    return 0;
}

/* ---- judging ---- */

enum reporter_state warn_reporter(uint64_t days, unsigned silent_after)
{
    if (!days)
        return REPORTER_GONE;
    unsigned last = (unsigned)__builtin_ctzll(days);
    if (last < silent_after + 2)
        return REPORTER_WRITES;
    uint64_t before = (days >> last) & ((UINT64_C(1) << USUAL_DAYS) - 1);
    return __builtin_popcountll(before) >= DAILY_LEAST ? REPORTER_SILENT : REPORTER_GONE;
}

bool warn_rejects_rise(int64_t day, int64_t before, int64_t least)
{
    return day >= least && day * USUAL_DAYS >= before * RISE;
}

static const char *safe(struct warn_round *r, const char *s)
{
    return text_safe(r->arena, s, WORDS_MAX);
}

static const char *time_text(struct warn_round *r, int64_t seconds)
{
    char text[WHEN_TEXT_MAX];

    when_format(seconds, text);
    return arena_strdup(r->arena, text);
}

static void add_trouble(struct warn_round *r, struct trouble t)
{
    r->troubles = arena_grow(r->arena, r->troubles, &r->n_troubles, sizeof t);
    r->troubles[r->n_troubles - 1] = t;
}

/* The folder is named where there are several. NULL: it is not of our configuration. */
static const char *unit_name(struct warn_round *r, const char *mailbox, const char *folder)
{
    const struct config_mailbox *m = config_mailbox(r->config, mailbox);

    for (size_t i = 0; m && i < m->n_folders; i++) {
        if (strcmp(m->folders[i], folder) != 0)
            continue;
        return m->n_folders == 1 ? m->name : arena_printf(r->arena, "%s/%s", m->name, folder);
    }
    return NULL;
}

static int judge_mailbox(void *context, const struct store_mailbox *m)
{
    struct warn_round *r = context;
    const int64_t limit = r->config->warnings.mailbox_failing;

    const char *name = unit_name(r, m->name, m->folder);

    if (!name || m->failing_since < 0 || r->now - m->failing_since < limit)
        return 0;
    const char *text = arena_printf(r->arena,
        "mailbox %s: no poll has succeeded since %s: %s: %s. "
        "`dmarcmill doctor %s` tries each step and says what to do.",
        safe(r, name), time_text(r, m->failing_since), safe(r, m->error_class),
        safe(r, m->error_text), safe(r, m->name));
    add_trouble(r, (struct trouble){"mailbox", name, text, m->failing_since});
    return 0;
}

static int judge_mailboxes(struct warn_round *r, struct store *s, struct err *e)
{
    return r->config->warnings.mailbox_failing ? store_mailboxes(s, judge_mailbox, r, e) : 0;
}

static int judge_rejects(struct warn_round *r, struct store *s, struct err *e)
{
    const int64_t least = r->config->warnings.rejects;
    const int64_t day_ago = r->now - DAY;
    int64_t day = 0;
    int64_t before = 0;

    if (!least)
        return 0;
    int rc = store_unreadable_between(s, day_ago, r->now + 1, &day, e);
    if (!rc)
        rc = store_unreadable_between(s, day_ago - (int64_t)USUAL_DAYS * DAY, day_ago, &before, e);
    if (rc || !warn_rejects_rise(day, before, least))
        return rc;
    const char *text = arena_printf(r->arena,
        "rejects: %" PRId64 " documents of the last 24 hours could not be read; in the four weeks "
        "before there were %" PRId64 " in all. `dmarcmill rejects list` shows them with their "
        "reasons.",
        day, before);
    add_trouble(r, (struct trouble){"rejects", "documents", text, r->now});
    return 0;
}

static struct reporter *find_reporter(const struct warn_round *r, const char *name)
{
    for (size_t i = 0; i < r->n_reporters; i++) {
        if (strcmp(r->reporters[i].name, name) == 0)
            return &r->reporters[i];
    }
    return NULL;
}

static int note_day(void *context, const char *name, int64_t day)
{
    struct warn_round *r = context;
    const int64_t ago = when_day(r->now) - day;
    struct reporter *found = find_reporter(r, name);

    if (ago < 0 || ago > 63)
        return 0;
    if (!found) {
        r->reporters = arena_grow(r->arena, r->reporters, &r->n_reporters, sizeof *r->reporters);
        found = &r->reporters[r->n_reporters - 1];
        *found = (struct reporter){.name = arena_strdup(r->arena, name)};
    }
    found->days |= UINT64_C(1) << ago;
    return 0;
}

static const char *last_day(struct warn_round *r, uint64_t days)
{
    char text[WHEN_TEXT_MAX];

    when_format_day(when_day(r->now) - __builtin_ctzll(days), text);
    return arena_strdup(r->arena, text);
}

/* When silence began to be one. */
static int64_t silent_since(const struct warn_round *r, uint64_t days)
{
    return (when_day(r->now) - __builtin_ctzll(days) + 1) * DAY;
}

static void tell_all_silent(struct warn_round *r, uint64_t days)
{
    const char *text = arena_printf(r->arena,
        "reporters: none of those that used to write daily has, since the reports about %s. Do the "
        "mails still arrive in the mailbox? `dmarcmill check` says whether the domains still ask "
        "for reports.",
        last_day(r, days));
    add_trouble(r, (struct trouble){"reporter", all_reporters, text, silent_since(r, days)});
}

static void tell_silent(struct warn_round *r, const struct reporter *one)
{
    const char *text = arena_printf(r->arena,
        "reporter %s: wrote daily, but not since its reports about %s. `dmarcmill check` says "
        "whether the domains still ask for reports; if they do, its mails may be filtered.",
        safe(r, one->name), last_day(r, one->days));
    add_trouble(r, (struct trouble){"reporter", one->name, text, silent_since(r, one->days)});
}

/* If nobody writes any more, that is one trouble and not many. */
static int judge_reporters(struct warn_round *r, struct store *s, struct err *e)
{
    const unsigned silent_after = r->config->warnings.reporter_silent;
    uint64_t of_silent = 0;
    size_t silent = 0;

    if (!silent_after)
        return 0;
    int rc = store_reporter_days(s, when_day(r->now) - 63, note_day, r, e);
    for (size_t i = 0; !rc && i < r->n_reporters; i++) {
        enum reporter_state state = warn_reporter(r->reporters[i].days, silent_after);
        r->any_writes = r->any_writes || state == REPORTER_WRITES;
        silent += state == REPORTER_SILENT;
        of_silent |= state == REPORTER_SILENT ? r->reporters[i].days : 0;
    }
    if (!rc && silent > 1 && !r->any_writes) {
        tell_all_silent(r, of_silent);
        return 0;
    }
    for (size_t i = 0; !rc && i < r->n_reporters; i++) {
        if (warn_reporter(r->reporters[i].days, silent_after) == REPORTER_SILENT)
            tell_silent(r, &r->reporters[i]);
    }
    return rc;
}

/* ---- what is to be told ---- */

static int keep_known(void *context, const struct store_warning *w)
{
    struct warn_round *r = context;

    r->known = arena_grow(r->arena, r->known, &r->n_known, sizeof *w);
    struct store_warning *to = &r->known[r->n_known - 1];
    *to = *w;
    to->channel = arena_strdup(r->arena, w->channel);
    to->kind = arena_strdup(r->arena, w->kind);
    to->subject = arena_strdup(r->arena, w->subject);
    return 0;
}

static bool is_about(const struct trouble *t, const struct store_warning *w)
{
    return strcmp(t->kind, w->kind) == 0 && strcmp(t->subject, w->subject) == 0;
}

static const struct store_warning *told_before(
    const struct warn_round *r, const char *channel, const struct trouble *t)
{
    for (size_t i = 0; i < r->n_known; i++) {
        if (strcmp(r->known[i].channel, channel) == 0 && is_about(t, &r->known[i]))
            return &r->known[i];
    }
    return NULL;
}

static bool is_present(const struct warn_round *r, const struct store_warning *w)
{
    for (size_t i = 0; i < r->n_troubles; i++) {
        if (is_about(&r->troubles[i], w))
            return true;
    }
    return false;
}

static void add_telling(
    struct warn_round *r, const char *channel, enum news news, struct trouble about)
{
    r->tellings = arena_grow(r->arena, r->tellings, &r->n_tellings, sizeof *r->tellings);
    r->tellings[r->n_tellings - 1] =
        (struct telling){.news = news, .channel = channel, .about = about};
}

static void plan_troubles(struct warn_round *r, const char *channel)
{
    const int64_t repeat = r->config->warnings.repeat;

    for (size_t i = 0; i < r->n_troubles; i++) {
        const struct store_warning *before = told_before(r, channel, &r->troubles[i]);
        if (!before) {
            add_telling(r, channel, NEWS_BEGINS, r->troubles[i]);
        } else if (repeat && r->now - before->told_at >= repeat) {
            struct trouble again = r->troubles[i];
            again.since = before->since;
            add_telling(r, channel, NEWS_LASTS, again);
        }
    }
}

/* A mailbox of another host's configuration is that host's business. */
static bool is_for_us(struct warn_round *r, const struct store_warning *w)
{
    const struct config *c = r->config;

    if (strcmp(w->kind, "mailbox") != 0)
        return true;
    for (size_t i = 0; i < c->n_mailboxes; i++) {
        const struct config_mailbox *m = &c->mailboxes[i];
        for (size_t k = 0; k < m->n_folders; k++) {
            if (strcmp(unit_name(r, m->name, m->folders[k]), w->subject) == 0)
                return true;
        }
    }
    return false;
}

/* A reporter that is not silent any more either writes again or has been forgotten. */
static bool writes_again(const struct warn_round *r, const char *subject)
{
    const struct reporter *found = find_reporter(r, subject);

    if (strcmp(subject, all_reporters) == 0)
        return r->any_writes;
    return found &&
           warn_reporter(found->days, r->config->warnings.reporter_silent) == REPORTER_WRITES;
}

static const char *over_text(struct warn_round *r, const struct store_warning *w)
{
    if (strcmp(w->kind, "mailbox") == 0)
        return arena_printf(r->arena, "mailbox %s: is polled again.", safe(r, w->subject));
    if (strcmp(w->kind, "rejects") == 0)
        return "rejects: no more than usual in the last 24 hours.";
    if (strcmp(w->subject, all_reporters) == 0)
        return "reporters: reports arrive again.";
    return arena_printf(r->arena, "reporter %s: writes again.", safe(r, w->subject));
}

static void plan_ends(struct warn_round *r, const char *channel)
{
    for (size_t i = 0; i < r->n_known; i++) {
        const struct store_warning *w = &r->known[i];
        if (strcmp(w->channel, channel) != 0 || is_present(r, w) || !is_for_us(r, w))
            continue;
        struct trouble about = {w->kind, w->subject, over_text(r, w), w->since};
        add_telling(r, channel, NEWS_OVER, about);
        /* one that is merely forgotten is not said to write */
        r->tellings[r->n_tellings - 1].told =
            strcmp(w->kind, "reporter") == 0 && !writes_again(r, w->subject);
    }
}

static void plan(struct warn_round *r, const char *channel)
{
    plan_troubles(r, channel);
    plan_ends(r, channel);
}

static void plan_all(struct warn_round *r)
{
    const struct config_warnings *w = &r->config->warnings;

    for (size_t i = 0; i < w->n_recipients; i++)
        plan(r, w->recipients[i]);
    if (w->webhook)
        plan(r, webhook_channel);
}

static int judge(struct warn_round *r, struct store *s, struct err *e)
{
    int rc = judge_mailboxes(r, s, e);

    if (!rc)
        rc = judge_rejects(r, s, e);
    if (!rc)
        rc = judge_reporters(r, s, e);
    if (!rc)
        rc = store_warnings(s, keep_known, r, e);
    if (!rc)
        plan_all(r);
    return rc;
}

static void free_round(struct warn_round *r)
{
    arena_free(r->arena);
    free(r);
}

/* The lease is this round's, and given back with it: those of the mailboxes stay. */
static void name_holder(char out[STORE_HOLDER_MAX])
{
    char self[STORE_HOLDER_MAX];

    holder_self(self);
    (void)snprintf(out, STORE_HOLDER_MAX, "%.*s warn", STORE_HOLDER_MAX - 8, self);
}

static int release(struct warn_round *r, struct store *s, int rc, struct err *e)
{
    struct err later;
    int released = store_lease_release(s, r->holder, rc ? &later : e);

    free_round(r);
    return rc ? rc : released;
}

int warn_begin(struct warn_round **out, const struct config *c, struct store *s, struct err *e)
{
    char other[STORE_HOLDER_MAX] = "";
    struct warn_round *r = mem_alloc(sizeof *r);

    *out = NULL;
    *r = (struct warn_round){.config = c, .arena = arena_new(), .now = when_now()};
    (void)gethostname(r->host, sizeof r->host - 1);
    name_holder(r->holder);
    int rc = holder_lease(s, "warn", r->holder, ROUND_SECONDS, other, e);
    if (rc < 0 || *other) {
        free_round(r);
        return rc < 0 ? rc : 0;
    }
    rc = judge(r, s, e);
    if (rc || !r->n_tellings)
        return release(r, s, rc, e);
    *out = r;
    return 0;
}

/* ---- telling ---- */

/* Is there something that this channel still has to hear? */
static bool is_due(const struct telling *t, const char *channel)
{
    return !t->told && strcmp(t->channel, channel) == 0;
}

static size_t count_due(const struct warn_round *r, const char *channel)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_tellings; i++)
        n += is_due(&r->tellings[i], channel);
    return n;
}

static void mark_told(struct warn_round *r, const char *channel)
{
    for (size_t i = 0; i < r->n_tellings; i++) {
        if (is_due(&r->tellings[i], channel))
            r->tellings[i].told = true;
    }
}

static const char *const news_titles[] = {
    [NEWS_BEGINS] = "This is new:", [NEWS_LASTS] = "This lasts:", [NEWS_OVER] = "This is over:"};
static const char *const news_names[] = {
    [NEWS_BEGINS] = "begins", [NEWS_LASTS] = "lasts", [NEWS_OVER] = "over"};

/* Paragraphs by news; `since` where it lasts. */
static void write_words(const struct warn_round *r, const char *channel, FILE *out)
{
    for (int news = 0; news <= NEWS_OVER; news++) {
        bool titled = false;
        for (size_t i = 0; i < r->n_tellings; i++) {
            const struct telling *t = &r->tellings[i];
            if (!is_due(t, channel) || (int)t->news != news)
                continue;
            if (!titled)
                (void)fprintf(out, "%s\n\n", news_titles[news]);
            titled = true;
            (void)fprintf(out, "* %s\n\n", t->about.text);
        }
    }
}

/* Frees what open_memstream made with free(). */
static char *words_for(const struct warn_round *r, const char *channel)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        mem_exhausted();
    write_words(r, channel, out);
    if (fclose(out) || !text)
        mem_exhausted();
    return text;
}

static const char *subject_for(struct warn_round *r, const char *channel)
{
    size_t n = 0;
    size_t over = 0;

    for (size_t i = 0; i < r->n_tellings; i++) {
        const struct telling *t = &r->tellings[i];
        n += is_due(t, channel) && t->news != NEWS_OVER;
        over += is_due(t, channel) && t->news == NEWS_OVER;
    }
    if (!n)
        return arena_printf(r->arena, "dmarcmill on %s: %zu over", r->host, over);
    return arena_printf(r->arena, "dmarcmill on %s: %zu warning%s%s", r->host, n, n == 1 ? "" : "s",
        over ? ", and something is over" : "");
}

static int mail_to(struct warn_round *r, const char *recipient, struct err *e)
{
    char *text = words_for(r, recipient);
    int rc = delivery_note(&r->config->smtp, recipient, subject_for(r, recipient), text, r->now, e);

    free(text);
    return rc;
}

/* "text" is what chat servers show; the rest is for programs. */
static void write_json(const struct warn_round *r, FILE *out)
{
    char *text = words_for(r, webhook_channel);
    char since[WHEN_TEXT_MAX];
    struct json j;

    json_init(&j, out, false);
    json_object(&j);
    json_member_int(&j, "version", 1);
    json_member_string(&j, "host", r->host);
    json_member_string(&j, "text", text);
    json_key(&j, "warnings");
    json_array(&j);
    for (size_t i = 0; i < r->n_tellings; i++) {
        const struct telling *t = &r->tellings[i];
        if (!is_due(t, webhook_channel))
            continue;
        when_format(t->about.since, since);
        json_object(&j);
        json_member_string(&j, "state", news_names[t->news]);
        json_member_string(&j, "kind", t->about.kind);
        json_member_string(&j, "subject", t->about.subject);
        json_member_string(&j, "since", since);
        json_member_string(&j, "text", t->about.text);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    free(text);
}

static int read_token(const struct config_warnings *w, char **out, struct err *e)
{
    *out = NULL;
    return secret_sources(&w->token) ? secret_read(&w->token, out, e) : 0;
}

static struct webhook webhook_of(const struct config_warnings *w, const char *token)
{
    return (struct webhook){
        .url = w->webhook, .ca_file = w->ca_file, .token = token, .timeout = WEBHOOK_SECONDS};
}

static int post(const struct warn_round *r, struct err *e)
{
    const struct config_warnings *w = &r->config->warnings;
    char *token;
    char *json = NULL;
    size_t len = 0;
    int rc = read_token(w, &token, e);

    if (rc)
        return rc;
    FILE *out = open_memstream(&json, &len);
    if (!out)
        mem_exhausted();
    write_json(r, out);
    if (fclose(out) || !json)
        mem_exhausted();
    const struct webhook hook = webhook_of(w, token);
    rc = webhook_post(&hook, json, len, e);
    free(json);
    secret_free(token);
    return rc;
}

int warn_probe_webhook(const struct config_warnings *w, struct err *e)
{
    char *token;
    int rc = read_token(w, &token, e);

    if (!rc) {
        const struct webhook hook = webhook_of(w, token);
        rc = webhook_probe(&hook, e);
    }
    secret_free(token);
    return rc;
}

static void tell_channel(struct warn_round *r, const char *channel)
{
    bool hook = strcmp(channel, webhook_channel) == 0;
    struct err e;

    if (!count_due(r, channel))
        return;
    if (hook ? post(r, &e) : mail_to(r, channel, &e)) {
        console_problem(arena_printf(r->arena, "warnings: %s", channel), &e);
        return;
    }
    mark_told(r, channel);
}

void warn_tell(struct warn_round *r)
{
    if (!r)
        return;
    const struct config_warnings *w = &r->config->warnings;
    for (size_t i = 0; i < w->n_recipients; i++)
        tell_channel(r, w->recipients[i]);
    if (w->webhook)
        tell_channel(r, webhook_channel);
}

int warn_end(struct warn_round *r, struct store *s, struct err *e)
{
    int rc = 0;

    if (!r)
        return 0;
    for (size_t i = 0; i < r->n_tellings && !rc; i++) {
        const struct telling *t = &r->tellings[i];
        const struct store_warning w = {.channel = t->channel,
            .kind = t->about.kind,
            .subject = t->about.subject,
            .since = t->about.since};
        if (t->told)
            rc = t->news == NEWS_OVER ? store_warning_over(s, &w, e) : store_warning_told(s, &w, e);
    }
    return release(r, s, rc, e);
}

int warn_run(const struct config *c, struct store *s, struct err *e)
{
    struct warn_round *r = NULL;
    int rc = warn_begin(&r, c, s, e);

    if (rc)
        return rc;
    warn_tell(r);
    return warn_end(r, s, e);
}
