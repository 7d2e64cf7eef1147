#include "check/spf_services.h"

#include "base/text.h"

#include <stddef.h>

static const struct spf_service services[] = {
    {"_spf.createsend.com", "Campaign Monitor", false, true},
    {"_spf.elasticemail.com", "Elastic Email", true, false},
    {"emsd1.com", "ActiveCampaign", false, true},
    {"mktomail.com", "Adobe Marketo Engage", false, true},
    {"mx.ovh.com", "OVHcloud", true, false},
    {"relay.mailchannels.net", "MailChannels", true, false},
    {"secureserver.net", "GoDaddy", true, false},
    {"send.aweber.com", "AWeber", false, true},
    {"sendgrid.net", "Twilio SendGrid", true, true},
    {"servers.mcsv.net", "Intuit Mailchimp", false, true},
    {"shops.shopify.com", "Shopify", false, true},
    {"spf.brevo.com", "Brevo", false, true},
    {"spf.constantcontact.com", "Constant Contact", false, true},
    {"spf.mtasv.net", "Postmark", false, true},
    {"spf.sendinblue.com", "Brevo", false, true},
    {"spf.smtp2go.com", "SMTP2GO", false, true},
    {"websitewelcome.com", "HostGator", true, false},
};

const struct spf_service *spf_service_find(const char *target)
{
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        if (domain_is_within(target, services[i].include))
            return &services[i];
    }
    return NULL;
}
