"""same_reports.py PARSED EXPORTED: does `export` say of every stored report what `parse` says of the file it came from?
Prints what differs, and how many reports of each kind were compared."""
import json, sys

KINDS = ("aggregate_reports", "failure_reports", "smtp_tls_reports")


def identity(r):
    policy = r.get("policy") or {}
    return json.dumps([r.get(k) for k in ("reporter", "report_id", "begin", "end", "arrival", "message_id", "reported_domain")] + [policy.get("domain")])


def by_identity(reports):
    groups = {}
    for r in reports:
        groups.setdefault(identity(r), []).append(r)
    return groups


def whole(reports):
    """A TLS report that several clients have a part of is one again."""
    first = dict(reports[0])
    for r in reports[1:]:
        if "policies" not in r:
            return reports
        first["policies"] = first["policies"] + r["policies"]
    if "policies" in first:
        first["policies"] = sorted(first["policies"], key=json.dumps)
    return [first]


def main(parsed, exported):
    bad = 0
    compared = []
    for kind in KINDS:
        a, b = by_identity(parsed[kind]), by_identity(exported[kind])
        for key in sorted(set(a) | set(b)):
            if key not in a or key not in b:
                bad += 1
                print("only", "parsed" if key in a else "exported", key)
                continue
            wanted, found = [w for r in a[key] for w in whole([r])], whole(b[key])
            for r in found:
                if r not in wanted:
                    bad += 1
                    print("differs:", key, [f for f in r if r[f] != wanted[0].get(f)])
        compared.append(len(b))
    print("compared", *compared)
    return bad


with open(sys.argv[1]) as p, open(sys.argv[2]) as e:
    sys.exit(main(json.load(p), json.load(e)) > 0)
