#!/usr/bin/env python3
"""A web server for webhooks: fake_hook.py PORT-FILE FOLDER [CERTIFICATE KEY]. Over TLS if it has a certificate.

Each request becomes FOLDER/N.json: its path, Authorization, Content-Type and body. Answers what FOLDER/status says, 200 if there is
none; as long as there is a FOLDER/hang, not at all.
"""
import http.server
import json
import os
import ssl
import sys
import time

port_file, folder = sys.argv[1:3]
count = 0


class Hook(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        count += 1
        name = os.path.join(folder, "%d.json" % count)
        with open(name + ".new", "w") as f:
            json.dump({"path": self.path, "token": self.headers["Authorization"], "type": self.headers["Content-Type"],
                       "body": json.loads(body)}, f)
        os.rename(name + ".new", name)
        while os.path.exists(os.path.join(folder, "hang")):
            time.sleep(0.02)
        status = 200
        if os.path.exists(os.path.join(folder, "status")):
            status = int(open(os.path.join(folder, "status")).read())
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
