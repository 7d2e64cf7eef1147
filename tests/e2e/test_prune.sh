#!/bin/sh
# What is older than it is to be kept goes, by client and kind; what is left agrees with itself, also when pruning is killed, and beside
# somebody who stores reports.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

python3 "$HERE/make_reports.py" "$WORK/old" --reports 300 --records 20 --duplicates 0 --broken 1 --partial 1
python3 "$HERE/make_reports.py" "$WORK/more" --reports 120 --records 20 --seed 7 --duplicates 0 --broken 0 --partial 0
config() { # SETTINGS [CLIENT-SETTINGS]
  printf 'store = "%s"\n%s\nclient "acme" { domains = {"acme.example", "acme-shop.example"} %s }\n' "$STORE" "$1" "${2-}" >"$WORK/conf"
}
mill() { timeout 120 "$MILL" --config "$WORK/conf" "$@"; }
prune() { DMARCMILL_NOW=${NOW:-2026-06-01T12:00:00Z} mill store prune "$@"; }
# A cluster has no snapshot of all its nodes: beside a writer, half of what he commits may be seen there.
verified() {
  for _ in 1 2 3; do
    _found=$(mill store verify 2>"$WORK/faults" | sed 's/.*checked, //')
    [ "$BACKEND" = citus ] && [ "$_found" != "0 faults" ] || break
  done
  cat "$WORK/faults" >&2
  echo "$_found"
}
removed() { sed 's/^\(would remove\|removed\): \([0-9]*\) aggregate reports with \([0-9]*\) records.*/\2 \3/'; }
counted() { mill query reports --format json >"$WORK/q" && json "$WORK/q" 'len([r for r in d if r["counted"] == "yes"])'; }

fresh_store prune
config ""
mill ingest "$WORK/old/maildir" >/dev/null 2>&1 || true
all=$(counted)
acme=$(mill query reports --client acme --format json >"$WORK/q" && json "$WORK/q" 'len([r for r in d if r["counted"] == "yes"])')
check "without settings nothing goes" "0 0 $all" "$(prune | removed) $(counted)"
config "keep_aggregate = 1000"
check "nor what is young enough" "0 0 $all" "$(prune | removed) $(counted)"

check "acme has some of them" True "$(python3 -c "print(0 < $acme < $all)")"

# a client's own setting, and a dry run
config "" "keep_aggregate = 30"
check "a dry run counts" "$acme" "$(prune --dry-run | removed | cut -d' ' -f1)"
check "and touches nothing" "$all" "$(counted)"
check "another client has nothing to lose" "0 0" "$(prune --client unassigned | removed)"
check "its reports go" "$acme" "$(prune | removed | cut -d' ' -f1)"
check "those of others stay" $((all - acme)) "$(counted)"
check "the store agrees with itself" "0 faults" "$(verified)"
check "a second time there is nothing left" "0 0" "$(prune | removed)"
check "the same mails are not read again" "0" "$(mill ingest "$WORK/old/maildir" 2>/dev/null | sed -n 's/^\([0-9]*\) new report.*/\1/p')"
check "what is to be decided stays" True "$(mill rejects list --format json >"$WORK/q" && json "$WORK/q" '{"partial"} < {r["class"] for r in d}')"

# raw payloads: the numbers stay, the bytes go
config "keep_raw = 10"
check_contains "raw payloads go" "$((all - acme)) raw payloads" "$(prune)"
check "the numbers stay" $((all - acme)) "$(counted)"
check "the store agrees with itself" "0 faults" "$(verified)"
reject=$(mill rejects list --format json >"$WORK/q" && json "$WORK/q" '[r["id"] for r in d if r["class"] != "partial"][0]')
check "the bytes of a reject stay" 0 "$(status_of mill rejects show "$reject" --raw)"

# killed again and again, while somebody else stores reports
fresh_store killed
config "keep_aggregate = 30"
mill ingest "$WORK/old/maildir" >/dev/null 2>&1 || true
DMARCMILL_NOW=2026-06-01T12:00:00Z mill ingest "$WORK/more/files" >/dev/null 2>&1 &
ingest=$!
i=0
killed=0
while [ $i -lt 6 ]; do
  i=$((i + 1))
  DMARCMILL_NOW=2026-06-01T12:00:00Z timeout -s KILL "0.0$((i + 2))" "$MILL" --config "$WORK/conf" store prune >/dev/null 2>&1 || killed=$((killed + 1))
  check "killed: the store agrees with itself" "0 faults" "$(verified)"
done
wait $ingest
check "some were killed" yes "$([ $killed -ge 2 ] && echo yes || echo "only $killed")"
prune >/dev/null
check "in the end all that is old has gone" 0 "$(counted)"
check "and the store agrees with itself" "0 faults" "$(verified)"
check "usage" 64 "$(status_of mill store verify --dry-run)"
finish
