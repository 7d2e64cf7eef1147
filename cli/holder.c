#include "cli/holder.h"

#include "base/buf.h"
#include "cli/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SMALL_FILE = 4096,
    PLACE_MAX = 100,
    START_FIELD = 22 /* of /proc/PID/stat, proc(5): clock ticks from boot to start */
};

/* The boot and the PID namespace: where a process number means something. */
static void place(char out[PLACE_MAX])
{
    char space[40] = "";
    struct buf boot;
    struct err ignored;

    buf_init(&boot, SMALL_FILE);
    if (files_read("/proc/sys/kernel/random/boot_id", &boot, &ignored) || !boot.len)
        (void)buf_adds(&boot, "unknown");
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    if (n < 0)
        space[0] = '\0';
    (void)snprintf(out, PLACE_MAX, "%.*s %s", (int)strcspn(boot.data, "\n"), boot.data, space);
    buf_done(&boot);
}

/* False when there is no such process, or nothing of it but the entry that its parent has not
 * looked at. The name in parentheses may hold anything. */
static bool started(long pid, unsigned long long *out)
{
    char path[40];
    struct buf text;
    struct err ignored;

    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    buf_init(&text, SMALL_FILE);
    bool found = files_read(path, &text, &ignored) == 0 && text.len;
    const char *at = found ? strrchr(text.data, ')') : NULL;
    bool gone = !at || strncmp(at, ") Z", 3) == 0 || strncmp(at, ") X", 3) == 0;
    for (int field = 2; at && field < START_FIELD; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    *out = at ? strtoull(at, NULL, 10) : 0;
    buf_done(&text);
    return !gone;
}

void holder_self(char out[STORE_HOLDER_MAX])
{
    char here[PLACE_MAX];
    unsigned long long start = 0;

    place(here);
    (void)started((long)getpid(), &start);
    (void)snprintf(out, STORE_HOLDER_MAX, "%s %ld %llu", here, (long)getpid(), start);
}

bool holder_is_dead(const char *holder)
{
    char here[PLACE_MAX];
    unsigned long long start;
    char *end;

    place(here);
    size_t n = strlen(here);
    if (strncmp(holder, here, n) != 0 || holder[n] != ' ' || access("/proc/self/stat", F_OK) != 0)
        return false;
    long pid = strtol(holder + n, &end, 10);
    return pid > 0 && (!started(pid, &start) || start != strtoull(end, NULL, 10));
}

int holder_lease(struct store *s, const char *name, const char holder[STORE_HOLDER_MAX],
    int64_t seconds, char other[STORE_HOLDER_MAX], struct err *e)
{
    struct store_claim claim = {holder, seconds, NULL};
    char dead[STORE_HOLDER_MAX];
    int rc = store_lease_take(s, name, &claim, other, e);

    if (!rc && *other && holder_is_dead(other)) {
        (void)snprintf(dead, sizeof dead, "%s", other);
        claim.over = dead;
        rc = store_lease_take(s, name, &claim, other, e);
        return !rc && !*other ? HOLDER_OF_THE_DEAD : rc;
    }
    return rc;
}
