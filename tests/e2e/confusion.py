#!/usr/bin/env python3
"""confusion.py BINARY STORE TRUTH: what make_traffic.py's mail really was, against what reports say it is.

Prints the confusion table (messages), and what is wrong; the exit status is 1 if anything is. Wrong is: less than 95 % of an intent with
a right class; forwarders or abuse among the things to fix; advice that names one of their addresses; findings that do not add up.
"""
import collections
import json
import subprocess
import sys

RIGHT = {
    "own": ("OK", "OK-weak"), "cloud": ("OK", "OK-weak"), "esp": ("OK", "OK-weak"), "esp_unset": ("FIX",),
    "forward": ("FORWARD",), "forward_broken": ("FORWARD-broken",), "spoof": ("SPOOF", "UNKNOWN"),
}
CLASSES = ("OK", "OK-weak", "FORWARD", "FORWARD-broken", "FIX", "NONCAPABLE", "TRANSIENT", "SPOOF", "UNKNOWN")
FOREIGN = ("forward", "forward_broken", "spoof")

binary, store, path = sys.argv[1:]
truth = json.load(open(path))
really = {(d, s): dict(k) for d, s, k in truth["sources"]}
table = collections.defaultdict(collections.Counter)
wrong = []


def share_out(kinds, cause):
    """A source may be of several intents: messages go to those that fit first."""
    left = cause["messages"]
    for kind in sorted(kinds, key=lambda k: cause["class"] not in RIGHT[k]):
        n = min(left, kinds[kind])
        kinds[kind] -= n
        left -= n
        table[kind][cause["class"]] += n
        if n and kind in FOREIGN and cause["class"] in ("FIX", "NONCAPABLE"):
            wrong.append("%s is to be fixed, but is %s" % (cause, kind))
    if left:
        wrong.append("%d messages too many" % left)


for client in truth["clients"]:
    p = subprocess.run([binary, "--store", store, "report", "--client", client, "--from", truth["from"], "--to", truth["to"],
                        "--format", "json"], capture_output=True, text=True)
    if p.returncode:
        sys.exit("report --client %s: exit status %d: %s" % (client, p.returncode, p.stderr))
    report = json.loads(p.stdout)
    for source in report["sources"]:
        kinds = really[(source["domain"], source["source_ip"])]
        foreign = all(k in FOREIGN for k in kinds)
        for cause in source["causes"]:
            share_out(kinds, cause)
        if foreign and source["source_ip"] in source["remedy"]:
            wrong.append("advice names %s: %s" % (source["source_ip"], source["remedy"]))
    for finding in report["findings"]:
        if finding["class"] not in ("FIX", "OK-weak") and ("ip4:" in finding["remedy"] or "ip6:" in finding["remedy"]):
            wrong.append("%s: %s" % (finding["cause"], finding["remedy"]))
    if sum(f["messages"] for f in report["findings"]) != report["totals"]["messages"]:
        wrong.append("%s: the findings do not add up" % client)

print("%-15s %8s %8s  %s" % ("intent", "messages", "right", " ".join("%14s" % c for c in CLASSES)))
for kind in RIGHT:
    total = sum(table[kind].values())
    right = 100 * sum(table[kind][c] for c in RIGHT[kind]) / total if total else 0
    print("%-15s %8d %6.1f %%  %s" % (kind, total, right, " ".join("%14d" % table[kind][c] for c in CLASSES)))
    if right < 95:
        wrong.append("%s: only %.1f %% are right" % (kind, right))
print("\n".join(wrong[:10] + ["%d wrong" % len(wrong)]))
sys.exit(bool(wrong))
