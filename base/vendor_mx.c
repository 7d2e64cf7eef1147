#include "base/vendor_mx.h"

#include "base/text.h"

#include <stddef.h>

int vendor_of_mx(const char *host)
{
    static const struct {
        const char *suffix;
        enum vendor vendor;
    } hosts[] = {
        {"mail.protection.outlook.com", VENDOR_MICROSOFT},
        {"mx.microsoft", VENDOR_MICROSOFT},
        {"google.com", VENDOR_GOOGLE},
        {"googlemail.com", VENDOR_GOOGLE},
    };

    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        if (domain_is_within(host, hosts[i].suffix))
            return (int)hosts[i].vendor;
    }
    return -1;
}
