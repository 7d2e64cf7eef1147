#include "cli/credential.h"

#include "base/arena.h"
#include "base/when.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/run.h"
#include "cli/secret.h"
#include "ingest/token.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    EARLY_SECONDS = 300, /* before a token lapses */
    SHORT_LIFE = 10      /* or so much of its life, the less of both */
};

struct credential {
    const struct config_mailbox *m;
    pthread_mutex_t lock;
    char *secret;     /* or NULL */
    int64_t until_ms; /* of when_monotonic_ms(); a token is not used longer */
};

struct credential *credential_new(const struct config_mailbox *m)
{
    struct credential *c = mem_alloc(sizeof *c);

    c->m = m;
    (void)pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void forget(struct credential *c)
{
    secret_free(c->secret);
    c->secret = NULL;
}

void credential_free(struct credential *c)
{
    if (!c)
        return;
    forget(c);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

static void warn_if_exposed(const struct credential *c, const char *file)
{
    if (secret_is_exposed(file)) {
        console_say(
            "mailbox %s: password-exposed: everybody can read %s; chmod 600 it", c->m->name, file);
    }
}

static int read_file(const char *what, const char *file, char **out, struct err *e)
{
    const struct secret_source from = {.what = what, .file = file};

    *out = NULL;
    return file ? secret_read(&from, out, e) : 0;
}

static int read_password(struct credential *c, struct err *e)
{
    int rc = secret_read(&c->m->password, &c->secret, e);

    if (!rc)
        warn_if_exposed(c, c->m->password.file);
    return rc;
}

/* What the server gave in place of the refresh token. The old one may be of no use any more, so it
 * must be on the disk before the new access token is used. */
static int keep_refresh_token(const char *path, const struct buf *token, struct err *e)
{
    struct new_file f;
    int rc = files_create(&f, path, e);

    if (rc)
        return rc;
    if (fchmod(fileno(f.out), S_IRUSR | S_IWUSR) || fputs(token->data, f.out) < 0 ||
        fputc('\n', f.out) < 0) {
        files_abandon(&f);
        return err_set(e, ERR_TEMPORARY, "write-failed", "cannot write %s", path);
    }
    return files_commit(&f, e);
}

static bool give_up(void *context)
{
    (void)context;
    return run_asked_to_stop();
}

static void take_token(struct credential *c, const struct token *t)
{
    int64_t early =
        t->lifetime / SHORT_LIFE < EARLY_SECONDS ? t->lifetime / SHORT_LIFE : EARLY_SECONDS;

    c->secret = mem_strdup(t->access.data);
    c->until_ms = when_monotonic_ms() + (t->lifetime - early) * 1000;
}

static int fetch_token(struct credential *c, struct err *e)
{
    const struct config_oauth *o = &c->m->oauth;
    char *client_secret;
    char *refresh_token = NULL;
    struct token t;
    int rc = read_file("client_secret", o->client_secret_file, &client_secret, e);

    token_init(&t);
    if (!rc)
        rc = read_file("refresh_token", o->refresh_token_file, &refresh_token, e);
    if (!rc) {
        const struct token_request r = {
            .url = o->token_url,
            .client_id = o->client_id,
            .client_secret = client_secret,
            .refresh_token = refresh_token,
            .scope = o->scope,
            .ca_file = c->m->ca_file,
            .timeout = c->m->timeout,
            .stop = give_up,
        };
        rc = token_fetch(&r, &t, e);
    }
    if (!rc && t.refresh.len && refresh_token && strcmp(t.refresh.data, refresh_token) != 0)
        rc = keep_refresh_token(o->refresh_token_file, &t.refresh, e);
    if (!rc)
        take_token(c, &t);
    token_done(&t);
    secret_free(client_secret);
    secret_free(refresh_token);
    return rc;
}

/* A command keeps tokens itself, and knows when they lapse: it is asked each time. */
static int ask_command(struct credential *c, struct err *e)
{
    const struct secret_source from = {.what = "token", .command = c->m->oauth.token_command};

    c->until_ms = 0;
    return secret_read(&from, &c->secret, e);
}

int credential_get(struct credential *c, bool refused, struct buf *out, struct err *e)
{
    bool is_token = c->m->login != IMAP_LOGIN_PASSWORD;
    int rc = 0;

    (void)pthread_mutex_lock(&c->lock);
    if (is_token && (refused || when_monotonic_ms() >= c->until_ms))
        forget(c);
    if (!c->secret && !is_token) {
        rc = read_password(c, e);
    } else if (!c->secret) {
        rc = c->m->oauth.token_command ? ask_command(c, e) : fetch_token(c, e);
    }
    if (!rc && buf_adds(out, c->secret))
        rc = err_set(e, ERR_CONFIG, "login", "the password or token is too long");
    (void)pthread_mutex_unlock(&c->lock);
    return rc;
}

int credential_check(struct credential *c, struct err *e)
{
    const struct config_oauth *o = &c->m->oauth;
    char *text = NULL;
    int rc = 0;

    if (c->m->login == IMAP_LOGIN_PASSWORD)
        return read_password(c, e);
    const struct secret_source files[] = {{.what = "client_secret", .file = o->client_secret_file},
        {.what = "refresh_token", .file = o->refresh_token_file}};
    for (size_t i = 0; i < 2 && !rc; i++) {
        rc = read_file(files[i].what, files[i].file, &text, e);
        secret_free(text);
        warn_if_exposed(c, files[i].file);
    }
    return rc;
}

void credential_forget(struct credential *c)
{
    (void)pthread_mutex_lock(&c->lock);
    forget(c);
    (void)pthread_mutex_unlock(&c->lock);
}
