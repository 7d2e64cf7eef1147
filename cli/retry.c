#include "cli/retry.h"

#include "base/buf.h"
#include "cli/console.h"
#include "ingest/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SPOOL_IN_MEMORY = 1024 * 1024
};

/* not /tmp: that may be in memory */
#define SPOOL_FOLDER "/var/tmp"

/* The bytes of a payload: a few in memory, many in a file without a name. */
struct spool {
    struct buf bytes;
    int fd; /* -1: all are in memory */
    uint64_t len;
};

static int write_all(const struct spool *s, const char *bytes, size_t len, struct err *e)
{
    while (len > 0) {
        ssize_t n = write(s->fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            return err_set(e, ERR_TEMPORARY, "write-failed", "cannot keep a payload in %s: %s",
                SPOOL_FOLDER, strerrordesc_np(errno));
        }
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static int open_file(struct spool *s, struct err *e)
{
    char name[] = SPOOL_FOLDER "/dmarcmill-XXXXXX";

    s->fd = mkostemp(name, O_CLOEXEC);
    if (s->fd < 0) {
        return err_set(e, ERR_TEMPORARY, "write-failed", "cannot create a file in %s: %s",
            SPOOL_FOLDER, strerrordesc_np(errno));
    }
    (void)unlink(name);
    return write_all(s, s->bytes.data, s->bytes.len, e);
}

static int add_piece(void *context, const void *bytes, size_t len, struct err *e)
{
    struct spool *s = context;

    s->len += len;
    if (s->fd < 0 && buf_add(&s->bytes, bytes, len) == 0)
        return 0;
    int rc = s->fd < 0 ? open_file(s, e) : 0;
    return rc ? rc : write_all(s, bytes, len, e);
}

static void close_spool(struct spool *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    buf_done(&s->bytes);
}

static void show_problem(void *context, const char *name, const struct err *why)
{
    (void)context;
    console_problem(name, why);
}

static int read_again(struct store_again *a, const struct spool *s, const struct limits *limits,
    bool quiet, struct err *e)
{
    const struct store_kept *k = store_again_kept(a);
    const struct kept_payload kept = {
        .name = k->name,
        .attached = k->attached,
        .from = k->from,
        .subject = k->subject,
        .authentication_results = k->authentication_results,
        .date = k->date,
    };
    const struct source_message m = {
        .key = k->key,
        .name = k->message,
        .bytes = s->fd >= 0 ? blob_of_file(s->fd, 0, s->len)
                            : blob_of_memory(s->bytes.data, s->bytes.len),
        .arrived = k->date,
    };
    bool more = true;
    int rc = 0;

    for (int round = 0; more && !rc; round++) { /* the second says nothing new */
        struct intake *in = intake_new(limits, quiet || round > 0 ? NULL : show_problem, NULL);
        rc = intake_kept(in, &kept, k->source, &m, store_again_sink(a), e);
        if (!rc)
            rc = store_again_go_on(a, &more, e);
        intake_free(in);
    }
    return rc;
}

int retry_payload(struct store_again *a, const struct limits *limits, bool quiet, struct err *e)
{
    struct spool s = {.fd = -1};

    buf_init(&s.bytes, SPOOL_IN_MEMORY);
    int rc = store_again_raw(a, add_piece, &s, e);
    if (!rc)
        rc = read_again(a, &s, limits, quiet, e);
    close_spool(&s);
    return rc;
}
