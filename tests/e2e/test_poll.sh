#!/bin/sh
# A real Dovecot over verified TLS into a store: exact totals, an empty mailbox, a full archive; then everything once more.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/dovecot.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 300
mails=$(json "$WORK/w/truth.json" 'd["mails"]')
dovecot_start "$WORK/dovecot"
fresh_store t_poll
echo secret >"$WORK/password"
chmod 600 "$WORK/password"

config() {
  cat >"$WORK/conf" <<EOF
store = "$STORE"
mailbox "main" {
  type = imap
  host = "localhost"
  port = $DOVECOT_IMAPS_PORT
  user = "$1"
  password_file = "$WORK/password"
  ca_file = "$DOVECOT_CA"
  $2
}
EOF
}

config reports 'archive = "Archive"'
dovecot_deliver reports "$WORK"/w/maildir/new/*
check "assign" 0 "$(status_of "$MILL" --config "$WORK/conf" domain assign --from "$WORK/w/domains.tsv")"
check "poll" 65 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
check "poll: mailbox" main "$(json "$WORK/out" 'd["mailbox"]')"
check "poll: messages" "$mails" "$(json "$WORK/out" 'd["messages"]')"
check "poll: new" 300 "$(json "$WORK/out" 'd["reports"]["new"]')"
check "poll: totals" "0 differences" "$(python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json")"
check "poll: the mailbox is empty" 0 "$(dovecot_count reports INBOX)"
check "poll: the archive is full" "$mails" "$(dovecot_count reports Archive)"

check "poll again" 0 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
check "poll again: nothing there" 0 "$(json "$WORK/out" 'd["messages"]')"

# the same mails delivered once more: only duplicates
dovecot_deliver reports "$WORK"/w/maildir/new/*
check "copies" 65 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
check "copies: nothing new" 0 "$(json "$WORK/out" 'd["reports"]["new"]')"
check "copies: totals" "0 differences" "$(python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json")"
check "copies: moved all the same" 0 "$(dovecot_count reports INBOX)"

# left in place: remembered, and not read again
fresh_store t_left
config left ''
dovecot_deliver left "$WORK"/w/maildir/new/*
check "left: poll" 65 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
check "left: new" 300 "$(json "$WORK/out" 'd["reports"]["new"]')"
check "left: all still there" "$mails" "$(dovecot_count left INBOX)"
check "left: poll again" 0 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
check "left: none is read again" 0 "$(json "$WORK/out" 'd["messages"]')"

# a mail that the server cannot read: recorded, left where it is, and not asked for again
fresh_store t_broken
config broken ''
dovecot_deliver broken "$WORK"/w/maildir/new/*
chmod 000 "$(find "$WORK/dovecot/mail/broken/new" -type f | sort | sed -n 5p)"
check "broken mail" 65 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
check "broken mail: all are accounted for" "$mails" "$(json "$WORK/out" 'd["messages"]')"
check_contains "broken mail: it is in the ledger" unfetchable "$("$MILL" --config "$WORK/conf" rejects list --format json)"
check "broken mail: poll again" 0 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
check "broken mail: is not tried again" 0 "$(json "$WORK/out" 'd["messages"]')"

# a Maildir without archive: what is in cur/ is remembered, what cannot be read is told once
fresh_store t_maildir
cp -R "$WORK/w/maildir" "$WORK/box"
mkdir -p "$WORK/box/cur" "$WORK/box/new/0-a-folder"
cat >"$WORK/conf" <<EOF
store = "$STORE"
mailbox "main" {
  type = maildir
  path = "$WORK/box"
}
EOF
check "Maildir" 65 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
check "Maildir: new" 300 "$(json "$WORK/out" 'd["reports"]["new"]')"
check "Maildir: messages" $((mails + 1)) "$(json "$WORK/out" 'd["messages"]')"
check_contains "Maildir: what cannot be read is in the ledger" not-a-file \
  "$("$MILL" --config "$WORK/conf" rejects list --format json)"
check "Maildir: poll again" 0 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
check "Maildir: none is read again" 0 "$(json "$WORK/out" 'd["messages"]')"

# fake MODE: a server that misbehaves, in the mailbox "fake" of the configuration, with one mail in a batch
fake() {
  rm -f "$WORK/port"
  python3 "$HERE/fake_imap.py" "$WORK/port" "$1" >"$WORK/commands" &
  fake=$!
  while kill -0 $fake && ! [ -s "$WORK/port" ]; do sleep 0.02; done
  cat >"$WORK/conf" <<EOF
store = "$STORE"
batch_messages = 1
mailbox "fake" {
  type = imap
  host = "127.0.0.1"
  port = $(cat "$WORK/port")
  tls = false
  user = "reports"
  password_file = "$WORK/password"
  archive = "Archive"
  batch_messages = 1
  timeout = 30
}
EOF
}
fake_stop() {
  kill $fake 2>/dev/null || true
  wait $fake 2>/dev/null || true
}

# the server dies in the middle: what was committed before is in the archive
fresh_store t_dies
fake dies-at-9
check "died in the middle" 75 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
fake_stop
check "died in the middle: one was read" 1 "$(json "$WORK/out" 'd["messages"]')"
check "died in the middle: and archived" "UID COPY 7" "$(grep -o 'UID COPY [^ ]*' "$WORK/commands")"

# the session of another folder makes the archive between the refusal and the CREATE
fresh_store t_made
fake made-meanwhile
check "archive made meanwhile" 0 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
fake_stop
check "archive made meanwhile: both are in it" "archived 7 archived 9" "$(grep ^archived "$WORK/commands" | paste -sd ' ')"

# a server that does not answer keeps nobody from stopping
for mode in mute mute-fetch; do
  fake $mode
  "$MILL" --config "$WORK/conf" poll --once >"$WORK/out" 2>"$WORK/err" &
  poll=$!
  sleep 1
  before=$(date +%s%N)
  kill $poll
  s=0
  wait $poll || s=$?
  took=$((($(date +%s%N) - before) / 1000000))
  fake_stop
  check "$mode: stopped" 75 $s
  check "$mode: within 2 seconds" yes "$([ $took -lt 2000 ] && echo yes || echo "$took ms")"
  check_contains "$mode: says so" "interrupted: " "$(cat "$WORK/err")"
done

# somebody watches: how far it is, and nothing of it is left at the end
fresh_store t_terminal
mkdir "$WORK/terminal"
cp -R "$WORK/w/maildir" "$WORK/terminal/box"
cat >"$WORK/conf" <<EOF
store = "$STORE"
mailbox "main" { type = maildir path = "$WORK/terminal/box" archive = "$WORK/terminal/done" }
mailbox "late" { type = imap host = 127.0.0.1 port = 1 tls = no user = u password_file = "$WORK/password" }
EOF
fake mute
sed -i "s|^mailbox \"fake\" {|mailbox \"main\" { type = maildir path = \"$WORK/terminal/box\" archive = \"$WORK/terminal/done\" }\n&|; \
  s/timeout = 30/timeout = 3/" "$WORK/conf"
timeout 60 script -qec "$MILL --config $WORK/conf poll" /dev/null </dev/null >"$WORK/out" 2>&1 || true
fake_stop
check_contains "terminal: how far it is" "##] $mails of $mails mails" "$(cat "$WORK/out")"
check "terminal: nothing of it is left" yes "$(python3 -c '
import re, sys
lines = open(sys.argv[1], newline="").read().split("\n")
print("yes" if all("#]" not in line.split("\x1b[K")[-1] for line in lines) else lines)' "$WORK/out")"

# a mailbox that fails outweighs another that has something unreadable in it
fresh_store t_two
cat >"$WORK/conf" <<EOF
store = "$STORE"
mailbox "away" {
  type = imap
  host = "127.0.0.1"
  port = 1
  tls = false
  user = "reports"
  password_file = "$WORK/password"
}
mailbox "main" {
  type = maildir
  path = "$WORK/box"
}
EOF
check "one mailbox away, rejects in the other" 69 "$(status_of "$MILL" --config "$WORK/conf" poll --once)"
check_contains "one mailbox away: the other is read" "300 new reports" "$(cat "$WORK/out")"

# servers on a bad day
config reports 'archive = "Archive"'
dovecot_deliver reports "$WORK"/w/maildir/new/*
echo wrong >"$WORK/password"
check "wrong password" 77 "$(status_of "$MILL" --config "$WORK/conf" poll --once)"
check_contains "wrong password: says so" "login-refused" "$(cat "$WORK/err")"
check "wrong password: the password is nowhere" "" "$(grep -l wrong "$WORK/out" "$WORK/err" || true)"
echo secret >"$WORK/password"
sed -i "s|ca_file = .*||" "$WORK/conf"
check "unknown issuer" 69 "$(status_of "$MILL" --config "$WORK/conf" poll --once)"
check_contains "unknown issuer: says so" "tls-untrusted" "$(cat "$WORK/err")"
check "nothing was touched" "$mails" "$(dovecot_count reports INBOX)"
config reports 'archive = "Archive"'
if [ "$BACKEND" = postgresql ]; then
  postgres_stop
  check "database away" 69 "$(status_of "$MILL" --config "$WORK/conf" poll --once)"
  check "database away: the mails stay" "$mails" "$(dovecot_count reports INBOX)"
fi
dovecot_stop
check "mail server away" 69 "$(status_of "$MILL" --config "$WORK/conf" poll --once)"
finish
