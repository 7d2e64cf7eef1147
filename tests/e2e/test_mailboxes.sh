#!/bin/sh
# Many mailboxes in one process: what becomes of mails by kind, several folders, tokens, one that is away or mute, --dry-run, leases,
# status and metrics. Against a real Dovecot, on both stores.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/dovecot.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 20 --duplicates 2 --broken 2 --partial 1
mails=$(json "$WORK/w/truth.json" 'd["mails"]')
mkdir "$WORK/kinds"
python3 "$HERE/make_kinds.py" "$WORK/kinds"
dovecot_start "$WORK/dovecot"
echo secret >"$WORK/password"
chmod 600 "$WORK/password"
imap="type = imap host = localhost port = $DOVECOT_IMAPS_PORT ca_file = \"$DOVECOT_CA\""
password="password_file = \"$WORK/password\""
config() {
  {
    echo "store = \"$STORE\" metrics = \"$WORK/metrics.prom\""
    cat
  } >"$WORK/conf"
}
mill() { status_of timeout 60 "$MILL" --config "$WORK/conf" "$@"; }
one_broken=$(grep -l bad.xml.gz "$WORK"/w/maildir/new/* | head -n 1)

# --- by kind
fresh_store t_kinds
config <<EOF
mailbox "main" { $imap user = kinds $password archive = "Rest" on_failure = delete on_tls = "flag Seen-It"
  on_not_a_report = leave on_rejected = "move Look/At" }
EOF
dovecot_deliver kinds "$WORK"/kinds/* "$WORK"/w/maildir/new/*.0.test "$one_broken"
check "dry run" 0 "$(mill poll --dry-run)"
check_contains "dry run: what would be moved" "main: 1 aggregate: would move to Rest" "$(cat "$WORK/out")"
check_contains "dry run: what would be deleted" "main: 1 failure: would delete" "$(cat "$WORK/out")"
check_contains "dry run: what would be flagged" "main: 1 tls: would flag with Seen-It" "$(cat "$WORK/out")"
check_contains "dry run: what would be left" "main: 1 not_a_report: would leave" "$(cat "$WORK/out")"
check "dry run: JSON" 0 "$(mill poll --dry-run --format json)"
check "dry run: JSON says it" "move Look/At 1" \
  "$(json "$WORK/out" '"{action} {where} {messages}".format(**d["would"]["rejected"])')"
check "dry run: nothing was touched" 5 "$(find "$WORK/dovecot/mail/kinds/new" "$WORK/dovecot/mail/kinds/cur" -name '*test*' ! -name '*:2,?*' | wc -l)"
check "dry run: no folder was made" 0 "$(find "$WORK/dovecot/mail/kinds" -type d -name '.[A-Z]*' | wc -l)"
check "dry run: no metrics" no "$([ -e "$WORK/metrics.prom" ] && echo yes || echo no)"
[ "$BACKEND" != sqlite ] || check "dry run: no store" no "$([ -e "${STORE#sqlite:}" ] && echo yes || echo no)"
check "by kind" 65 "$(mill poll)"
check "by kind: aggregate" 1 "$(dovecot_count kinds Rest)"
check "by kind: rejected" 1 "$(dovecot_count kinds Look.At)"
check "by kind: left and flagged" 2 "$(dovecot_count kinds INBOX)"
check "by kind: flagged" 1 "$(find "$WORK/dovecot/mail/kinds/cur" -name '*:2,[a-z]' | wc -l)"
"$MILL" --config "$WORK/conf" status --format json >"$WORK/out"
check "by kind: all were taken in" 5 "$(json "$WORK/out" 'd[0]["messages"]')"
check "by kind: again" 0 "$(mill poll --format json)"
check "by kind: nothing is read again" 0 "$(json "$WORK/out" 'd["messages"]')"
# a second copy of each: known, and filed like the first
dovecot_deliver kinds "$WORK"/kinds/* "$WORK"/w/maildir/new/*.0.test "$one_broken"
check "copies" 65 "$(mill poll)"
check "copies: aggregate" 2 "$(dovecot_count kinds Rest)"
check "copies: rejected" 2 "$(dovecot_count kinds Look.At)"
check "copies: left and flagged, not the failure report" 4 "$(dovecot_count kinds INBOX)"
check "copies: flagged" 2 "$(find "$WORK/dovecot/mail/kinds/cur" -name '*:2,[a-z]' | wc -l)"

# --- a folder that was made anew: other numbers, the same mails
fresh_store t_anew
config <<EOF
mailbox "left" { $imap user = anew $password }
EOF
dovecot_deliver anew "$WORK"/w/maildir/new/*
check "made anew: before" 65 "$(mill poll --format json)"
check "made anew: all are new" 20 "$(json "$WORK/out" 'd["reports"]["new"]')"
validity() { sed -n '1s/.* V\([0-9]*\) .*/\1/p' "$WORK/dovecot/mail/anew/dovecot-uidlist"; }
before=$(validity)
sleep 1 # it is a time
rm -f "$WORK"/dovecot/mail/anew/dovecot*
check "made anew: after" 65 "$(mill poll --format json)"
check "made anew: it has another number" yes "$([ "$(validity)" != "$before" ] && echo yes)"
check "made anew: all are read again" "$mails" "$(json "$WORK/out" 'd["messages"]')"
check "made anew: none is new" 0 "$(json "$WORK/out" 'd["reports"]["new"]')"
check "made anew: and no more" 0 "$(mill poll --format json)"
check "made anew: none is read again" 0 "$(json "$WORK/out" 'd["messages"]')"

# --- several folders, several mailboxes; one is away, one never says a word
python3 "$HERE/fake_imap.py" "$WORK/port" mute >"$WORK/commands" 2>&1 &
while ! [ -s "$WORK/port" ]; do sleep 0.02; done
fresh_store t_many
config <<EOF
mailbox "mute" { type = imap host = "127.0.0.1" port = $(cat "$WORK/port") tls = no user = u $password timeout = 12 }
mailbox "away" { type = imap host = "127.0.0.1" port = 1 tls = no user = u $password }
mailbox "many" { $imap user = many $password folder = {INBOX, "Junk", "Reports/DMARC"} archive = Done }
mailbox "other" { type = imap host = localhost ca_file = "$DOVECOT_CA" user = other $password archive = Done
  tls = starttls port = $DOVECOT_IMAP_PORT }
mailbox "dir" { type = maildir path = "$WORK/box" on_rejected = leave archive = "$WORK/done" }
EOF
cp -R "$WORK/w/maildir" "$WORK/box"
set -- "$WORK"/w/maildir/new/*
dovecot_deliver many "$1"
dovecot_folder many Junk
dovecot_folder many Reports.DMARC
cp "$2" "$WORK/dovecot/mail/many/.Junk/new/"
cp "$3" "$WORK/dovecot/mail/many/.Reports.DMARC/new/"
dovecot_folder many Junk # for the owner
dovecot_deliver other "$4"
timeout 60 "$MILL" --config "$WORK/conf" poll >"$WORK/out" 2>"$WORK/err" &
poll=$!
tries=0
until { [ "$(dovecot_count other Done)" = 1 ] && [ "$(dovecot_count many Done)" = 3 ]; } || [ $tries = 200 ]; do
  sleep 0.05
  tries=$((tries + 1))
done
check "one that is mute delays nobody" yes "$([ $tries -lt 200 ] && kill -0 $poll && echo yes)"
status=0
wait $poll || status=$?
check "many: the first failure counts" 69 $status
check_contains "many: the mute one" "mailbox mute: timeout: " "$(cat "$WORK/err")"
check_contains "many: the one that is away" "mailbox away: unreachable: " "$(cat "$WORK/err")"
check_contains "many: a folder's summary" "many/Reports/DMARC: 1 message: " "$(cat "$WORK/out")"
check_contains "many: the Maildir" "dir: $mails messages: " "$(cat "$WORK/out")"

# --- status and metrics
check "status" 69 "$(mill status --format json)"
check "status: each mail was counted once" "$((mails + 4))" "$(json "$WORK/out" 'sum(m["messages"] for m in d)')"
check "status: states" "mute=failing away=failing many=ok many=ok many=ok other=ok dir=ok" \
  "$(json "$WORK/out" '" ".join(m["mailbox"] + "=" + m["state"] for m in d)')"
check_contains "status: why" "unreachable: " "$(json "$WORK/out" 'd[1]["error"]')"
check "status: waiting" "None 0" "$(json "$WORK/out" 'str(d[0]["waiting"]) + " " + str(d[2]["waiting"])')"
check_contains "metrics" 'dmarcmill_mailbox_messages_total{mailbox="many",folder="Junk"} 1' "$(cat "$WORK/metrics.prom")"
check_contains "metrics: failures" 'dmarcmill_mailbox_poll_failures_total{mailbox="away",folder="INBOX"} 1' "$(cat "$WORK/metrics.prom")"
check "metrics: every name is explained" "" "$(grep -o '^dmarcmill_[a-z_]*' "$WORK/metrics.prom" | sort -u |
  while read -r name; do grep -q "^# TYPE $name " "$WORK/metrics.prom" || echo "$name"; done)"
check "status: late" 69 "$(DMARCMILL_NOW=2099-01-01T00:00:00Z mill status --format json)"
check "status: late: says so" late "$(json "$WORK/out" 'd[2]["state"]')"
config <<EOF
mailbox "other" { $imap user = other $password }
mailbox "new" { $imap user = new $password }
EOF
check "status: never polled" 69 "$(mill status)"
check_contains "status: never polled: says so" "never" "$(cat "$WORK/out")"
config <<EOF
mailbox "other" { $imap user = other $password }
EOF
check "status: all is well" 0 "$(mill status)"
check "metrics: without what is not configured any more" 0 "$(mill poll >/dev/null; grep -c 'mailbox="away"' "$WORK/metrics.prom" || true)"

# --- two pollers
config <<EOF
mailbox "shared" { $imap user = shared $password archive = Done }
EOF
dovecot_deliver shared "$1" "$2"
"$MILL" --config "$WORK/conf" poll --watch >"$WORK/watch.out" 2>"$WORK/watch.err" &
watcher=$!
tries=0
until [ "$(dovecot_count shared Done)" = 2 ] || [ $tries = 100 ]; do
  sleep 0.05
  tries=$((tries + 1))
done
check "lease: the first one reads" 2 "$(dovecot_count shared Done)"
check "lease: the second one does not" 75 "$(mill poll)"
check_contains "lease: it says why" "mailbox shared: leased: another poller reads INBOX at present" "$(cat "$WORK/err")"
kill -s KILL $watcher
wait $watcher || true
check "lease: a dead one's is taken over" 0 "$(mill poll)"

# --- tokens that are fetched, kept, and changed
python3 "$HERE/fake_oauth.py" "$WORK/oauth.port" "$WORK/dovecot/tls/good.pem" "$WORK/dovecot/tls/good.key" >"$WORK/grants" &
while ! [ -s "$WORK/oauth.port" ]; do sleep 0.02; done
read -r token_port info_port <"$WORK/oauth.port"
control() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], b"")' "http://127.0.0.1:$info_port/$1"; }
cat >"$WORK/oauth.conf" <<EOF
introspection_mode = get
introspection_url = http://127.0.0.1:$info_port/tokeninfo?access_token=
username_attribute = email
active_attribute = active
active_value = yes
EOF
chmod 644 "$WORK/oauth.conf"
dovecot_stop
DOVECOT_EXTRA="auth_mechanisms = plain oauthbearer xoauth2
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $WORK/oauth.conf
}"
dovecot_start "$WORK/dovecot"
imap="type = imap host = localhost port = $DOVECOT_IMAPS_PORT ca_file = \"$DOVECOT_CA\" user = reports"
printf 's3cret\n' >"$WORK/client"
printf 'refresh-0\n' >"$WORK/refresh"
chmod 600 "$WORK/client" "$WORK/refresh"
flow="token_url = \"https://localhost:$token_port/token\" client_id = mill client_secret_file = \"$WORK/client\""
fresh_store t_tokens
dovecot_folder reports INBOX
dovecot_folder reports Junk
config <<EOF
mailbox "m" { $imap auth = xoauth2 $flow scope = "https://mail.example/.default" folder = {INBOX, Junk} }
EOF
check "client credentials" 0 "$(mill poll)"
check "client credentials: one token for both folders" "grant client_credentials - https://mail.example/.default" "$(cat "$WORK/grants")"
control rotate
config <<EOF
mailbox "m" { $imap auth = oauthbearer $flow refresh_token_file = "$WORK/refresh" }
EOF
check "refresh token" 0 "$(mill poll)"
check "refresh token: the new one is kept" "refresh-2 600" "$(cat "$WORK/refresh") $(stat -c %a "$WORK/refresh")"
check "refresh token: and used" 0 "$(mill poll)"
check "refresh token: in order" "refresh-0 refresh-2" "$(sed -n 's/grant refresh_token \([^ ]*\) .*/\1/p' "$WORK/grants" | xargs)"
echo nonsense >"$WORK/refresh"
check "a refresh token that is no good" 77 "$(mill poll)"
check_contains "a refresh token that is no good: why" \
  "mailbox m: token-refused: https://localhost:$token_port/token: invalid_grant: Token has been expired or revoked." "$(cat "$WORK/err")"
config <<EOF
mailbox "m" { $imap auth = xoauth2 token_command = "echo nonsense" }
EOF
check "token command: a bad one" 77 "$(mill poll)"
config <<EOF
mailbox "m" { $imap auth = xoauth2 $flow }
EOF
for fault in "html:75:there is no token in the answer" "error:69:it answers with status 503: temporarily_unavailable" \
  "huge:75:the answer is too long for a token"; do
  mode=${fault%%:*}
  rest=${fault#*:}
  control "break?$mode"
  check "token server: $mode" "${rest%%:*}" "$(mill poll)"
  check_contains "token server: $mode: why" "${rest#*:}" "$(cat "$WORK/err")"
done
control 'break?'
sed -i "s|ca_file = \"$DOVECOT_CA\"|ca_file = \"$WORK/dovecot/tls/strangers-ca.pem\"|" "$WORK/conf"
check "a server that is not trusted" 69 "$(mill poll)"
sed -i "s|verify = no||; s|auth = xoauth2|verify = no auth = xoauth2|" "$WORK/conf"
check "the token server is always verified" 69 "$(mill poll)"
check_contains "the token server is always verified: says so" "token-server: " "$(cat "$WORK/err")"

# a token that lapses in the middle of things: the session goes on, the next one begins with another
config <<EOF
mailbox "m" { $imap auth = xoauth2 $flow archive = Done }
EOF
control 'lifetime?20'
: >"$WORK/grants"
"$MILL" --config "$WORK/conf" poll --watch >"$WORK/watch.out" 2>"$WORK/watch.err" &
watcher=$!
tries=0
until [ -s "$WORK/grants" ] || [ $tries = 100 ]; do
  sleep 0.05
  tries=$((tries + 1))
done
sleep 1
control revoke
dovecot_stop
dovecot_start "$WORK/dovecot"
sed -i "s/port = [0-9]*/port = $DOVECOT_IMAPS_PORT/" "$WORK/conf"
kill -s HUP $watcher
dovecot_deliver reports "$1"
tries=0
until [ "$(dovecot_count reports Done)" = 1 ] || [ $tries = 200 ]; do
  sleep 0.05
  tries=$((tries + 1))
done
check "a token that was taken back: another one is fetched" 1 "$(dovecot_count reports Done)"
kill $watcher
wait $watcher || true
check "no secret was ever said" "" "$(grep -l 's3cret\|token-[0-9]\|nonsense' "$WORK/out" "$WORK/err" "$WORK/watch.err" || true)"
finish
