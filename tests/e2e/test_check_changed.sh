#!/bin/sh
# Checks of clients' domains are kept, and what has changed between two of them is told.
BACKEND=${1:-sqlite}
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/knot.sh"

cat >"$WORK/zone.py" <<'EOF2'
import sys
from check_cases import DS, RSA2048, lines_of, sound
state, out = sys.argv[1], sys.stdout
out.write(". 3600 IN SOA localhost. root.localhost. 1 3600 900 604800 300\n. 3600 IN NS localhost.\n")
for d in ("firm.example", "quiet.example", "other.example", "nobodys.example"):
    records = sound(d)
    if d == "firm.example" and state == "after":
        records["_dmarc." + d] = [("TXT", f"v=DMARC1; p=none; rua=mailto:dmarc@{d}")]
        records["m1._domainkey." + d] = [("TXT", "v=DKIM1; k=rsa; p=")]
        del records["_smtp._tls." + d]
    if d == "other.example" and state == "after":
        records["_dmarc." + d] = [("TXT", f"v=DMARC1; p=reject; rua=mailto:\x1b[31mreports@{d}")]
    for name, list_of in records.items():
        out.writelines(lines_of(name, list_of))
EOF2
for state in before after; do PYTHONPATH="$HERE" python3 "$WORK/zone.py" $state >"$WORK/$state.zone"; done

fresh_store t_changed
mill() { status_of "$MILL" --store "$STORE" "$@"; }
at() { DMARCMILL_NOW=$1 && export DMARCMILL_NOW; }
ask() { mill check --resolver "127.0.0.1:$KNOT_PORT" --no-fetch --selector m1 --format json "$@"; }
changed() { mill check --changed --format json "$@"; }
of() { json "$WORK/out" "[(c['rank'], c['kind'], c['name']) for r in d if r['domain'] == '$1' for c in r['changes']]"; }

check "assign" 0 "$(mill domain assign acme firm.example quiet.example)"
check "assign" 0 "$(mill domain assign birch other.example)"
check "nothing was checked" 0 "$(changed --all-clients)"
check "nothing was checked: nothing is told" "[]" "$(json "$WORK/out" d)"

knot_start "$WORK/knot1" "$WORK/before.zone"
at 2026-11-20T06:00:00Z
check "first check" 0 "$(ask --all-clients nobodys.example)"
at 2026-11-21T06:00:00Z
check "second check" 0 "$(ask --all-clients)"
check "no change" 0 "$(changed --all-clients)"
check "no change: who" "['firm.example', 'quiet.example', 'other.example']" "$(json "$WORK/out" '[r["domain"] for r in d]')"
check "no change: seen last" "{'2026-11-21T06:00:00Z'}" "$(json "$WORK/out" '{r["checked_at"] for r in d}')"
check "no change: none" "[None, None, None]" "$(json "$WORK/out" '[r["changed_at"] for r in d]')"
knot_stop

# no answer is no change
at 2026-11-22T06:00:00Z
check "no server" 75 "$(ask --client birch)"
check "no server: nothing is kept" 0 "$(changed --client birch)"
check "no server: seen last" "2026-11-21T06:00:00Z" "$(json "$WORK/out" 'd[0]["checked_at"]')"

knot_start "$WORK/knot2" "$WORK/after.zone"
at 2026-11-23T06:00:00Z
check "checked again" 65 "$(ask --client acme)"
check "changes" 65 "$(changed --client acme)"
check "changes: who" "['firm.example', 'quiet.example']" "$(json "$WORK/out" '[r["domain"] for r in d]')"
check_contains "changes: weaker first" "[('weaker', 'dmarc', '_dmarc.firm.example'), ('weaker', 'dkim', 'm1._domainkey.firm.example'), ('changed', 'tls-rpt', '_smtp._tls.firm.example'), ('new', 'finding'" "$(of firm.example)"
check "changes: policy" "policy for mail From the domain: reject before, none now" "$(json "$WORK/out" 'd[0]["changes"][0]["message"]')"
check "changes: records" "('v=DMARC1; p=reject; rua=mailto:dmarc@firm.example', 'v=DMARC1; p=none; rua=mailto:dmarc@firm.example')" \
  "$(json "$WORK/out" '(d[0]["changes"][0]["before"], d[0]["changes"][0]["now"])')"
check "changes: key" "the key was revoked" "$(json "$WORK/out" 'd[0]["changes"][1]["message"]')"
check "changes: when" "('2026-11-21T06:00:00Z', '2026-11-23T06:00:00Z')" "$(json "$WORK/out" '(d[0]["last_seen_before"], d[0]["changed_at"])')"
check_contains "changes: findings" "('new', 'finding', 'DKIM-" "$(of firm.example)"
check "changes: elsewhere none" "[]" "$(of quiet.example)"

# the same again, in another way: still the last change; a key that nobody asked for is not gone
at 2026-11-24T06:00:00Z
check "another way" 65 "$(mill check --resolver "127.0.0.1:$KNOT_PORT" --no-fetch --no-reports --client acme)"
check "another way: status" 65 "$(changed firm.example)"
check "another way: the same change" "('2026-11-23T06:00:00Z', '2026-11-24T06:00:00Z')" "$(json "$WORK/out" '(d[0]["changed_at"], d[0]["checked_at"])')"
check "another way: quiet" 0 "$(changed quiet.example)"
check "another way: no change" None "$(json "$WORK/out" 'd[0]["changed_at"]')"

# what strangers wrote
check "odd text" 0 "$(ask --client birch)"
check "odd text: status" 0 "$(mill check --changed --client birch)"
check_contains "odd text: shown" 'rua=mailto:\027[31mreports@other.example' "$(cat "$WORK/out")"
check "odd text: no escape" 0 "$(grep -c "$(printf '\033')" "$WORK/out")"

# text: weaker domains first, whoever's they are
check "text" 65 "$(mill check --changed --all-clients)"
check "text: first" "firm.example (acme): changed between 2026-11-21T06:00:00Z and 2026-11-23T06:00:00Z, checked last at 2026-11-24T06:00:00Z" "$(head -n 1 "$WORK/out")"
check_contains "text: policy" "weaker   dmarc _dmarc.firm.example: policy for mail From the domain: reject before, none now" "$(cat "$WORK/out")"
check_contains "text: unchanged" "quiet.example (acme): no change so far" "$(cat "$WORK/out")"

# the report of the period in which it was seen, and of no other
report() { mill report --client acme "$@"; }
check "report" 0 "$(report --week 2026-W48)"
check_contains "report: a section" "What your domains publish: changes" "$(cat "$WORK/out")"
check_contains "report: weaker" "  - firm.example, 2026-11-23: weaker protection: dmarc _dmarc.firm.example:" "$(cat "$WORK/out")"
check_contains "report: a new fault" "a new fault, BIMI-03" "$(cat "$WORK/out")"
check "report: no hints" 0 "$(grep -c SPF-29 "$WORK/out")"
check "report: html" 0 "$(report --week 2026-W48 --format html)"
check_contains "report: html: weaker" "firm.example, 2026-11-23: weaker protection: dkim m1._domainkey.firm.example: the key was revoked." "$(cat "$WORK/out")"
check "report: json" 0 "$(report --week 2026-W48 --format json)"
check "report: json: first" "('firm.example', '2026-11-23T06:00:00Z', 'weaker', 'dmarc')" \
  "$(json "$WORK/out" 'tuple(d["published_changes"][0][k] for k in ("domain", "seen", "rank", "kind"))')"
check "report: json: whose" "{'firm.example'}" "$(json "$WORK/out" '{c["domain"] for c in d["published_changes"]}')"
check "report: another week" 0 "$(report --week 2026-W47 --format json)"
check "report: another week: none" "[]" "$(json "$WORK/out" 'd["published_changes"]')"
check "report: another week: no section" "0 0" "$(report --week 2026-W47) $(grep -c publish "$WORK/out")"

# a domain takes its states along
check "assign to another" 0 "$(mill domain assign cedar firm.example)"
check "assign to another: there" 65 "$(changed --client cedar)"
check "assign to another: changes" "2026-11-23T06:00:00Z" "$(json "$WORK/out" 'd[0]["changed_at"]')"
check "assign to another: not here" 0 "$(changed --client acme)"
check "remove a client" 0 "$(mill client remove cedar)"
check "no such client" 64 "$(changed --client nobody)"

# back again
at 2026-11-25T06:00:00Z
check "assign back" 0 "$(mill domain assign acme firm.example)"
knot_stop
knot_start "$WORK/knot3" "$WORK/before.zone"
check "repaired" 0 "$(ask --client acme)"
check "repaired: nothing is weaker" 0 "$(changed --client acme)"
check_contains "repaired: stronger" "('stronger', 'dmarc', '_dmarc.firm.example')" "$(of firm.example)"

knot_stop
finish
