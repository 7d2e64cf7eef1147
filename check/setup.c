#include "check/setup.h"

#include "check/check.h"

const struct setup_words setup_words[SETUP_DONE + 1] = {
    [SETUP_CLIENT] = {"Assign the domain to a client",
        "Assign it: dmarcmill domain assign CLIENT DOMAIN. Without that its reports are nobody's."},
    [SETUP_REPORTING] = {"Ask for reports: a DMARC record with p=none and rua=",
        "Receivers send the first reports one or two days after the record is there."},
    [SETUP_COLLECT] = {"Wait until reports come in",
        "Most receivers report once a day. None after three days: does mail to the address of rua= "
        "arrive in the mailbox that is polled?"},
    [SETUP_REPAIR] = {"Repair the senders until hardly any mail fails",
        "Look at the weekly report, section \"fix\". Ready is a domain of whose mail less than 0.1 % "
        "fails, over 28 days and by at least 3 receivers."},
    [SETUP_QUARANTINE] = {"Publish p=quarantine",
        "Stay at quarantine for 28 days, and look at each weekly report for mail that was lost."},
    [SETUP_REJECT] = {"Publish p=reject",
        "As soon as the number allows it again. What fails at quarantine is in spam folders, and "
        "would be gone."},
    [SETUP_DONE] = {"Keep watch",
        "Run 'dmarcmill check --all-clients' each day, and look at 'dmarcmill check --changed "
        "--all-clients': it exits with 65 when protection is weaker than it was."},
};

static bool asks_for_reports(const struct check_result *r)
{
    return r->dmarc.own.record && r->dmarc.own.record->rua.usable;
}

static enum setup_step step_of_parked(const struct suggestion *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->lines[i].state != SUGGEST_KEEP)
            return SETUP_REJECT;
    }
    return SETUP_DONE;
}

enum setup_step setup_step_of(const struct check_result *r, const struct suggest_facts *facts,
    const struct suggestion *s, bool owned, const char **above)
{
    const struct dmarc_applied *as = &r->dmarc.as_9989;

    *above = !r->dmarc.own.first && as->place && as->inherited ? as->place->domain : NULL;
    if (!owned)
        return SETUP_CLIENT;
    if (*above)
        return SETUP_DONE;
    if (s->parked)
        return step_of_parked(s);
    if (s->policy <= SUGGEST_POLICY_ABSENT || !asks_for_reports(r))
        return SETUP_REPORTING;
    if (s->policy == SUGGEST_POLICY_REJECT)
        return SETUP_DONE;
    if (!facts->seen)
        return SETUP_COLLECT;
    if (s->policy == SUGGEST_POLICY_QUARANTINE)
        return SETUP_REJECT;
    return facts->ready ? SETUP_QUARANTINE : SETUP_REPAIR;
}
