#!/bin/sh
# Exactly once, proved by killing it: kill -9 at KILLS points spread over a poll, run again, and the totals are exact.
BACKEND=$1
KILLS=${2:-50}
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 200 --duplicates 20
mails=$(json "$WORK/w/truth.json" 'd["mails"]')

prepare() { # NAME: a fresh mailbox and store
  fresh_store "$1"
  rm -rf "$WORK/box" "$WORK/done"
  mkdir -p "$WORK/done/new" "$WORK/done/cur" "$WORK/done/tmp"
  cp -R "$WORK/w/maildir" "$WORK/box"
  cat >"$WORK/conf" <<EOF
store = "$STORE"
batch_messages = 10
mailbox "main" {
  type = maildir
  path = "$WORK/box"
  archive = "$WORK/done"
}
EOF
  "$MILL" --config "$WORK/conf" domain assign --from "$WORK/w/domains.tsv"
}

in_box() { find "$WORK/box/new" "$WORK/box/cur" -type f | wc -l; }
in_archive() { find "$WORK/done/new" "$WORK/done/cur" -type f | wc -l; }
# A mail may have both names for a moment: it is linked into the archive before it leaves the mailbox.
anywhere() { find "$WORK/box" "$WORK/done" -type f -printf '%f\n' | sed 's/:.*//' | sort -u | wc -l; }

prepare whole
start=$(date +%s%N)
"$MILL" --config "$WORK/conf" poll --once >/dev/null 2>&1 || true
took=$((($(date +%s%N) - start) / 1000))
check "undisturbed" "0 differences" "$(python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json")"

killed=0
i=0
while [ $i -lt "$KILLS" ]; do
  i=$((i + 1))
  prepare "k$i"
  after=$(awk -v t="$took" -v i="$i" -v n="$KILLS" 'BEGIN { printf "%.6f", t * i / (n + 1) / 1000000 }')
  timeout -s KILL "$after" "$MILL" --config "$WORK/conf" poll --once >/dev/null 2>&1 || {
    [ $? != 137 ] || killed=$((killed + 1))
  }
  check "kill $i after $after s: no mail lost" "$mails" "$(anywhere)"
  "$MILL" --config "$WORK/conf" poll --once >/dev/null 2>&1 || true
  check "kill $i after $after s: totals" "0 differences" "$(python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json")"
  check "kill $i: all moved" "0 $mails" "$(in_box) $(in_archive)"
  check "kill $i: the store agrees with itself" 0 "$(status_of "$MILL" --config "$WORK/conf" store verify)"
done
echo "$killed of $KILLS runs were killed before they ended"
# a machine that is faster the second time may end some early, but most must have been cut short for this test to mean anything
check "most runs were really killed" yes "$([ $killed -ge $((KILLS * 7 / 10)) ] && echo yes || echo "only $killed")"
finish
