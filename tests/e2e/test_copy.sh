#!/bin/sh
# One store into another, of the other kind and back: all of it, also when killed again and again, also when the original has changed since.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
[ "$BACKEND" = postgresql ] || postgres_start "$WORK/pg"

cat >"$WORK/dmarcmill.conf" <<'EOF'
failure_data = headers
client "acme"  { domains = {"acme.example"} }
client "birch" { domains = {"birch.example"} }
EOF
mill() { "$MILL" --config "$WORK/dmarcmill.conf" "$@"; }

# url KIND NAME: sets URL to a store that is not there yet, or empty
url() {
  if [ "$1" = sqlite ]; then URL=sqlite:$WORK/$2.db; else URL=$(postgres_createdb "$2"); fi
}
other() { [ "$BACKEND" = sqlite ] && echo postgresql || echo sqlite; }

# all_of URL: everything that can be asked
all_of() {
  mill --store "$1" export --all
  mill --store "$1" rejects list --format json
  mill --store "$1" query reports --format json
  mill --store "$1" query failures --format json
  mill --store "$1" query tls --format json
  mill --store "$1" store verify || true
}
same() {
  all_of "$1" >"$WORK/all.1"
  all_of "$2" >"$WORK/all.2"
  cmp -s "$WORK/all.1" "$WORK/all.2" && echo same || { diff "$WORK/all.1" "$WORK/all.2" | head -5; }
}

python3 "$HERE/odd_reports.py" "$WORK/odd"
cp -R "$DATA/demo/maildir" "$WORK/odd/maildir"
cp -R "$HERE/../fuzz/corpus/message" "$HERE/../fuzz/corpus/tlsrpt" "$WORK/odd/"
python3 "$HERE/make_reports.py" "$WORK/many" --reports 300 --records 20 >/dev/null

url "$BACKEND" first
FIRST=$URL
check "the original" 65 "$(status_of mill --store "$FIRST" ingest "$WORK/odd" "$WORK/many/files")"

# ---- to the other kind, and from there back ----
url "$(other)" second
SECOND=$URL
check "copied" 0 "$(status_of mill store copy "$FIRST" "$SECOND")"
check_contains "so many records" "record  " "$(cat "$WORK/out")"
check_contains "and failure reports" "failure_report  " "$(cat "$WORK/out")"
check_contains "and TLS failures" "tls_failure  " "$(cat "$WORK/out")"
check_contains "and raw bytes" "payload_chunk  " "$(cat "$WORK/out")"
check_contains "and rejects" "reject  " "$(cat "$WORK/out")"
check "alike" same "$(same "$FIRST" "$SECOND")"
check "again: nothing to do" 0 "$(status_of mill store copy "$FIRST" "$SECOND")"
check_contains "again: nothing to do" ": 0 added, 0 removed" "$(tail -n 1 "$WORK/out")"

url "$BACKEND" third
THIRD=$URL
check "back" 0 "$(status_of mill store copy "$SECOND" "$THIRD")"
check "alike" same "$(same "$FIRST" "$THIRD")"

# what is in it is known there, the hashed names of people too
check "the same mails again" 65 "$(status_of mill --store "$THIRD" ingest "$WORK/odd" "$WORK/many/files")"
check_contains "the same mails again" " 0 stored" "$(grep -m 1 stored "$WORK/out" "$WORK/err")"

# ---- killed ----
url "$(other)" killed
KILLED=$URL
kills=0
for hundredths in 02 03 04 05 07 10 15 20 25 30 35 40; do
  mill store copy "$FIRST" "$KILLED" >/dev/null 2>&1 &
  run=$!
  sleep "0.$hundredths"
  if kill -s KILL $run 2>/dev/null; then kills=$((kills + 1)); fi
  wait $run 2>/dev/null || true
done
check "killed" "yes" "$([ $kills -ge 3 ] && echo yes || echo "only $kills times")"
check "gone on with" 0 "$(status_of mill store copy "$FIRST" "$KILLED")"
check "alike" same "$(same "$FIRST" "$KILLED")"

# ---- the original has changed: new reports, some moved to another client, some gone ----
cat >"$WORK/dmarcmill.conf" <<'EOF'
failure_data = headers
keep_tls = 30
client "acme"  { domains = {"acme.example"} }
client "cedar" { domains = {"birch.example"} }
EOF
python3 "$HERE/make_reports.py" "$WORK/more" --reports 50 --records 5 --seed 77 >/dev/null
check "more comes in" 0 "$(status_of mill --store "$FIRST" ingest "$WORK/more/files")"
check "some goes" 0 "$(status_of mill --store "$FIRST" store prune)"
check "brought over" 0 "$(status_of mill store copy "$FIRST" "$SECOND")"
check "only that" "yes" "$(awk 'END { print ($7 > 50 && $7 < 3000 && $9 > 0) ? "yes" : $0 }' "$WORK/out")"
check "alike" same "$(same "$FIRST" "$SECOND")"

# ---- what it is not done with ----
python3 "$HERE/make_reports.py" "$WORK/own" --reports 3 --records 2 --seed 78 >/dev/null
(status_of mill --store "$SECOND" ingest "$WORK/own/files") >/dev/null
check "a copy that is used" 78 "$(status_of mill store copy "$FIRST" "$SECOND")"
check_contains "a copy that is used" "a store of its own" "$(cat "$WORK/err")"
check "another's copy" 78 "$(status_of mill store copy "$THIRD" "$KILLED")"
check_contains "another's copy" "it is a copy of" "$(cat "$WORK/err")"
check "not empty" 78 "$(status_of mill store copy "$SECOND" "$FIRST")"
check_contains "not empty" "holds something" "$(cat "$WORK/err")"
check "itself" 64 "$(status_of mill store copy "$FIRST" "$FIRST")"
check "one store" 64 "$(status_of mill store copy "$FIRST")"
check "no store" 78 "$(status_of mill store copy "$FIRST" ftp://x)"
finish
