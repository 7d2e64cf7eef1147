#!/usr/bin/env python3
"""What a test does with a mailbox: imap_client.py HOST:PORT CA USER PASSWORD COMMAND ARGS, over verified TLS.

  list                     the folders
  create FOLDER, delete FOLDER
  append FOLDER FILE...    each file becomes a mail
  count FOLDER             how many mails are in it; "none" if there is no such folder
  ids FOLDER               their Message-IDs, sorted
"""
import email
import imaplib
import ssl
import sys

place, ca, user, password, command, *args = sys.argv[1:]
host, port = place.rsplit(":", 1)
server = imaplib.IMAP4_SSL(host, int(port), ssl_context=ssl.create_default_context(cafile=ca), timeout=20)
server.login(user, password)


def done(answer):
    if answer[0] != "OK":
        sys.exit("%s: %s" % (command, answer))
    return answer[1]


if command == "list":
    for line in done(server.list()):
        print(line.decode() if line else "")
elif command == "create":
    done(server.create(args[0]))
elif command == "delete":
    done(server.delete(args[0]))
elif command == "append":
    for path in args[1:]:
        mail = open(path, "rb").read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        done(server.append(args[0], None, None, mail))
elif command == "count":
    status, answer = server.select('"%s"' % args[0], readonly=True)
    print(int(answer[0]) if status == "OK" else "none")
elif command == "ids":
    done(server.select('"%s"' % args[0], readonly=True))
    found = done(server.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"))
    print("\n".join(sorted(email.message_from_bytes(part[1])["Message-ID"] or "" for part in found if isinstance(part, tuple))))
else:
    sys.exit(__doc__)
server.logout()
