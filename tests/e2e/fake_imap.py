#!/usr/bin/env python3
"""An IMAP server that misbehaves in one chosen way: fake_imap.py PORT-FILE MODE. Plain, without TLS.

It holds two mails, UID 7 and 9. Prints every command it gets, and "archived UID", "gone UID", "marked UID" when that happens.

MODE may have what the server can do behind it: "none+move", "none+uidplus+idle". The mode bye-at-N says BYE instead of taking the
Nth command of its first connection, cut-at-N does it and hangs up before it answers, once+MODE is MODE in its first connection only.
"""
import os
import re
import socket
import sys
import threading
import time

port_file, given = sys.argv[1:]
mode, *extensions = given.split("+")
only_once = mode == "once"
if only_once:
    mode, *extensions = extensions
box = {7: set(), 9: set()}
folder_there = mode != "made-meanwhile"
BODY = b"Subject: hello\r\n\r\nhello\r\n"
listener = socket.create_server(("127.0.0.1", 0))
with open(port_file, "w") as f:
    f.write(str(listener.getsockname()[1]))
connection = threading.local()
opened = 0


def send(text):
    connection.peer.sendall(text if isinstance(text, bytes) else text.encode())


def hang_up():
    connection.peer.shutdown(socket.SHUT_RDWR)


def mail(n, uid):
    send(f"* {n} FETCH (UID {uid} BODY[] {{{len(BODY)}}}\r\n".encode() + BODY + b")\r\n")


def cut_short(n, uid):
    send(f"* {n} FETCH (UID {uid} BODY[] {{{len(BODY)}}}\r\nSubj")
    hang_up()


def wanted(command):
    """Which of the mails, with their numbers, a UID FETCH is for."""
    last = max(box, default=0)
    ranges = [sorted(last if x == "*" else int(x) for x in r.split(":")) for r in command.split(" ")[2].split(",")]
    return [(n, uid) for n, uid in enumerate(sorted(box), 1) if any(r[0] <= uid <= r[-1] for r in ranges)]


def change(command):
    """UID COPY, MOVE, STORE and EXPUNGE."""
    global folder_there
    word = command.split(" ")[1]
    if word in ("COPY", "MOVE") and not folder_there:
        folder_there = True  # somebody else makes it now
        return "NO [TRYCREATE] no such folder"
    for n, uid in reversed(wanted(command)):
        if word in ("COPY", "MOVE"):
            print("archived", uid, flush=True)
        if word == "STORE" and "\\Deleted" in command:
            box[uid].update(command[command.index("(") + 1:-1].split(" "))
            print("marked", uid, flush=True)
        if word == "MOVE" or (word == "EXPUNGE" and box[uid]):
            del box[uid]
            send(f"* {n} EXPUNGE\r\n")
            print("gone", uid, flush=True)
    return "OK done"


def fetch(tag, command):
    """Answers UID FETCH; returns how it ends."""
    mails = wanted(command)
    if "BODY" not in command:
        if mode == "gone":
            mails = [m for m in mails if m[1] != 7]
        for n, uid in mails:
            send(f"* {n} FETCH (UID {uid})\r\n")
        return "OK fetched"
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
    elif mode == "cut" or (mode in ("cut-once", "cut-changed") and opened == 1):
        cut_short(*mails[0])
    elif mode == "cut-7" and mails[0][1] == 7:
        cut_short(1, 7)
    elif mode == "cut-9" and mails[-1][1] == 9:
        for m in mails[:-1]:
            mail(*m)
        cut_short(2, 9)
    elif mode == "dies-at-9" and mails[-1][1] == 9:
        os._exit(0)
    elif mode == "refuse-7" and mails[0][1] == 7:
        return "NO [SERVERBUG] internal error"
    elif mode == "withhold-7":
        for m in mails:
            if m[1] != 7:
                mail(*m)
    elif mode == "slow":
        for c in f"* 1 FETCH (UID 7 BODY[] {{{len(BODY)}}}\r\n":
            send(c)
            time.sleep(0.2)
    elif mode == "silent":
        time.sleep(10)
    elif mode == "nil":
        for m in mails:
            if m[1] == 7:
                send("* 1 FETCH (UID 7 BODY[] NIL)\r\n")
            else:
                mail(*m)
    elif mode == "gone":
        mail(2, 9)
        return "NO [EXPUNGEISSUED] some of them are gone"
    elif mode == "no":
        return "NO disk trouble"
    elif mode == "bad":
        return "BAD what?"
    elif mode == "bye":
        send("* BYE shutting down (for maintenance)\r\n")
        hang_up()
    elif mode == "wrong-tag":
        send("999 OK done\r\n")
    elif mode == "alert":
        send("* OK [ALERT]\r\n* NO [ alert ] \r\n")
    elif mode == "charset":
        send("* OK [BADCHARSET (a)] x\r\n* OK [BADCHARSET (b)] x\r\n")
    elif mode == "garbage":
        send("HTTP/1.1 400 Bad Request\r\n")
    elif mode == "expunged-between":
        if box.pop(7, None) is not None:
            send("* 1 EXPUNGE\r\n* 1 EXISTS\r\n")
        mail(1, 9)
    elif mode == "chatter":
        send("* 1 FETCH (FLAGS (\\Seen))\r\n* 3 EXISTS\r\n* OK [ALERT] \"The (disk is {5}\r\n")
        send(f"* 2 FETCH (UID 8 BODY[] {{{len(BODY)}}}\r\n".encode() + BODY + b")\r\n")
        mail(2, 9)
        mail(1, 7)
        mail(1, 7)
    else:
        for m in mails:
            mail(*m)
    return "OK fetched"


NAMESPACES = {
    "ns-nil": "* NAMESPACE NIL NIL NIL",
    "ns-two": '* NAMESPACE (("INBOX." ".") ("Other." "/")) NIL NIL',
    "ns-flat": '* NAMESPACE (("" NIL)) NIL NIL',
    "ns-extended": '* NAMESPACE (("" "/" "X-PARAM" ("FLAG1" "FLAG2"))) (("~" "/")) NIL',
    "ns-empty": "* NAMESPACE () () ()",
    "ns-open": '* NAMESPACE (("" "/',
    "ns-none": "* OK nothing to say",
    "ns-short": "* NAMESPACE",
    "ns-long": '* NAMESPACE (("' + "x" * 5000 + '" "/")) NIL NIL',
    "ns-deep": "* NAMESPACE " + "(" * 50000,
}


def listing(mails):
    date = ' INTERNALDATE "01-Feb-2025 03:04:05 +0200"'
    size = 10 if mode == "liar" else len(BODY)
    for n, uid in mails:
        send(f"* {n} FETCH (UID {uid} FLAGS ({' '.join(box[uid])}) RFC822.SIZE {size}{date})\r\n")
    return "OK done"


def answer(tag, command):
    word = command.split(" ")[0]
    if command.startswith("UID FETCH"):
        if "BODY" not in command and "SIZE" in command:
            return listing([(n, uid) for n, uid in wanted(command)])
        return fetch(tag, command)
    if command.startswith("UID ") and command.split(" ")[1] in ("COPY", "MOVE", "STORE", "EXPUNGE"):
        return change(command)
    if word == "CAPABILITY" and mode != "no-capabilities":
        more = extensions + (["LOGINDISABLED"] if mode == "login-disabled" else [])
        send(" ".join(["* CAPABILITY IMAP4rev1"] + [x.upper() for x in more]) + "\r\n")
    elif word == "NAMESPACE" and mode in NAMESPACES:
        send(NAMESPACES[mode] + "\r\n")
    elif word == "LIST":
        send('* LIST (\\Noselect) "/" ""\r\n')
    elif word == "STARTTLS":
        if mode == "starttls-refused":
            return "NO not today"
        if mode == "starttls-bad":
            return "BAD what?"
        if mode == "starttls-injected":
            return "OK begin TLS now\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n1 OK you are in"
        return "OK begin TLS now"  # and then speaks on in the clear
    elif word == "LOGIN" and mode == "echo":
        return f"NO I do not know {command}"
    elif word == "LOGIN" and mode == "busy":
        return "NO [UNAVAILABLE] come back later"
    elif word == "LOGIN" and mode == "login-bad":
        return "BAD no such command"
    elif word in ("SELECT", "EXAMINE"):
        validity = 6 if mode == "cut-changed" and opened > 1 else 5
        send(f"* {len(box)} EXISTS\r\n" + ("" if mode == "no-uidvalidity" else f"* OK [UIDVALIDITY {validity}] ok\r\n"))
        return "OK [READ-ONLY] open" if mode == "read-only" else "OK open"
    elif word == "CREATE" and mode == "made-meanwhile":
        return "NO [ALREADYEXISTS] it is there"
    elif word == "FETCH":
        mails = list(enumerate(sorted(box), 1))
        return listing(mails[1:] + mails[:1] * 2)  # out of order, and one of them twice
    elif word == "IDLE":
        if mode == "idle-refused":
            return "NO not for you"
        send("+ idling\r\n")
        if mode == "idle-bye":
            send("* BYE tired\r\n")
            hang_up()
        elif mode == "idle-storm":
            send("* OK still here\r\n* 1 EXPUNGE\r\n* 0 RECENT\r\n* 2 FETCH (FLAGS ())\r\n* 5 EXISTS\r\n")
        connection.lines.readline()
    elif word == "LOGOUT":
        send("* BYE\r\n")
    return "OK done"


def disturb(number, tag, command):
    """Is this the command at which the connection ends?"""
    at = int(mode.rsplit("-", 1)[1]) if mode.startswith(("bye-at-", "cut-at-")) else 0
    if number != at or opened > 1:
        return False
    if mode.startswith("bye"):
        send("* BYE not today\r\n")
    else:
        answer(tag, command)
    hang_up()
    return True


def serve(peer):
    global mode
    connection.peer = peer
    connection.lines = peer.makefile("rb")
    if only_once and opened > 1:
        mode = "none"
    try:
        if mode == "mute":
            time.sleep(60)
        if mode == "preauth":
            send("* PREAUTH welcome\r\n")
        elif mode == "greeting-bye":
            send("* BYE too many connections\r\n")
        elif mode == "greeting-garbage":
            send("220 mail.example.net ESMTP\r\n")
        else:
            send("* OK hello\r\n")
        for number, line in enumerate(iter(connection.lines.readline, b""), 1):
            line = line.decode(errors="replace").rstrip()
            print(line, flush=True)
            tag, command = line.split(" ", 1) if " " in line else ("*", line)
            if mode == "mute-fetch" and command.startswith("UID FETCH"):
                time.sleep(60)
            if disturb(number, tag, command):
                break
            send(f"{tag} {answer(tag, command)}\r\n")
    except OSError:
        pass


while True:
    accepted = listener.accept()[0]
    opened += 1
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
