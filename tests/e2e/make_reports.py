#!/usr/bin/env python3
"""make_reports.py OUT [--reports 300] [--records 4] [--seed 1] [--duplicates 10] [--broken 5] [--partial 3] [--giant N]

Writes made-up aggregate reports with exactly known totals, the same for the same arguments:

  OUT/files/      one file per report (.xml, .xml.gz, .zip)
  OUT/maildir/    the same as mails, with some of them twice, some damaged beyond reading and some cut off
  OUT/domains.tsv what `dmarcmill domain assign --from` reads
  OUT/truth.json  {"week": "2026-W10", "clients": {CLIENT: totals}, "reports": n, "broken": n, "partial": n, "duplicates": n}
  OUT/giant.xml.gz  with --giant: one report of N records

"""
import argparse
import base64
import gzip
import io
import json
import os
import random
import zipfile

CLIENTS = {"acme": ["acme.example", "acme-shop.example"], "birch": ["birch.example"], "cedar": ["cedar.example", "mail.cedar.example"]}
MONDAY = 1772409600  # 2026-03-02, ISO week 2026-W10
WEEK = "2026-W10"
KEYS = ("reports", "records", "messages", "dmarc_pass", "dmarc_fail", "spf_aligned", "dkim_aligned", "none", "quarantine", "reject")


def record(rng, domain, totals):
    count = rng.randrange(1, 50)
    dkim, spf = rng.choice(("pass", "fail")), rng.choice(("pass", "fail"))
    ok = "pass" in (dkim, spf)
    disposition = "none" if ok else rng.choice(("none", "quarantine", "reject"))
    totals["records"] += 1
    totals["messages"] += count
    totals["dmarc_pass" if ok else "dmarc_fail"] += count
    totals["spf_aligned"] += count * (spf == "pass")
    totals["dkim_aligned"] += count * (dkim == "pass")
    totals[disposition] += count
    ip = rng.choice(("192.0.2.%d" % rng.randrange(1, 255), "2001:db8::%x" % rng.randrange(1, 65535)))
    return (
        "<record><row><source_ip>%s</source_ip><count>%d</count><policy_evaluated><disposition>%s</disposition>"
        "<dkim>%s</dkim><spf>%s</spf></policy_evaluated></row><identifiers><header_from>%s</header_from></identifiers>"
        "<auth_results><dkim><domain>%s</domain><selector>s%d</selector><result>%s</result></dkim>"
        "<spf><domain>%s</domain><scope>mfrom</scope><result>%s</result></spf></auth_results></record>\n"
    ) % (ip, count, disposition, dkim, spf, domain, domain, rng.randrange(3), dkim, domain, spf)


def head(org, report_id, domain, begin):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feedback><version>1.0</version><report_metadata><org_name>%s</org_name>'
        "<email>dmarc@%s</email><report_id>%s</report_id><date_range><begin>%d</begin><end>%d</end></date_range></report_metadata>\n"
        "<policy_published><domain>%s</domain><adkim>r</adkim><aspf>r</aspf><p>quarantine</p><sp>none</sp><pct>100</pct>"
        "</policy_published>\n"
    ) % (org, org, report_id, begin, begin + 86399, domain)


def pack(form, name, xml):
    if form == "gz":
        return name + ".xml.gz", "application/gzip", gzip.compress(xml, mtime=0)
    if form == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr(zipfile.ZipInfo(name + ".xml", (2026, 3, 2, 0, 0, 0)), xml)
        return name + ".zip", "application/zip", out.getvalue()
    return name + ".xml", "text/xml", xml


def mail(number, org, domain, name, kind, data):
    return (
        "From: dmarc@%s\r\nTo: reports@msp.example\r\nDate: Tue, 03 Mar 2026 04:00:00 +0000\r\nSubject: Report Domain: %s Submitter: %s\r\n"
        'Message-ID: <%d@%s>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b%d"\r\n\r\n'
        "--b%d\r\nContent-Type: text/plain\r\n\r\nSee the attachment.\r\n--b%d\r\nContent-Type: %s\r\n"
        'Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="%s"\r\n\r\n%s--b%d--\r\n'
    ) % (org, domain, org, number, org, number, number, number, kind, name, base64.encodebytes(data).decode().replace("\n", "\r\n"), number)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out")
    ap.add_argument("--reports", type=int, default=300)
    ap.add_argument("--records", type=int, default=4)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--duplicates", type=int, default=10)
    ap.add_argument("--broken", type=int, default=5)
    ap.add_argument("--partial", type=int, default=3)
    ap.add_argument("--giant", type=int, default=0)
    a = ap.parse_args()
    rng = random.Random(a.seed)
    for d in ("files", "maildir/new", "maildir/cur", "maildir/tmp"):
        os.makedirs(os.path.join(a.out, d))
    owned = [(c, d) for c, names in CLIENTS.items() for d in names]
    truth = {c: dict.fromkeys(KEYS, 0) for c in CLIENTS}
    truth["unassigned"] = dict.fromkeys(KEYS, 0)
    with open(os.path.join(a.out, "domains.tsv"), "w") as f:
        f.writelines("%s\t%s\n" % (d, c) for c, d in owned)

    def deliver(number, text):
        with open(os.path.join(a.out, "maildir/new/%d.%d.test" % (MONDAY + number, number)), "w", newline="") as f:
            f.write(text)

    mails = 0
    for i in range(a.reports):
        client, domain = rng.choice(owned + [("unassigned", "nobody.example")])
        totals = truth[client]
        totals["reports"] += 1
        org = rng.choice(("one.example", "two.example", "three.example"))
        begin = MONDAY + 86400 * rng.randrange(7)
        xml = head(org, "r%d" % i, domain, begin)
        xml += "".join(record(rng, domain, totals) for _ in range(rng.randrange(1, 2 * a.records))) + "</feedback>\n"
        name, kind, data = pack(("gz", "zip", "xml")[i % 3], "%s!%s!%d!%d" % (org, domain, begin, begin + 86399), xml.encode())
        with open(os.path.join(a.out, "files", "%05d-%s" % (i, name)), "wb") as f:
            f.write(data)
        text = mail(mails, org, domain, name, kind, data)
        deliver(mails, text)
        mails += 1
        if i < a.duplicates:  # a second copy through another mail, with another Message-ID
            deliver(mails, mail(mails, org, domain, name, kind, data))
            mails += 1
        if i < a.broken:
            deliver(mails, mail(mails, org, domain, "bad.xml.gz", "application/gzip", gzip.compress(b"<feedback>" + bytes(range(1, 9)) * 50)))
            mails += 1
        if i < a.partial:  # another report, cut in the middle of its second record
            ignored = dict.fromkeys(KEYS, 0)
            cut = head(org, "cut%d" % i, domain, begin) + record(rng, domain, ignored) + record(rng, domain, ignored)[:200]
            deliver(mails, mail(mails, org, domain, "cut.xml", "text/xml", cut.encode()))
            mails += 1
    if a.giant:
        with gzip.open(os.path.join(a.out, "giant.xml.gz"), "wb", compresslevel=1) as f:
            ignored = dict.fromkeys(KEYS, 0)
            f.write(head("one.example", "giant", "acme.example", MONDAY).encode())
            block = "".join(record(rng, "acme.example", ignored) for _ in range(1000)).encode()
            for _ in range(a.giant // 1000):
                f.write(block)
            f.write(b"</feedback>\n")
        truth["giant"] = {k: v * (a.giant // 1000) for k, v in ignored.items()}
    with open(os.path.join(a.out, "truth.json"), "w") as f:
        json.dump({"week": WEEK, "clients": truth, "reports": a.reports, "mails": mails, "broken": a.broken, "partial": a.partial,
                   "duplicates": a.duplicates}, f, indent=1)


if __name__ == "__main__":
    main()
