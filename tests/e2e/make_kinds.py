#!/usr/bin/env python3
"""make_kinds.py OUT: one mail each that is a TLS report, a failure report, and neither."""
import base64
import gzip
import json
import sys


def mail(name, head, body):
    with open(f"{sys.argv[1]}/{name}", "w", newline="") as f:
        f.write((head + "\n\n" + body).replace("\n", "\r\n"))


tls = {
    "organization-name": "one.example",
    "date-range": {"start-datetime": "2026-03-02T00:00:00Z", "end-datetime": "2026-03-02T23:59:59Z"},
    "contact-info": "a@one.example",
    "report-id": "t1",
    "policies": [{"policy": {"policy-type": "sts", "policy-domain": "acme.example"},
                  "summary": {"total-successful-session-count": 5, "total-failure-session-count": 0}}],
}
mail("tls", "From: a@one.example\nSubject: TLS\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=tlsrpt; boundary=b",
     "--b\nContent-Type: text/plain\n\nx\n--b\nContent-Type: application/tlsrpt+gzip\nContent-Transfer-Encoding: base64\n\n"
     + base64.encodebytes(gzip.compress(json.dumps(tls).encode(), mtime=0)).decode() + "--b--\n")
mail("failure", "From: a@one.example\nSubject: FW\nMIME-Version: 1.0\n"
     "Content-Type: multipart/report; report-type=feedback-report; boundary=b",
     "--b\nContent-Type: text/plain\n\nx\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: auth-failure\nVersion: 1\n"
     "User-Agent: x/1\nAuth-Failure: dmarc\nReported-Domain: acme.example\nSource-IP: 192.0.2.1\n\n"
     "--b\nContent-Type: text/rfc822-headers\n\nFrom: ceo@acme.example\nSubject: hello\n--b--\n")
mail("ordinary", "From: b@two.example\nSubject: lunch", "Shall we?\n")
