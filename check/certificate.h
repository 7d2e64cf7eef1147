/*
 * The mark certificate of a logo.
 */
#ifndef CHECK_CERTIFICATE_H
#define CHECK_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The first certificate of a PEM file: when it expires. False when it is none, or not for the
 * domain: *why says so (static). Who issued it is not looked at.
 */
bool certificate_read(
    const char *pem, size_t len, const char *domain, int64_t *expires, const char **why);

#endif
