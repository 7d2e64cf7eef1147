#!/bin/sh
# A check of a client's domains: which ones, and what their reports add.
BACKEND=${1:-sqlite}
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/knot.sh"

python3 - "$WORK" <<'EOF'
import sys, time
DAY = 86400
now = int(time.time())


def report(n, domain, p, begin, records, testing=""):
    rows = "".join(f"""<record><row><source_ip>{ip}</source_ip><count>{count}</count><policy_evaluated><disposition>none</disposition>
<dkim>{dkim}</dkim><spf>{spf}</spf></policy_evaluated></row><identifiers><header_from>{domain}</header_from></identifiers>
<auth_results>{"".join(f"<dkim><domain>{d}</domain><selector>{s}</selector><result>{r}</result></dkim>" for d, s, r in keys)}
<spf><domain>{envelope}</domain><result>{result}</result></spf></auth_results></record>""" for ip, count, dkim, spf, keys, envelope, result in records)
    with open(f"{sys.argv[1]}/r{n}.xml", "w") as f:
        f.write(f"""<feedback><report_metadata><org_name>mx.example</org_name><email>r@mx.example</email><report_id>{n}</report_id>
<date_range><begin>{begin}</begin><end>{begin + DAY - 1}</end></date_range></report_metadata>
<policy_published><domain>{domain}</domain><p>{p}</p></policy_published>{rows}</feedback>""")


good = ("192.0.2.1", 40, "pass", "pass", [("used.example", "m1", "pass")], "used.example", "pass")
gone = ("192.0.2.1", 7, "pass", "fail", [("used.example", "gone", "pass")], "bounce.example.net", "pass")
foreign = ("198.51.100.9", 5, "fail", "fail", [("x.onmicrosoft.com", "selector1", "pass")], "else.example", "pass")
broken = ("192.0.2.66", 30, "fail", "fail", [], "broken.example", "permerror")
forged = ("203.0.113.5", 500, "fail", "fail", [("forged.example", "m1", "fail")], "else.example", "pass")
own = ("203.0.113.6", 3, "fail", "fail", [("lost.example", "m1", "fail")], "list.example", "pass")
sent = ("192.0.2.1", 90, "pass", "pass", [("lost.example", "m1", "pass")], "lost.example", "pass")
report(8, "forged.example", "reject", now - 2 * DAY, [forged])
report(9, "lost.example", "reject", now - 2 * DAY, [own, sent])
report(1, "used.example", "none", now - 95 * DAY, [])
report(2, "used.example", "none", now - 94 * DAY, [good])
report(3, "used.example", "none", now - 2 * DAY, [good, gone, foreign])
busy = ("198.51.100.9", 50, "pass", "pass", [("senders.example", "m1", "pass")], "senders.example", "pass")
bounces = ("192.0.2.1", 3, "pass", "fail", [("senders.example", "m1", "pass")], "mail.senders.example", "none")
report(5, "senders.example", "reject", now - 95 * DAY, [])
report(6, "senders.example", "reject", now - 94 * DAY, [busy])
report(7, "senders.example", "reject", now - 2 * DAY, [busy, bounces])
report(4, "broken.example", "reject", now - 2 * DAY, [broken])
EOF
cat >"$WORK/zone.py" <<'EOF'
import sys
from check_cases import DS, RSA2048, lines_of, sound
out = sys.stdout
out.write(". 3600 IN SOA localhost. root.localhost. 1 3600 900 604800 300\n. 3600 IN NS localhost.\n")
for d, spf, dmarc in (("used.example", "ip4:192.0.2.1", "none"), ("broken.example", "include:gone.broken.example", "reject"),
                      ("quiet.example", "ip4:192.0.2.1", "reject"), ("forged.example", "ip4:192.0.2.1", "reject"),
                      ("lost.example", "ip4:192.0.2.1", "reject"),
                      ("senders.example", "include:busy.example include:idle.example a:web.senders.example ip4:192.0.2.1", "reject")):
    records = sound(d)
    records[d] = [("MX", f"10 mail.{d}."), ("TXT", f"v=spf1 {spf} -all"), ("DS", DS)]
    records["_dmarc." + d] = [("TXT", f"v=DMARC1; p={dmarc}; np=reject; rua=mailto:dmarc@{d}")]
    records["default._bimi." + d] = [("TXT", "v=BIMI1; l=; a=;")]
    for name, list_of in records.items():
        out.writelines(lines_of(name, list_of))
for name, record in (("busy.example", ("TXT", "v=spf1 ip4:198.51.100.0/24 -all")), ("idle.example", ("TXT", "v=spf1 ip4:203.0.113.0/24 -all")),
                     ("web.senders.example", ("A", "192.0.2.80"))):
    out.writelines(lines_of(name, [record]))
EOF
PYTHONPATH="$HERE" python3 "$WORK/zone.py" >"$WORK/zone"
knot_start "$WORK/knot" "$WORK/zone"

fresh_store t_check
: >"$WORK/conf"
mill() { status_of "$MILL" --config "$WORK/conf" --store "$STORE" "$@"; }
ask() { mill check --resolver "127.0.0.1:$KNOT_PORT" --no-fetch --format json "$@"; }
# ids N: of the Nth domain
ids() { json "$WORK/out" '" ".join(sorted({f["id"] for f in d['"$1"']["findings"]}))'; }

check "assign" 0 "$(mill domain assign acme used.example quiet.example)"
check "assign" 0 "$(mill domain assign birch broken.example)"
check "assign" 0 "$(mill domain assign cedar senders.example)"
check "ingest" 0 "$(mill ingest "$WORK"/r*.xml)"

check "a client: status" 65 "$(ask --client acme)"
check "a client: its domains" "['quiet.example', 'used.example']" "$(json "$WORK/out" '[r["domain"] for r in d]')"
check "without reports: findings" "BIMI-08" "$(ids 0)"
check "with reports: findings" "BIMI-03 BIMI-08 DKIM-01 DMARC-20 SPF-29" "$(ids 1)"
check "with reports: selectors" "[('gone', 7), ('m1', 40)]" "$(json "$WORK/out" 'sorted((k["selector"], k["messages"]) for k in d[1]["records"]["dkim"])')"
check "with reports: which key" "gone._domainkey.used.example" "$(json "$WORK/out" '[f["record"] for f in d[1]["findings"] if f["id"] == "DKIM-01"][0]')"
check "with reports: messages" 7 "$(json "$WORK/out" '[f["messages"] for f in d[1]["findings"] if f["id"] == "DKIM-01"][0]')"
check "a broken SPF record: status" 65 "$(ask --client birch)"
check "a broken SPF record: findings" "BIMI-08 DKIM-24 DMARC-38 SPF-10 X-05" "$(ids 0)"
check "a broken SPF record: explains" 30 "$(json "$WORK/out" '[f["messages"] for f in d[0]["findings"] if f["id"] == "SPF-10"][0]')"
check "a broken SPF record: first" SPF-10 "$(json "$WORK/out" 'd[0]["findings"][0]["id"]')"
check "unused senders: status" 0 "$(ask --client cedar)"
check "unused senders: findings" "BIMI-08 SPF-32 SPF-33 SPF-34" "$(ids 0)"
check "unused senders: include" "include:idle.example: no mail from there in the reports of 90 days" \
  "$(json "$WORK/out" '[f["message"] for f in d[0]["findings"] if f["id"] == "SPF-34"][0]')"
check "senders: messages from each" "[('include:busy.example', 50), ('include:idle.example', 0), ('a:web.senders.example', 0), ('ip4:192.0.2.1', 3)]" \
  "$(json "$WORK/out" '[(t["term"], t["messages"]) for t in d[0]["records"]["spf"]["terms"] if t["depth"] == 0 and "messages" in t]')"
check "somebody writes our signature: findings" "BIMI-08 DKIM-24" "$(ask forged.example >/dev/null; ids 0)"
check "our signature breaks on the way: findings" "BIMI-08 DMARC-38" "$(ask lost.example >/dev/null; ids 0)"
check "our signature breaks on the way: messages" 3 "$(json "$WORK/out" '[f["messages"] for f in d[0]["findings"] if f["id"] == "DMARC-38"][0]')"
check "twice the same name" "[3, 3]" "$(ask lost.example lost.example >/dev/null; json "$WORK/out" '[f["messages"] for r in d for f in r["findings"] if f["id"] == "DMARC-38"]')"
check "all clients" 65 "$(ask --all-clients)"
check "all clients: their domains" 4 "$(json "$WORK/out" 'len(d)')"
check "a domain by name, with its reports" 65 "$(ask used.example)"
check_contains "a domain by name, with its reports: found" DKIM-01 "$(ids 0)"
check "without looking into the store" 65 "$(ask --no-reports used.example)"
check "without looking into the store: selectors" 0 "$(json "$WORK/out" 'len(d[0]["records"]["dkim"])')"
echo 'selectors = {"m1"}' >>"$WORK/conf"
check "selectors of the configuration" 65 "$(ask --no-reports used.example)"
check "selectors of the configuration: looked at" "['m1']" "$(json "$WORK/out" '[k["selector"] for k in d[0]["records"]["dkim"]]')"
check "no such client" 64 "$(ask --client nobody)"
check "text: a tree" 0 "$(mill check --resolver "127.0.0.1:$KNOT_PORT" --no-fetch --client cedar)"
check_contains "text: a tree by branch" "           1          50  include:busy.example" "$(cat "$WORK/out")"
check "text" 65 "$(mill check --resolver "127.0.0.1:$KNOT_PORT" --no-fetch --client birch)"
check_contains "text: explains" "(explains 30 messages)" "$(cat "$WORK/out")"

knot_stop
finish
