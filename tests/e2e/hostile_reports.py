#!/usr/bin/env python3
"""hostile_reports.py OUT [--tame]: reports in which every field is written by somebody who means harm.

For each kind of harm and each field a report of its own, and one with all fields; TLS and failure reports, too. With --tame the same
reports, but with a letter in place of each character that has a meaning in markup, formulas, SQL or on terminals: what is made of them must
have the same structure.
"""
import json
import os
import sys

OUT = sys.argv[1]
TAME = "--tame" in sys.argv
DOMAIN = "acme.example"
BEGIN = 1794787200  # Monday 2026-11-16

HARM = [
    '<script>alert("a")</script><img src=x onerror=alert(1)>',
    "\"'></p></table></svg><style>*{display:none}</style><a href='javascript:alert(1)'>",
    "]]>&amp;&lt;b&gt;<!-- &#60; -->",
    "=cmd|'/c calc'!A0",
    "@SUM(1+9)*cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "+1-1 \t=HYPERLINK(\"http://evil.example\";\"click\")",
    "'; DROP TABLE report; -- \" OR 1=1; \\",
    "\u009b31mred\u009d0;title\u009c\u0085line\u2028line\u2029",  # C1: 8-bit terminal escapes; line separators
    "\u202egnp.exe\u202d \u2066isolate\u2069 \u200fmark",
    "x" * 10240,
    "%s%n%1000000d {who} {0} ${HOME} $(id) `id`",
]
FIELDS = """org_name email extra_contact_info error report_id version generator domain adkim aspf p sp np pct fo t discovery_method source_ip count
disposition dkim spf type comment envelope_to envelope_from header_from d selector result human spf_domain scope spf_result""".split()

REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<feedback><version>{version}</version><report_metadata><org_name>{org_name}</org_name><email>{email}</email>
<extra_contact_info>{extra_contact_info}</extra_contact_info><report_id>{report_id}</report_id><error>{error}</error><generator>{generator}</generator>
<date_range><begin>{begin}</begin><end>{end}</end></date_range></report_metadata>
<policy_published><domain>{domain}</domain><adkim>{adkim}</adkim><aspf>{aspf}</aspf><p>{p}</p><sp>{sp}</sp><np>{np}</np><pct>{pct}</pct><fo>{fo}</fo>
<t>{t}</t><discovery_method>{discovery_method}</discovery_method></policy_published>
<record><row><source_ip>{source_ip}</source_ip><count>{count}</count><policy_evaluated><disposition>{disposition}</disposition><dkim>{dkim}</dkim>
<spf>{spf}</spf><reason><type>{type}</type><comment>{comment}</comment></reason></policy_evaluated></row>
<identifiers><envelope_to>{envelope_to}</envelope_to><envelope_from>{envelope_from}</envelope_from><header_from>{header_from}</header_from></identifiers>
<auth_results><dkim><domain>{d}</domain><selector>{selector}</selector><result>{result}</result><human_result>{human}</human_result></dkim>
<spf><domain>{spf_domain}</domain><scope>{scope}</scope><result>{spf_result}</result></spf></auth_results></record></feedback>
"""

FAILURE = """From: dmarc@reporter.example
To: ruf@msp.example
Subject: {harm}
Date: Mon, 16 Nov 2026 08:00:00 +0000
Message-ID: <{number}@reporter.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: message/feedback-report

Feedback-Type: auth-failure
User-Agent: {harm}
Version: 1
Original-Mail-From: <{harm}@acme.example>
Original-Rcpt-To: <{harm}@reporter.example>
Reporting-MTA: dns; {harm}
Arrival-Date: Mon, 16 Nov 2026 07:59:00 +0000
Source-IP: 203.0.113.{number}
Reported-Domain: acme.example
Auth-Failure: {harm}
Delivery-Result: {harm}
DKIM-Domain: {harm}
DKIM-Selector: {harm}
Authentication-Results: {harm}

--b
Content-Type: text/rfc822-headers

From: {harm} <a@acme.example>
Subject: {harm}

--b--
"""


def tame(text):
    return "".join(c if c.isalnum() or c in " .-" and i else "q" for i, c in enumerate(text))


def xml(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def report(number, harm, fields):
    values = dict(
        version="1.0", org_name="reporter%d.example" % (number % 7), email="dmarc@reporter.example", extra_contact_info="", error="", generator="",
        report_id="h%05d" % number, begin=BEGIN + number % 7 * 86400, end=BEGIN + number % 7 * 86400 + 86399, domain=DOMAIN, adkim="r", aspf="r",
        p="quarantine", sp="none", np="reject", pct="100", fo="1", t="n", discovery_method="psl", source_ip="203.0.113.%d" % (number % 200), count="7",
        disposition="quarantine", dkim="fail", spf="fail", type="other", comment="", envelope_to="x.example", envelope_from="y.example",
        header_from=DOMAIN, d="z.example", selector="s", result="pass", human="", spf_domain="y.example", scope="mfrom", spf_result="pass")
    for f in fields:
        values[f] = xml(harm)
    return REPORT.format(**values)


def write(name, text):
    with open(os.path.join(OUT, name), "w", encoding="utf-8", errors="surrogatepass", newline="\n") as f:
        f.write(text)


os.makedirs(OUT)
number = 0
for kind, harm in enumerate(HARM):
    harm = tame(harm) if TAME else harm
    for fields in [[f] for f in FIELDS] + [[f for f in FIELDS if f not in ("domain", "count")]]:
        number += 1
        write("a-%05d.xml" % number, report(number, harm, fields))
    policies = [{"policy": {"policy-type": harm, "policy-string": [harm], "policy-domain": DOMAIN, "mx-host": [harm]},
                 "summary": {"total-successful-session-count": 5, "total-failure-session-count": 20 - kind},
                 "failure-details": [{"result-type": harm, "sending-mta-ip": harm, "receiving-mx-hostname": harm, "receiving-mx-helo": harm,
                                      "additional-information": harm, "failure-reason-code": harm, "failed-session-count": 20 - kind}]}]
    tls = {"organization-name": harm, "contact-info": harm, "report-id": harm + str(kind), "policies": policies,
           "date-range": {"start-datetime": "2026-11-16T00:00:00Z", "end-datetime": "2026-11-16T23:59:59Z"}}
    write("t-%02d.json" % kind, json.dumps(tls))
    flat = "".join(c for c in harm if c not in "\r\n")
    write("f-%02d.eml" % kind, FAILURE.format(harm=flat if TAME else flat + "\x1b[31m", number=kind + 1))
# any number of made-up words for what failed
many = [{"result-type": "word-%d" % n, "failed-session-count": 1} for n in range(40)]
tls["report-id"] = "many"
tls["policies"] = [{"policy": {"policy-type": "sts", "policy-domain": DOMAIN}, "failure-details": many,
                    "summary": {"total-successful-session-count": 0, "total-failure-session-count": len(many)}}]
write("t-many.json", json.dumps(tls))
