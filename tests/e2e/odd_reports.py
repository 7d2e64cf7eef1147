"""odd_reports.py DIR: reports of all three kinds with everything in them that is odd, missing or rare, one file each."""
import gzip, os, sys

ROW = """<row><source_ip>192.0.2.1</source_ip><count>7</count><policy_evaluated><disposition>none</disposition>\
<dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>"""
NAMES = "<identifiers><header_from>acme.example</header_from></identifiers>"
AUTH = """<auth_results><dkim><domain>acme.example</domain><selector>s1</selector><result>pass</result></dkim>\
<spf><domain>bounce.acme.example</domain><result>softfail</result></spf></auth_results>"""
REPORT = """<feedback><report_metadata><org_name>Rare</org_name><email>dmarc@rare.example</email><report_id>ID</report_id>\
<date_range><begin>1794700800</begin><end>1794787199</end></date_range></report_metadata>\
<policy_published><domain>acme.example</domain><adkim>r</adkim><p>none</p></policy_published>\
<record>""" + ROW + NAMES + AUTH + "</record></feedback>"

# what is replaced in REPORT, and by what
ODD = [
    ("<report_id>ID</report_id>", "<report_id>&lt;ID@rare.example&gt;</report_id>"),
    ("<report_id>ID</report_id>", ""),
    ("<report_id>ID</report_id>", "<report_id>" + "i" * 900 + "</report_id>"),
    ("<begin>1794700800</begin>", "<begin>1794700800.5</begin>"),
    ("1794787199", "1794787199000"),
    ("<org_name>Rare</org_name>", "<generator>mill &amp; co\t1</generator><error>one\ntwo\\n</error><error/>"),
    ("<domain>acme.example</domain><adkim>", "<domain>ACME.Example.</domain><adkim>"),
    ("<adkim>r</adkim><p>none</p>", "<adkim>x</adkim><aspf>S</aspf><p>Monitor</p><sp/><np>reject;</np><pct>100%</pct><fo>1:d</fo>"
     "<t>Y</t><discovery_method>treewalk</discovery_method>"),
    ("<feedback>", '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><version>1.0</version>'
     '<extension><x:y xmlns:x="urn:x" a="1">z</x:y></extension>'),
    ("192.0.2.1", " [192.0.2.1]:25 "),
    ("192.0.2.1", "X.X.X.X"),
    ("192.0.2.1", "::ffff:192.0.2.9"),
    ("<source_ip>192.0.2.1</source_ip>", ""),
    ("<count>7</count>", "<count>1,234</count>"),
    ("<count>7</count>", "<count>99999999999999999999</count>"),
    ("<disposition>none</disposition>", "<disposition>Pass</disposition><reason><type>Local_Policy</type><comment>arc=pass</comment></reason>"
     "<reason><comment>no type</comment></reason><reason>text</reason>"),
    ("<disposition>none</disposition><dkim>pass</dkim><spf>fail</spf>", "<disposition>bounce</disposition><dkim>unknown</dkim><spf/>"),
    (ROW, ROW + ROW.replace("<policy_evaluated>", "<policy_evaluated><x/>")),
    (NAMES, ""),
    (NAMES, "<identities><envelope_to>To.example</envelope_to><envelope_from/><header_from>M\u00fcnchen.acme.example.</header_from></identities>"),
    (AUTH, ""),
    (AUTH, "<auth_results><dkim><domain>d.example</domain><result>hardfail</result><human_result>a\\tb</human_result></dkim><dkim/>"
     "<spf><domain>h.example</domain><scope>HELO</scope><result>unknown</result></spf>"
     "<spf><domain>m.example</domain><scope>mfrom</scope><result>whatever</result></spf></auth_results>"),
    ("</record>", "</record><record><row><source_ip>192.0.2.2</source_ip><count/></row></record>"),
    ("<record>", "<record/><policy_published><domain>other.example</domain></policy_published><record>"),
    ("</feedback>", ""),
    ("<p>none</p>", "<p>none</p>A & B < C"),
]

TLS = """{"organization-name": "Rare", "date-range": {"start-datetime": "2026-11-15T00:00:00Z", "end-datetime": "2026-11-15T23:59:59Z"},
 "contact-info": "tls@rare.example", "report-id": "%s", "policies": [%s]}"""
POLICIES = [
    """{"policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: enforce"], "policy-domain": "ACME.example", "mx-host": "*.acme.example"},
     "summary": {"total-successful-session-count": 5, "total-failure-session-count": 4},
     "failure-details": [{"result-type": "certificate-expired", "sending-mta-ip": "192.0.2.1", "receiving-mx-hostname": "mx.acme.example",
       "receiving-mx-helo": "mx", "receiving-ip": "192.0.2.2", "failed-session-count": 3, "additional-information": "https://x.example/?a=1&b=2",
       "failure-reason-code": "X509\\t!"}, {"result-type": "own-word", "failed-session-count": 1}]},
    {"policy": {"policy-type": "no-policy-found", "policy-domain": "birch.example"}, "summary": {"total-successful-session-count": 9}}""",
    """{"policy": {"policy-type": "tlsa", "policy-string": "3 1 1 AB", "mx-host-pattern": ["a", "b"]}, "summary": {"total-failure-session-count": "7"}}""",
    "",
]

FAILURE = """From: dmarc@rare.example
To: ruf@msp.example
Subject: Report
Date: Sun, 15 Nov 2026 08:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: message/feedback-report

Feedback-Type: auth-failure
User-Agent: Rare/1
Version: 1
%s

--b
Content-Type: %s

From: Someone <someone@acme.example>
Subject: =?utf-8?q?caf=C3=A9?=
X-Folded: a
\tb

body\\ with\ttab
--b--
"""
FIELDS = [
    "Auth-Failure: dmarc, spf\nSource-IP: 192.0.2.7 (a.b)\nReported-Domain: ACME.example\nArrival-Date: Sun, 15 Nov 2026 07:59:00 +0100\n"
    "Original-Mail-From: <>\nOriginal-Rcpt-To: <x@y.example>\nDelivery-Result: smg-policy-action\nDKIM-Domain: acme.example\n"
    "DKIM-Selector: s1\nDKIM-Identity: @acme.example\nSPF-DNS: txt : acme.example : \"v=spf1 -all\"\nIdentity-Alignment: none\nIncidents: 3\n"
    "Authentication-Results: mx.rare.example; dmarc=fail\n header.from=acme.example",
    "Source-IP: nowhere\nArrival-Date: once upon a time\nIncidents: many\njunk",
]


def main(out):
    os.makedirs(out, exist_ok=True)
    for n, (old, new) in enumerate([("Rare", "Rare")] + ODD):
        assert old in REPORT, old
        text = REPORT.replace(old, new, 1).replace(">ID", ">odd-%d" % n).replace("&lt;ID", "&lt;odd-%d" % n)
        if "odd-%d" % n not in text:  # what has no id of its own needs another period
            text = text.replace("1794700800", str(1794700800 + 3 * n))
        with open(f"{out}/odd-{n:02}.xml", "wb") as f:
            f.write(text.encode())
    for n, policies in enumerate(POLICIES):
        with gzip.open(f"{out}/tls-{n}.json.gz", "wb") as f:
            f.write((TLS % (f"tls-{n}", policies)).encode())
    for n, fields in enumerate(FIELDS):
        for kind in ("message/rfc822", "text/rfc822-headers"):
            with open(f"{out}/failure-{n}-{kind[:4]}.eml", "w") as f:
                f.write(FAILURE % (fields, kind))


main(sys.argv[1])
