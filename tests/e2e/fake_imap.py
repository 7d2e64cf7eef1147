#!/usr/bin/env python3
"""An IMAP server that misbehaves in one chosen way: fake_imap.py PORT-FILE MODE. Serves one connection, plain.

It holds two mails, UID 7 and 9. Prints every command it gets.
"""
import socket
import sys
import time

port_file, mode = sys.argv[1:]
BODY = b"Subject: hello\r\n\r\nhello\r\n"
listener = socket.create_server(("127.0.0.1", 0))
with open(port_file, "w") as f:
    f.write(str(listener.getsockname()[1]))
peer = listener.accept()[0]
lines = peer.makefile("rb")


def send(text):
    peer.sendall(text if isinstance(text, bytes) else text.encode())


def mail(n, uid):
    send(f"* {n} FETCH (UID {uid} BODY[] {{{len(BODY)}}}\r\n".encode() + BODY + b")\r\n")


def fetch(tag):
    """Answers UID FETCH; returns how it ends."""
    if mode == "deep":
        send("* 1 FETCH (BODYSTRUCTURE " + "(" * 100000 + "\r\n")
    elif mode == "quoted-deep":
        send('* 1 FETCH (BODYSTRUCTURE ("a" "b" ' + '("))" ' * 100000 + "\r\n")
    elif mode == "huge-literal":
        send("* 1 FETCH (UID 7 BODY[] {4294967295}\r\n")
        time.sleep(1)
    elif mode == "wrapping-literal":
        send("* 1 FETCH (UID 7 BODY[] {4294967300}\r\nabcd)\r\n")
    elif mode == "inline-literal":
        send("* 1 FETCH (UID 7 BODY[] {20}abc {100000}\r\n" + "(" * 100000 + "\r\n")
    elif mode == "liar":
        send("* 1 FETCH (UID 7 BODY[] {3000000}\r\n" + "x" * 3000000 + ")\r\n")
    elif mode == "no-end":
        send("* 1 FETCH (UID 7 " + "x" * 30000000)
    elif mode == "cut":
        send(f"* 1 FETCH (UID 7 BODY[] {{{len(BODY)}}}\r\nSubj")
        peer.shutdown(socket.SHUT_RDWR)
    elif mode == "slow":
        for c in f"* 1 FETCH (UID 7 BODY[] {{{len(BODY)}}}\r\n":
            send(c)
            time.sleep(0.2)
    elif mode == "silent":
        time.sleep(10)
    elif mode == "nil":
        send("* 1 FETCH (UID 7 BODY[] NIL)\r\n")
        mail(2, 9)
    elif mode == "gone":
        mail(2, 9)
        return "NO [EXPUNGEISSUED] some of them are gone"
    elif mode == "no":
        mail(1, 7)
        return "NO disk trouble"
    elif mode == "bad":
        return "BAD what?"
    elif mode == "bye":
        send("* BYE shutting down (for maintenance)\r\n")
        peer.shutdown(socket.SHUT_RDWR)
    elif mode == "wrong-tag":
        send("999 OK done\r\n")
    elif mode == "alert":
        send("* OK [ALERT]\r\n* NO [ alert ] \r\n")
    elif mode == "charset":
        send("* OK [BADCHARSET (a)] x\r\n* OK [BADCHARSET (b)] x\r\n")
    elif mode == "garbage":
        send("HTTP/1.1 400 Bad Request\r\n")
    elif mode == "chatter":
        send("* 1 FETCH (FLAGS (\\Seen))\r\n* 3 EXISTS\r\n* OK [ALERT] \"The (disk is {5}\r\n")
        send(f"* 2 FETCH (UID 8 BODY[] {{{len(BODY)}}}\r\n".encode() + BODY + b")\r\n")
        mail(2, 9)
        mail(1, 7)
        mail(1, 7)
    else:
        mail(1, 7)
        mail(2, 9)
    return "OK fetched"


def answer(tag, command):
    word = command.split(" ")[0]
    if command.startswith("UID FETCH"):
        return fetch(tag)
    if word == "CAPABILITY" and mode != "no-capabilities":
        send("* CAPABILITY IMAP4rev1" + (" LOGINDISABLED" if mode == "login-disabled" else "") + "\r\n")
    elif word == "LOGIN" and mode == "echo":
        return f"NO I do not know {command}"
    elif word == "LOGIN" and mode == "busy":
        return "NO [UNAVAILABLE] come back later"
    elif word == "LOGIN" and mode == "login-bad":
        return "BAD no such command"
    elif word in ("SELECT", "EXAMINE"):
        send("* 2 EXISTS\r\n" + ("" if mode == "no-uidvalidity" else "* OK [UIDVALIDITY 5] ok\r\n"))
        return "OK [READ-ONLY] open" if mode == "read-only" else "OK open"
    elif word == "FETCH":
        date = ' INTERNALDATE "01-Feb-2025 03:04:05 +0200"'
        size = 10 if mode == "liar" else len(BODY)
        # out of order, and one of them twice
        for n, uid in ((2, 9), (1, 7), (1, 7)):
            send(f"* {n} FETCH (UID {uid} RFC822.SIZE {size}{date})\r\n")
    elif word == "LOGOUT":
        send("* BYE\r\n")
    return "OK done"


try:
    if mode == "greeting-bye":
        send("* BYE too many connections\r\n")
    elif mode == "greeting-garbage":
        send("220 mail.example.net ESMTP\r\n")
    else:
        send("* OK hello\r\n")
    for line in lines:
        print(line.decode().rstrip(), flush=True)
        tag, command = line.decode().rstrip().split(" ", 1)
        send(f"{tag} {answer(tag, command)}\r\n")
except OSError:
    pass
