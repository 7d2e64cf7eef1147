/*
 * The conditions stand in the order of the table, one function each, named as its rows are. Where
 * they say more than the table's words, a comment says why.
 */
#include "report/cause.h"

#include "base/text.h"

#include <string.h>

enum {
    BOTNET_NETWORKS = 20
};

static bool is(const char *word, const char *wanted)
{
    return word && strcmp(word, wanted) == 0;
}

static bool spf_is(const struct features *f, const char *result)
{
    return is(f->spf_res, result);
}

static bool spf_denies(const struct features *f)
{
    return spf_is(f, "fail") || spf_is(f, "softfail") || spf_is(f, "neutral") || spf_is(f, "none");
}

static bool src_is(const struct features *f, const char *id)
{
    return f->src && strcmp(f->src->id, id) == 0;
}

/* HOME(d,s) is not empty, and the source is not in it. */
static bool away_from_home(const struct features *f)
{
    return f->past.home_known && !f->past.at_home;
}

/* The owner has prepared this mail service: by what is published, or because it signs already. */
static bool sender_prepared(const struct features *f)
{
    return f->known->sender_has_key == YES || f->known->sender_in_spf == YES ||
           f->past.sender_signs;
}

/* ---- rows that pass ---- */

static bool p1(const struct features *f)
{
    return f->da && f->sa;
}

static bool p2(const struct features *f)
{
    return f->sa && f->dk_tmp_al;
}

static bool p3(const struct features *f)
{
    return f->sa && (f->dk_fail_al || f->dk_perm_al);
}

static bool p4(const struct features *f)
{
    return f->sa && f->dk_ok_other && f->cap;
}

static bool p5(const struct features *f)
{
    return f->sa && f->dk_none;
}

static bool p6(const struct features *f)
{
    return f->sa;
}

static bool p7(const struct features *f)
{
    return f->da && f->spf_own && spf_is(f, "permerror");
}

static bool p8(const struct features *f)
{
    return f->da && f->spf_own && spf_is(f, "temperror");
}

static bool p9(const struct features *f)
{
    return f->da && f->fwd;
}

static bool p10(const struct features *f)
{
    return f->da && f->list;
}

static bool p11(const struct features *f)
{
    return f->da && (f->kind == SENDER_ESP || f->kind == SENDER_SAAS) && !f->spf_own;
}

static bool p12(const struct features *f)
{
    return f->da && away_from_home(f) && !f->own && !f->in_spf;
}

/* Also a host that SPF allows for a domain below or above, under aspf=s: who publishes that record
 * sends from there. */
static bool p13(const struct features *f)
{
    return f->da && (f->own || (f->spf_own && spf_is(f, "pass")));
}

static bool p14(const struct features *f)
{
    return f->da && f->null_from;
}

static bool p15(const struct features *f)
{
    return f->da && f->spf_own && spf_denies(f) && !f->past.home_known;
}

static bool p16(const struct features *f)
{
    return f->da;
}

/* ---- rows that fail ---- */

static bool f1(const struct features *f)
{
    return !f->usable;
}

static bool f2(const struct features *f)
{
    return (f->dk_tmp_al || (f->spf_own && spf_is(f, "temperror"))) &&
           (f->past.seen || f->own || f->in_spf || f->known->sender_has_key == YES);
}

static bool f3(const struct features *f)
{
    return f->dk_ok_al_r && !f->dk_ok_al_m;
}

static bool f4(const struct features *f)
{
    return spf_is(f, "pass") && f->spf_own && !f->spf_al_m;
}

static bool f5(const struct features *f)
{
    return f->list;
}

static bool f6(const struct features *f)
{
    return f->fwd;
}

static bool f7(const struct features *f)
{
    return f->dk_fail_al && (f->kind == SENDER_FORWARDER || f->kind == SENDER_LIST ||
                                f->kind == SENDER_SECURITY || away_from_home(f));
}

static bool f8(const struct features *f)
{
    return f->dk_perm_al;
}

/* Seen with SPF aligned: a forwarder has rows that pass as well, by DKIM. */
static bool f9(const struct features *f)
{
    return (f->dk_fail_al || f->dk_perm_al) && (f->own || f->src || f->past.seen_spf);
}

static bool f10(const struct features *f)
{
    return src_is(f, "microsoft365") &&
           (sender_prepared(f) || f->past.sender_seen || f->known->mx_microsoft == YES) &&
           (f->onmicrosoft || f->dk_none);
}

static bool f11(const struct features *f)
{
    return src_is(f, "google_workspace") &&
           (sender_prepared(f) || f->past.sender_seen || f->known->mx_google == YES) &&
           f->gappssmtp;
}

static bool f12(const struct features *f)
{
    bool google = src_is(f, "google_workspace") || src_is(f, "gmail_consumer");

    return (google && is(f->spf_dom, "gmail.com")) || src_is(f, "outlook_consumer") ||
           src_is(f, "yahoo_consumer");
}

static bool f13(const struct features *f)
{
    return f->cap && f->kind != SENDER_SECURITY && sender_prepared(f);
}

static bool f14(const struct features *f)
{
    return f->cap && f->kind != SENDER_SECURITY && !sender_prepared(f) &&
           ((spf_is(f, "pass") && !f->spf_own) || f->dk_ok_other || f->past.seen ||
               f->past.sender_seen || f->label);
}

static bool f15(const struct features *f)
{
    return f->kind == SENDER_SECURITY && !f->dk_ok_al_r;
}

static bool f16(const struct features *f)
{
    return (f->kind == SENDER_MAILBOX || f->kind == SENDER_ESP || f->kind == SENDER_SAAS) &&
           f->src->capable == NO;
}

static bool f17(const struct features *f)
{
    return f->own && spf_is(f, "pass") && !f->spf_own;
}

static bool f18(const struct features *f)
{
    return f->spf_own && spf_is(f, "permerror");
}

static bool f19(const struct features *f)
{
    return f->own || (f->in_spf && !f->spf_own);
}

static bool f20(const struct features *f)
{
    return f->spf_own && f->in_spf && (spf_is(f, "fail") || spf_is(f, "softfail"));
}

static bool f21(const struct features *f)
{
    return f->known->confirmed == YES && f->known->ours == YES;
}

static bool f22(const struct features *f)
{
    return f->kind == SENDER_HOSTING && f->known->residential != YES;
}

/* The policy domain itself had a record when the report was made, so it existed then. */
static bool f23(const struct features *f)
{
    return f->known->nonexistent == YES && strcmp(f->from, f->row->policy_domain) != 0 &&
           !f->past.seen;
}

static bool f24(const struct features *f)
{
    return f->dk_none && spf_denies(f) &&
           (f->known->residential == YES || f->known->confirmed != YES) && !f->past.seen;
}

static bool f25(const struct features *f)
{
    return f->dk_none && f->spf_own && f->past.spread >= BOTNET_NETWORKS && !f->past.seen;
}

static bool f26(const struct features *f)
{
    return f->spf_own && f->known->parked == YES;
}

/* A service of which only the name is known is as good as unlisted. */
static bool f27(const struct features *f)
{
    return spf_is(f, "pass") && !f->spf_own && (f->dk_ok_other || f->dk_none) &&
           (!f->src || f->src->capable == UNSURE) && f->known->confirmed != NO;
}

static bool f28(const struct features *f)
{
    (void)f;
    return true;
}

/* ---- the table ---- */

static const char nothing[] = "Nothing to do.";

#define SIGN_THERE "Let {who} sign with DKIM as {A} (RSA, 2048 bits).{setup}"
#define REPAIR_SPF                                                                                \
    "Repair the SPF record of {spf}: exactly one record, correct in syntax, with at most 10 DNS " \
    "look-ups, of which at most 2 find nothing."

const struct cause causes[CAUSE_COUNT] = {
    [CAUSE_P1] = {"P1", CLASS_OK, p1, GROUP_DOMAIN, false, "DKIM and SPF are both aligned.",
        nothing},
    [CAUSE_P2] = {"P2", CLASS_OK_WEAK, p2, GROUP_KEY, true,
        "SPF passes; the receiver could not fetch the DKIM key from the DNS this time.",
        "Nothing to do for a few messages. Above 2 % of what this key signs, check that all name "
        "servers answer for {key} over UDP and TCP, and let the record live an hour (TTL) or more."},
    [CAUSE_P3] = {"P3", CLASS_OK_WEAK, p3, GROUP_KEY, true,
        "It passes by SPF alone: its DKIM signature of {d} {dkim-is}.",
        "Compare {key} with what {who} shows, and publish that. If the two are the same, the mail "
        "is changed after it was signed: sign last, behind footers, disclaimers and filters.{m365}"},
    [CAUSE_P4] = {"P4", CLASS_OK_WEAK, p4, GROUP_SOURCE, true,
        "{who} signs as {other}, its own domain; it passes by SPF alone, which does not survive "
        "forwarding.",
        "Switch on custom DKIM for {A} at {who}.{setup}"},
    [CAUSE_P5] = {"P5", CLASS_OK_WEAK, p5, GROUP_SOURCE, true,
        "No DKIM signature: it passes by SPF alone, which does not survive forwarding.",
        SIGN_THERE " With p=reject a domain must not rely on SPF alone (RFC 9989)."},
    [CAUSE_P6] = {"P6", CLASS_OK_WEAK, p6, GROUP_SOURCE, true,
        "It passes by SPF alone, without a good DKIM signature of {A}; SPF does not survive "
        "forwarding.",
        SIGN_THERE},
    [CAUSE_P7] = {"P7", CLASS_OK_WEAK, p7, GROUP_SPF, true,
        "It passes by DKIM alone: the SPF record of {spf} cannot be evaluated (permerror).",
        REPAIR_SPF},
    [CAUSE_P8] = {"P8", CLASS_TRANSIENT, p8, GROUP_SPF, false,
        "DKIM passes; the receiver could not look up the SPF record of {spf} this time.",
        "Nothing to do for a few messages. If it stays, check that all name servers of {spf} "
        "answer over UDP and TCP."},
    [CAUSE_P9] = {"P9", CLASS_FORWARD, p9, GROUP_SOURCE, false,
        "Forwarded, as {who-says}; the DKIM signature of {d} survived.",
        "Nothing to do. Keep signing with DKIM: it is what carries this mail."},
    [CAUSE_P10] = {"P10", CLASS_FORWARD, p10, GROUP_SOURCE, false,
        "Came over a mailing list that leaves the signature whole.", nothing},
    [CAUSE_P11] = {"P11", CLASS_OK, p11, GROUP_SOURCE, false,
        "Signed with DKIM as {d}; {who} receives bounces at a domain of its own ({spf}).",
        "Nothing has to be done.{return-path}"},
    [CAUSE_P12] = {"P12", CLASS_FORWARD, p12, GROUP_SOURCE, false,
        "Signed as {d}, with a key that is at home elsewhere: passed on by {who}.",
        "Nothing to do: DKIM carries it. If it is no relay but a gateway or a mail service of yours, "
        "label it so."},
    [CAUSE_P13] = {"P13", CLASS_OK_WEAK, p13, GROUP_SOURCE, true,
        "Sent from a host of yours and signed, but SPF is not aligned ({spf-result}{strict-spf}).",
        "Set the envelope sender to an address at {A-exactly} that has an SPF record. For bounces, "
        "whose sender is empty, publish an SPF record at the name the host says in HELO."},
    [CAUSE_P14] = {"P14", CLASS_OK, p14, GROUP_SOURCE, false,
        "Bounces or automatic replies, which have no envelope sender; DKIM passes.",
        "Nothing has to be done. If {spf} is a host of yours, \"v=spf1 a -all\" there gives it SPF "
        "as well."},
    [CAUSE_P15] = {"P15", CLASS_OK_WEAK, p15, GROUP_KEY, true,
        "Signed as {d}, but the SPF record of {spf} does not allow this host ({spf-result}), and no "
        "other host is known to send with this key.",
        "{spf-or-relay}"},
    [CAUSE_P16] = {"P16", CLASS_FORWARD, p16, GROUP_SOURCE, false,
        "Signed as {d}, and handed over by {who}: a relay, or a mail service that is not in the "
        "list.",
        "Nothing to do: DKIM carries it. If it is a mail service of yours, label it so."},

    [CAUSE_F1] = {"F1", CLASS_UNKNOWN, f1, GROUP_DOMAIN, false,
        "The report names no From domain for it, or one that does not belong to {policy-domain}.",
        nothing},
    [CAUSE_F2] = {"F2", CLASS_TRANSIENT, f2, GROUP_DOMAIN, false,
        "The receiver could not look up the SPF record or the DKIM key in the DNS this time.",
        "Nothing to do for a few messages. If it stays, check that all name servers of {A} answer "
        "over UDP and TCP, and let the records live an hour (TTL) or more."},
    [CAUSE_F3] = {"F3", CLASS_FIX, f3, GROUP_KEY, false,
        "Signed well as {d}, but the policy asks for exactly {from} (adkim=s).",
        "If this sender is yours, publish adkim=r in the DMARC record, or let it sign as {from}."},
    [CAUSE_F4] = {"F4", CLASS_FIX, f4, GROUP_SPF, false,
        "SPF passes for {spf}, but the policy asks for exactly {from} (aspf=s).",
        "If this sender is yours, publish aspf=r in the DMARC record, or let it use an envelope "
        "sender at {from}; and let it sign with DKIM."},
    [CAUSE_F5] = {"F5", CLASS_FORWARD_BROKEN, f5, GROUP_SOURCE, false,
        "Came over a mailing list that changed the message or took out the signature.",
        "Nothing to publish. The list can write its own address into From, or leave messages "
        "unchanged: ask its operator. While your people write to lists, p=reject costs them mail "
        "(RFC 9989 7.4): keep p=quarantine, or give lists a domain of their own."},
    [CAUSE_F6] = {"F6", CLASS_FORWARD_BROKEN, f6, GROUP_SOURCE, false,
        "Forwarded, as {who-says}; {signature-lost}.",
        "Nothing to publish for the forwarder.{sign-at-origin}"},
    [CAUSE_F7] = {"F7", CLASS_FORWARD_BROKEN, f7, GROUP_SOURCE, false,
        "Your DKIM signature ({d}{selector}), changed on its way by a host that is not where this "
        "key is at home.",
        "Nothing to publish. Signatures last longer with relaxed/relaxed canonicalisation and "
        "without l=."},
    [CAUSE_F8] = {"F8", CLASS_FIX, f8, GROUP_KEY, true,
        "Its DKIM signature of {d} cannot be checked (permerror): the receiver found no usable key "
        "at {key}.",
        "If this sender is yours, publish {key} exactly as its panel shows it, or repair its CNAME: no "
        "stray quotes or line breaks, a key of 1024 bits or more. If you do not use selector "
        "{selector-name}, do nothing: anyone can write a signature without a key."},
    [CAUSE_F9] = {"F9", CLASS_FIX, f9, GROUP_KEY, false,
        "Its DKIM signature of {d} {dkim-is}, at a sender of yours.",
        "Make a new key at {who}, publish its public half at {key}, and let signing come after all "
        "filters and footers."},
    [CAUSE_F10] = {"F10", CLASS_FIX, f10, GROUP_SOURCE, false,
        "Sent through Microsoft 365, which does not sign as {A}: DKIM is not switched on for the "
        "domain.",
        "Publish the CNAMEs selector1._domainkey.{A} and selector2._domainkey.{A} with the exact "
        "targets that the Defender portal shows, then switch on signing there ({s.where}). The SPF "
        "record of {A} should have include:spf.protection.outlook.com."},
    [CAUSE_F11] = {"F11", CLASS_FIX, f11, GROUP_SOURCE, false,
        "Sent through Google Workspace, which signs with its default domain ({other}).",
        "Make a key in the Admin console ({s.where}), publish it as TXT at google._domainkey.{A}, "
        "then start authentication. The SPF record of {A} should have include:_spf.google.com."},
    [CAUSE_F12] = {"F12", CLASS_NONCAPABLE, f12, GROUP_SOURCE, true,
        "Somebody sends as {A} from a free mailbox ({who}), which cannot sign for it.",
        "If it is one of your people: give them a mailbox of {A}, or let them set \"send through "
        "your own SMTP server\" in that mailbox. Nothing can be published that would help."},
    [CAUSE_F13] = {"F13", CLASS_FIX, f13, GROUP_SOURCE, true,
        "{who} is set up for {A} in part: what is published is there, or other mail of it is signed, "
        "but not this.",
        "Finish domain authentication in the panel of {who}, and check that this account or "
        "sub-account uses the verified domain.{setup}{return-path}"},
    [CAUSE_F14] = {"F14", CLASS_FIX, f14, GROUP_SOURCE, true,
        "{who} sends as {A} without authentication for it: {identity}.",
        "If this account is yours: switch on domain authentication at {who}.{setup}{spf-helps} If it "
        "is not yours, nothing is to be published: treat it as abuse."},
    [CAUSE_F15] = {"F15", CLASS_FIX, f15, GROUP_SOURCE, true,
        "Came out of the mail gateway {who} unsigned, or with a signature that it broke.",
        "If you send through this gateway: let it sign as {A}, as the last one to touch the "
        "mail.{setup}{spf-include} If you do not, nothing is to be published."},
    [CAUSE_F16] = {"F16", CLASS_NONCAPABLE, f16, GROUP_SOURCE, true,
        "{who} cannot sign for its customers' domains.",
        "If you use it: let it send from an address of its own with Reply-To to yours, or through "
        "your mail server, or as a subdomain that has a DMARC record of its own with p=none."},
    [CAUSE_F17] = {"F17", CLASS_FIX, f17, GROUP_SOURCE, true,
        "A host of yours sends with a foreign envelope domain ({spf}), as web shops, monitoring and "
        "cron jobs do, and does not sign as {from}.",
        "Set its envelope sender to an address at {A}, and let it sign with DKIM as {A}."},
    [CAUSE_F18] = {"F18", CLASS_FIX, f18, GROUP_SPF, true,
        "The SPF record of {spf} cannot be evaluated (permerror), and there is no good DKIM "
        "signature.",
        REPAIR_SPF " And let your senders sign with DKIM as {A}."},
    [CAUSE_F19] = {"F19", CLASS_FIX, f19, GROUP_SOURCE, true,
        "A host of yours sends unsigned, and SPF is not aligned ({spf-result}).",
        "Set its envelope sender to an address at {A}, and let it sign with DKIM as {A}. Check that "
        "your SPF record has its IPv6 address, too, if it sends over IPv6."},
    [CAUSE_F20] = {"F20", CLASS_TRANSIENT, f20, GROUP_SPF, false,
        "The SPF record of {spf} allows this host today, but did not when it was reported.",
        "Nothing to do; look again at the next report."},
    [CAUSE_F21] = {"F21", CLASS_FIX, f21, GROUP_SOURCE, true,
        "A host with a name of yours ({ptr}) sends unsigned and is not in your SPF record.",
        "If it should send mail: let it relay through your main mail server, which signs. Or, if it "
        "is to go on sending by itself, let it sign with DKIM and add {ip-term} to the SPF record of "
        "{A}. If it should not send mail, look at it."},
    [CAUSE_F22] = {"F22", CLASS_FIX, f22, GROUP_SOURCE, true,
        "A web server sends as {A}, most likely a form or a shop: {identity}.",
        "If the site is yours: let it send through an authenticated SMTP account of your mailbox "
        "provider or mail service, From an address of {A}, the visitor's address in Reply-To. If it "
        "is not yours, nothing is to be published."},
    [CAUSE_F23] = {"F23", CLASS_SPOOF, f23, GROUP_DOMAIN, false,
        "The From domain {from} does not exist.",
        "Nothing to add anywhere. Publish np=reject (RFC 9989) and sp=reject (for older receivers) "
        "in the DMARC record of {policy-domain}."},
    [CAUSE_F24] = {"F24", CLASS_SPOOF, f24, GROUP_DOMAIN, false,
        "Neither SPF nor DKIM speaks for {hosts} ({names}): most likely abuse of your name.",
        "Nothing to add to SPF. {policy-stops} An office device behind a "
        "DSL line looks the same: if one of the addresses is yours, label it as mine."},
    [CAUSE_F25] = {"F25", CLASS_SPOOF, f25, GROUP_DOMAIN, false,
        "The same unsigned mail from {networks}: a botnet that uses the name.",
        "Nothing to add to SPF. {policy-stops}"},
    [CAUSE_F26] = {"F26", CLASS_SPOOF, f26, GROUP_DOMAIN, false,
        "{from} is said to send no mail at all, and somebody uses its name.",
        "Nothing to add anywhere. Let {policy-domain} have p=reject; sp=reject; np=reject, an SPF "
        "record \"v=spf1 -all\" and a null MX."},
    [CAUSE_F27] = {"F27", CLASS_UNKNOWN, f27, GROUP_SOURCE, false,
        "A server with an identity of its own ({identity}) and your name in From: a service that is "
        "not in the list, a \"share this\" mailer, or a targeted forgery.",
        "Ask who in the company uses {who}. If it is yours: let it sign with DKIM as {A}. If nobody "
        "knows it, do nothing: your policy is there for such mail."},
    [CAUSE_F28] = {"F28", CLASS_UNKNOWN, f28, GROUP_SOURCE, false, "{unexplained}",
        "{look-closer}"},
};

/*
 * By its own listing it should have passed: that is between the report and its receiver, and no
 * reason to repair anything (unless it is the strict mode, F3 and F4).
 */
static bool must_not_advise(const struct features *f, enum cause_id id)
{
    return id >= CAUSE_F8 && causes[id].class == CLASS_FIX && features_contradict(f);
}

enum cause_id cause_find(const struct features *f)
{
    unsigned id = f->pass ? CAUSE_P1 : CAUSE_F1;

    while (!causes[id].holds(f) || must_not_advise(f, (enum cause_id)id))
        id++;
    return (enum cause_id)id;
}

const char *class_name(enum cause_class class)
{
    static const char *const names[CLASS_COUNT] = {
        [CLASS_OK] = "OK",
        [CLASS_OK_WEAK] = "OK-weak",
        [CLASS_FORWARD] = "FORWARD",
        [CLASS_FORWARD_BROKEN] = "FORWARD-broken",
        [CLASS_FIX] = "FIX",
        [CLASS_NONCAPABLE] = "NONCAPABLE",
        [CLASS_TRANSIENT] = "TRANSIENT",
        [CLASS_SPOOF] = "SPOOF",
        [CLASS_UNKNOWN] = "UNKNOWN",
    };

    return names[class];
}

const char *cause_name(enum cause_id id)
{
    return causes[id].name;
}

bool cause_parse(const char *name, enum cause_id *out)
{
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        if (text_equal_nocase(causes[i].name, name)) {
            *out = (enum cause_id)i;
            return true;
        }
    }
    return false;
}

bool class_is_legitimate(enum cause_class class)
{
    return class == CLASS_OK || class == CLASS_OK_WEAK || class == CLASS_FIX ||
           class == CLASS_NONCAPABLE || class == CLASS_TRANSIENT;
}
