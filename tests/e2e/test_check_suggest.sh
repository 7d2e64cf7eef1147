#!/bin/sh
# Records to publish, by what is published and by who sends: never a forwarder or a stranger.
BACKEND=${1:-sqlite}
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/knot.sh"

python3 - "$WORK" <<'EOF2'
import sys, time
DAY = 86400
now = int(time.time())
made = 0


def report(org, domain, p, begin, records):
    global made
    made += 1
    rows = "".join(f"""<record><row><source_ip>{ip}</source_ip><count>{count}</count><policy_evaluated><disposition>none</disposition>
<dkim>{dkim}</dkim><spf>{spf}</spf></policy_evaluated></row><identifiers><header_from>{domain}</header_from></identifiers>
<auth_results>{"".join(f"<dkim><domain>{d}</domain><selector>{s}</selector><result>{r}</result></dkim>" for d, s, r in keys)}
<spf><domain>{envelope}</domain><result>{result}</result></spf></auth_results></record>""" for ip, count, dkim, spf, keys, envelope, result in records)
    with open(f"{sys.argv[1]}/r{made}.xml", "w") as f:
        f.write(f"""<feedback><report_metadata><org_name>{org}</org_name><email>r@{org}</email><report_id>{made}</report_id>
<date_range><begin>{begin}</begin><end>{begin + DAY - 1}</end></date_range></report_metadata>
<policy_published><domain>{domain}</domain><p>{p}</p></policy_published>{rows}</feedback>""")


def own(d):
    return ("192.0.2.1", 400, "pass", "pass", [(d, "m1", "pass")], d, "pass")


def zendesk(d):
    return ("198.51.100.9", 50, "pass", "fail", [(d, "zendesk1", "pass"), ("zendesk.com", "z", "pass")], "acme.zendesk.com", "pass")


def google(d):
    return ("203.0.113.5", 60, "fail", "fail", [("x.20230601.gappssmtp.com", "g", "pass")], "else.example", "pass")


forwarder = ("198.18.0.7", 90, "fail", "fail", [("forwardemail.net", "f", "pass")], "forwardemail.net", "pass")
stranger = ("198.18.0.66", 70, "fail", "fail", [], "spam.example", "none")
SENT = {"ready.example": [own, zendesk], "start.example": [own, google], "full.example": [own, zendesk]}
for domain, who in SENT.items():
    report("mx1.example", domain, "none", now - 95 * DAY, [])
    rows = [w(domain) for w in who]
    if domain == "start.example":
        rows += [forwarder, stranger]
    for k in range(3):
        report(f"mx{k}.example", domain, "none", now - 29 * DAY + 3600, rows)
        report(f"mx{k}.example", domain, "none", now - DAY, rows)
EOF2
cat >"$WORK/zone.py" <<'EOF2'
import sys
from check_cases import DS, lines_of, sound
out = sys.stdout
out.write(". 3600 IN SOA localhost. root.localhost. 1 3600 900 604800 300\n. 3600 IN NS localhost.\n")
RUA = "rua=mailto:dmarc@{0}"
full = "a:h1.full.example a:h2.full.example " + " ".join(f"include:i{k}.full.example" for k in range(9))
for d, spf, dmarc in (("ready.example", "include:gone.ready.example ip4:192.0.2.1 include:idle.example -all", "p=none; " + RUA),
                      ("start.example", "ip4:192.0.2.1 ?all", "p=none; pct=50; adkim=s; sp=none; " + RUA + "; ruf=mailto:fail@{0}"),
                      ("full.example", full + " ip4:192.0.2.1 ~all", "p=quarantine; np=reject; " + RUA),
                      ("fresh.example", None, None), ("parked.example", None, None), ("late.example", "ip4:192.0.2.1 ~all", "p=quarantine; " + RUA)):
    records = sound(d)
    records[d] = [("MX", f"10 mail.{d}."), ("DS", DS)] if d != "parked.example" else [("DS", DS)]
    if spf:
        records[d].append(("TXT", "v=spf1 " + spf))
    if dmarc:
        records["_dmarc." + d] = [("TXT", "v=DMARC1; " + dmarc.format(d))]
    else:
        del records["_dmarc." + d]
    for name, list_of in records.items():
        out.writelines(lines_of(name, list_of))
for name, record in [("idle.example", ("TXT", "v=spf1 ip4:203.0.113.200 -all")), ("mail.zendesk.com", ("TXT", "v=spf1 ip4:198.51.100.0/25 ~all")),
                     ("_spf.google.com", ("TXT", "v=spf1 include:_netblocks.google.com ~all")),
                     ("_netblocks.google.com", ("TXT", "v=spf1 ip4:203.0.113.0/25 ~all")),
                     ("h1.full.example", ("A", "192.0.2.11")), ("h2.full.example", ("A", "192.0.2.12"))] + [
                         (f"i{k}.full.example", ("TXT", "v=spf1 ip4:192.0.2.1 -all")) for k in range(9)]:
    out.writelines(lines_of(name, [record]))
EOF2
PYTHONPATH="$HERE" python3 "$WORK/zone.py" >"$WORK/zone"
knot_start "$WORK/knot" "$WORK/zone"

fresh_store t_suggest
mill() { status_of "$MILL" --store "$STORE" "$@"; }
ask() { mill check --suggest --resolver "127.0.0.1:$KNOT_PORT" --no-fetch "$@"; }
# of NAME KEY: of the TXT record that is suggested for this name
of() { json "$WORK/out" "[r['$2'] for r in d[0]['records'] if r['name'] == '$1' and r['type'] == 'TXT' and r['state'] != 'by hand'][0]"; }

check "assign" 0 "$(mill domain assign acme ready.example start.example full.example)"
check "ingest" 0 "$(mill ingest "$WORK"/r*.xml)"

# nothing in the way: the next policy, the sender that passes by DKIM alone, no include that nobody needs
check "ready" 0 "$(ask --format json ready.example)"
check "ready: SPF" "v=spf1 ip4:192.0.2.1 include:mail.zendesk.com ~all" "$(of ready.example value)"
check "ready: SPF: now" "v=spf1 include:gone.ready.example ip4:192.0.2.1 include:idle.example -all" "$(of ready.example now)"
check "ready: SPF: state" change "$(of ready.example state)"
check_contains "ready: SPF: whom for" "1 of 10 look-ups; new: include:mail.zendesk.com for Zendesk" "$(of ready.example why)"
check_contains "ready: SPF: broken" "include:gone.ready.example (there is no record)" "$(of ready.example why)"
check_contains "ready: SPF: unused" "include:idle.example (no mail from there in the reports of 90 days)" "$(of ready.example why)"
check "ready: DMARC" "v=DMARC1; p=quarantine; np=reject; rua=mailto:dmarc@ready.example" "$(of _dmarc.ready.example value)"
check_contains "ready: DMARC: why" "Ready for p=quarantine: 0 % of legitimate mail would be hit" "$(of _dmarc.ready.example why)"
check "ready: no DKIM by hand" 0 "$(json "$WORK/out" 'len([r for r in d[0]["records"] if r["state"] == "by hand"])')"

# own mail fails: the policy stays, the service comes in, strangers and forwarders do not
check "start" 0 "$(ask --format json start.example)"
check "start: SPF" "v=spf1 ip4:192.0.2.1 include:_spf.google.com ~all" "$(of start.example value)"
check "start: look-ups" 2 "$(json "$WORK/out" 'd[0]["spf_lookups"]')"
check "start: nobody else" 0 "$(grep -c -e 198.18 -e forwardemail -e spam.example "$WORK/out")"
check "start: DMARC" "v=DMARC1; p=none; np=reject; adkim=s; rua=mailto:dmarc@start.example; ruf=mailto:fail@start.example" "$(of _dmarc.start.example value)"
check_contains "start: DMARC: why" "Not ready for p=quarantine" "$(of _dmarc.start.example why)"
check_contains "start: DKIM" "copy the exact values from its panel (Admin console" "$(json "$WORK/out" '[r["why"] for r in d[0]["records"] if r["state"] == "by hand"]')"
check_contains "start: DKIM: like" "google._domainkey" "$(json "$WORK/out" '[r["value"] for r in d[0]["records"] if r["state"] == "by hand"]')"

# ten are ten
check "full" 0 "$(ask --format json full.example)"
check "full: look-ups" True "$(json "$WORK/out" 'd[0]["spf_lookups"] <= 10')"
check "full: the own ones stay" True "$(json "$WORK/out" 'all(f"include:i{k}.full.example" in [r["value"] for r in d[0]["records"] if r["name"] == "full.example"][0] for k in range(9))')"
check "full: what nobody needs goes first" 1 "$(json "$WORK/out" 'sum(f"a:h{k}.full.example" in d[0]["records"][0]["value"] for k in (1, 2))')"
check_contains "full: no room" "include:mail.zendesk.com (its mail passes by DKIM, and there is no room within ten look-ups)" "$(of full.example why)"
check "full: DMARC" "v=DMARC1; p=reject; np=reject; rua=mailto:dmarc@full.example" "$(of _dmarc.full.example value)"

# what nothing is known of
check "fresh" 0 "$(ask --format json --rua "dmarc@reports.example" fresh.example)"
check "fresh: DMARC" "v=DMARC1; p=none; np=reject; rua=mailto:dmarc@reports.example" "$(of _dmarc.fresh.example value)"
check "fresh: DMARC: state" add "$(of _dmarc.fresh.example state)"
check_contains "fresh: SPF" "by hand" "$(json "$WORK/out" '[(r["name"], r["state"]) for r in d[0]["records"]]')"
check "late" 0 "$(ask --format json late.example)"
check "late: stays" "v=DMARC1; p=quarantine; np=reject; rua=mailto:dmarc@late.example" "$(of _dmarc.late.example value)"
check "late: SPF stays" keep "$(of late.example state)"
check "parked" 0 "$(ask --format json parked.example)"
check "parked: records" "[('parked.example', 'MX', '0 .'), ('parked.example', 'TXT', 'v=spf1 -all'), ('_dmarc.parked.example', 'TXT', 'v=DMARC1; p=reject; np=reject')]" \
  "$(json "$WORK/out" '[(r["name"], r["type"], r["value"]) for r in d[0]["records"]]')"

# as text: a zone that a name server reads, and a table
check "text" 0 "$(ask ready.example parked.example full.example)"
check_contains "text: zone" '_dmarc.ready.example. 3600 IN TXT "v=DMARC1; p=quarantine; np=reject; rua=mailto:dmarc@ready.example"' "$(cat "$WORK/out")"
check_contains "text: table" "why      Ready for p=quarantine" "$(cat "$WORK/out")"
{
  echo ". 3600 IN SOA localhost. root.localhost. 1 3600 900 604800 300"
  echo ". 3600 IN NS localhost."
  grep -e ' 3600 IN ' -e '^;' "$WORK/out"
} >"$WORK/suggested"
check "text: all of it" 7 "$(grep -c '^[a-z_].* 3600 IN ' "$WORK/suggested")"
knot_stop
knot_start "$WORK/knot2" "$WORK/suggested"
check "text: published" 0 "$(mill check --resolver "127.0.0.1:$KNOT_PORT" --no-fetch --no-reports --format json parked.example)"
check "text: published: records" "('v=spf1 -all', True, 'v=DMARC1; p=reject; np=reject')" \
  "$(json "$WORK/out" '(d[0]["records"]["spf"]["text"], d[0]["records"]["null_mx"], d[0]["records"]["dmarc"]["text"])')"
check "text: published: the long one" 0 "$(ask --no-reports --format json full.example)"
check "text: published: the long one: policy" "v=DMARC1; p=reject; np=reject; rua=mailto:dmarc@full.example" "$(of _dmarc.full.example now)"
check_contains "text: published: the long one: whole" "i8.full.example" "$(json "$WORK/out" 'd[0]["records"][0]["now"]')"
knot_stop
knot_start "$WORK/knot3" "$WORK/zone"

# the way to a policy: where each domain is
setup() { mill setup --resolver "127.0.0.1:$KNOT_PORT" "$@"; }
step() { sed -n '1s/.*: step //p' "$WORK/out"; }
check "setup: nobody's" 0 "$(setup fresh.example)"
check "setup: nobody's: step" "1 of 7" "$(step)"
check_contains "setup: nobody's: what to do" "dmarcmill domain assign" "$(cat "$WORK/out")"
check "assign" 0 "$(mill domain assign acme fresh.example late.example parked.example)"
check "setup: fresh" 0 "$(setup --rua dmarc@reports.example fresh.example)"
check "setup: fresh: step" "2 of 7" "$(step)"
check_contains "setup: fresh: record" '_dmarc.fresh.example. 3600 IN TXT "v=DMARC1; p=none; np=reject; rua=mailto:dmarc@reports.example"' "$(cat "$WORK/out")"
check "setup: late" 0 "$(setup late.example)"
check "setup: late: step" "3 of 7" "$(step)"
check "setup: start" 0 "$(setup start.example)"
check "setup: start: step" "4 of 7" "$(step)"
check_contains "setup: start: steps" "[>] 4  Repair the senders" "$(cat "$WORK/out")"
check_contains "setup: start: record" "include:_spf.google.com ~all" "$(cat "$WORK/out")"
check "setup: ready" 0 "$(setup ready.example)"
check "setup: ready: step" "5 of 7" "$(step)"
check_contains "setup: ready: record" "p=quarantine; np=reject" "$(cat "$WORK/out")"
check "setup: full" 0 "$(setup full.example)"
check "setup: full: step" "6 of 7" "$(step)"
check "setup: parked" 0 "$(setup parked.example)"
check "setup: parked: step" "6 of 7" "$(step)"
check "setup: not there" 65 "$(setup nothing.example)"
check "setup: no domain" 64 "$(setup)"
knot_stop
knot_start "$WORK/knot4" "$WORK/suggested"
check "setup: parked and done" 0 "$(setup parked.example)"
check "setup: parked and done: step" "7 of 7" "$(step)"
check_contains "setup: parked and done: then" "check --changed" "$(cat "$WORK/out")"

check "usage" 64 "$(ask --rua 'a@b.example;p=none' fresh.example)"
check "usage: rua alone" 64 "$(mill check --rua a@b.example fresh.example)"

knot_stop
finish
