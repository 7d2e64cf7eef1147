#include "cli/notify.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify(const char *state)
{
    const char *path = secure_getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;

    if (len < 2 || len >= sizeof to.sun_path || (*path != '/' && *path != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (*path == '@') /* in the abstract namespace, unix(7) */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)(const void *)&to,
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    (void)close(fd);
}

int64_t notify_watchdog_ms(void)
{
    const char *pid = secure_getenv("WATCHDOG_PID");
    const char *text = secure_getenv("WATCHDOG_USEC");
    int64_t us;
    int64_t who;

    if (!text || !text_int64(text, &us) || us <= 0)
        return 0;
    if (pid && (!text_int64(pid, &who) || who != getpid()))
        return 0;
    return us / 2000 > 0 ? us / 2000 : 1;
}
