#!/bin/sh
# poll --watch: mails are stored as they come; servers and stores that go away come back; signals; what systemd is told.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/dovecot.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 40 --duplicates 0 --broken 0 --partial 0
dovecot_start "$WORK/dovecot"
echo secret >"$WORK/password"
chmod 600 "$WORK/password"
fresh_store t_watch
mkdir -p "$WORK/box/new" "$WORK/box/cur" "$WORK/box/tmp"

config() { # further lines
  cat >"$WORK/conf.new" <<EOF
store = "$STORE"
metrics = "$WORK/metrics.prom"
log = json
mailbox "main" {
  type = imap
  host = "localhost"
  port = $DOVECOT_IMAPS_PORT
  user = "reports"
  password_file = "$WORK/password"
  ca_file = "$DOVECOT_CA"
  archive = "Archive"
}
mailbox "dir" {
  type = maildir
  path = "$WORK/box"
  archive = "$WORK/done"
}
$1
EOF
  mv "$WORK/conf.new" "$WORK/conf"
}
# until_true SECONDS COMMAND...: "yes", or how long it was waited in vain
until_true() {
  _left=$(($1 * 20))
  shift
  until "$@"; do
    _left=$((_left - 1))
    [ $_left -gt 0 ] || {
      echo "not in time"
      return
    }
    sleep 0.05
  done
  echo yes
}
archived() { [ "$(dovecot_count reports Archive)" = "$1" ]; }
said() { grep -q "$1" "$WORK/err"; }
told() { grep -q "$1" "$WORK/told"; }
more_said() { [ "$(grep -c 'mailbox main' "$WORK/err")" -gt "$1" ]; }
since() { echo $((($(date +%s%N) - $1) / 1000000)); }

# a listener in systemd's place
python3 - "$WORK/notify" >"$WORK/told" <<'EOF' &
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
while True:
    print(s.recv(4096).decode(), flush=True)
EOF
while ! [ -S "$WORK/notify" ]; do sleep 0.02; done

set -- "$WORK"/w/maildir/new/*
config ''
dovecot_deliver reports "$1" "$2"
NOTIFY_SOCKET=$WORK/notify WATCHDOG_USEC=1000000 "$MILL" --config "$WORK/conf" poll --watch --format json >"$WORK/out" 2>"$WORK/err" &
poll=$!
check "what is there is read" yes "$(until_true 10 archived 2)"
check "systemd is told that it is ready" yes "$(until_true 5 told READY=1)"
check "systemd is told that it is alive" yes "$(until_true 5 told WATCHDOG=1)"
start=$(date +%s%N)
dovecot_deliver reports "$3"
check "a mail that comes is stored" yes "$(until_true 10 archived 3)"
took=$(since "$start")
check "a mail that comes is stored within 5 s" yes "$([ "$took" -lt 5000 ] && echo yes || echo "$took ms")"
cp "$4" "$WORK/box/new/"
in_done() { [ "$(find "$WORK/done/cur" -type f | wc -l)" = "$1" ]; }
check "one that comes into a Maildir, too" yes "$(until_true 10 in_done 1)"
has_metrics() { grep -q 'messages_total{mailbox="dir",folder="INBOX"} 1' "$WORK/metrics.prom"; }
check "the metrics follow" yes "$(until_true 10 has_metrics)"
summaries() { [ "$(grep -c '"mailbox"' "$WORK/out")" = "$1" ]; }
check "one summary for each poll that brought something" yes "$(until_true 5 summaries 3)"

# the configuration is read anew: one that is wrong changes nothing
echo 'mailbox {' >>"$WORK/conf"
kill -s HUP $poll
check "SIGHUP: a wrong configuration is said" yes "$(until_true 5 said SIGHUP)"
dovecot_deliver reports "$5"
check "SIGHUP: and the old one goes on" yes "$(until_true 10 archived 4)"
config 'mailbox "third" { type = imap host = localhost user = u password_file = "/nowhere" }'
kill -s HUP $poll
check "SIGHUP: a password that is not there is said" yes "$(until_true 5 said nowhere)"
mkdir -p "$WORK/box2/new" "$WORK/box2/cur" "$WORK/box2/tmp"
cp "$6" "$WORK/box2/new/"
config "mailbox \"second\" { type = maildir path = \"$WORK/box2\" archive = \"$WORK/done2\" }"
kill -s HUP $poll
in_second() { [ "$(find "$WORK/done2/cur" -type f 2>/dev/null | wc -l)" = 1 ]; }
check "SIGHUP: a new mailbox is read" yes "$(until_true 10 in_second)"
check "SIGHUP: it was told" yes "$(until_true 5 told RELOADING=1)"
dovecot_deliver reports "$7"
check "SIGHUP: the others go on" yes "$(until_true 10 archived 5)"

# the server goes away and comes back, on the same port
dovecot_stop
check "the server is away: it is said" yes "$(until_true 10 said 'connection-lost\|unreachable')"
cp "$8" "$WORK/box/new/"
check "the server is away: the others go on" yes "$(until_true 10 in_done 2)"
DOVECOT_PORTS="$DOVECOT_IMAPS_PORT $DOVECOT_IMAP_PORT" dovecot_start "$WORK/dovecot"
dovecot_deliver reports "$9"
check "the server is back: it goes on" yes "$(until_true 90 archived 6)"
check "the server is back: it is said" yes "$(until_true 5 said 'well again')"

# the store goes away and comes back
if [ "$BACKEND" = postgresql ]; then
  before=$(grep -c 'mailbox main' "$WORK/err")
  postgres_stop
  shift
  dovecot_deliver reports "$9"
  check "the store is away: it is said" yes "$(until_true 15 more_said $before)"
  check "the store is away: the mail stays" 1 "$(dovecot_count reports INBOX)"
  postgres_start "$WORK/pg"
  check "the store is back: it goes on" yes "$(until_true 90 archived 7)"
fi
check "every line on standard error is JSON" yes "$(python3 -c '
import json, sys
for line in open(sys.argv[1]):
    assert json.loads(line)["time"]
print("yes")' "$WORK/err")"

# the end
start=$(date +%s%N)
kill $poll
status=0
wait $poll || status=$?
took=$(since "$start")
check "SIGTERM: the exit status" 0 $status
check "SIGTERM: within a second" yes "$([ "$took" -lt 1300 ] && echo yes || echo "$took ms")"
check "SIGTERM: it was told" yes "$(until_true 5 told STOPPING=1)"
check "SIGTERM: no lease is left" 0 "$(status_of "$MILL" --config "$WORK/conf" poll)"
check "the store agrees with itself" 0 "$(status_of "$MILL" --config "$WORK/conf" store verify)"

# one that has much to do keeps nobody waiting
python3 "$HERE/make_reports.py" "$WORK/m" --reports 1500 --seed 7 --duplicates 0 --broken 0 --partial 0
fresh_store t_much
cat >"$WORK/conf" <<EOF
store = "$STORE"
batch_messages = 50
mailbox "much" { type = maildir path = "$WORK/m/maildir" archive = "$WORK/m/done" }
mailbox "main" { type = imap host = "localhost" port = $DOVECOT_IMAPS_PORT user = "small" password_file = "$WORK/password"
  ca_file = "$DOVECOT_CA" archive = "Archive" }
EOF
"$MILL" --config "$WORK/conf" poll --watch >"$WORK/out" 2>"$WORK/err" &
poll=$!
begun() { [ "$(find "$WORK/m/done/cur" -type f 2>/dev/null | wc -l)" -ge 100 ]; }
check "much: has begun" yes "$(until_true 30 begun)"
dovecot_deliver small "$1"
small() { [ "$(dovecot_count small Archive)" = 1 ]; }
check "much: another mailbox's mail is stored meanwhile" yes "$(until_true 10 small)"
check "much: is not done yet" yes "$([ "$(find "$WORK/m/maildir/new" -type f | wc -l)" -gt 0 ] && echo yes)"
kill $poll
wait $poll || true

# in the middle of a report that takes long
python3 "$HERE/make_reports.py" "$WORK/g" --reports 1 --duplicates 0 --broken 0 --partial 0 --giant 400000
cat >"$WORK/conf" <<EOF
store = "$STORE"
mailbox "big" { type = maildir path = "$WORK/box3" archive = "$WORK/done3" }
EOF
mkdir -p "$WORK/box3/new" "$WORK/box3/cur" "$WORK/box3/tmp"
{
  printf 'From: a@one.example\r\nSubject: big\r\nMIME-Version: 1.0\r\nContent-Type: application/gzip; name=big.xml.gz\r\n'
  printf 'Content-Transfer-Encoding: base64\r\n\r\n'
  base64 "$WORK/g/giant.xml.gz"
} >"$WORK/box3/new/1"
"$MILL" --config "$WORK/conf" poll --watch >"$WORK/out" 2>"$WORK/err" &
poll=$!
sleep 1
start=$(date +%s%N)
kill $poll
status=0
wait $poll || status=$?
took=$(since "$start")
check "SIGTERM in the middle of a report: the exit status" 0 $status
check "SIGTERM in the middle of a report: within a second" yes "$([ "$took" -lt 1300 ] && echo yes || echo "$took ms")"
check "SIGTERM in the middle of a report: it stays" 1 "$(find "$WORK/box3/new" -type f | wc -l)"
check "SIGTERM in the middle of a report: the store agrees with itself" 0 "$(status_of "$MILL" --config "$WORK/conf" store verify)"
check "--watch and --once" 64 "$(status_of "$MILL" --config "$WORK/conf" poll --watch --once)"
finish
