/*
 * Drives ingest/source_imap.c from a shell script: imap_driver NAME=VALUE...
 *
 *   port host user password folder ca_file tls verify timeout deadline
 *   archive=FOLDER delete=1 flag=FLAG    what becomes of mails that are done
 *   batch_messages batch_bytes message   settings and limits
 *   known=FILE    keys, one a line, that have been done before
 *   tls=0|1|2     without, at once, STARTTLS; cert= key= of the client
 *   login=0|1|2   password, XOAUTH2, OAUTHBEARER; second=SECRET when the first is refused
 *   watch=N idle=SECONDS interval=SECONDS    waits N times for more, and reads that, too
 *   hold=FIFO     waits between the last mail and the flush until something was written to the FIFO
 *   flush=EACH    flushes after every so many mails, not only at the end
 *   defer=KEY     this mail is not done
 *
 * Prints "mail KEY LENGTH SHA256", "large KEY LENGTH", "bad KEY TAG TEXT", "notice TAG TEXT", and
 * at the end "done" or "error CLASS TAG TEXT".
 */
#include "base/arena.h"
#include "base/blob.h"
#include "ingest/source.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
    struct imap_settings set;
    struct limits limits;
    const char *known, *hold, *defer, *archive, *flag;
    const char *password, *second; /* `second`: the secret once the first was refused */
    unsigned long watch;
    bool delete;
    unsigned long flush_each;
};

static bool is_known(void *context, const char *source, const char *key, enum message_kind *kind)
{
    *kind = KIND_AGGREGATE;
    const struct job *job = context;
    char line[128];
    bool found = false;

    FILE *f = strcmp(source, job->set.name) ? NULL : fopen(job->known, "r");
    if (!f)
        abort();
    while (!found && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        found = !strcmp(line, key);
    }
    (void)fclose(f);
    return found;
}

static bool set_text(struct job *job, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = {
        {"host", &job->set.host},
        {"user", &job->set.user},
        {"password", &job->password},
        {"second", &job->second},
        {"cert", &job->set.cert},
        {"key", &job->set.key},
        {"folder", &job->set.folder},
        {"archive", &job->archive},
        {"flag", &job->flag},
        {"ca_file", &job->set.ca_file},
        {"known", &job->known},
        {"hold", &job->hold},
        {"defer", &job->defer},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!strcmp(name, texts[i].name)) {
            *texts[i].to = value;
            return true;
        }
    }
    return false;
}

static bool set_number(struct job *job, const char *name, unsigned long n)
{
    if (!strcmp(name, "port")) {
        job->set.port = (unsigned)n;
    } else if (!strcmp(name, "tls")) {
        job->set.tls = n == 2 ? IMAP_STARTTLS : n ? IMAP_TLS : IMAP_PLAIN;
    } else if (!strcmp(name, "verify")) {
        job->set.verify = n;
    } else if (!strcmp(name, "timeout")) {
        job->set.timeout = (unsigned)n;
    } else if (!strcmp(name, "deadline")) {
        job->set.deadline = (unsigned)n;
    } else if (!strcmp(name, "batch_messages")) {
        job->set.batch_messages = (unsigned)n;
    } else if (!strcmp(name, "batch_bytes")) {
        job->set.batch_bytes = n;
    } else if (!strcmp(name, "message")) {
        job->limits.message = n;
    } else if (!strcmp(name, "delete")) {
        job->delete = n;
    } else if (!strcmp(name, "look")) {
        job->set.look_only = n;
    } else if (!strcmp(name, "login")) {
        job->set.login = (enum imap_login)n;
    } else if (!strcmp(name, "idle")) {
        job->set.idle = (unsigned)n;
    } else if (!strcmp(name, "interval")) {
        job->set.interval = (unsigned)n;
    } else if (!strcmp(name, "watch")) {
        job->watch = n;
    } else if (!strcmp(name, "flush")) {
        job->flush_each = n;
    } else {
        return false;
    }
    return true;
}

static int report(const struct err *e)
{
    printf("error %d %s %s\n", (int)e->class, e->tag, e->text);
    return 1;
}

static void print_mail(const struct source_message *m)
{
    unsigned char sum[32];
    struct err e;

    if (m->unreadable) {
        printf("bad %s %s %s\n", m->key, m->unreadable->tag, m->unreadable->text);
        return;
    }
    if (m->too_large) {
        printf("large %s %llu\n", m->key, (unsigned long long)m->too_large);
        return;
    }
    if (blob_sha256(&m->bytes, sum, &e))
        abort();
    printf("mail %s %llu ", m->key, (unsigned long long)m->bytes.len);
    for (size_t i = 0; i < sizeof sum; i++)
        printf("%02x", sum[i]);
    printf("\n");
}

static void hold(const char *fifo)
{
    char c;

    printf("holding\n");
    (void)fflush(stdout);
    int fd = open(fifo, O_RDONLY);
    if (fd < 0 || read(fd, &c, 1) != 1)
        abort();
    (void)close(fd);
}

static int drain(struct source *s, const struct job *job, struct err *e)
{
    struct source_message m;
    unsigned long n = 0;
    int r;

    while ((r = s->ops->next(s, &m, e)) != SOURCE_END) {
        if (r < 0)
            return r;
        print_mail(&m);
        if (job->defer && !strcmp(job->defer, m.key))
            continue;
        r = s->ops->done(s, m.id, KIND_AGGREGATE, e);
        if (!r && job->flush_each && ++n % job->flush_each == 0)
            r = s->ops->flush(s, e);
        if (r)
            return r;
    }
    if (job->hold)
        hold(job->hold);
    return s->ops->flush(s, e);
}

static int watch(struct source *s, const struct job *job, struct err *e)
{
    int r = 0;

    for (unsigned long i = 0; i < job->watch && r >= 0; i++) {
        printf("waiting\n");
        (void)fflush(stdout);
        r = s->ops->wait(s, e);
        if (r == SOURCE_MESSAGE)
            r = drain(s, job, e);
    }
    return r;
}

static int give_secret(void *context, bool refused, struct buf *out, struct err *e)
{
    const struct job *job = context;

    (void)e;
    return buf_adds(out, refused && job->second ? job->second : job->password);
}

static void print_notice(void *context, const struct err *why)
{
    (void)context;
    printf("notice %s %s\n", why->tag, why->text);
}

static void choose_disposal(struct job *job)
{
    struct disposal d = {DISPOSE_LEAVE, NULL};

    if (job->archive)
        d = (struct disposal){DISPOSE_MOVE, job->archive};
    if (job->flag)
        d = (struct disposal){DISPOSE_FLAG, job->flag};
    if (job->delete)
        d = (struct disposal){DISPOSE_DELETE, NULL};
    for (int k = 0; k < MESSAGE_KINDS; k++)
        job->set.after[k] = d;
}

int main(int argc, char **argv)
{
    struct job job = {
        .set =
            {
                .name = "main",
                .host = "localhost",
                .user = "reports",
                .folder = "INBOX",
                .verify = true,
                .idle = 1500,
                .interval = 300,
                .timeout = 20,
                .deadline = 60,
                .batch_bytes = UINT64_C(4) << 20,
                .batch_messages = 100,
            },
        .limits = {.message = UINT64_C(64) << 20},
        .password = "secret",
    };
    struct source *s;
    struct err e;

    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            return 64;
        *value++ = '\0';
        if (!set_text(&job, argv[i], value) && !set_number(&job, argv[i], strtoul(value, NULL, 10)))
            return 64;
    }
    if (job.known) {
        job.set.known = is_known;
    }
    job.set.notice = print_notice;
    job.set.secret = give_secret;
    job.set.context = &job;
    choose_disposal(&job);
    if (source_imap_open(&s, &job.set, &job.limits, &e))
        return report(&e);
    int r = drain(s, &job, &e);
    if (r == 0)
        r = watch(s, &job, &e);
    if (r < 0) {
        (void)report(&e);
    } else {
        printf("done\n");
    }
    s->ops->close(s);
    return r < 0;
}
