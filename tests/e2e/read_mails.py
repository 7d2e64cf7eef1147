#!/usr/bin/env python3
"""read_mails.py HOST:PORT CA USER EXPRESSION: the value of a Python expression over the mails in a user's INBOX, read by IMAP.

In it, `mails` is their list (email.message.EmailMessage), oldest first; part(m, type) is the text of the part with a media type.
"""
import email
import email.policy
import imaplib
import ssl
import sys

place, ca, user, expression = sys.argv[1:]
host, port = place.split(":")
box = imaplib.IMAP4_SSL(host, int(port), ssl_context=ssl.create_default_context(cafile=ca))
box.login(user, "secret")
box.select("INBOX", readonly=True)
numbers = box.search(None, "ALL")[1][0].split()
raw = [box.fetch(n, "(BODY.PEEK[])")[1][0][1] for n in numbers]
box.logout()
mails = [email.message_from_bytes(r, policy=email.policy.default) for r in raw]


def part(m, kind):
    found = [p for p in m.walk() if p.get_content_type() == kind]
    return found[0].get_content() if found else None


def tree(m):
    if m.is_multipart():
        return "%s(%s)" % (m.get_content_subtype(), " ".join(tree(p) for p in m.iter_parts()))
    return m.get_content_type()


print(eval(expression))
