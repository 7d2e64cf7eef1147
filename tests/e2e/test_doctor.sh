#!/bin/sh
# doctor: each step that can fail, and what it says to do. And the service files.
. "$(dirname "$0")/lib.sh"
. "$HERE/dovecot.sh"

dovecot_start "$WORK/dovecot"
echo secret >"$WORK/password"
chmod 600 "$WORK/password"
mkdir -p "$WORK/box/new" "$WORK/box/cur" "$WORK/box/tmp"
config() { # mailbox lines
  cat >"$WORK/conf" <<EOF
store = "sqlite:$WORK/store.db"
mailbox "main" { $1 }
EOF
}
imap() { # more
  config "type = imap host = localhost port = $DOVECOT_IMAPS_PORT user = reports password_file = \"$WORK/password\" ca_file = \"$DOVECOT_CA\" $*"
}
mill() { status_of timeout 60 "$MILL" --config "$WORK/conf" "$@"; }
# fault STATUS CLASS ADVICE
fault() {
  check "$2" "$1" "$(mill doctor)"
  check_contains "$2: is found" "main: FAULT: $2: " "$(cat "$WORK/out")"
  check_contains "$2: what to do" "main: to do: $3" "$(cat "$WORK/out")"
}
printf 'Subject: x\r\n\r\nx\r\n' >"$WORK/mail"
dovecot_deliver reports "$WORK/mail"

imap 'archive = Done'
check "all is well" 0 "$(mill doctor)"
for line in "configuration: ok: read: $WORK/conf" "store: ok: open: sqlite, schema version " \
  "main: ok: connect: localhost port $DOVECOT_IMAPS_PORT, TLS" "main: ok: login: user reports, by password" \
  "main: ok: folder: INBOX: 1 mails, may be changed" "main: ok: archive: Done: is not there yet and will be made" \
  "main: ok: server: tells of new mails (IDLE); moves mails in one step (MOVE)"; do
  check_contains "all is well" "$line" "$(cat "$WORK/out")"
done
check "no mail was touched" 1 "$(find "$WORK/dovecot/mail/reports" -name '*test*' | grep -vc ':2,.')"
imap
check "only read" 0 "$(mill doctor)"
check_contains "only read: says so" "INBOX: 1 mails, is only read" "$(cat "$WORK/out")"
config "type = imap host = localhost port = 1 tls = no user = u password_file = \"$WORK/password\""
fault 69 unreachable "check host and port"
config "type = imap host = nowhere.invalid user = u password_file = \"$WORK/password\""
fault 69 unreachable "check host and port"
config "type = imap host = localhost port = $DOVECOT_IMAPS_PORT user = u password_file = \"$WORK/password\""
fault 69 tls-untrusted "name the host as its certificate does"
config "type = imap host = localhost port = $DOVECOT_IMAP_PORT user = u password_file = \"$WORK/password\""
fault 69 tls-failed "check that the port speaks TLS at once"
imap 'folder = Nowhere'
fault 78 no-such-folder "check folder; levels are separated by /"
imap 'archive = INBOX'
fault 78 folder-name "mails must be moved to another folder"
echo wrong >"$WORK/password"
imap
fault 77 login-refused "check user and password"
check_contains "login-refused: the connection is good" "main: ok: connect: " "$(cat "$WORK/out")"
rm "$WORK/password"
check "no password" 78 "$(mill doctor)"
check_contains "no password: is found" "main: FAULT: " "$(cat "$WORK/out")"
config "type = maildir path = \"$WORK/box\""
check "Maildir" 0 "$(mill doctor)"
config "type = maildir path = \"$WORK/nobox\""
fault 78 maildir "check path"
printf 'store = "nonsense"\n' >"$WORK/conf"
check "store" 78 "$(mill doctor)"
check_contains "store: what to do" "store: to do: store is sqlite:PATH or postgresql://" "$(cat "$WORK/out")"
check "no such mailbox" 64 "$(mill doctor nobody)"
dovecot_stop

# --- the service
units=$HERE/../../packaging/systemd
mkdir "$WORK/units"
for unit in dmarcmill dmarcmill-poll dmarcmill-report; do
  sed "s|/usr/local/bin/dmarcmill|$MILL|" "$units/$unit.service" >"$WORK/units/$unit.service"
done
cp "$units"/*.timer "$WORK/units/"
if command -v systemd-analyze >/dev/null; then
  for unit in dmarcmill.service dmarcmill-poll.service dmarcmill-report.service; do
    check "$unit: exposure of 2.0 at most" 0 \
      "$(status_of systemd-analyze security --offline=true --threshold=20 "$WORK/units/$unit")"
  done
  check "the units are understood" "" "$(systemd-analyze verify --man=no "$WORK"/units/* 2>&1 | grep -F "$WORK/units" || true)"
else
  echo "skipped: no systemd-analyze here"
fi
finish
