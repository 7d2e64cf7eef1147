#!/usr/bin/env python3
"""The RFC 7208 suite once more, with its answers served by a real name server: all of what lies between.

    spf_suite.py PROGRAM SUITE.json FOLDER

What the suite calls a time-out is a zone that the server has and cannot load: it answers SERVFAIL.
"""
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor


def escape(octets, plain):
    return "".join(chr(c) if chr(c) in plain else "\\%03d" % c for c in octets)


LABEL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
TEXT = LABEL + " .:/=~+?%{},;!#$&'()*<>@[]^`|"


def zone_name(name):
    labels = [escape(label.encode(), LABEL) for label in name.rstrip(".").split(".")]
    return ".".join(labels) + "." if name.strip(".") else "."


def strings(value):
    pieces = value if isinstance(value, list) else [value]
    octets = [p.encode() for p in pieces]
    cut = [o[i:i + 255] for o in octets for i in range(0, len(o), 255)]
    return " ".join('"%s"' % escape(o, TEXT) for o in cut)


def record(kind, value):
    if kind in ("TXT", "SPF"):
        return strings(value)
    if kind == "MX":
        return "%d %s" % (value[0], zone_name(value[1]))
    return zone_name(value) if kind in ("CNAME", "PTR") else value


def lines_of(name, records):
    """The records of one name, and whether there is an answer about its TXT records."""
    lines = []
    own_txt = any("TXT" in r for r in records if isinstance(r, dict))
    has_txt = False
    for r in records:
        for kind, value in r.items() if isinstance(r, dict) else []:
            if value in ("NONE", []):
                continue
            kinds = ["SPF", "TXT"] if kind == "SPF" and not own_txt else [kind]
            lines += ["%s 3600 %s %s" % (zone_name(name), k, record(k, value)) for k in kinds]
            has_txt = has_txt or "TXT" in kinds
    return lines, has_txt or "TIMEOUT" not in records


def zones_of(scenario):
    """The root zone with nearly everything in it; names without an answer (None); what is below those."""
    zones = {".": []}
    names = {name: lines_of(name, records) for name, records in scenario["zonedata"].items()}
    lame = [name for name, (_, answered) in names.items() if not answered]
    for name, (lines, answered) in names.items():
        below = any(name.endswith("." + other) for other in lame)
        if answered:
            zones.setdefault(zone_name(name) if below else ".", []).extend(lines)
        else:
            zones[zone_name(name)] = None
    return zones


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, folder, scenario):
        os.makedirs(folder)
        self.port = free_port()
        with open(folder + "/knot.conf", "w") as f:
            f.write("server:\n  listen: 127.0.0.1@%d\n  rundir: %s\n" % (self.port, folder))
            f.write("database:\n  storage: %s\n" % folder)
            f.write("template:\n  - id: default\n    storage: %s\n    zonefile-sync: -1\nzone:\n" % folder)
            for i, (name, lines) in enumerate(zones_of(scenario).items()):
                f.write('  - domain: "%s"\n    file: %d.zone\n' % (name, i))
                if lines is None:
                    continue
                with open("%s/%d.zone" % (folder, i), "w") as zone:
                    zone.write("%s 3600 SOA ns. root. 1 3600 600 86400 60\n%s 3600 NS ns.\n" % (name, name))
                    zone.write("\n".join(lines) + "\n")
        self.log = open(folder + "/log", "w")
        self.process = subprocess.Popen(["knotd", "-c", folder + "/knot.conf"], stdout=self.log, stderr=self.log)
        self.wait()

    def wait(self):
        question = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\0\0\6\0\1"  # SOA of the root
        for _ in range(100):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(0.2)
                try:
                    s.sendto(question, ("127.0.0.1", self.port))
                    answer = s.recv(512)
                    if answer[3] & 15 == 0 and answer[7]:
                        return
                except OSError:
                    pass
            time.sleep(0.1)
        raise SystemExit("knotd does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def holds(program, server, name, test):
    sender = test["mailfrom"]
    domain = sender.rsplit("@", 1)[1] if "@" in sender else sender or test["helo"]
    done = subprocess.run(
        [program, "check", "spf", "--resolver", "127.0.0.1:%d" % server.port, "--format", "json", "--ip", test["host"],
         "--sender", sender, "--helo", test["helo"], "--", domain], capture_output=True, text=True)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        said = {"result": "nothing: " + done.stderr, "explanation": None}
    wanted = test["result"] if isinstance(test["result"], list) else [test["result"]]
    explanation = said["explanation"] or "DEFAULT"
    ok = said["result"] in wanted and test.get("explanation", explanation) == explanation
    ok = ok and done.returncode == (75 if said["result"] == "temperror" else 0)
    if not ok:
        print("FAILED: %s: %s, wanted %s; %s" % (name, said, wanted, done.returncode))
    return ok


def main(program, suite, folder):
    held = cases = 0
    with open(suite) as f:
        scenarios = json.load(f)
    for i, scenario in enumerate(scenarios):
        server = Server("%s/%d" % (folder, i), scenario)
        try:
            with ThreadPoolExecutor(4) as pool:
                results = list(pool.map(lambda t: holds(program, server, *t), scenario["tests"].items()))
        finally:
            server.stop()
        held += sum(results)
        cases += len(results)
    print("%d of %d cases" % (held, cases))


main(*sys.argv[1:])
