#!/usr/bin/env python3
"""The zone of test_check_trouble.sh: sound domains, some with large or long-winded answers, and N more named n1.example ..."""
import sys

from check_cases import lines_of, quoted, sound

n = int(sys.argv[1])
out = sys.stdout


def put(domain, **changes):
    records = sound(domain)
    for key, value in changes.items():
        name = {"at": domain, "dmarc": "_dmarc." + domain}[key]
        records[name] = [r for r in records[name] if r[0] != "TXT"] + value
    for name, list_of in records.items():
        out.writelines(lines_of(name, list_of))


out.write(". 3600 IN SOA localhost. root.localhost. 1 3600 900 604800 300\n. 3600 IN NS localhost.\n")
for word in ("sound flaky noedns liar-id liar-question servfail refused formerr silent liar-only damaged garbage bogus "
             "fail-_dmarc").split():
    put(word + ".example")
put("include.example", at=[("TXT", "v=spf1 include:x.servfail.example -all")])
put("big.example", at=[("TXT", "v=spf1 " + " ".join(f"ip4:192.0.2.{i % 250}" for i in range(4000)) + " -all")])
put("many.example", at=[("TXT", f"v=spf1 ip4:192.0.2.{i % 250} include:i{i}.example -all") for i in range(400)])
put("junk.example", dmarc=[("TXT", "v=DMARC1; p=reject; rua=mailto:dmarc@junk.example; " + "; ".join(f"x{i}" for i in range(9000)))])


def chain(domain, length, last):
    put(domain, dmarc=[("CNAME", f"c1.{domain}.")])
    for i in range(1, length):
        out.write(f"c{i}.{domain}. 3600 IN CNAME c{i + 1}.{domain}.\n")
    out.write(f"c{length}.{domain}. 3600 IN {last}\n")


chain("chain8.example", 8, "TXT " + quoted("v=DMARC1; p=reject; rua=mailto:dmarc@chain8.example"))
chain("chain9.example", 9, "TXT " + quoted("v=DMARC1; p=reject; rua=mailto:dmarc@chain9.example"))
chain("circle.example", 3, "CNAME c1.circle.example.")
for i in range(1, n + 1):
    put(f"n{i}.example")
