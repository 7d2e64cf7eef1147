#!/bin/sh
# Reports by mail, when the program is killed: at chosen steps of a delivery, with a server that waits there; at many points of runs
# through a real Exim into a real Dovecot, which shows a mail once that comes twice; and two runs at the same time.
BACKEND=$1
KILLS=${2:-24}
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/dovecot.sh"
. "$HERE/exim.sh"

export DMARCMILL_NOW=2026-03-10T08:00:00Z
fresh_store kill
mkdir "$WORK/taken"
mill() { timeout 60 "$MILL" --config "$WORK/conf" "$@"; }

# configure PORT RECIPIENTS
configure() {
  cat >"$WORK/conf" <<EOF
store = "$STORE"
smtp { host = "127.0.0.1" port = $1 tls = no from = "reports@msp.example" }
client "acme" { domains = {"acme.example"} recipients = {$2} }
EOF
}
fake_start() { # MODE
  rm -f "$WORK/port" "$WORK/taken/go"
  python3 "$HERE/fake_smtp.py" "$WORK/port" "$1" "$WORK/taken" >"$WORK/commands" 2>>"$WORK/fake-errors" &
  fake=$!
  while kill -0 $fake && ! [ -s "$WORK/port" ]; do sleep 0.02; done
  configure "$(cat "$WORK/port")" '"one@acme.example"'
}
fake_stop() {
  kill $fake 2>/dev/null || true
  wait $fake 2>/dev/null || true
}
taken() { find "$WORK/taken" -name '*.eml' | wc -l; }
ids() { cat "$WORK/taken"/*.eml | grep -ci '^Message-Id:' && cat "$WORK/taken"/*.eml | grep -i '^Message-Id:' | sort -u | wc -l; }
rows() { mill query deliveries --format json >"$WORK/rows" && json "$WORK/rows" "$1"; }
# wait_until WHAT: a command that becomes true
wait_until() {
  _tries=0
  until "$@" || [ $_tries = 300 ]; do
    sleep 0.05
    _tries=$((_tries + 1))
  done
}
asked() { grep -q "^$1" "$WORK/commands"; }
has_taken() { [ "$(taken)" -ge "$1" ]; }
# start WEEK: a run in the background
start() {
  "$MILL" --config "$WORK/conf" report --send --week "$1" >"$WORK/out" 2>"$WORK/err" &
  run=$!
}
kill_run() {
  kill -9 "$run" 2>/dev/null || true
  wait "$run" 2>/dev/null || true
}

# the run after a kill; who is only just dying may hold the lease for a moment
resume() {
  _again=0
  _status=$(status_of mill report --send --week "$1")
  while [ "$_status" = 75 ] && grep -q ': leased: ' "$WORK/err" && [ $_again -lt 20 ]; do
    sleep 0.2
    _again=$((_again + 1))
    _status=$(status_of mill report --send --week "$1")
  done
  echo "$_status"
}

# ---- killed before the server has the mail: it comes once ----
fake_start hang-rcpt
start 2026-W01
wait_until asked RCPT
kill_run
check "killed before the mail" "['intended']" "$(rows '[r["state"] for r in d]')"
fake_stop
fake_start none
check "killed before the mail: again" 0 "$(resume 2026-W01)"
check "killed before the mail: one mail" 1 "$(taken)"
check "killed before the mail: two attempts" "[('sent', 2)]" "$(rows '[(r["state"], r["attempts"]) for r in d]')"
fake_stop

# ---- killed between the mail and the answer: it comes again, and can be told to be the same ----
rm -f "$WORK/taken"/*.eml
fake_start hang-end
start 2026-W02
wait_until has_taken 1
kill_run
check "killed before the answer" "['handed']" "$(rows '[r["state"] for r in d if r["period"] == "2026-W02"]')"
fake_stop
fake_start none
check "killed before the answer: again" 0 "$(resume 2026-W02)"
check "killed before the answer: two mails, one Message-ID" "2
1" "$(ids)"
check "killed before the answer: sent" "[('sent', 2)]" "$(rows '[(r["state"], r["attempts"]) for r in d if r["period"] == "2026-W02"]')"
check "and not a third time" 0 "$(status_of mill report --send --week 2026-W02)"
check "and not a third time: mails" 2 "$(taken)"
fake_stop

# ---- two at the same time: the second one leaves it to the first ----
rm -f "$WORK/taken"/*.eml
fake_start hang-end
start 2026-W03
wait_until has_taken 1
cp "$WORK/conf" "$WORK/conf2"
check "a second run" 75 "$(_s=0; "$MILL" --config "$WORK/conf2" report --send --week 2026-W03 >"$WORK/out2" 2>"$WORK/err2" || _s=$?; echo $_s)"
check_contains "a second run: why" ": leased: " "$(cat "$WORK/err2")"
touch "$WORK/taken/go"
wait "$run"
check "the first run" "2026-W03: 1 sent, 0 sent before, 0 refused, 0 to be tried again" "$(cat "$WORK/out")"
check "one mail" 1 "$(taken)"
fake_stop

# ---- at KILLS points of runs, through real servers ----
EXIM_USERS="u1 u2 u3 u4 u5"
exim_dovecot "$WORK/dovecot"
exim_start "$WORK/exim"
configure "$EXIM_PORT" '"u1@acme.example", "u2@acme.example", "u3@acme.example", "u4@acme.example", "u5@acme.example"'
check "a run without a kill" 0 "$(status_of mill report --send --week 2025-W01)"
began=$(date +%s%N)
check "another one" 0 "$(status_of mill report --send --week 2025-W02)"
whole=$((($(date +%s%N) - began) / 1000000))
killed=0
unsure=0
i=0
while [ $i -lt "$KILLS" ]; do
  i=$((i + 1))
  week=2025-W$(printf '%02d' $((i + 2)))
  after=$(awk -v t="$whole" -v i="$i" -v n="$KILLS" 'BEGIN { printf "%.6f", t * i / (n + 1) / 1000 }')
  timeout -s KILL "$after" "$MILL" --config "$WORK/conf" report --send --week "$week" >/dev/null 2>&1 || {
    [ $? != 137 ] || killed=$((killed + 1))
  }
  unsure=$((unsure + $(rows "sum(r['state'] == 'handed' for r in d if r['period'] == '$week')")))
  check "after kill $i" 0 "$(resume "$week")"
done
check "all are sent" "{'sent'}" "$(rows '{r["state"] for r in d}')"
wait_until sh -c "[ \$(find $WORK/exim/spool/input -type f | wc -l) = 0 ]"
for user in $EXIM_USERS; do
  check "$user has each report once" "$((KILLS + 2)) $((KILLS + 2))" "$(python3 "$HERE/read_mails.py" "localhost:$DOVECOT_IMAPS_PORT" "$DOVECOT_CA" $user \
    "'%d %d' % (len(mails), len({m['Message-ID'] for m in mails}))")"
done
again=$(($(grep -c ' <= ' "$WORK/exim/log/mainlog") - 5 * (KILLS + 2)))
echo "$killed of $KILLS runs were killed on their way; $unsure mails were without an answer then, $again of them came twice and were shown once"
check "what came twice was without an answer" yes "$([ $again -ge 0 ] && [ $again -le $unsure ] && echo yes || echo "$again of $unsure")"
check "most of the kills hit" yes "$([ $killed -ge $((KILLS / 2)) ] && echo yes || echo "$killed")"
finish
