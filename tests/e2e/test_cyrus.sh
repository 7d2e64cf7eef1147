#!/bin/sh
# Polling a real Cyrus: its namespace with INBOX. and dots, STARTTLS, MOVE, IDLE; servers that go away, a poller that is killed.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/dovecot.sh"
. "$HERE/cyrus.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 60 --duplicates 3 --broken 2 --partial 1
mails=$(find "$WORK/w/maildir/new" -type f | wc -l)
cyrus_start "$WORK/cyrus"
echo secret >"$WORK/password"
chmod 600 "$WORK/password"

# config NAME [FURTHER LINES OF THE MAILBOX]: with a fresh store
config() {
  fresh_store "$1"
  config_again "${2-}"
  "$MILL" --config "$WORK/conf" domain assign --from "$WORK/w/domains.tsv"
}
config_again() {
  cat >"$WORK/conf" <<CONF
store = "$STORE"
batch_messages = 7
limits { message = 64K }
mailbox "main" {
  type = imap
  host = "localhost"
  user = "reports"
  password_file = "$WORK/password"
  ca_file = "$CYRUS_CA"
  archive = "Archive/DMARC"
  on_rejected = "move Rejects"
  batch_messages = 10
  ${1:-port = $CYRUS_IMAPS_PORT}
}
CONF
}
poll() { status_of timeout 60 "$MILL" --config "$WORK/conf" poll --once --format json; }
counts() { echo "$(cyrus_count INBOX) $(cyrus_count INBOX.Archive.DMARC) $(cyrus_count INBOX.Rejects)"; }
totals() { python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json"; }
# until_true SECONDS COMMAND...
until_true() {
  _left=$(($1 * 5))
  shift
  until "$@"; do
    _left=$((_left - 1))
    [ $_left -gt 0 ] || {
      echo "not in time"
      return
    }
    sleep 0.2
  done
  echo yes
}
archived() { [ "$(cyrus_count INBOX.Archive.DMARC)" = "$1" ]; }

# ---- all of a mailbox; folders are made as the server wants them ----
config first
cyrus_deliver "$WORK"/w/maildir/new/*
check "some of it cannot be read" 65 "$(poll)"
check "all was read" "$mails" "$(json "$WORK/out" 'd["messages"]')"
check "exact totals" "0 differences" "$(totals)"
check "every mail is where it belongs" "0 $((mails - 3)) 3" "$(counts)"
check "nothing is there the second time" "0 0" "$(poll) $(json "$WORK/out" 'd["messages"]')"

# ---- STARTTLS, and a mail that is too large ----
config_again "port = $CYRUS_IMAP_PORT tls = starttls"
{
  printf 'From: big@example.net\nSubject: big\nMessage-ID: <big@example.net>\n\n'
  head -c 90000 /dev/zero | tr '\0' 'x' | fold -w 70
} >"$WORK/big"
cyrus_deliver "$WORK/big"
check "a mail that is too large" 65 "$(poll)"
check "is put away unread" "0 $((mails - 3)) 4" "$(counts)"
check_contains "with its reason" limit-size "$("$MILL" --config "$WORK/conf" rejects list)"

# ---- watched: mails are stored as they come, also after the server was away ----
config_again
"$MILL" --config "$WORK/conf" poll --watch >"$WORK/watch.out" 2>"$WORK/watch.err" &
watch=$!
python3 "$HERE/make_reports.py" "$WORK/more" --reports 4 --seed 9 --duplicates 0 --broken 0 --partial 0
set -- "$WORK"/more/maildir/new/*
sleep 2
cyrus_deliver "$1"
check "a mail that comes is stored" yes "$(until_true 10 archived $((mails - 2)))"
cyrus_stop
cyrus_start "$WORK/cyrus"
cyrus_deliver "$2" "$3"
check "and after the server was away" yes "$(until_true 40 archived $((mails)))"
kill -TERM $watch
wait $watch 2>/dev/null || true
check "the server's absence was told" yes "$(grep -q 'mailbox main' "$WORK/watch.err" && echo yes || cat "$WORK/watch.err")"

# ---- killed in the middle ----
for folder in INBOX.Archive.DMARC INBOX.Rejects; do _cyrus_imap reports secret delete "$folder"; done
i=0
killed=0
while [ $i -lt 5 ]; do
  i=$((i + 1))
  config "k$i"
  cyrus_deliver "$WORK"/w/maildir/new/*
  timeout -s KILL "0.$((i + 1))" "$MILL" --config "$WORK/conf" poll --once >/dev/null 2>&1 || {
    [ $? != 137 ] || killed=$((killed + 1))
  }
  poll >/dev/null
  check "kill $i: exact totals" "0 differences" "$(totals)"
  check "kill $i: every mail is where it belongs" "0 $((mails - 3)) 3" "$(counts)"
  check "kill $i: none twice" "$(cyrus_ids INBOX.Archive.DMARC | uniq)" "$(cyrus_ids INBOX.Archive.DMARC)"
  for folder in INBOX.Archive.DMARC INBOX.Rejects; do _cyrus_imap reports secret delete "$folder"; done
done
check "most were really killed" yes "$([ $killed -ge 3 ] && echo yes || echo "only $killed")"

finish
