#!/bin/sh
# Every finding where it is planted, and nowhere else: real zones, served by a real name server.
. "$(dirname "$0")/lib.sh"
. "$HERE/knot.sh"

mkdir "$WORK/cases"
python3 "$HERE/check_cases.py" write "$WORK/cases"
knot_start "$WORK/knot" "$WORK/cases/zone"

mill() { status_of env XDG_STATE_HOME="$WORK/state" "$MILL" "$@"; }

check "planted: exit status" 65 "$(mill -v check --resolver 127.0.0.1:$KNOT_PORT --selector m1 --no-fetch --format json --from "$WORK/cases/names")"
cp "$WORK/out" "$WORK/found.json"
cat "$WORK/err"
check "planted: findings" 0 "$(python3 "$HERE/check_cases.py" compare "$WORK/found.json" >"$WORK/compared"; echo $?)"
cat "$WORK/compared"

knot_stop
finish
