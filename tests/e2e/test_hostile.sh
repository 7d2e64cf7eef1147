#!/bin/sh
# Markup, formulas, terminal escapes, SQL, turned text and endless names in every field of a report come out harmless in every format.
BACKEND=${1:-sqlite}
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

# all of failure reports is kept: that is when it could do harm
printf 'failure_data = full\nclient "acme" { domains = {"acme.example"} }\n' >"$WORK/conf"
for kind in hostile tame; do
  python3 "$HERE/hostile_reports.py" "$WORK/$kind" $([ $kind = hostile ] || echo --tame)
  fresh_store t_$kind
  status=$(status_of "$MILL" --config "$WORK/conf" --store "$STORE" ingest --format json "$WORK/$kind")
  check "$kind: ingest" 0 "$status"
  cp "$WORK/out" "$WORK/$kind.json"
  check "$kind: all is stored" True "$(json "$WORK/$kind.json" 'd["reports"]["new"] == 420 and d["reports"]["rejected"] == 0')"
  for format in text csv html json; do
    check "$kind: $format" 0 "$(status_of "$MILL" --config "$WORK/conf" --store "$STORE" report --all-clients --week 2026-W47 --format $format --out "$WORK/$kind.d")"
  done
done
check "kinds of TLS failures: so many, and no session is lost" "[32, 214, 214]" "$(json "$WORK/hostile.d/acme/2026-W47.json" \
  '[max(len(t["failures"]) for t in d["tls"]), sum(f["sessions"] for t in d["tls"] for f in t["failures"]), sum(t["failed"] for t in d["tls"])]')"
check "harmless" "" "$(python3 "$HERE/hostile_check.py" "$WORK/hostile.d" "$WORK/tame.d" 2>&1 | head -n 20)"
# nor does a name without end make a page wider than a phone, or a browser complain
check "in a browser" "" "$(python3 "$HERE/browser.py" "$WORK/hostile.d/acme/2026-W47.html" "$WORK/hostile.d/unassigned/2026-W47.html" 2>&1 | head -n 10)"
check "the store is whole" 0 "$(status_of "$MILL" --store "sqlite:$WORK/t_hostile.db" store verify)"
finish
