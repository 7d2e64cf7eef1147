#!/bin/sh
# Every finding where it is planted, and nowhere else: real zones, served by a real name server.
. "$(dirname "$0")/lib.sh"
. "$HERE/knot.sh"

mkdir "$WORK/cases"
python3 "$HERE/check_cases.py" write "$WORK/cases"
knot_start "$WORK/knot" "$WORK/cases/zone" twoservers.example "$WORK/cases/twoservers.zone"

mill() { status_of env XDG_STATE_HOME="$WORK/state" "$MILL" "$@"; }

check "planted: exit status" 65 "$(mill -v check --resolver 127.0.0.1:$KNOT_PORT --selector m1 --no-fetch --format json --from "$WORK/cases/names")"
cp "$WORK/out" "$WORK/found.json"
cat "$WORK/err"
check "planted: findings" 0 "$(python3 "$HERE/check_cases.py" compare "$WORK/found.json" >"$WORK/compared"; echo $?)"
cat "$WORK/compared"

# progress is for terminals
check "no progress into a file" 0 "$(grep -c 'domains checked' "$WORK/err" || true)"
head -n 20 "$WORK/cases/names" >"$WORK/few"
script -qec "XDG_STATE_HOME='$WORK/state' '$MILL' check --resolver 127.0.0.1:$KNOT_PORT --no-fetch --from '$WORK/few'" /dev/null \
  >"$WORK/terminal" </dev/null || true
check_contains "progress on a terminal" "19 of 20 domains checked" "$(cat "$WORK/terminal")"

# selectors that mail services usually have
check "probing: status" 0 "$(mill check --resolver 127.0.0.1:$KNOT_PORT --probe --no-fetch --format json case0.example)"
check "probing: found" "['google']" "$(json "$WORK/out" '[k["selector"] for k in d[0]["records"]["dkim"]]')"
check "a key at two selectors" 0 "$(mill check --resolver 127.0.0.1:$KNOT_PORT --selector m1 --selector m2 --no-fetch --format json twins.example)"
check "a key at two selectors: found" "{'DKIM-20'}" "$(json "$WORK/out" '{f["id"] for f in d[0]["findings"]}')"

# two name servers of a zone, on the real port, of which one is behind
if [ "$(id -u)" = 0 ]; then
  python3 "$HERE/tiny_dns.py" 127.83.84.1 'v=spf1 ip4:192.0.2.1 -all' 127.83.84.2 'v=spf1 ip4:192.0.2.99 -all' &
  tiny_pid=$!
  AT_EXIT='kill $tiny_pid 2>/dev/null || true'
  sleep 1
  check "each server: status" 0 "$(mill check --resolver 127.0.0.1:$KNOT_PORT --each-server --selector m1 --no-fetch --format json twoservers.example)"
  check "each server: found" "{'DNS-08'}" "$(json "$WORK/out" '{f["id"] for f in d[0]["findings"]}')"
  check "each server: not asked" 0 "$(mill check --resolver 127.0.0.1:$KNOT_PORT --selector m1 --no-fetch --format json twoservers.example)"
  check "each server: nothing found" 0 "$(json "$WORK/out" 'len(d[0]["findings"])')"
fi

knot_stop
finish
