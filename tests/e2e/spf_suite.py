#!/usr/bin/env python3
"""The RFC 7208 suite once more, its answers served by a real name server: with all that lies between.

    spf_suite.py write SUITE.json FOLDER          FOLDER/N/root.zone for each scenario, and FOLDER/N/zones: a line with name
                                                  and file of each zone that is cut out of the root
    spf_suite.py run SUITE.json N PORT PROGRAM    runs the cases of scenario N; says how many held, of how many

What the suite calls a time-out is a zone whose file is missing: the server answers SERVFAIL.
"""
import json
import os
import subprocess
import sys
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


def write(scenario, folder):
    os.makedirs(folder)
    with open(folder + "/zones", "w") as cut:
        for i, (name, lines) in enumerate(zones_of(scenario).items()):
            file = folder + ("/root.zone" if name == "." else "/%d.zone" % i)
            if name != ".":
                cut.write("%s %s\n" % (name, file))
            if lines is None:
                continue
            with open(file, "w") as zone:
                zone.write("%s 3600 SOA ns. root. 1 3600 600 86400 60\n%s 3600 NS ns.\n" % (name, name))
                zone.write("\n".join(lines) + "\n")


def holds(program, port, name, test):
    sender = test["mailfrom"]
    domain = sender.rsplit("@", 1)[1] if "@" in sender else sender or test["helo"]
    done = subprocess.run(
        [program, "check", "spf", "--resolver", "127.0.0.1:" + port, "--format", "json", "--ip", test["host"],
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
        print("%s: %s, wanted %s; %s" % (name, said, wanted, done.returncode), file=sys.stderr)
    return ok


def run(scenario, port, program):
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda t: holds(program, port, *t), scenario["tests"].items()))
    print(sum(results), len(results))


with open(sys.argv[2]) as f:
    scenarios = json.load(f)
if sys.argv[1] == "write":
    for n, one in enumerate(scenarios):
        write(one, "%s/%d" % (sys.argv[3], n))
else:
    run(scenarios[int(sys.argv[3])], *sys.argv[4:])
