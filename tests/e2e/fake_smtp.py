#!/usr/bin/env python3
"""An SMTP server that misbehaves in one chosen way: fake_smtp.py PORT-FILE MODE FOLDER. Plain, without TLS.

Each mail that it said yes to, or should have, becomes a file in FOLDER. Prints every command it gets.
"""
import os
import socket
import sys
import threading
import time

port_file, mode, folder = sys.argv[1:]
listener = socket.create_server(("127.0.0.1", 0))
with open(port_file + ".new", "w") as f:
    f.write(str(listener.getsockname()[1]))
os.rename(port_file + ".new", port_file)
lock = threading.Lock()
taken = 0

# what is answered instead of a yes, by what it is the answer to
ANSWERS = {
    "greeting-no": ("CONNECT", "554 no service here"),
    "greeting-later": ("CONNECT", "421 come back later"),
    "sender-no": ("MAIL", "550 5.7.1 not from you"),
    "sender-login": ("MAIL", "530 5.7.0 Authentication required"),
    "sender-large": ("MAIL", "552 5.3.4 too large"),
    "sender-later": ("MAIL", "451 4.3.0 busy"),
    "recipient-no": ("RCPT", "550 5.1.1 no \x1b[31msuch\x1b[0m user"),
    "recipient-later": ("RCPT", "450-4.2.1 try\r\n450 4.2.1 again"),
    "data-no": ("DATA", "554 5.5.1 no"),
    "data-later": ("DATA", "451 4.3.0 busy"),
    "end-no": ("END", "554 5.7.1 this is spam"),
    "end-later": ("END", "452 4.3.1 disk full"),
    "end-251": ("END", "251 forwarded"),
    "login-no": ("AUTH", "535 5.7.8 wrong"),
    "login-later": ("AUTH", "454 4.7.0 busy"),
}
YES = {"CONNECT": "220 fake ESMTP", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", "END": "250 queued", "AUTH": "235 ok"}


class Gone(Exception):
    pass


def answer(peer, what):
    if mode == "hang-" + what.lower():
        while not os.path.exists(folder + "/go"):
            time.sleep(0.02)
    if mode == "cut-" + what.lower():
        peer.shutdown(socket.SHUT_RDWR)
        raise Gone
    at, no = ANSWERS.get(mode, ("", ""))
    text = no if at == what else YES[what]
    peer.sendall(text.encode() + b"\r\n")
    if text.startswith("421"):
        raise Gone
    return text


def keep(lines):
    global taken
    with lock:
        taken += 1
        with open(f"{folder}/{os.getpid()}.{taken}.eml", "wb") as f:
            f.write(b"".join(lines))


def take_mail(peer, reader):
    lines = []
    for line in reader:
        if line == b".\r\n":
            keep(lines)
            return answer(peer, "END")
        lines.append(line[1:] if line.startswith(b".") else line)
        if mode == "cut-data-middle":
            peer.shutdown(socket.SHUT_RDWR)
            raise Gone
    raise Gone


def serve(peer):
    reader = peer.makefile("rb")
    try:
        answer(peer, "CONNECT")
        for line in reader:
            command = line.decode().rstrip()
            print(command, flush=True)
            word = command.split(" ")[0].upper()
            if word == "EHLO":
                login = "250-AUTH PLAIN\r\n" if mode.startswith("login") else ""
                peer.sendall(f"250-fake\r\n{login}250 SIZE 100000000\r\n".encode())
            elif word == "AUTH":
                if command == "AUTH PLAIN":
                    peer.sendall(b"334 \r\n")
                    reader.readline()
                answer(peer, "AUTH")
            elif word == "DATA":
                if answer(peer, "DATA").startswith("354"):
                    take_mail(peer, reader)
            elif word == "QUIT":
                peer.sendall(b"221 bye\r\n")
                return
            elif word in ("MAIL", "RCPT"):
                answer(peer, word)
            else:
                peer.sendall(b"250 ok\r\n")
    except (OSError, Gone):
        pass
    finally:
        peer.close()


while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
