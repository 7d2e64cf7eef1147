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
