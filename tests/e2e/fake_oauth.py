#!/usr/bin/env python3
"""A token endpoint: fake_oauth.py PORT-FILE CERTIFICATE KEY. Writes its two ports to PORT-FILE: TLS and plain.

  POST /token              RFC 6749: client_credentials and refresh_token; the client is mill, its secret "s3cret"
  GET  /tokeninfo?access_token=T   what Dovecot asks: whose it is, or an error
  POST /revoke, /lifetime?N, /rotate, /break?WHAT   for the tests: all tokens lapse; of new ones; refresh tokens change

Prints "grant GRANT REFRESH-TOKEN" for each token it gives, never the token.
"""
import json
import ssl
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port_file, certificate, key = sys.argv[1:]
tokens = set()
state = {"n": 0, "lifetime": 3600, "rotate": False, "refresh": "refresh-0", "break": ""}
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def reply(self, status, what):
        body = what if isinstance(what, bytes) else json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        token = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query).get("access_token", [""])[0]
        with lock:
            good = token in tokens
        self.reply(200, {"active": "yes" if good else "no", "email": "reports"})

    def do_POST(self):
        url = urllib.parse.urlparse(self.path)
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        with lock:
            if url.path == "/revoke":
                tokens.clear()
            elif url.path == "/lifetime":
                state["lifetime"] = int(url.query)
            elif url.path == "/rotate":
                state["rotate"] = True
            elif url.path == "/break":
                state["break"] = url.query
            else:
                self.token({k: v[0] for k, v in form.items()})
                return
        self.reply(200, {})

    def token(self, form):
        grant = form.get("grant_type")
        if state["break"] == "html":
            self.reply(200, b"<html>proxy login</html>")
        elif state["break"] == "error":
            self.reply(503, {"error": "temporarily_unavailable"})
        elif state["break"] == "huge":
            self.reply(200, b'{"access_token": "' + b"x" * 3000000 + b'"}')
        elif form.get("client_id") != "mill" or form.get("client_secret") != "s3cret":
            self.reply(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"})
        elif grant == "refresh_token" and form.get("refresh_token") != state["refresh"]:
            self.reply(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
        else:
            state["n"] += 1
            token = "token-%d-%s" % (state["n"], "a" * 1500)
            tokens.add(token)
            answer = {"access_token": token, "token_type": "Bearer", "expires_in": state["lifetime"]}
            print("grant", grant, form.get("refresh_token", "-"), form.get("scope", "-"), flush=True)
            if state["rotate"] and grant == "refresh_token":
                state["refresh"] = answer["refresh_token"] = "refresh-%d" % state["n"]
            self.reply(200, answer)


ThreadingHTTPServer.handle_error = lambda *_: None  # a client that has seen enough
plain = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
secure = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
secure.socket = context.wrap_socket(secure.socket, server_side=True)
threading.Thread(target=plain.serve_forever, daemon=True).start()
with open(port_file, "w") as f:
    f.write("%d %d\n" % (secure.server_address[1], plain.server_address[1]))
secure.serve_forever()
