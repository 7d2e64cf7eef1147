#!/bin/sh
# Reports by mail: through a real Exim into a real Dovecot, once to each recipient, whoever of them is refused; and with servers that
# misbehave. test_send_kill.sh has what happens when the program is killed.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/dovecot.sh"
. "$HERE/exim.sh"

export DMARCMILL_NOW=2026-03-10T08:00:00Z
python3 "$HERE/make_reports.py" "$WORK/w" --reports 60 --broken 0 --partial 0
fresh_store send
EXIM_USERS="anna bert cora dora full"
exim_dovecot "$WORK/dovecot"
exim_start "$WORK/exim"
printf 's3cret\n' >"$WORK/password"
chmod 600 "$WORK/password"

clients='client "acme" { domains = {"acme.example", "acme-shop.example"} recipients = {"anna@acme.example", "nobody@acme.example", "full@acme.example", "bert@ACME.example"} }
client "birch" { domains = {"birch.example"} recipients = {"anna@acme.example"} formats = {"text"} }
client "cedar" { domains = {"cedar.example", "mail.cedar.example"} }'
# configure SMTP-LINES [CLIENTS]
configure() {
  cat >"$WORK/conf" <<EOF
store = "$STORE"
smtp {
  from = "reports@msp.example"
  from_name = "Müller \"Mail\" GmbH"
  reply_to = "help@msp.example"
  $1
}
${2-$clients}
EOF
}
starttls="host = localhost port = $EXIM_PORT tls = starttls ca_file = \"$DOVECOT_CA\""
login="user = reports password_file = \"$WORK/password\""
mill() { timeout 60 "$MILL" --config "$WORK/conf" "$@"; }
send() { status_of mill report --send --week 2026-W10 "$@"; }
# wait_mails USER N: Exim delivers after it has said yes
wait_mails() {
  _tries=0
  until [ "$(dovecot_count "$1" INBOX)" -ge "$2" ] || [ $_tries = 100 ]; do
    sleep 0.1
    _tries=$((_tries + 1))
  done
}
inbox() { python3 "$HERE/read_mails.py" "localhost:$DOVECOT_IMAPS_PORT" "$DOVECOT_CA" "$1" "$2"; }
deliveries() { mill query deliveries --format json "$@" >"$WORK/deliveries.json"; }
state_of() { json "$WORK/deliveries.json" "[(r['state'], r['attempts']) for r in d if r['client'] == '$1' and r['recipient'] == '$2']"; }

configure "$starttls"
mill ingest -q "$WORK/w/files" 2>/dev/null || mill ingest "$WORK/w/files" >/dev/null

# ---- to four recipients, of whom one does not exist and one has no room ----
touch "$EXIM_DIR/full"
check "some were refused, one is to be tried again" 75 "$(send)"
check_contains "who was refused, and why" "dmarcmill: acme 2026-W10: nobody@acme.example: smtp-refused: 550 5.1.1 no such user" "$(cat "$WORK/err")"
check_contains "who has no room" "full@acme.example: smtp-later: 451 4.2.2 no room at present" "$(cat "$WORK/err")"
check "the sum" "2026-W10: 3 sent, 0 sent before, 1 refused, 1 to be tried again" "$(cat "$WORK/out")"
wait_mails anna 2
wait_mails bert 1
check "the others have theirs" "2 1 0" "$(dovecot_count anna INBOX) $(dovecot_count bert INBOX) $(dovecot_count full INBOX)"

deliveries
check "sent is remembered" "[('sent', 1)]" "$(state_of acme anna@acme.example)"
check "refused is remembered" "[('refused', 1)]" "$(state_of acme nobody@acme.example)"
check "waiting is remembered" "[('waiting', 1)]" "$(state_of acme full@acme.example)"
check "of each client" "[('sent', 1)]" "$(state_of birch anna@acme.example)"
check "with the reason" "550 5.1.1 no such user" "$(json "$WORK/deliveries.json" '[r["reason"] for r in d if r["state"] == "refused"][0]')"
check "the failing ones" "['full@acme.example', 'nobody@acme.example']" "$(mill query deliveries --failing --format json >"$WORK/f.json" &&
  json "$WORK/f.json" 'sorted(r["recipient"] for r in d)')"
check "a domain says nothing about deliveries" 64 "$(status_of mill query deliveries --domain acme.example)"

# ---- what arrived ----
acme='[m for m in mails if m["Subject"].startswith("acme")][0]'
check "subject" "acme: DMARC report 2026-W10" "$(inbox anna "$acme['Subject']")"
check "from" 'Müller "Mail" GmbH <reports@msp.example>' "$(inbox anna "$acme['From'].addresses[0].display_name + ' <' + $acme['From'].addresses[0].addr_spec + '>'")"
check "to, reply-to, return-path" "anna@acme.example help@msp.example <reports@msp.example>" \
  "$(inbox anna "'%s %s %s' % ($acme['To'], $acme['Reply-To'], $acme['Return-path'])")"
check "date, auto-submitted, list" "Tue, 10 Mar 2026 08:00:00 +0000 auto-generated <dmarc-reports.msp.example>" \
  "$(inbox anna "'%s %s %s' % ($acme['Date'], $acme['Auto-Submitted'], $acme['List-Id'])")"
check "its Message-ID is the one that is remembered" "True" "$(inbox anna "$acme['Message-ID']" >"$WORK/id" &&
  json "$WORK/deliveries.json" "[r['message_id'] for r in d if r['client'] == 'acme' and r['recipient'] == 'anna@acme.example'] == [open('$WORK/id').read().strip()[1:-1]]")"
check "four mails, four ids" "True" "$(json "$WORK/deliveries.json" 'len({r["message_id"] for r in d}) == len(d) == 5')"
mill report --client acme --week 2026-W10 >"$WORK/acme.txt"
mill report --client acme --week 2026-W10 --format csv >"$WORK/acme.csv"
check "the text is the report" "True" "$(inbox anna "part($acme, 'text/plain').replace('\r\n', '\n') == open('$WORK/acme.txt', newline='').read()")"
check "the CSV is, to the byte" "True" "$(inbox anna "part($acme, 'text/csv') == open('$WORK/acme.csv', newline='').read()")"
check_contains "it has a name" "acme-2026-W10.csv" "$(inbox anna "[p.get_filename() for p in $acme.iter_attachments()]")"
if mill report --client acme --format html >/dev/null 2>&1; then
  check "its parts" "mixed(alternative(text/plain text/html) text/csv)" "$(inbox anna "tree($acme)")"
else
  check "its parts" "mixed(text/plain text/csv)" "$(inbox anna "tree($acme)")"
fi
check "text alone where only that is wanted" "text/plain" "$(inbox anna "tree([m for m in mails if m['Subject'].startswith('birch')][0])")"

# ---- once ----
check "again: the one without room" 75 "$(send)"
check "again: the sum" "2026-W10: 0 sent, 3 sent before, 0 refused, 1 to be tried again" "$(cat "$WORK/out")"
rm "$EXIM_DIR/full"
check "he has room now" 0 "$(send)"
check "he has room now: the sum" "2026-W10: 1 sent, 3 sent before, 0 refused, 0 to be tried again" "$(cat "$WORK/out")"
check "then nobody gets anything" 0 "$(send)"
wait_mails full 1
check "one each" "2 1 1" "$(dovecot_count anna INBOX) $(dovecot_count bert INBOX) $(dovecot_count full INBOX)"
deliveries
check "three attempts" "[('sent', 3)]" "$(state_of acme full@acme.example)"

# ---- unless it is forced ----
check "resend" 0 "$(send --resend --client acme --recipient anna@Acme.example)"
wait_mails anna 3
check "resend: one more" "3 1 1" "$(dovecot_count anna INBOX) $(dovecot_count bert INBOX) $(dovecot_count full INBOX)"
check "resend: under an id of its own" "3" "$(inbox anna "len({m['Message-ID'] for m in mails})")"
deliveries --client acme
check "resend: the second edition" "[2]" "$(json "$WORK/deliveries.json" '[r["edition"] for r in d if r["recipient"] == "anna@acme.example"]')"
check "resend to who was refused" 65 "$(send --resend --recipient nobody@acme.example)"

# ---- doctor tries the server, too ----
configure "$starttls $login"
check "doctor: all is well" 0 "$(status_of mill doctor)"
check_contains "doctor: all is well" "smtp: ok: login: localhost port $EXIM_PORT, TLS, user reports" "$(cat "$WORK/out")"
configure "$starttls user = reports password_command = \"echo wrong\""
check "doctor: a wrong password" 77 "$(status_of mill doctor)"
check_contains "doctor: a wrong password" "smtp: to do: check user and password, and that the account may send" "$(cat "$WORK/out")"
configure "host = localhost port = $EXIM_PORT tls = starttls"
check "doctor: an unknown CA" 69 "$(status_of mill doctor)"
check_contains "doctor: an unknown CA" "smtp: FAULT: tls-untrusted: localhost port $EXIM_PORT: " "$(cat "$WORK/out")"
check "doctor: sends nothing" "3 1 1" "$(dovecot_count anna INBOX) $(dovecot_count bert INBOX) $(dovecot_count full INBOX)"

# ---- each client's own period ----
printf 'SUBJECT = Bericht {name} für {client}\n' >"$WORK/deutsch.txt"
configure "$starttls" 'client "mona" { cadence = monthly recipients = {"dora@acme.example"} }
language = "'"$WORK"'/deutsch.txt"
provider { name = "Example MSP" }
client "wanda" { recipients = {"dora@acme.example"} formats = {"html", "json"} }'
sed -i '/from_name/d' "$WORK/conf"
check "a month and a week" 0 "$(status_of mill report --send)"
check "a month and a week: the sum" "several periods: 2 sent, 0 sent before, 0 refused, 0 to be tried again" "$(cat "$WORK/out")"
wait_mails dora 2
check "a month and a week: subjects" "['Bericht 2026-02 für mona', 'Bericht 2026-W10 für wanda']" "$(inbox dora "sorted(m['Subject'] for m in mails)")"
check "from the provider" "{'Example MSP'}" "$(inbox dora "{m['From'].addresses[0].display_name for m in mails}")"
check "JSON is attached" "mixed(text/html application/json)" "$(inbox dora "[tree(m) for m in mails if 'wanda' in m['Subject']][0]")"
check "both once" 0 "$(status_of mill report --send)"
check "both once: the sum" "several periods: 0 sent, 2 sent before, 0 refused, 0 to be tried again" "$(cat "$WORK/out")"

# ---- TLS and logins ----
fresh_period=10
# try STATUS SMTP-LINES: sends another week's report to cora
try() {
  fresh_period=$((fresh_period - 1))
  configure "$2" 'client "acme" { domains = {"acme.example"} recipients = {"cora@acme.example"} }'
  check "$2" "$1" "$(status_of mill report --send --week "2026-W0$fresh_period")"
}
smtps="host = localhost port = $EXIM_SMTPS_PORT ca_file = \"$DOVECOT_CA\""
try 0 "$smtps $login"
try 0 "$starttls user = reports auth = xoauth2 token_command = \"echo t0ken\""
wait_mails cora 2
check "TLS from the first byte, and a token" 2 "$(dovecot_count cora INBOX)"
check "both over TLS with login" 2 "$(grep -c 'P=esmtpsa.* A=' "$EXIM_DIR/log/mainlog")"
fresh_period=8
try 77 "$starttls user = reports auth = xoauth2 token_command = \"echo wrong\""
check_contains "what the server says" "login-refused: localhost port $EXIM_PORT: 535 " "$(cat "$WORK/err")"
try 77 "$starttls user = reports password_command = \"echo wrong\""
check "no password in what is said" "" "$(grep -E 'wrong|d3Jvbmc' "$WORK/err" || true)"
try 78 "$starttls user = reports password_file = \"$WORK/absent\""
try 69 "host = localhost port = $EXIM_PORT tls = starttls ca_file = \"$WORK/dovecot/tls/strangers-ca.pem\""
check_contains "a CA nobody knows" ": tls-untrusted: localhost port $EXIM_PORT: " "$(cat "$WORK/err")"
try 69 "host = 127.0.0.1 port = $EXIM_SMTPS_PORT ca_file = \"$DOVECOT_CA\""
check_contains "a name that is not the certificate's" ": tls-untrusted: " "$(cat "$WORK/err")"
exim_stop
for certificate in expired stranger wronghost; do
  exim_start "$WORK/exim" $certificate
  fresh_period=3
  try 69 "host = localhost port = $EXIM_PORT tls = starttls ca_file = \"$DOVECOT_CA\" $login"
  check_contains "$certificate" ": tls-untrusted: " "$(cat "$WORK/err")"
  exim_stop
done
check "nothing of all that arrived" 2 "$(dovecot_count cora INBOX)"
fresh_period=3
try 69 "$starttls"
check_contains "nobody listens" ": unreachable: " "$(cat "$WORK/err")"

# ---- servers that misbehave ----
# fake MODE: the reports of a client of that name, for two recipients, through such a server; prints the exit status
fake() {
  rm -rf "$WORK/port" "$WORK/taken"
  mkdir "$WORK/taken"
  python3 "$HERE/fake_smtp.py" "$WORK/port" "$1" "$WORK/taken" >"$WORK/commands" 2>"$WORK/fake-errors" &
  _fake=$!
  while kill -0 $_fake && ! [ -s "$WORK/port" ]; do sleep 0.02; done
  configure "host = 127.0.0.1 port = $(cat "$WORK/port") tls = ${TLS-no} timeout = 2 ${LOGIN-}" \
    "client \"$1${TLS-}\" { recipients = {\"one@cedar.example\", \"two@cedar.example\"} }"
  send
  kill $_fake 2>/dev/null || true
  wait $_fake 2>/dev/null || true
}
# misbehaves MODE STATUS CLASS MAILS STATES
misbehaves() {
  check "$1: exit status" "$2" "$(fake "$1")"
  [ -z "$3" ] || check_contains "$1: what is said" ": $3: " "$(cat "$WORK/err")"
  check "$1: mails" "$4" "$(find "$WORK/taken" -name '*.eml' | wc -l)"
  deliveries --client "$1${TLS-}"
  check "$1: what is remembered" "$5" "$(json "$WORK/deliveries.json" "sorted(r['state'] for r in d)")"
}
misbehaves none 0 "" 2 "['sent', 'sent']"
misbehaves end-251 0 "" 2 "['sent', 'sent']"
misbehaves recipient-no 65 smtp-refused 0 "['refused', 'refused']"
check "no escapes on the terminal" 0 "$(grep -c "$(printf '\033')" "$WORK/err" || true)"
misbehaves recipient-later 75 smtp-later 0 "['waiting', 'waiting']"
misbehaves sender-no 78 sender-refused 0 "['waiting']"
misbehaves sender-login 77 login-refused 0 "['waiting']"
misbehaves sender-large 65 smtp-refused 0 "['refused', 'refused']"
misbehaves sender-later 75 smtp-later 0 "['waiting', 'waiting']"
misbehaves data-no 65 smtp-refused 0 "['refused', 'refused']"
misbehaves data-later 75 smtp-later 0 "['waiting', 'waiting']"
misbehaves end-no 65 smtp-refused 2 "['refused', 'refused']"
misbehaves end-later 75 smtp-later 2 "['waiting', 'waiting']"
misbehaves cut-rcpt 75 smtp-cut 0 "['waiting', 'waiting']"
misbehaves cut-data 75 smtp-cut 0 "['waiting', 'waiting']"
misbehaves cut-end 75 smtp-unsure 2 "['handed', 'handed']"
misbehaves hang-rcpt 75 smtp-cut 0 "['waiting', 'waiting']"
misbehaves greeting-no 69 greeting 0 "['waiting']"
misbehaves greeting-later 69 greeting 0 "['waiting']"
misbehaves cut-connect 69 unreachable 0 "['waiting']"
misbehaves hang-connect 69 timeout 0 "['waiting']"
LOGIN=$login misbehaves login-no 77 login-refused 0 "['waiting']"
LOGIN=$login misbehaves login-later 69 login-refused 0 "['waiting']"
TLS=starttls misbehaves none 69 tls-missing 0 "['waiting']"
check "without TLS nothing is said of the mail" "" "$(grep -E 'MAIL|AUTH' "$WORK/commands" || true)"

# ---- what cannot be asked for ----
configure "host = localhost port = 1 tls = no"
check "a week that is not over" 64 "$(status_of mill report --send --week 2026-W11)"
check "no formats" 64 "$(status_of mill report --send --format csv)"
check "no folder" 64 "$(status_of mill report --send --out "$WORK/x")"
check "resend without send" 64 "$(status_of mill report --resend)"
check "nobody's address" 64 "$(status_of mill report --send --recipient x@y.example)"
check "a client without recipients" 78 "$(status_of mill report --send --client cedar)"
configure "host = mail.example.net tls = no"
check "no TLS is for loopback" 78 "$(status_of mill report --send)"
printf 'store = "%s"\n%s\n' "$STORE" "$clients" >"$WORK/conf"
check "no server" 78 "$(status_of mill report --send)"
finish
