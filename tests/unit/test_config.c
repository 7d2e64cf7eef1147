#include "base/arena.h"
#include "base/nearest.h"
#include "base/zone.h"
#include "cli/config.h"
#include "cli/files.h"
#include "cli/holder.h"
#include "cli/mailbox.h"
#include "cli/options.h"
#include "cli/secret.h"
#include "report/identity.h"
#include "report/render.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char unit_suite[] = "config";

static void write_to(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fputs(text, f) >= 0, 1);
    CU_ASSERT_EQUAL(fclose(f), 0);
}

/* Reads a configuration with this text; NULL and *e when it is refused. */
static struct config *load(const char *text, struct err *e)
{
    char path[] = "/tmp/dmarcmill-config-XXXXXX";
    struct config *c = NULL;
    int fd = mkstemp(path);

    CU_ASSERT_FATAL(fd >= 0);
    (void)close(fd);
    write_to(path, text);
    int rc = config_load(&c, path, e);
    (void)unlink(path);
    if (rc) {
        CU_ASSERT_EQUAL(rc, ERR_CONFIG);
        return NULL;
    }
    return c;
}

/* The text must be refused, at this line, with these words. */
static void refuses(const char *text, int line, const char *words)
{
    struct err e;
    char where[16];
    struct config *c = load(text, &e);

    CU_ASSERT_PTR_NULL(c);
    if (c) {
        printf("\n    accepted: %s", text);
        config_free(c);
        return;
    }
    (void)snprintf(where, sizeof where, ":%d: ", line);
    if (!strstr(e.text, words) || !strstr(e.text, where))
        printf("\n    got \"%s\", wanted%s%s", e.text, where, words);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, words));
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, where));
}

static void test_whole_file(void)
{
    static const char text[] =
        "# a comment\n"
        "store = \"postgresql://dmarcmill@/dmarcmill\"\n"
        "batch_messages = 10\n"
        "limits { message = 8M unpacked = 2G ratio = 300 records = 5000000 }\n"
        "mailbox \"main\" {\n"
        "  type = imap\n"
        "  host = \"imap.example.net\"\n"
        "  user = \"dmarc@example.net\"\n"
        "  password_file = \"/etc/dmarcmill/main.password\"\n"
        "  archive = \"Archive\"\n"
        "  port = 1993\n"
        "  verify = no\n"
        "}\n"
        "mailbox \"old\" { type = maildir path = \"/srv/mail\" }\n"
        "client \"acme\" { domains = {\"Acme.Example.\", \"b\xc3\xbc"
        "cher.example\"} }\n"
        "client \"idle\" { }\n";
    struct err e;
    struct config *c = load(text, &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    if (!c)
        return;
    CU_ASSERT_STRING_EQUAL(c->store, "postgresql://dmarcmill@/dmarcmill");
    CU_ASSERT_EQUAL(c->limits.message, UINT64_C(8) << 20);
    CU_ASSERT_EQUAL(c->limits.unpacked, UINT64_C(2) << 30);
    CU_ASSERT_EQUAL(c->limits.ratio, 300);
    CU_ASSERT_EQUAL(c->batch_messages, 10);
    CU_ASSERT_EQUAL(c->limits.records, 5000000);
    CU_ASSERT_EQUAL(c->limits.nesting, limits_default().nesting);
    CU_ASSERT_EQUAL_FATAL(c->n_mailboxes, 2);
    const struct config_mailbox *m = config_mailbox(c, "main");
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    if (!m)
        return;
    CU_ASSERT_STRING_EQUAL(m->kind->name, "imap");
    CU_ASSERT_STRING_EQUAL(m->host, "imap.example.net");
    CU_ASSERT_EQUAL_FATAL(m->n_folders, 1);
    CU_ASSERT_STRING_EQUAL(m->folders[0], "INBOX");
    for (int k = 0; k < MESSAGE_KINDS; k++) {
        CU_ASSERT_EQUAL(m->after[k].how, DISPOSE_MOVE);
        CU_ASSERT_STRING_EQUAL(m->after[k].where, "Archive");
    }
    CU_ASSERT_EQUAL(m->port, 1993);
    CU_ASSERT_EQUAL(m->tls, IMAP_TLS);
    CU_ASSERT_FALSE(m->verify);
    CU_ASSERT_EQUAL(m->batch_bytes, UINT64_C(16) << 20);
    CU_ASSERT_STRING_EQUAL(config_mailbox(c, "old")->path, "/srv/mail");
    CU_ASSERT_PTR_NULL(config_mailbox(c, "none"));
    CU_ASSERT_EQUAL(c->n_clients, 2);
    CU_ASSERT_EQUAL_FATAL(c->n_domains, 2);
    CU_ASSERT_STRING_EQUAL(c->domains[0].domain, "acme.example");
    CU_ASSERT_STRING_EQUAL(c->domains[1].domain, "xn--bcher-kva.example");
    CU_ASSERT_STRING_EQUAL(c->domains[1].client, "acme");
    config_free(c);
}

static void test_lists_may_grow(void)
{
    struct err e;
    struct config *c = load("client a { domains = {a.example}\n domains += {b.example} }\n", &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    if (!c)
        return;
    CU_ASSERT_EQUAL(c->n_domains, 2);
    config_free(c);
}

static void test_what_libconfuse_lets_pass(void)
{
    refuses("store = a\nstore = b\n", 2, "store is given twice");
    refuses("mailbox m {\n host = a\n host = b\n}\n", 3, "host is given twice");
    refuses("limits { ratio = 50 }\nlimits { ratio = 60 }\n", 2, "ratio is given twice");
    refuses("client a {\n domains = {a.example, b.example}\n domains = {c.example}\n}\n", 3,
        "domains is given twice");
    refuses("mailbox m {\n type = imap\n", 4, "the section 'mailbox' is not closed");
    refuses("mailbox m {\n type = imap\nmailbox n { }\n", 3, "is a } missing before it?");
    refuses("store = a\n/* open\n", 5, "not closed before the end");
}

static void test_unknown_options(void)
{
    refuses("mailbox m {\n hots = a\n}\n", 2, "no option 'hots', did you mean 'host'?");
    refuses("\nsotre = a\n", 2, "did you mean 'store'?");
    refuses("zzzzzzzzzz = a\n", 1, "there is no option 'zzzzzzzzzz' here");
    refuses("store = a\n}\n", 2, "unexpected closing brace");
}

static void test_values(void)
{
    refuses("mailbox m {\n port = 70000 }\n", 2, "port must be from 1 to 65535");
    refuses("mailbox m { port = many }\n", 1, "invalid integer");
    refuses("mailbox m { type = pop3 }\n", 1, "type must be imap or maildir");
    refuses("limits { message = 64Q }\n", 1, "message must be a size");
    refuses("limits { message = 99999999999G }\n", 1, "message must be a size");
    refuses("store = \"${DMARCMILL_TEST_NOT_SET}\"\n", 1, "store is empty");
    refuses("mailbox m { password = hunter2 }\n", 1, "use password_file");
    refuses("client a { domains = {\"not a domain\"} }\n", 1, "is not a domain name");
    refuses("client a { domains = {a.example} }\nclient b { domains = {A.example} }\n", 2,
        "a.example is given to two clients");
}

static void test_mailboxes_are_complete(void)
{
    refuses("mailbox m { host = h }\n", 1, "type is missing");
    refuses("mailbox m { type = imap user = u }\n", 1, "host is missing");
    refuses("mailbox m { type = imap host = h user = u }\n", 1, "password_file (or");
    refuses("mailbox m { type = imap host = h user = u password_file = a password_env = B }\n", 1,
        "exclude each other");
    refuses("mailbox m { type = maildir }\n", 1, "path is missing");
    refuses("mailbox m {\n type = maildir\n path = mail }\n", 3, "path must begin with /");
    refuses("mailbox m { type = maildir path = /p archive = q }\n", 1, "archive must begin with /");
    refuses("mailbox m { type = maildir path = /p host = h }\n", 1, "host is not for type maildir");
    refuses("mailbox m { type = maildir path = /p }\nmailbox m { type = maildir path = /q }\n", 2,
        "duplicate title 'm'");
}

static void test_mailbox_ways(void)
{
    struct err e;
    struct config *c = load("mailbox m { type = imap host = h user = u password_env = P\n"
                            " folder = {INBOX, \"Junk/DMARC\"} tls = starttls archive = Done\n"
                            " on_failure = delete on_rejected = \"flag Look\" on_tls = leave\n"
                            " on_not_a_report = flag on_aggregate = \"move A B/C\" }\n",
        &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    if (!c)
        return;
    const struct config_mailbox *m = config_mailbox(c, "m");
    CU_ASSERT_EQUAL(m->n_folders, 2);
    CU_ASSERT_STRING_EQUAL(m->folders[1], "Junk/DMARC");
    CU_ASSERT_EQUAL(m->tls, IMAP_STARTTLS);
    CU_ASSERT_EQUAL(m->port, 143);
    CU_ASSERT_EQUAL(m->after[KIND_FAILURE].how, DISPOSE_DELETE);
    CU_ASSERT_EQUAL(m->after[KIND_REJECTED].how, DISPOSE_FLAG);
    CU_ASSERT_STRING_EQUAL(m->after[KIND_REJECTED].where, "Look");
    CU_ASSERT_EQUAL(m->after[KIND_TLS].how, DISPOSE_LEAVE);
    CU_ASSERT_STRING_EQUAL(m->after[KIND_NOT_A_REPORT].where, "\\Flagged");
    CU_ASSERT_EQUAL(m->after[KIND_AGGREGATE].how, DISPOSE_MOVE);
    CU_ASSERT_STRING_EQUAL(m->after[KIND_AGGREGATE].where, "A B/C");
    config_free(c);
    refuses("mailbox m { on_failure = burn }\n", 1, "on_failure must be leave, delete, flag");
    refuses("mailbox m { on_failure = move }\n", 1, "on_failure must be leave, delete, flag");
    refuses("mailbox m { on_failure = \"flag a b\" }\n", 1, "on_failure must be leave");
    refuses("mailbox m { tls = maybe }\n", 1, "tls must be yes, no or starttls");
    refuses("mailbox m { idle = 1800 }\n", 1, "idle must be from 1 to 1740");
    refuses("mailbox m { type = imap host = h user = u password_env = P folder = {a, a} }\n", 1,
        "folder a is given twice");
    refuses("mailbox m { type = imap host = h user = u password_env = P tls_cert = c }\n", 1,
        "tls_key is missing");
}

static void test_oauth(void)
{
    struct err e;
    struct config *c =
        load("mailbox m { type = imap user = u auth = xoauth2 provider = microsoft\n"
             " tenant = t client_id = i client_secret_file = f }\n"
             "mailbox g { type = imap user = u auth = oauthbearer provider = google\n"
             " client_id = i refresh_token_file = f }\n",
            &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    if (!c)
        return;
    const struct config_mailbox *m = config_mailbox(c, "m");
    CU_ASSERT_EQUAL(m->login, IMAP_LOGIN_XOAUTH2);
    CU_ASSERT_STRING_EQUAL(m->host, "outlook.office365.com");
    CU_ASSERT_STRING_EQUAL(
        m->oauth.token_url, "https://login.microsoftonline.com/t/oauth2/v2.0/token");
    CU_ASSERT_STRING_EQUAL(m->oauth.scope, "https://outlook.office365.com/.default");
    m = config_mailbox(c, "g");
    CU_ASSERT_EQUAL(m->login, IMAP_LOGIN_OAUTHBEARER);
    CU_ASSERT_STRING_EQUAL(m->host, "imap.gmail.com");
    CU_ASSERT_STRING_EQUAL(m->oauth.token_url, "https://oauth2.googleapis.com/token");
    config_free(c);
#define OAUTH "mailbox m { type = imap host = h user = u auth = xoauth2 "
    refuses(OAUTH "}\n", 1, "token_command (or provider, or token_url) is missing");
    refuses(OAUTH "password_env = P }\n", 1, "wants a token, not a password");
    refuses(OAUTH "token_url = \"http://h/\" }\n", 1, "token_url must begin with https://");
    refuses(OAUTH "token_url = \"https://h/\" }\n", 1, "client_id is missing");
    refuses(OAUTH "provider = microsoft client_id = i }\n", 1,
        "client_secret_file or refresh_token_file is missing");
    refuses(OAUTH "provider = google client_id = i client_secret_file = f }\n", 1,
        "refresh_token_file (Google");
    refuses(OAUTH "token_command = c token_url = \"https://h/\" }\n", 1, "exclude each other");
}

static void test_a_password_is_never_repeated(void)
{
    struct err e;

    CU_ASSERT_PTR_NULL(load("mailbox m { password = hunter2 }\n", &e));
    CU_ASSERT_PTR_NULL(strstr(e.text, "hunter2"));
}

static void test_secrets(void)
{
    char path[] = "/tmp/dmarcmill-secret-XXXXXX";
    int fd = mkstemp(path);
    struct secret_source m = {.what = "password", .file = path};
    struct err e;
    char *secret = NULL;

    CU_ASSERT_FATAL(fd >= 0);
    (void)close(fd);
    write_to(path, "pass word \n\n");
    CU_ASSERT_EQUAL_FATAL(secret_read(&m, &secret, &e), 0);
    CU_ASSERT_STRING_EQUAL(secret, "pass word ");
    secret_free(secret);
    CU_ASSERT_EQUAL(chmod(path, 0600), 0);
    CU_ASSERT_FALSE(secret_is_exposed(path));
    CU_ASSERT_EQUAL(chmod(path, 0644), 0);
    CU_ASSERT_TRUE(secret_is_exposed(path));
    write_to(path, "\n");
    CU_ASSERT_EQUAL(secret_read(&m, &secret, &e), ERR_CONFIG);
    write_to(path, "pass\nword\n");
    CU_ASSERT_EQUAL(secret_read(&m, &secret, &e), ERR_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "more than one line"));
    write_to(path, "a\tb\n");
    CU_ASSERT_EQUAL(secret_read(&m, &secret, &e), ERR_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "control character"));
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(secret_read(&m, &secret, &e), ERR_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "password_file: "));
}

static void test_secret_commands(void)
{
    struct secret_source m = {.what = "password", .command = "printf 'x y\\n' | tr x z"};
    struct err e;
    char *secret = NULL;

    CU_ASSERT_EQUAL_FATAL(secret_read(&m, &secret, &e), 0);
    CU_ASSERT_STRING_EQUAL(secret, "z y");
    secret_free(secret);
    /* signals are as usual for it, whatever the thread has blocked */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    m.command = "sed -n 's/^SigBlk:[[:space:]]*//p' /proc/self/status";
    CU_ASSERT_EQUAL_FATAL(secret_read(&m, &secret, &e), 0);
    CU_ASSERT_STRING_EQUAL(secret, "0000000000000000");
    secret_free(secret);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    m.command = "echo right; exit 3";
    CU_ASSERT_EQUAL(secret_read(&m, &secret, &e), ERR_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "exit status 3"));
    m.command = NULL;
    m.env = "DMARCMILL_TEST_NOT_SET";
    CU_ASSERT_EQUAL(secret_read(&m, &secret, &e), ERR_CONFIG);
}

static void test_holders(void)
{
    char self[STORE_HOLDER_MAX];
    char other[STORE_HOLDER_MAX + 8];

    holder_self(self);
    CU_ASSERT_FALSE(holder_is_dead(self));
    CU_ASSERT_FALSE(holder_is_dead("another machine pid:[1] 1 1"));
    CU_ASSERT_FALSE(holder_is_dead(""));
    /* the number is somebody else's now */
    (void)snprintf(other, sizeof other, "%s0", self);
    CU_ASSERT_TRUE(holder_is_dead(other));
    /* nobody has such a number */
    char *number = strrchr(self, ' ');
    *number = '\0';
    number = strrchr(self, ' ');
    *number = '\0';
    (void)snprintf(other, sizeof other, "%.100s 2147483647 5", self);
    CU_ASSERT_TRUE(holder_is_dead(other));
}

static void test_nearest_name(void)
{
    const char *const names[] = {"report", "rejects", "store"};

    CU_ASSERT_STRING_EQUAL(nearest_name("repotr", names, 3), "report");
    CU_ASSERT_STRING_EQUAL(nearest_name("stor", names, 3), "store");
    CU_ASSERT_PTR_NULL(nearest_name("completely", names, 3));
}

static void test_names_become_one_component(void)
{
    struct arena *a = arena_new();

    CU_ASSERT_STRING_EQUAL(files_safe_name(a, "acme"), "acme");
    CU_ASSERT_STRING_EQUAL(files_safe_name(a, "../etc/x"), "%2E.%2Fetc%2Fx");
    CU_ASSERT_STRING_EQUAL(files_safe_name(a, "a%b\n"), "a%25b%0A");
    CU_ASSERT_STRING_EQUAL(files_safe_name(a, ".."), "%2E.");
    CU_ASSERT_STRING_EQUAL(files_safe_name(a, ""), "%");
    arena_free(a);
}

static void test_files_are_whole_or_absent(void)
{
    char folder[] = "/tmp/dmarcmill-files-XXXXXX";
    struct arena *a = arena_new();
    struct new_file f;
    struct err e;
    struct buf text;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    const char *deep = arena_printf(a, "%s/a/b", folder);
    const char *path = arena_printf(a, "%s/x.txt", deep);
    CU_ASSERT_EQUAL_FATAL(files_make_folder(deep, 0700, &e), 0);
    CU_ASSERT_EQUAL_FATAL(files_make_folder(deep, 0700, &e), 0);
    CU_ASSERT_EQUAL_FATAL(files_create(&f, path, &e), 0);
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    CU_ASSERT_EQUAL(fputs("whole", f.out) >= 0, 1);
    CU_ASSERT_EQUAL(files_commit(&f, &e), 0);
    buf_init(&text, 100);
    CU_ASSERT_EQUAL(files_read(path, &text, &e), 0);
    CU_ASSERT_STRING_EQUAL(text.data, "whole");
    buf_done(&text);
    /* an abandoned one leaves the old contents, and nothing beside them */
    CU_ASSERT_EQUAL_FATAL(files_create(&f, path, &e), 0);
    files_abandon(&f);
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(rmdir(deep), 0);
    CU_ASSERT_EQUAL(rmdir(arena_printf(a, "%s/a", folder)), 0);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
    arena_free(a);
}

static void test_periods(void)
{
    struct err e;
    int64_t from;
    int64_t to;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    CU_ASSERT_EQUAL(setenv("DMARCMILL_NOW", "2026-11-25T10:00:00Z", 1), 0); /* a Wednesday */
    const struct period_options none = {0};
    CU_ASSERT_EQUAL(options_period(&none, PERIOD_LAST_WEEK, &from, &to, &e), 0);
    CU_ASSERT_EQUAL(from, 20773); /* Monday 2026-11-16 */
    CU_ASSERT_EQUAL(to, 20779);
    const struct period_options week = {.week = "2026-W01"};
    CU_ASSERT_EQUAL(options_period(&week, PERIOD_EVERYTHING, &from, &to, &e), 0);
    CU_ASSERT_EQUAL(from, 20451); /* 2025-12-29 */
    CU_ASSERT_EQUAL(to, 20457);
    const struct period_options since = {.from = "2026-11-16"};
    CU_ASSERT_EQUAL(options_period(&since, PERIOD_EVERYTHING, &from, &to, &e), 0);
    CU_ASSERT_EQUAL(from, 20773);
    CU_ASSERT_EQUAL(to, PERIOD_LAST_DAY);
    const struct period_options both = {.week = "2026-W01", .from = "2026-11-16"};
    CU_ASSERT_EQUAL(options_period(&both, PERIOD_EVERYTHING, &from, &to, &e), ERR_USAGE);
    const struct period_options back = {.from = "2026-11-16", .to = "2026-11-15"};
    CU_ASSERT_EQUAL(options_period(&back, PERIOD_EVERYTHING, &from, &to, &e), ERR_USAGE);
    const struct period_options month = {.month = "2024-02"};
    CU_ASSERT_EQUAL(options_period(&month, PERIOD_EVERYTHING, &from, &to, &e), 0);
    CU_ASSERT_EQUAL(from, 19754); /* 2024-02-01 */
    CU_ASSERT_EQUAL(to, 19782);
    CU_ASSERT_EQUAL(options_period(&none, PERIOD_LAST_MONTH, &from, &to, &e), 0);
    CU_ASSERT_EQUAL(from, 20727); /* 2026-10-01 */
    CU_ASSERT_EQUAL(to, 20757);
    const struct period_options last_week = {.last_week = 1};
    CU_ASSERT_EQUAL(options_period(&last_week, PERIOD_LAST_MONTH, &from, &to, &e), 0);
    CU_ASSERT_EQUAL(from, 20773);
    const struct period_options two = {.last_week = 1, .last_month = 1};
    CU_ASSERT_EQUAL(options_period(&two, PERIOD_LAST_WEEK, &from, &to, &e), ERR_USAGE);
    const struct period_options no_month = {.month = "2026-13"};
    CU_ASSERT_EQUAL(options_period(&no_month, PERIOD_LAST_WEEK, &from, &to, &e), ERR_USAGE);
    const struct period_options odd = {.week = "2026-W54"};
    CU_ASSERT_EQUAL(options_period(&odd, PERIOD_EVERYTHING, &from, &to, &e), ERR_USAGE);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    CU_ASSERT_EQUAL(unsetenv("DMARCMILL_NOW"), 0);
}

static void test_policy(void)
{
    struct err e;
    struct config *c = load("failure_data = none\nuntrusted = exclude\n"
                            "authserv_id = {\"mx.msp.example\", \"mx2.msp.example\"}\n"
                            "client \"acme\" { failure_data = full }\nclient \"birch\" { }\n"
                            "client \"cedar\" { failure_data = headers }\n",
        &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    if (!c)
        return;
    CU_ASSERT_EQUAL(c->policy.failure_data, FAILURE_DATA_NONE);
    CU_ASSERT_TRUE(c->policy.exclude_untrusted);
    CU_ASSERT_EQUAL_FATAL(c->policy.trust.n_authserv_ids, 2);
    CU_ASSERT_STRING_EQUAL(c->policy.trust.authserv_ids[1], "mx2.msp.example");
    CU_ASSERT_EQUAL_FATAL(c->policy.n_clients, 2);
    CU_ASSERT_STRING_EQUAL(c->policy.clients[0].client, "acme");
    CU_ASSERT_EQUAL(c->policy.clients[0].data, FAILURE_DATA_FULL);
    CU_ASSERT_STRING_EQUAL(c->policy.clients[1].client, "cedar");
    CU_ASSERT_EQUAL(c->policy.clients[1].data, FAILURE_DATA_HEADERS);
    config_free(c);
    c = load("", &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    if (!c)
        return;
    CU_ASSERT_EQUAL(c->policy.failure_data, FAILURE_DATA_HEADERS);
    CU_ASSERT_FALSE(c->policy.exclude_untrusted);
    CU_ASSERT_EQUAL(c->policy.trust.n_authserv_ids, 0);
    config_free(c);
    refuses("failure_data = some\n", 1, "none, headers or full");
    refuses("\nclient \"a\" {\n failure_data = all\n}\n", 3, "none, headers or full");
    refuses("untrusted = ignore\n", 1, "count or exclude");
    refuses("authserv_id = {\"mx.example; dkim=pass\"}\n", 1, "Authentication-Results");
    refuses("failure_data = full\nfailure_data = none\n", 2, "twice");
}

static const struct label *label_of(const struct config *c, const char *ip)
{
    const struct auth_results auth = {0};
    const struct context context = {0};
    struct addr a;

    CU_ASSERT_TRUE_FATAL(addr_parse(ip, &a));
    return identity_find(
        c->identities, &(struct identity_signs){.ip = &a, .auth = &auth, .context = &context})
        .label;
}

static void test_senders_and_labels(void)
{
    char path[] = "/tmp/dmarcmill-senders-XXXXXX";
    char text[500];
    struct err e;
    int fd = mkstemp(path);

    CU_ASSERT_FATAL(fd >= 0);
    (void)close(fd);
    write_to(path, "id\tname\tkind\tdkim\tdefault_d\ncrm\tOur CRM\tsaas\ttxt\tcrm.example\n");
    (void)snprintf(text, sizeof text,
        "label \"office\" { network = {\"192.0.2.0/28\", \"2001:db8::/48\"} is = mine }\n"
        "senders = \"%s\"\n"
        "label \"shop\" { network = {\"198.51.100.7\"} name = \"The shop\" is = crm }\n",
        path);
    struct config *c = load(text, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_PTR_NOT_NULL(identities_sender(c->identities, "crm"));
    CU_ASSERT_PTR_NOT_NULL(identities_sender(c->identities, "sendgrid"));
    const struct label *l = label_of(c, "2001:db8::25");
    CU_ASSERT_TRUE(l && l->mine && strcmp(l->name, "office") == 0);
    l = label_of(c, "198.51.100.7");
    CU_ASSERT_TRUE(l && !l->mine && strcmp(l->name, "The shop") == 0);
    CU_ASSERT_TRUE(l && strcmp(l->sender->id, "crm") == 0);
    CU_ASSERT_PTR_NULL(label_of(c, "192.0.2.16"));
    config_free(c);
    write_to(path, "id\tkind\nx\tfish\n");
    (void)snprintf(text, sizeof text, "senders = \"%s\"\n", path);
    CU_ASSERT_PTR_NULL(load(text, &e));
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, ":2: there is no kind of sender fish"));
    (void)unlink(path);
    CU_ASSERT_PTR_NULL(load(text, &e));
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "senders: "));
    refuses("\nlabel \"x\" { is = mine }\n", 2, "network is missing");
    refuses("label \"x\" { network = {\"192.0.2.1\"} }\n", 1, "'is' is missing");
    refuses("label \"x\" { network = {\"192.0.2.1/33\"} is = mine }\n", 1, "not an address");
    refuses("label \"x\" { network = {\"192.0.2.1\"} is = fish }\n", 1, "neither mine");
    refuses("label \"x\" { netwrok = {\"192.0.2.1\"} }\n", 1, "did you mean 'network'");
    refuses("label \"x\" { is = mine\nclient \"a\" { }\n", 2, "is a } missing");
}

static void test_looks(void)
{
    struct err e;
    struct config *c = load("client \"a\" { cadence = monthly provider { name = \"Ours\" } }\n"
                            "timezone = \"Europe/Berlin\"\n"
                            "provider { name = \"Theirs\" }\n"
                            "client \"b\" { timezone = \"America/New_York\" cadence = weekly }\n",
        &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    const struct client_look *a = looks_find(&c->looks, "a");
    const struct client_look *b = looks_find(&c->looks, "b");
    CU_ASSERT_TRUE(a->monthly && !b->monthly && !looks_find(&c->looks, NULL)->monthly);
    CU_ASSERT_STRING_EQUAL(a->look.provider, "Ours");
    CU_ASSERT_STRING_EQUAL(b->look.provider, "Theirs");
    CU_ASSERT_STRING_EQUAL(zone_name(a->look.zone), "Europe/Berlin");
    CU_ASSERT_STRING_EQUAL(zone_name(b->look.zone), "America/New_York");
    CU_ASSERT_STRING_EQUAL(looks_find(&c->looks, "c")->look.provider, "Theirs");
    config_free(c);
    refuses("timezone = \"Mars/Olympus\"\n", 1, "there is no 'Mars/Olympus'");
    refuses("\nclient \"a\" {\n cadence = daily\n}\n", 3, "weekly or monthly");
    refuses("language = \"/none\"\n", 1, "language: cannot open /none");
    refuses("provider { logo = \"/dev/null\" }\n", 1, "is not a PNG image");
    refuses("provider { nmae = \"x\" }\n", 1, "did you mean 'name'");
    refuses("timezone = UTC\ntimezone = UTC\n", 2, "timezone is given twice");
}

#define SMTP "smtp { host = \"smtp.example.net\" from = \"a@b.example\" "

static void test_smtp(void)
{
    struct err e;
    struct config *c = load("smtp { host = \"smtp.example.net\" user = u password_env = P\n"
                            " from = \"Reports@MSP.example\" from_name = \"M\" }\n",
        &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    if (!c)
        return;
    CU_ASSERT_EQUAL(c->smtp.tls, SMTP_TLS_IMPLICIT);
    CU_ASSERT_EQUAL(c->smtp.port, 465);
    CU_ASSERT_STRING_EQUAL(c->smtp.from, "Reports@msp.example");
    CU_ASSERT_PTR_NULL(c->smtp.reply_to);
    CU_ASSERT_EQUAL(c->n_recipients, 0);
    config_free(c);
    c = load(SMTP "tls = starttls user = u auth = xoauth2 token_command = t }\n", &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    if (!c)
        return;
    CU_ASSERT_EQUAL(c->smtp.tls, SMTP_TLS_STARTTLS);
    CU_ASSERT_EQUAL(c->smtp.port, 587);
    CU_ASSERT_EQUAL(c->smtp.login, SMTP_LOGIN_XOAUTH2);
    config_free(c);
    refuses("smtp { from = \"a@b.example\" }\n", 1, "smtp: host is missing");
    refuses("smtp { host = h }\n", 1, "smtp: from is missing");
    refuses("smtp { host = \"h/x\" from = \"a@b.example\" }\n", 1, "must be a name or an address");
    refuses("smtp { host = h from = \"A <a@b.example>\" }\n", 1, "is not an address");
    refuses(SMTP "reply_to = nobody }\n", 1, "'nobody' is not an address");
    refuses(SMTP "tls = no }\n", 1, "tls = no is for a server on this machine");
    refuses("smtp { host = \"127.example.net\" from = \"a@b.example\" tls = no }\n", 1,
        "tls = no is for a server on this machine");
    refuses(SMTP "password = x }\n", 1, "use password_file");
    refuses(SMTP "password_env = P }\n", 1, "user is missing");
    refuses(SMTP "user = u }\n", 1, "user wants one of");
    refuses(SMTP "user = u password_env = P password_file = p }\n", 1, "user wants one of");
    refuses(SMTP "user = u auth = xoauth2 password_env = P }\n", 1, "auth wants token_command");
    refuses(SMTP "}\n" SMTP "}\n", 2, "is given twice");
}

static void test_recipients(void)
{
    struct err e;
    struct config *c = load("client a { recipients = {\"x@A.example\", \"y@a.example\"} }\n"
                            "client b { }\n"
                            "client c { recipients = {\"x@c.example\"} formats = {csv, html} }\n",
        &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    if (!c)
        return;
    CU_ASSERT_EQUAL_FATAL(c->n_recipients, 2);
    const struct config_recipients *r = c->recipients;
    CU_ASSERT_STRING_EQUAL(r[0].client, "a");
    CU_ASSERT_EQUAL(r[0].n_addresses, 2);
    CU_ASSERT_STRING_EQUAL(r[0].addresses[0], "x@a.example");
    CU_ASSERT_EQUAL(r[0].n_formats, 3);
    CU_ASSERT_STRING_EQUAL(r[0].formats[0]->name, "text");
    CU_ASSERT_EQUAL(r[1].n_formats, 2);
    CU_ASSERT_STRING_EQUAL(r[1].formats[1]->name, "html");
    config_free(c);
    refuses("client a { recipients = {\"a@b.example, c@d.example\"} }\n", 1, "is not an address");
    refuses("client a { recipients = {\"a@b.example\", \"a@B.example\"} }\n", 1, "twice");
    refuses("client a { recipients = {\"a@b.example\"} formats = {pdf} }\n", 1,
        "there is no format 'pdf'");
    refuses("client a { recipients = {\"a@b.example\"} formats = {csv} }\n", 1,
        "formats must have text or html");
    refuses("client a { recipients = {\"a@b.example\"} formats = {text, text} }\n", 1, "twice");
    refuses("client a { formats = {text} }\n", 1, "formats are for recipients");
}

const struct unit_test unit_tests[] = {
    {"a whole file", test_whole_file},
    {"lists may grow", test_lists_may_grow},
    {"what libconfuse lets pass", test_what_libconfuse_lets_pass},
    {"unknown options", test_unknown_options},
    {"values", test_values},
    {"mailboxes are complete", test_mailboxes_are_complete},
    {"a password is never repeated", test_a_password_is_never_repeated},
    {"secrets", test_secrets},
    {"ways of a mailbox", test_mailbox_ways},
    {"OAuth", test_oauth},
    {"holders of leases", test_holders},
    {"secret commands", test_secret_commands},
    {"nearest name", test_nearest_name},
    {"names become one component", test_names_become_one_component},
    {"files are whole or absent", test_files_are_whole_or_absent},
    {"periods", test_periods},
    {"what the operator decides", test_policy},
    {"senders and labels", test_senders_and_labels},
    {"looks", test_looks},
    {"smtp", test_smtp},
    {"recipients", test_recipients},
    {NULL, NULL},
};
