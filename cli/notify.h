/*
 * What systemd is told about a service of Type=notify: sd_notify(3), by hand.
 */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..."; nothing happens without a NOTIFY_SOCKET. */
void notify(const char *state);

/* Milliseconds between two "WATCHDOG=1", half of what is allowed; 0: nobody watches. */
int64_t notify_watchdog_ms(void);

#endif
