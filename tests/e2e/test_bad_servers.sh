#!/bin/sh
# A server that ends the connection at any moment, before or after it does what it was told: whatever happens, the next poll brings
# everything to the same end. And servers that wait badly.
. "$(dirname "$0")/lib.sh"

fake() {
  rm -f "$WORK/port"
  python3 "$HERE/fake_imap.py" "$WORK/port" "$1" >"$WORK/commands" 2>"$WORK/fake.err" &
  fake=$!
  while kill -0 $fake && ! [ -s "$WORK/port" ]; do sleep 0.02; done
  rm -f "$WORK"/store.db*
  cat >"$WORK/conf" <<EOF
store = "sqlite:$WORK/store.db"
mailbox "fake" { type = imap host = "127.0.0.1" port = $(cat "$WORK/port") tls = no user = u password_env = FAKE_PASSWORD
  archive = Done timeout = 5 interval = 1 }
EOF
}
fake_stop() {
  kill $fake 2>/dev/null || true
  wait $fake 2>/dev/null || true
}
export FAKE_PASSWORD=secret
poll() { status_of timeout 60 "$MILL" --config "$WORK/conf" poll --format json; }
happened() { grep "^$1 " "$WORK/commands" | sort | xargs; }
waiting() { "$MILL" --config "$WORK/conf" status --format json >"$WORK/state"; json "$WORK/state" 'd[0]["waiting"]'; }

for extensions in move uidplus; do
  for how in bye-at cut-at; do
    n=1
    reached=yes
    while [ $n -le 14 ] && [ $reached = yes ]; do
      fake "$how-$n+$extensions"
      first=$(poll)
      cp "$WORK/err" "$WORK/first"
      second=$(poll)
      case "$first" in
      0) reached=$(grep -q '[0-9] LOGOUT' "$WORK/commands" && [ "$(grep -c LOGIN "$WORK/commands")" = 2 ] && echo no || echo yes) ;;
      69 | 75) check_contains "$extensions, $how-$n: says so" "dmarcmill: mailbox fake: " "$(cat "$WORK/first")" ;;
      *) check "$extensions, $how-$n: exit status" "0, 69 or 75" "$first" ;;
      esac
      check "$extensions, $how-$n: the next poll" 0 "$second"
      check "$extensions, $how-$n: nothing is left" "gone 7 gone 9" "$(happened gone)"
      if [ $extensions = move ]; then
        check "$extensions, $how-$n: each is archived once" "archived 7 archived 9" "$(happened archived)"
      else
        # between COPY and the mark nobody can know: rather twice than never
        check_contains "$extensions, $how-$n: each is archived" "archived 7" "$(happened archived)"
        check_contains "$extensions, $how-$n: each is archived" "archived 9" "$(happened archived)"
      fi
      check "$extensions, $how-$n: the server itself is well" "" "$(cat "$WORK/fake.err")"
      fake_stop
      n=$((n + 1))
    done
    check "$extensions, $how: nothing waits" 0 "$(waiting)"
    check "$extensions, $how: every step was reached" yes "$([ $n -gt 8 ] && echo yes || echo $n)"
  done
done

# mails that go while they are fetched
fake expunged-between+move
check "expunged in between" 0 "$(poll)"
check "expunged in between: the other one came" 1 "$(json "$WORK/out" 'd["messages"]')"
fake_stop

# waiting
said() { grep -q "$1" "$WORK/err"; }
watch() { # MODE WORDS
  fake "$1"
  "$MILL" --config "$WORK/conf" poll --watch >"$WORK/out" 2>"$WORK/err" &
  poll=$!
  tries=0
  until said "$2" || [ $tries = 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  check_contains "watch: $1" "$2" "$(cat "$WORK/err")"
}
watch_end() {
  kill $poll
  status=0
  wait $poll || status=$?
  check "watch: $1: ends well" 0 $status
  fake_stop
}
watch idle-bye+move+idle 'mailbox fake: connection-lost: waiting for mails: the server says goodbye: tired'
watch_end idle-bye
watch once+idle-bye+move+idle 'mailbox fake: well again'
watch_end once
fake idle-refused+idle+move
"$MILL" --config "$WORK/conf" poll --watch >"$WORK/out" 2>"$WORK/err" &
poll=$!
tries=0
until [ "$(grep -c NOOP "$WORK/commands")" -ge 2 ] || [ $tries = 100 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
check "watch: IDLE is refused: asks now and then" "1 1" "$(grep -c IDLE "$WORK/commands") $(grep -c LOGIN "$WORK/commands")"
check "watch: IDLE is refused: it goes on" yes "$([ $tries -lt 100 ] && echo yes)"
watch_end idle-refused
fake idle-storm+idle
"$MILL" --config "$WORK/conf" poll --watch >"$WORK/out" 2>"$WORK/err" &
poll=$!
tries=0
until [ "$(grep -c IDLE "$WORK/commands")" -ge 3 ] || [ $tries = 100 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
check "watch: told of mails that are not there: asks, and waits again" yes \
  "$(grep -q 'UID FETCH [0-9]*:\*' "$WORK/commands" && [ $tries -lt 100 ] && echo yes)"
watch_end idle-storm
finish
