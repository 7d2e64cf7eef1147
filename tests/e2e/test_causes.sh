#!/bin/sh
# Four weeks of mail of which is known what it was: the causes say the same, without DNS, and the same each time.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

python3 "$HERE/make_traffic.py" "$WORK/w"
fresh_store t_causes
"$MILL" --store "$STORE" domain assign --from "$WORK/w/domains.tsv" >/dev/null
check "ingest" 0 "$(status_of "$MILL" --store "$STORE" ingest "$WORK/w/files")"
s=0
python3 "$HERE/confusion.py" "$MILL" "$STORE" "$WORK/w/truth.json" || s=$?
check "every intent has its class" 0 $s

report() { "$MILL" --store "$STORE" report --client client0 --week 2026-W47 --format "$1"; }
for format in text csv json; do
  check "$format: the same bytes again" "$(report $format | sha256sum)" "$(report $format | sha256sum)"
done
report text >"$WORK/text"
check "80 columns" 0 "$(LC_ALL=C.UTF-8 awk 'length($0) > 80' "$WORK/text" | wc -l)"
# a store filled in another order gives the same report
fresh_store t_causes_again
"$MILL" --store "$STORE" domain assign --from "$WORK/w/domains.tsv" >/dev/null
find "$WORK/w/files" -type f | sort -r | xargs "$MILL" --store "$STORE" ingest >/dev/null
check "the same from another order" "$(sha256sum <"$WORK/text")" "$(report text | sha256sum)"
if [ "$BACKEND" = postgresql ]; then # and so does the other kind of store
  STORE=sqlite:$WORK/other.db
  "$MILL" --store "$STORE" domain assign --from "$WORK/w/domains.tsv" >/dev/null
  "$MILL" --store "$STORE" ingest "$WORK/w/files" >/dev/null
  check "the same from SQLite" "$(sha256sum <"$WORK/text")" "$(report text | sha256sum)"
fi

query() { "$MILL" --store "$STORE" query sources --client client0 --format json "$@" >"$WORK/q"; }
query --cause F14
check "query --cause: only that" "{'F14'}" "$(json "$WORK/q" '{r["cause"] for r in d}')"
check "query --cause: with its class" "{'FIX'}" "$(json "$WORK/q" '{r["class"] for r in d}')"
check "query --cause: only its messages" 0 "$(json "$WORK/q" 'sum(r["dmarc_pass"] for r in d)')"
check "query: no such cause" 64 "$(status_of "$MILL" --store "$STORE" query sources --cause fish)"

# the other filters: what they leave out, and that the numbers are of what they leave in
query
all=$(json "$WORK/q" 'sum(r["messages"] for r in d)')
name=$(json "$WORK/q" '[r["identity"] for r in d if "," not in r["identity"]][0]')
alone=$(json "$WORK/q" "sum(r['messages'] for r in d if r['identity'] == '$name')")
query --identity "$name"
check "query --identity: only that, and all of it" "{'$name'} $alone" "$(json "$WORK/q" "'%s %d' % ({r['identity'] for r in d}, sum(r['messages'] for r in d))")"
query --identity nobody.example
check "query --identity: nobody" 0 "$(json "$WORK/q" 'len(d)')"
"$MILL" --store "$STORE" query reporters --client client0 --format json >"$WORK/reporters"
reporter=$(json "$WORK/reporters" 'd[0]["reporter"]')
seen=$(json "$WORK/reporters" 'd[0]["messages"]')
query --reporter "$reporter"
check "query --reporter: what he saw" "$seen True" "$(json "$WORK/q" "'%d %s' % (sum(r['messages'] for r in d), $seen < $all)")"
"$MILL" --store "$STORE" query reports --client client0 --reporter "$reporter" --format json >"$WORK/q"
check "query reports --reporter" "{'$reporter'} $(json "$WORK/reporters" 'd[0]["reports"]')" "$(json "$WORK/q" "'%s %d' % ({r['reporter'] for r in d}, len(d))")"
"$MILL" --store "$STORE" query reporters --reporter "$reporter" --format json >"$WORK/q"
check "query reporters --reporter" "['$reporter']" "$(json "$WORK/q" '[r["reporter"] for r in d]')"
query --selector SELECTOR1
check "query --selector: some of all" True "$(json "$WORK/q" "0 < sum(r['messages'] for r in d) < $all")"
query --selector fish
check "query --selector: none of it" 0 "$(json "$WORK/q" 'len(d)')"
for filter in "domains --identity x" "timeline --reporter x" "tls --selector x" "reports --selector x"; do
  # shellcheck disable=SC2086
  check "query $filter makes no sense" 64 "$(status_of "$MILL" --store "$STORE" query $filter)"
done

sim() { "$MILL" --store "$STORE" policy simulate --client client0 --from 2026-10-26 --to 2026-11-22 --format json "$@" >"$WORK/s"; }
sim --p reject
check "simulate: everything that fails is rejected" 0 "$(json "$WORK/s" 'sum(d["quarantined"].values())')"
check "simulate: abuse above all" True "$(json "$WORK/s" 'd["rejected"]["spoofed"] > 0 and d["rejected"]["forwarded"] > 0')"
check "simulate: the findings add up" True \
  "$(json "$WORK/s" 'sum(f["messages"] for f in d["findings"]) == sum(d["rejected"].values())')"
check "simulate: not ready" False "$(json "$WORK/s" 'd["readiness"]["ready"]')"
sim --p none --sp none
check "simulate: p=none hits nothing" 0 "$(json "$WORK/s" 'len(d["findings"])')"
sim --p reject --without dkim
check "simulate: without DKIM forwarding dies" True "$(json "$WORK/s" 'd["rejected"]["forwarded"] == d["by_intent"]["forwarded"]')"
check "simulate: whose mail?" 64 "$(status_of "$MILL" --store "$STORE" policy simulate)"
check "simulate: odd policy" 64 "$(status_of "$MILL" --store "$STORE" policy simulate --client client0 --p maybe)"
"$MILL" --store "$STORE" policy simulate --domain acme0.example --from 2026-10-26 --to 2026-11-22 --p reject >"$WORK/s"
check_contains "simulate: a verdict in words" "p=reject: " "$(cat "$WORK/s")"

# what the operator knows wins
source=$("$MILL" --store "$STORE" query sources --client client0 --cause F24 --limit 1 --format json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["source_ip"])')
printf 'store = "%s"\nlabel "copier" { network = {"%s"} is = mine }\n' "$STORE" "$source" >"$WORK/conf"
"$MILL" --config "$WORK/conf" query sources --source "$source" --format json >"$WORK/q"
check "label mine" "FIX copier" "$(json "$WORK/q" 'd[0]["class"] + " " + d[0]["identity"]')"
finish
