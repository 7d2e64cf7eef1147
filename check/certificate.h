/*
 * Certificates in PEM files: the mark certificate of a logo, that of a policy's server.
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

/* When the first certificate of a PEM file expires, in seconds; 0: that cannot be told. */
int64_t certificate_expiry(const char *pem, size_t len);

/*
 * The logo that the first certificate of a PEM file vouches for (RFC 3709, as mark certificates
 * have it: a gzipped SVG in a data: URI), at most `max` octets of it. False when there is none.
 */
struct arena;
bool certificate_logo(
    const char *pem, size_t len, size_t max, struct arena *a, const char **svg, size_t *svg_len);

#endif
