#!/usr/bin/env python3
"""make_traffic.py OUT [--seed 1] [--reports 900] [--days 28]

Writes aggregate reports about mail of which is known what it really was, the same for the same arguments:

  OUT/files/       one report per file
  OUT/domains.tsv  what `dmarcmill domain assign --from` reads
  OUT/truth.json   {"clients": [...], "from": DAY, "to": DAY, "sources": [[domain, source, {intent: messages}], ...]}

Intents: own (servers of the domain's owner), cloud (its mailboxes), esp (mail services that are set up), esp_unset (mail services that are
not), forward (passed on, the signature survives), forward_broken (passed on by forwarders or lists, the signature does not), spoof.
"""
import argparse
import collections
import datetime
import ipaddress
import json
import os
import random
from xml.sax.saxutils import escape

START = datetime.date(2026, 10, 26)  # a Monday
REPORTERS = [("google.com", True), ("yahoo.example", False), ("mailbox.example", True), ("gmx.example", False), ("isp.example", True)]
# id, network, own signing domain, its bounce domains: services that can be set up to sign for the domain
SERVICES = [
    ("sendgrid", "149.72.%d.%d", "sendgrid.net", "sendgrid.net"),
    ("mailchimp", "198.2.%d.%d", "mailchimpapp.net", "mail%d.atl11.rsgsv.net"),
    ("ses", "54.240.%d.%d", "amazonses.com", "eu-west-1.amazonses.com"),
    ("zendesk", "192.161.%d.%d", "zendesk.com", "help%d.zendesk.com"),
    ("mailjet", "87.253.%d.%d", "mailjet.com", "a%d.bnc3.mailjet.com"),
    ("brevo", "77.32.%d.%d", "brevosend.com", "x%d.d.mailin.fr"),
]


class Owner:
    def __init__(self, rng, client, name, number):
        self.client, self.name, self.number = client, name, number
        self.policy = rng.choice(("none", "quarantine", "reject"))
        self.adkim = "s" if number % 5 == 3 else "r"
        self.aspf = "s" if number % 5 == 4 else "r"
        self.selector = rng.choice(("mail", "s2026", "dkim"))
        self.hosts = ["198.18.%d.%d" % (number, h) for h in range(1, 4)] + ["2001:db8:%x::25" % number]
        self.microsoft = number % 2 == 0
        services = rng.sample(SERVICES, 4)
        self.set_up, self.unset = services[:2], services[2:]


def bounce(service, rng):
    return service[3] % rng.randrange(30) if "%" in service[3] else service[3]


# Each returns source, From domain, (dkim, spf) as the receiver judged, signatures, (domain, result) of SPF, reasons, envelope.

def own(rng, o):
    signed = rng.random() < 0.95
    keys = [(o.name, o.selector, "pass")] if signed else []
    return rng.choice(o.hosts), ("pass" if signed else "fail", "pass"), keys, (o.name, "pass"), [], o.name


def cloud(rng, o):
    x = rng.random()
    if o.microsoft:
        source = "40.107.%d.%d" % (rng.randrange(64), rng.randrange(256))
        tenant = (o.name.split(".")[0] + ".onmicrosoft.com", "selector1", "pass")
        if x < 0.05:  # bounces have no envelope sender
            host = "mail-x.outbound.protection.outlook.com"
            return source, ("pass", "fail"), [(o.name, "selector1", "pass")], (host, "pass"), [], ""
        if x < 0.15:
            return source, ("fail", "pass"), [tenant], (o.name, "pass"), [], o.name
        return source, ("pass", "pass"), [(o.name, "selector1", "pass")], (o.name, "pass"), [], o.name
    keys = [(o.name, "google", "pass"), (o.name.replace(".", "-") + ".20230601.gappssmtp.com", "20230601", "pass")]
    return "209.85.%d.%d" % (128 + rng.randrange(64), rng.randrange(256)), ("pass", "pass"), keys, (o.name, "pass"), [], o.name


def esp(rng, o):
    s = rng.choice(o.set_up)
    source = s[1] % (rng.randrange(64), rng.randrange(256))
    keys = [(o.name, s[0][:3], "pass"), (s[2], s[0][:3], "pass")]
    if rng.random() < 0.5:  # a bounce domain of the owner's
        envelope = "b." + o.name
        return source, ("pass", "pass" if o.aspf == "r" else "fail"), keys, (envelope, "pass"), [], envelope
    envelope = bounce(s, rng)
    return source, ("pass", "fail"), keys, (envelope, "pass"), [], envelope


def esp_unset(rng, o):
    s = rng.choice(o.unset)
    envelope = bounce(s, rng)
    return s[1] % (rng.randrange(64), rng.randrange(256)), ("fail", "fail"), [(s[2], s[0][:3], "pass")], (envelope, "pass"), [], envelope


def relay(rng):
    k = rng.randrange(200)
    return "fwd%d.example.net" % k, "80.%d.%d.25" % (k % 200, k % 7)


def key_of(rng, o):
    return (o.name, o.selector if rng.random() < 0.6 or o.microsoft is False else "selector1")


def forward(rng, o):
    name, source = relay(rng)
    key = key_of(rng, o)
    if rng.random() < 0.6:
        return source, ("pass", "fail"), [key + ("pass",)], (o.name, rng.choice(("softfail", "fail"))), [], o.name
    return source, ("pass", "fail"), [key + ("pass",)], (name, "pass"), [], name


def forward_broken(rng, o):
    name, source = relay(rng)
    key = key_of(rng, o)
    x = rng.random()
    if x < 0.35:
        listed = "lists.%s" % name
        keys = [key + ("fail",), (listed, "l", "pass")]
        return source.replace("80.", "94."), ("fail", "fail"), keys, (listed, "pass"), [("mailing_list", "")], listed
    if x < 0.6:
        return source, ("fail", "fail"), [key + ("fail",)], (name, "pass"), [("local_policy", "arc=pass as[1].d=%s" % name)], name
    if x < 0.8:
        return source, ("fail", "fail"), [key + ("fail",)], (name, "pass"), [("trusted_forwarder", "known")], name
    return source, ("fail", "fail"), [key + ("fail",)], (o.name, "softfail"), [], o.name  # nobody says so


def spoof(rng, o):
    source = "%d.%d.%d.%d" % (101 + rng.randrange(20), rng.randrange(256), rng.randrange(256), rng.randrange(1, 255))
    own_name = "host%d.example.org" % rng.randrange(2000)
    x = rng.random()
    if x < 0.5:
        return source, ("fail", "fail"), [], (o.name, rng.choice(("fail", "softfail"))), [], o.name
    if x < 0.8:
        return source, ("fail", "fail"), [], (own_name, rng.choice(("none", "pass"))), [], own_name
    if x < 0.9:
        return source, ("fail", "fail"), [(own_name, "x", "pass")], (own_name, "pass"), [], own_name
    return source, ("fail", "fail"), [(o.name, "junk", "fail")], (o.name, "fail"), [], o.name  # a signature out of thin air


INTENTS = [(own, 25), (cloud, 25), (esp, 18), (esp_unset, 8), (forward, 9), (forward_broken, 7), (spoof, 8)]


def record(o, row, count, envelopes):
    source, (dkim, spf), keys, (spf_domain, spf_result), reasons, envelope = row
    action = "none" if "pass" in (dkim, spf) or reasons else o.policy
    return "".join((
        "<record><row><source_ip>%s</source_ip><count>%d</count><policy_evaluated><disposition>%s</disposition>" % (source, count, action),
        "<dkim>%s</dkim><spf>%s</spf>" % (dkim, spf),
        "".join("<reason><type>%s</type><comment>%s</comment></reason>" % (t, escape(c)) for t, c in reasons),
        "</policy_evaluated></row><identifiers>",
        "<envelope_from>%s</envelope_from>" % envelope if envelopes else "",
        "<header_from>%s</header_from></identifiers><auth_results>" % o.name,
        "".join("<dkim><domain>%s</domain><selector>%s</selector><result>%s</result></dkim>" % k for k in keys),
        "<spf><domain>%s</domain><result>%s</result></spf></auth_results></record>\n" % (spf_domain, spf_result)))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--reports", type=int, default=900)
    ap.add_argument("--days", type=int, default=28)
    a = ap.parse_args()
    rng = random.Random(a.seed)
    os.makedirs(os.path.join(a.out, "files"))
    owners = [Owner(rng, "client%d" % (i % 3), "%s%d.example" % (("acme", "birch", "cedar")[i % 3], i), i) for i in range(9)]
    truth = collections.defaultdict(collections.Counter)
    makers = [m for m, _ in INTENTS]
    weights = [w for _, w in INTENTS]
    for i in range(a.reports):
        o = rng.choice(owners)
        reporter, envelopes = rng.choice(REPORTERS)
        day = START + datetime.timedelta(rng.randrange(a.days))
        begin = int(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.timezone.utc).timestamp())
        rows = []
        for _ in range(1 + int(rng.expovariate(0.1))):
            maker = rng.choices(makers, weights)[0]
            row = maker(rng, o)
            count = 1 + int(rng.expovariate(0.2))
            truth[(o.name, str(ipaddress.ip_address(row[0])))][maker.__name__] += count
            rows.append(record(o, row, count, envelopes))
        with open(os.path.join(a.out, "files", "%05d.xml" % i), "w") as f:
            f.write(
                '<?xml version="1.0" encoding="UTF-8"?>\n<feedback><version>1.0</version><report_metadata><org_name>%s</org_name>'
                "<email>dmarc@%s</email><report_id>t%d</report_id><date_range><begin>%d</begin><end>%d</end></date_range></report_metadata>\n"
                "<policy_published><domain>%s</domain><adkim>%s</adkim><aspf>%s</aspf><p>%s</p><pct>100</pct></policy_published>\n"
                % (reporter, reporter, i, begin, begin + 86399, o.name, o.adkim, o.aspf, o.policy) + "".join(rows) + "</feedback>\n")
    with open(os.path.join(a.out, "domains.tsv"), "w") as f:
        f.writelines("%s\t%s\n" % (o.name, o.client) for o in owners)
    with open(os.path.join(a.out, "truth.json"), "w") as f:
        json.dump({"clients": sorted({o.client for o in owners}), "from": str(START), "to": str(START + datetime.timedelta(a.days - 1)),
                   "sources": [[d, s, k] for (d, s), k in sorted(truth.items())]}, f)


if __name__ == "__main__":
    main()
