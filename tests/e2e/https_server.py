#!/usr/bin/env python3
"""https_server.py ADDRESS DIR: documents for checks, over TLS on port 443 of a loopback address. https_server.py logotype: a line for certtool.

DIR/NAME.pem and DIR/NAME.key are certificates; which one is shown, and what is served, depends on the first part of the name asked
for (mta-sts.GOOD.example -> GOOD):

  good, short, nowhere, html, missing, moved, large, slow, trickle, wronghost, expired, stranger, soon, logo, badlogo
"""
import base64
import gzip
import http.server
import os
import socketserver
import ssl
import sys
import time

POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mail.%s\r\nmax_age: 604800\r\n"
LOGO = b'<svg version="1.2" baseProfile="tiny-ps" viewBox="0 0 8 8"><title>x</title></svg>'


def logotype():
    """A line for certtool: the extension of mark certificates, with the logo."""
    uri = b"data:image/svg+xml;base64," + base64.b64encode(gzip.compress(LOGO))
    return 'add_extension = "1.3.6.1.5.5.7.1.12 0x' + (b"\x16\x82" + len(uri).to_bytes(2, "big") + uri).hex() + '"'


if sys.argv[1] == "logotype":
    print(logotype())
    sys.exit()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, kind, body, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for k, v in headers.items():
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        host = self.headers["Host"].split(":")[0]
        domain = host.split(".", 1)[1]
        case = domain.split(".")[0]
        policy = (POLICY % domain).encode()
        if self.path.endswith(".svg"):
            self.reply(200, "image/svg+xml", LOGO if case == "logo" else b"<svg><script/></svg>")
        elif self.path.endswith(".pem"):
            self.reply(200, "application/x-pem-file", open(os.path.join(sys.argv[2], case + "-mark.pem"), "rb").read())
        elif case == "missing":
            self.reply(404, "text/plain", b"")
        elif case == "moved":
            self.reply(301, "text/plain", b"", Location="https://mta-sts.good.example/.well-known/mta-sts.txt")
        elif case == "large":
            self.reply(200, "text/plain", policy + b"x" * (1 << 20))
        elif case == "slow":
            time.sleep(30)
        elif case == "trickle":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.3)
        else:
            self.reply(200, "text/html" if case == "html" else "text/plain; charset=utf-8", policy)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def context(name):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(os.path.join(sys.argv[2], name + ".pem"), os.path.join(sys.argv[2], name + ".key"))
    return c


special = {name: context(name) for name in ("wronghost", "expired", "stranger", "soon")}
ordinary = context("good")


def choose(socket, name, _):
    case = (name or "").split(".")[1:2]
    socket.context = special.get(case[0] if case else "", ordinary)


ordinary.sni_callback = choose
server = Server((sys.argv[1], 443), Handler)
server.socket = ordinary.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
