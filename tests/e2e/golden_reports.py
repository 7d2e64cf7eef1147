#!/usr/bin/env python3
"""golden_reports.py OUT: the reports of three invented clients, for the golden files of test_golden.sh.

  harbor-legal   healthy: own server, mailboxes and one mail service, all signed; a little forwarding
  vector-motors  half set up: Microsoft 365 that signs for a part, a mail service that signs for some mail, one that signs for none, a
                 forgotten server, a record with strict alignment; TLS and failure reports; a new sender, and a day without reports
  north-bakery   abused and forwarded: a botnet, lists, forwarders, a free mailbox, a web form, a broken SPF record; the policy was changed,
                 and one receiver fell silent
"""
import datetime
import json
import os
import sys

OUT = sys.argv[1]
MONDAY = datetime.date(2026, 11, 16)
PASS, FAIL = "pass", "fail"


def head(org, number, domain, begin, policy):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feedback><version>1.0</version><report_metadata><org_name>%s</org_name><email>dmarc@%s</email>'
        "<report_id>g%d</report_id><date_range><begin>%d</begin><end>%d</end></date_range></report_metadata>\n<policy_published><domain>%s</domain>"
        "%s</policy_published>\n" % (org, org, number, begin, begin + 86399, domain, "".join("<%s>%s</%s>" % (k, v, k) for k, v in policy))
    )


def row(source, count, dkim, spf, keys=(), sender=None, result=PASS, action="none", reason=None, comment="", frm=None):
    return (source, count, dkim, spf, keys, sender, result, action, reason, comment, frm)


def record(domain, r):
    source, count, dkim, spf, keys, sender, result, action, reason, comment, frm = r
    return "".join((
        "<record><row><source_ip>%s</source_ip><count>%d</count><policy_evaluated><disposition>%s</disposition>" % (source, count, action),
        "<dkim>%s</dkim><spf>%s</spf>" % (dkim, spf),
        "<reason><type>%s</type><comment>%s</comment></reason>" % (reason, comment) if reason else "",
        "</policy_evaluated></row><identifiers><header_from>%s</header_from></identifiers><auth_results>" % (frm or domain),
        "".join("<dkim><domain>%s</domain><selector>%s</selector><result>%s</result></dkim>" % k for k in keys),
        "<spf><domain>%s</domain><scope>mfrom</scope><result>%s</result></spf>" % (sender, result) if sender else "",
        "</auth_results></record>\n"))


def healthy(day):
    d = "harbor-legal.example"
    own = (d, "m1", PASS)
    rows = [
        row("192.0.2.10", 120 + day, PASS, PASS, [own], d),
        row("40.107.3.%d" % (10 + day % 3), 310, PASS, PASS, [(d, "selector1", PASS)], d),
        row("149.72.10.4", 900, PASS, FAIL, [(d, "s1", PASS), ("sendgrid.net", "smtpapi", PASS)], "sendgrid.net"),
    ]
    if day % 7 == 2:
        rows.append(row("203.0.113.5", 2, PASS, FAIL, [own], "alumni.example.org"))
    return d, [("adkim", "r"), ("aspf", "r"), ("p", "quarantine"), ("pct", "100")], rows


def half(day):
    d = "vector-motors.example"
    rows = [
        row("192.0.2.40", 60, PASS, PASS, [(d, "mail", PASS)], d),
        row("40.107.7.20", 140, FAIL, PASS, [("vectormotors.onmicrosoft.com", "selector2", PASS)], d),
        row("198.2.130.7", 75, PASS, FAIL, [(d, "k2", PASS), ("mailchimpapp.net", "k2", PASS)], "mail7.atl11.rsgsv.net"),
    ]
    if day % 2 == 0:
        rows.append(row("40.107.7.21", 9, FAIL, FAIL, [("vectormotors.onmicrosoft.com", "selector2", PASS)],
                        "mail-b.outbound.protection.outlook.com", PASS, "quarantine"))
        rows.append(row("198.2.130.9", 12, FAIL, FAIL, [("mailchimpapp.net", "k2", PASS)], "mail9.atl11.rsgsv.net", PASS, "none", "local_policy", "trusted"))
    if day % 7 < 3:
        rows.append(row("192.161.147.3", 21, FAIL, FAIL, [("zendesk.com", "zendesk1", PASS)], "help.zendesk.com", PASS, "quarantine"))
        rows.append(row("192.0.2.44", 4, FAIL, FAIL, [("shop.vector-motors.example", "shop", PASS)], "shop.example.net", PASS, "quarantine"))
    if day == 24:
        rows.append(row("149.72.33.8", 1, FAIL, FAIL, [("sendgrid.net", "smtpapi", PASS)], "sendgrid.net", PASS, "quarantine"))
    if day < 9:
        rows.append(row("87.253.178.2", 6, FAIL, FAIL, [("mailjet.com", "mailjet", PASS)], "bnc3.mailjet.com", PASS, "quarantine"))
    if day in (22, 23, 26):
        rows.append(row("156.70.3.9", 5, FAIL, FAIL, [("sparkpostmail.com", "scph", PASS)], "sparkpostmail.com", PASS, "none"))
    return d, [("adkim", "s"), ("aspf", "r"), ("p", "quarantine"), ("sp", "none")], rows


TLS = {
    "organization-name": "Google Inc.",
    "contact-info": "smtp-tls-reporting@google.com",
    "policies": [{
        "policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: enforce", "mx: mx.vector-motors.example", "max_age: 604800"],
                   "policy-domain": "vector-motors.example", "mx-host": ["mx.vector-motors.example"]},
        "summary": {"total-successful-session-count": 412, "total-failure-session-count": 9},
        "failure-details": [
            {"result-type": "certificate-expired", "sending-mta-ip": "209.85.222.201", "receiving-ip": "192.0.2.41",
             "receiving-mx-hostname": "mx.vector-motors.example", "failed-session-count": 7},
            {"result-type": "sts-policy-fetch-error", "failed-session-count": 2}]}],
}

FAILURE = """From: dmarc-reports@mailbox.example
To: ruf@msp.example
Subject: FW: Report Domain: vector-motors.example
Date: Wed, 18 Nov 2026 10:21:00 +0000
Message-ID: <failure-%d@mailbox.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: message/feedback-report

Feedback-Type: auth-failure
User-Agent: Example/1
Version: 1
Original-Mail-From: <orders@vector-motors.example>
Arrival-Date: Wed, 18 Nov 2026 10:%02d:00 +0000
Source-IP: 192.161.147.3
Reported-Domain: vector-motors.example
Auth-Failure: dmarc
Delivery-Result: spam
Incidents: 1

--b
Content-Type: text/rfc822-headers

From: Orders <orders@vector-motors.example>
Subject: Your order

--b--
"""


def beside():
    """What is no aggregate report: all of vector-motors, in the last week."""
    for day in range(21, 28):
        date = MONDAY + datetime.timedelta(day - 21)
        tls = dict(TLS, **{"report-id": "tls-%d" % day, "date-range": {
            "start-datetime": "%sT00:00:00Z" % date, "end-datetime": "%sT23:59:59Z" % date}})
        if day != 24:
            tls["policies"] = [dict(TLS["policies"][0], summary={"total-successful-session-count": 400 + day, "total-failure-session-count": 0})]
            del tls["policies"][0]["failure-details"]
        with open(os.path.join(OUT, "files", "tls-%d.json" % day), "w") as f:
            json.dump(tls, f)
    for n in range(3):
        with open(os.path.join(OUT, "files", "failure-%d.eml" % n), "w") as f:
            f.write(FAILURE % (n, n * 7))


def abused(day):
    d = "north-bakery.example"
    own = (d, "dk", PASS)
    broken = (d, "dk", FAIL)
    rows = [row("198.51.100.25", 80, PASS, PASS, [own], d)]
    for i in range(4):
        rows.append(row("203.0.%d.%d" % (113 + i, 7 + day), 5 + i, FAIL, FAIL, [], d, "softfail" if i % 2 else FAIL, "reject"))
    rows.append(row("203.0.118.80", 3, FAIL, FAIL, [], "invoice%d.example.org" % (day % 3), PASS, "reject"))
    rows.append(row("203.0.119.%d" % (1 + day % 4), 6, PASS, FAIL, [own], d, "softfail"))
    if day % 3 == 0:
        rows.append(row("203.0.120.9", 7, FAIL, FAIL, [broken, ("lists.example.org", "l1", PASS)], "lists.example.org", PASS, "none", "mailing_list", "list"))
        rows.append(row("203.0.121.4", 4, FAIL, FAIL, [broken], "uni.example.org", PASS, "reject"))
        rows.append(row("203.0.122.14", 2, FAIL, FAIL, [broken], "fwd.example.org", PASS, "none", "local_policy", "arc=pass as[1].d=fwd.example.org as[1].s=a1"))
    if day % 5 == 0:
        rows.append(row("209.85.220.41", 2, FAIL, FAIL, [("gmail.com", "20230601", PASS)], "gmail.com", PASS, "reject"))
    if day % 7 == 1:
        rows.append(row("198.51.100.99", 1, FAIL, FAIL, [], d, "permerror", "reject"))
    rows.append(row("203.0.124.2", 1, FAIL, FAIL, [("=cmd|x.example.org", "x", PASS)], "@evil.example.org", PASS, "reject"))
    policy = "reject" if day > 20 else "quarantine"
    return d, [("adkim", "r"), ("aspf", "r"), ("p", policy), ("sp", policy), ("np", "reject")], rows


os.makedirs(os.path.join(OUT, "files"))
number = 0
for make in (healthy, half, abused):
    for day in range(28):  # the last seven are the week that is reported
        date = MONDAY + datetime.timedelta(day - 21)
        begin = int(datetime.datetime(date.year, date.month, date.day, tzinfo=datetime.timezone.utc).timestamp())
        domain, policy, rows = make(day)
        org = ("google.com", "yahoo.example", "mailbox.example", "gmx.example")[day % 4]
        if make is half and day == 25:
            continue
        if make is abused and org == "yahoo.example" and day > 20:
            org = "google.com"
        number += 1
        with open(os.path.join(OUT, "files", "%03d.xml" % number), "w") as f:
            f.write(head(org, number, domain, begin, policy) + "".join(record(domain, r) for r in rows) + "</feedback>\n")
with open(os.path.join(OUT, "domains.tsv"), "w") as f:
    f.writelines("%s.example\t%s\n" % (c, c) for c in ("harbor-legal", "vector-motors", "north-bakery"))
beside()
