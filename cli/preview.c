#include "cli/preview.h"

#include "base/json.h"
#include "cli/console.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ACTION_MAX = 300
};

static struct preview *preview_of(struct sink *s)
{
    return (struct preview *)(void *)s;
}

static int message_begin(struct sink *s, const struct message_info *m, struct err *e)
{
    struct preview *p = preview_of(s);

    (void)e;
    (void)snprintf(p->name, sizeof p->name, "%s", m->name ? m->name : m->key);
    p->has_aggregate = p->has_failure = false;
    return FLOW_GO_ON;
}

static int aggregate_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    (void)r;
    (void)e;
    preview_of(s)->has_aggregate = true;
    return FLOW_GO_ON;
}

static int failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    (void)r;
    (void)e;
    preview_of(s)->has_failure = true;
    return FLOW_GO_ON;
}

static enum message_kind kind_of(const struct preview *p, enum outcome o)
{
    if (o == OUTCOME_NOT_A_REPORT)
        return KIND_NOT_A_REPORT;
    if (o != OUTCOME_STORED)
        return KIND_REJECTED;
    if (p->has_failure)
        return KIND_FAILURE;
    return p->has_aggregate ? KIND_AGGREGATE : KIND_TLS;
}

static const char *action_word(const struct disposal *d)
{
    static const char *const words[] = {"leave", "move", "delete", "flag"};

    return words[d->how];
}

static const char *action(const struct disposal *d, char out[ACTION_MAX])
{
    static const char *const between[] = {"", " to ", "", " with "};

    (void)snprintf(
        out, ACTION_MAX, "%s%s%s", action_word(d), between[d->how], d->where ? d->where : "");
    return out;
}

static int message_end(struct sink *s, enum outcome o, const struct err *reason, struct err *e)
{
    struct preview *p = preview_of(s);
    char words[ACTION_MAX];

    (void)reason;
    (void)e;
    if (o == OUTCOME_DEFERRED)
        return 0;
    enum message_kind kind = kind_of(p, o);
    p->messages[kind]++;
    if (p->verbose) {
        console_say("%s: %s: would %s", p->name, message_kind_name(kind),
            action(&p->mailbox->after[kind], words));
    }
    return 0;
}

static const struct sink_ops preview_ops = {
    .message_begin = message_begin,
    .aggregate_begin = aggregate_begin,
    .failure = failure,
    .message_end = message_end,
};

void preview_init(struct preview *p, const struct config_mailbox *m, bool verbose)
{
    *p = (struct preview){.sink = {&preview_ops}, .mailbox = m, .verbose = verbose};
}

static void print_json(const struct preview *p, const struct err *why)
{
    struct json j;

    json_init(&j, stdout, false);
    json_object(&j);
    json_member_string(&j, "mailbox", p->mailbox->name);
    json_member_bool(&j, "dry_run", true);
    json_key(&j, "would");
    json_object(&j);
    for (int k = 0; k < MESSAGE_KINDS; k++) {
        const struct disposal *d = &p->mailbox->after[k];
        json_key(&j, message_kind_name((enum message_kind)k));
        json_object(&j);
        json_member_int(&j, "messages", p->messages[k]);
        json_member_string(&j, "action", action_word(d));
        json_member_string(&j, "where", d->where);
        json_end(&j);
    }
    json_end(&j);
    if (why)
        json_member_string(&j, "error", why->tag);
    json_end(&j);
    (void)fputc('\n', stdout);
}

static void print_text(const struct preview *p)
{
    char words[ACTION_MAX];
    bool any = false;

    for (int k = 0; k < MESSAGE_KINDS; k++) {
        if (!p->messages[k])
            continue;
        any = true;
        (void)printf("%s: %" PRId64 " %s: would %s\n", p->mailbox->name, p->messages[k],
            message_kind_name((enum message_kind)k), action(&p->mailbox->after[k], words));
    }
    if (!any)
        (void)printf("%s: nothing to do\n", p->mailbox->name);
}

void preview_print(const struct preview *p, enum run_format format, const struct err *why)
{
    console_progress(NULL);
    flockfile(stdout);
    if (format == RUN_JSON) {
        print_json(p, why);
    } else {
        print_text(p);
    }
    (void)fflush(stdout); /* the next mailbox may take long */
    funlockfile(stdout);
}
