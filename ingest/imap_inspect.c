#include "ingest/imap_inspect.h"

#include "base/arena.h"
#include "base/buf.h"
#include "ingest/imap_filing.h"
#include "ingest/imap_name.h"
#include "ingest/imap_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct inspection {
    const struct imap_settings *set;
    struct arena *arena;
    struct imap_session *session;
    struct imap_names names;
    void (*good)(void *context, const char *step, const char *found);
    void *context;
};

static void tell(struct inspection *i, const char *step, const char *found)
{
    i->good(i->context, step, found);
}

/* What went well before a login did not. */
static void tell_connected(struct inspection *i)
{
    static const char *const how[] = {"TLS", "STARTTLS", "no TLS"};

    tell(i, "connect",
        arena_printf(i->arena, "%s port %u, %s", i->set->host, i->set->port, how[i->set->tls]));
}

static bool is_about_login(const struct err *e)
{
    static const char *const tags[] = {
        "login-refused", "server-busy", "login", "password", "token-refused", "token-server"};
    bool about = false;

    for (size_t k = 0; k < sizeof tags / sizeof *tags; k++)
        about = about || strcmp(e->tag, tags[k]) == 0;
    return about;
}

static int inspect_login(struct inspection *i, struct err *e)
{
    static const char *const how[] = {"by password", "by XOAUTH2", "by OAUTHBEARER"};
    int r = imap_session_open(&i->session, i->set, e);

    if (!r || is_about_login(e))
        tell_connected(i);
    if (!r) {
        tell(i, "login", arena_printf(i->arena, "user %s, %s", i->set->user, how[i->set->login]));
    }
    return r;
}

static int inspect_folder(struct inspection *i, const char **wire, struct err *e)
{
    char words[IMAP_WORDS_MAX];
    bool changes = imap_filing_changes(i->set);
    int r = imap_naming(i->session, &i->names, e);

    if (!r)
        r = imap_name_wire(i->arena, i->set->folder, &i->names, wire, e);
    if (!r)
        r = imap_select(i->session, *wire, !changes, e);
    if (r > 0 && imap_is_busy(i->session))
        return imap_refused(i->session, "opening the folder", e);
    if (r > 0) {
        return err_set(e, ERR_CONFIG, "no-such-folder", "folder %s: the server says: %s",
            i->set->folder, imap_words(i->session, words));
    }
    if (r < 0)
        return r;
    if (changes && imap_read_only(i->session)) {
        return err_set(e, ERR_CONFIG, "read-only",
            "folder %s: this user may only read it, so nothing can be moved, deleted or flagged",
            i->set->folder);
    }
    tell(i, "folder",
        arena_printf(i->arena, "%s: %" PRIu32 " mails, %s", i->set->folder, imap_exists(i->session),
            changes ? "may be changed" : "is only read"));
    return 0;
}

/* STATUS says whether a folder is there, and opens nothing. */
static int inspect_archive(struct inspection *i, const char *folder, struct err *e)
{
    const char *wire;
    struct buf command;
    int r = imap_name_wire(i->arena, folder, &i->names, &wire, e);

    if (r)
        return r;
    buf_init(&command, IMAP_COMMAND_MAX);
    (void)buf_printf(&command, "STATUS %s (MESSAGES)", wire);
    r = imap_command(i->session, "looking at the archive", IMAP_ANSWER_BYTES, command.data, e);
    buf_done(&command);
    if (r < 0)
        return r;
    tell(i, "archive",
        arena_printf(
            i->arena, "%s: %s", folder, r ? "is not there yet and will be made" : "is there"));
    return 0;
}

static int inspect_archives(struct inspection *i, struct err *e)
{
    const struct disposal *after = i->set->after;
    int r = 0;

    for (int k = 0; k < MESSAGE_KINDS && !r; k++) {
        bool seen = after[k].how != DISPOSE_MOVE;
        for (int before = 0; before < k && !seen; before++) {
            seen = after[before].how == DISPOSE_MOVE &&
                   strcmp(after[before].where, after[k].where) == 0;
        }
        if (!seen)
            r = inspect_archive(i, after[k].where, e);
    }
    return r;
}

static void tell_server(struct inspection *i)
{
    bool idle = imap_has(i->session, "IDLE");
    bool move = imap_has(i->session, "MOVE");
    bool uidplus = imap_has(i->session, "UIDPLUS");

    tell(i, "server",
        arena_printf(i->arena, "%s; %s",
            idle ? "tells of new mails (IDLE)" : "has to be asked for new mails (no IDLE)",
            move      ? "moves mails in one step (MOVE)"
            : uidplus ? "moves mails by copy and removal (UIDPLUS)"
                      : "cannot remove single mails: they will stay, marked as deleted"));
}

int imap_inspect(const struct imap_settings *set,
    void (*good)(void *context, const char *step, const char *found), void *context, struct err *e)
{
    struct inspection i = {.set = set, .good = good, .context = context};
    struct imap_filing *filing = imap_filing_new(set);
    const char *wire = NULL;

    i.arena = arena_new();
    int r = inspect_login(&i, e);
    if (!r)
        r = inspect_folder(&i, &wire, e);
    if (!r)
        r = imap_filing_names(filing, &i.names, wire, e);
    if (!r)
        r = inspect_archives(&i, e);
    if (!r)
        tell_server(&i);
    imap_session_close(i.session);
    imap_filing_free(filing);
    arena_free(i.arena);
    return r < 0 ? err_wrap(e, "mailbox %s", set->name) : 0;
}
