/*
 * Mailbox vendors whose customers' set-up has rules of its own, told by the hosts of the MX.
 */
#ifndef BASE_VENDOR_MX_H
#define BASE_VENDOR_MX_H

enum vendor {
    VENDOR_MICROSOFT,
    VENDOR_GOOGLE,
    VENDOR_COUNT
};

/* Which vendor's host this is, or -1. */
int vendor_of_mx(const char *host);

#endif
