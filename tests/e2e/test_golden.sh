#!/bin/sh
# The reports of three invented clients, word for word, the same from both stores. After a change that is meant: GOLDEN=write sh tests/e2e/test_golden.sh, and read
# the difference.
BACKEND=${1:-sqlite}
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

python3 "$HERE/golden_reports.py" "$WORK/w"
fresh_store t_golden
# an address would be replaced by a hash, of a key that is another each time
echo 'failure_data = full' >"$WORK/conf"
"$MILL" --config "$WORK/conf" --store "$STORE" domain assign --from "$WORK/w/domains.tsv" >/dev/null
check "ingest" 0 "$(status_of "$MILL" --config "$WORK/conf" --store "$STORE" ingest "$WORK/w/files")"
for format in text csv json html; do
  check "$format" 0 "$(status_of "$MILL" --config "$WORK/conf" --store "$STORE" report --all-clients --week 2026-W47 --format $format --out "$WORK/out.d")"
done
for client in harbor-legal vector-motors north-bakery; do
  for kind in txt csv json html; do
    got=$WORK/out.d/$client/2026-W47.$kind
    golden=$DATA/golden/$client.$kind
    if [ "${GOLDEN:-}" = write ]; then
      mkdir -p "$DATA/golden"
      cp "$got" "$golden"
    fi
    check "$client.$kind" "" "$(diff -u "$golden" "$got" 2>&1 | head -n 40)"
  done
done
"$MILL" --config "$WORK/conf" --store "$STORE" policy simulate --client north-bakery --p quarantine --from 2026-10-26 --to 2026-11-22 >"$WORK/sim"
[ "${GOLDEN:-}" != write ] || cp "$WORK/sim" "$DATA/golden/simulation.txt"
check "simulation.txt" "" "$(diff -u "$DATA/golden/simulation.txt" "$WORK/sim" 2>&1 | head -n 40)"
# days, in the end the same numbers as the reports have
"$MILL" --config "$WORK/conf" --store "$STORE" query timeline --from 2026-11-16 --to 2026-11-22 --format json >"$WORK/days"
check "timeline" "[7, 12138, 11732]" "$(json "$WORK/days" '[len(d), sum(r["messages"] for r in d), sum(r["dmarc_pass"] for r in d)]')"
check "timeline: only failing days of one client" "2026-11-17" \
  "$("$MILL" --config "$WORK/conf" --store "$STORE" query timeline --client vector-motors --failing --from 2026-11-17 --to 2026-11-22 --limit 1 --format csv | sed -n '2s/,.*//p')"
check "timeline: no client fails nothing" 1 \
  "$("$MILL" --config "$WORK/conf" --store "$STORE" query timeline --client harbor-legal --failing --format csv | wc -l)"
finish
