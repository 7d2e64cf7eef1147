#!/bin/sh
# Memory does not grow with a report: one of a million records is parsed and stored below 64 MiB, with exact totals.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 1 --duplicates 0 --broken 0 --partial 0 --giant 1000000

# peak COMMAND...: peak resident memory in MiB; the output goes to $WORK/out
peak() {
  python3 - "$WORK/out" "$@" <<'EOF'
import os, sys
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out, 1)])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss // 1024 if status == 0 else "failed with status %d" % status)
EOF
}

below() { case "$1" in *[!0-9]*) echo "$1" ;; *) [ "$1" -lt 64 ] && echo below || echo "$1 MiB" ;; esac; }

if [ "$BACKEND" = sqlite ]; then
  mib=$(peak "$MILL" parse --format none "$WORK/w/giant.xml.gz")
  echo "parse --format none: $mib MiB"
  check "parse: peak memory" below "$(below "$mib")"
  mib=$(peak "$MILL" parse --format json "$WORK/w/giant.xml.gz")
  echo "parse --format json: $mib MiB"
  check "parse to JSON: peak memory" below "$(below "$mib")"
fi

fresh_store t_big
"$MILL" --store "$STORE" domain assign acme acme.example
mib=$(peak "$MILL" --store "$STORE" ingest --format json "$WORK/w/giant.xml.gz")
echo "ingest: $mib MiB"
check "ingest: peak memory" below "$(below "$mib")"
check "ingest: one new report" "1 1000000" "$(json "$WORK/out" '"%d %d" % (d["reports"]["new"], d["records"])')"
"$MILL" --store "$STORE" report --client acme --week 2026-W10 --format json >"$WORK/report"
check "messages" "$(json "$WORK/w/truth.json" 'd["clients"]["giant"]["messages"]')" "$(json "$WORK/report" 'd["totals"]["messages"] ')"
check "verify" 0 "$(status_of "$MILL" --store "$STORE" store verify)"
finish
