#!/usr/bin/env python3
"""totals.py BINARY STORE TRUTH: compares every client's weekly report with truth.json of make_reports.py.

Prints each difference, and "N differences" at the end; the exit status is 1 if there are any.
"""
import json
import subprocess
import sys

binary, store, path = sys.argv[1:]
truth = json.load(open(path))
bad = 0
for client, want in truth["clients"].items():
    if client == "giant":
        continue
    p = subprocess.run([binary, "--store", store, "report", "--client", client, "--week", truth["week"], "--format", "json"],
                       capture_output=True, text=True)
    if p.returncode:
        sys.exit("report --client %s: exit status %d: %s" % (client, p.returncode, p.stderr))
    report = json.loads(p.stdout)
    got = dict(report["totals"])
    got.update(got.pop("disposition"))
    for key, value in want.items():
        if got.get(key) != value:
            bad += 1
            print("%s %s: expected %r, got %r" % (client, key, value, got.get(key)))
    if sum(s["messages"] for s in report["sources"]) != want["messages"]:
        bad += 1
        print("%s: the sources' messages do not add up" % client)
print("%d differences" % bad)
sys.exit(bad > 0)
