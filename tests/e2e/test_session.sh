#!/bin/sh
# How a session begins and waits: STARTTLS, a client's certificate, tokens, IDLE. Against a real Dovecot and servers that lie.
. "$(dirname "$0")/lib.sh"
. "$HERE/dovecot.sh"

mkdir "$WORK/mails"
for i in 1 2 3 4 5 6; do
  printf 'From: a@example.net\r\nSubject: mail %s\r\n\r\nmail %s\r\n' $i $i >"$WORK/mails/$i"
done

drive() {
  timeout 60 "$MILL" port="$DOVECOT_IMAPS_PORT" ca_file="$DOVECOT_CA" "$@" >"$WORK/out" 2>"$WORK/err" || true
  tail -n 1 "$WORK/out"
  cat "$WORK/err" >>"$WORK/noise"
}
mails() { grep -c '^mail ' "$WORK/out" || true; }
# wait_for WORD N: until there are N lines of this kind in $WORK/out
wait_for() {
  _tries=0
  until [ "$(grep -c "^$1" "$WORK/out" || true)" -ge "$2" ] || [ $_tries = 200 ]; do
    sleep 0.05
    _tries=$((_tries + 1))
  done
}

dovecot_start "$WORK/dovecot"
dovecot_deliver reports "$WORK"/mails/[12]

# --- STARTTLS
check "STARTTLS" "done" "$(drive tls=2 port="$DOVECOT_IMAP_PORT")"
check "STARTTLS: both came" 2 "$(mails)"
check "STARTTLS: in TLS" 1 "$(grep -c 'method=PLAIN.*TLS' "$WORK/dovecot/log")"
check_contains "STARTTLS: unknown CA" "error -3 tls-untrusted mailbox main: localhost port $DOVECOT_IMAP_PORT: " \
  "$(drive tls=2 port="$DOVECOT_IMAP_PORT" ca_file="$WORK/dovecot/tls/strangers-ca.pem")"
check_contains "STARTTLS: wrong name" ": name mismatch" "$(drive tls=2 port="$DOVECOT_IMAP_PORT" host=127.0.0.1)"
check_contains "STARTTLS on the port for TLS" "error -3 timeout " "$(drive tls=2 timeout=1)"

fake() {
  rm -f "$WORK/port"
  python3 "$HERE/fake_imap.py" "$WORK/port" "$1" >"$WORK/commands" &
  fake=$!
  shift
  while kill -0 $fake && ! [ -s "$WORK/port" ]; do sleep 0.02; done
  drive host=127.0.0.1 port="$(cat "$WORK/port")" deadline=3 timeout=1 "$@"
  kill $fake 2>/dev/null || true
  wait $fake 2>/dev/null || true
}
for mode in starttls-refused:tls-stripped starttls-bad:tls-stripped starttls-injected:tls-injected preauth:tls-stripped; do
  check_contains "${mode%:*}" "error -3 ${mode#*:} mailbox main: " "$(fake "${mode%:*}" tls=2)"
  check "${mode%:*}: no login" "" "$(grep -E 'LOGIN|AUTHENTICATE' "$WORK/commands" || true)"
done
check_contains "goes on in the clear" "error -3 t" "$(fake none tls=2)"
check "goes on in the clear: no login" "" "$(grep -E 'LOGIN|AUTHENTICATE' "$WORK/commands" || true)"

# --- a user's name that is not ASCII
dovecot_stop
DOVECOT_EXTRA='auth_username_chars ='
dovecot_start "$WORK/dovecot"
dovecot_deliver 'réports' "$WORK"/mails/[12]
check "not ASCII" "done" "$(drive user='réports')"
check "not ASCII: both came" 2 "$(mails)"
check_contains "not ASCII: wrong password" "error -4 login-refused " "$(drive user='réports' password=hunter22)"

# --- old TLS
tls_server() { # PRIORITY: a server that speaks it, on a free port
  tls_port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
  gnutls-serv --quiet --port "$tls_port" --x509certfile "$WORK/dovecot/tls/good.pem" --x509keyfile "$WORK/dovecot/tls/good.key" \
    --priority "$1" >/dev/null 2>&1 &
  tls_server=$!
  until python3 -c 'import socket, sys; socket.create_connection(("localhost", int(sys.argv[1])))' "$tls_port" 2>/dev/null; do
    kill -0 $tls_server || break
    sleep 0.05
  done
}
for version in 1.0 1.1; do
  tls_server "NORMAL:-VERS-ALL:+VERS-TLS$version:+SIGN-ECDSA-SHA1:%VERIFY_ALLOW_SIGN_WITH_SHA1"
  check_contains "TLS $version is refused" "error -3 tls-failed " "$(drive port="$tls_port" timeout=2)"
  kill $tls_server
done
tls_server "NORMAL:-VERS-ALL:+VERS-TLS1.2"
check_contains "TLS 1.2 is good enough" "waiting for the greeting" "$(drive port="$tls_port" timeout=2)"
kill $tls_server

# --- how folders are named, by servers of all kinds
for naming in ns-nil:A/B ns-two:INBOX.A.B ns-flat:A/B ns-extended:A/B ns-none:A/B ns-long:A/B ns-empty:A/B ns-short:A/B ns-open:A/B; do
  check "names: ${naming%:*}" "done" "$(fake "${naming%:*}+namespace+move" tls=0 archive=A/B)"
  check "names: ${naming%:*}: where the mails go" "\"${naming#*:}\"" "$(sed -n 's/.*UID MOVE [^ ]* //p' "$WORK/commands" | sort -u)"
done
check_contains "names: ns-deep" "error -2 protocol mailbox main: asking how folders are named: " \
  "$(fake ns-deep+namespace+move tls=0 archive=A/B)"

# --- IDLE
dovecot_deliver waiting "$WORK"/mails/[12]
: >"$WORK/out"
timeout 60 "$MILL" port="$DOVECOT_IMAPS_PORT" ca_file="$DOVECOT_CA" user=waiting archive=Archive watch=3 idle=2 \
  >"$WORK/out" 2>>"$WORK/noise" &
driver=$!
wait_for waiting 1
check "IDLE: what was there" 2 "$(mails)"
dovecot_deliver waiting "$WORK"/mails/[34]
wait_for mail 3
check "IDLE: woke up" yes "$([ "$(mails)" -ge 3 ] && echo yes)"
wait $driver || true
check "IDLE: ended" "done" "$(tail -n 1 "$WORK/out")"
check "IDLE: each mail once" 4 "$(mails)"
check "IDLE: all archived" 4 "$(dovecot_count waiting Archive)"
check "IDLE: begun anew" yes "$([ "$(grep -c '^waiting' "$WORK/out")" = 3 ] && echo yes)"

# the connection is cut while nothing happens: it is noticed
: >"$WORK/out"
timeout 60 "$MILL" port="$DOVECOT_IMAPS_PORT" ca_file="$DOVECOT_CA" user=waiting watch=1 >"$WORK/out" 2>>"$WORK/noise" &
driver=$!
wait_for waiting 1
dovecot_stop
wait $driver || true
check_contains "IDLE: the server goes away" "error -2 connection-lost mailbox main: waiting for mails: " "$(tail -n 1 "$WORK/out")"

# --- no IDLE
DOVECOT_EXTRA='imap_capability = IMAP4rev1 UIDPLUS MOVE'
dovecot_start "$WORK/dovecot"
: >"$WORK/out"
timeout 60 "$MILL" port="$DOVECOT_IMAPS_PORT" ca_file="$DOVECOT_CA" user=noidle watch=2 interval=1 >"$WORK/out" 2>>"$WORK/noise" &
driver=$!
wait_for waiting 1
dovecot_deliver noidle "$WORK"/mails/[12]
wait $driver || true
check "no IDLE: ended" "done" "$(tail -n 1 "$WORK/out")"
check "no IDLE: both came" 2 "$(mails)"
dovecot_stop

# --- a client's certificate
DOVECOT_EXTRA="ssl_ca = <$WORK/dovecot/tls/ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_ssl_require_client_cert = yes"
dovecot_start "$WORK/dovecot"
check "client certificate" "done" "$(drive cert="$WORK/dovecot/tls/client.pem" key="$WORK/dovecot/tls/client.key")"
check "client certificate: both came" 2 "$(mails)"
check_contains "without one" "error -" "$(drive)"
check_contains "a stranger's" "error -" "$(drive cert="$WORK/dovecot/tls/stranger.pem" key="$WORK/dovecot/tls/stranger.key")"
check_contains "no such certificate" "error -5 client-certificate mailbox main: " "$(drive cert=/nowhere key=/nowhere)"
dovecot_stop

# --- tokens, which Dovecot has the token server check
python3 "$HERE/fake_oauth.py" "$WORK/oauth.port" "$WORK/dovecot/tls/good.pem" "$WORK/dovecot/tls/good.key" >"$WORK/grants" &
oauth=$!
while kill -0 $oauth && ! [ -s "$WORK/oauth.port" ]; do sleep 0.02; done
read -r token_port info_port <"$WORK/oauth.port"
token() {
  python3 -c '
import json, ssl, sys, urllib.request
r = urllib.request.urlopen(sys.argv[1], b"grant_type=client_credentials&client_id=mill&client_secret=s3cret",
                           context=ssl.create_default_context(cafile=sys.argv[2]))
print(json.load(r)["access_token"])' "https://localhost:$token_port/token" "$DOVECOT_CA"
}
printf 'introspection_mode = get\nintrospection_url = http://127.0.0.1:%s/tokeninfo?access_token=\nusername_attribute = email\nactive_attribute = active\nactive_value = yes\n' \
  "$info_port" >"$WORK/oauth.conf"
chmod 644 "$WORK/oauth.conf"
DOVECOT_EXTRA="auth_mechanisms = plain oauthbearer xoauth2
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $WORK/oauth.conf
}"
dovecot_start "$WORK/dovecot"
good=$(token)
for login in 1 2; do
  check "token $login" "done" "$(drive login=$login password="$good")"
  check "token $login: both came" 2 "$(mails)"
  check_contains "token $login: a bad one" "error -4 login-refused mailbox main: user reports: the server says: " \
    "$(drive login=$login password=nonsense)"
  check "token $login: is not shown" "" "$(grep nonsense "$WORK/out" "$WORK/err" || true)"
  check "token $login: the second is taken" "done" "$(drive login=$login password=lapsed second="$good")"
  check_contains "token $login: with a line break" "error -5 login " "$(drive login=$login password='a
b')"
done
check "token with STARTTLS" "done" "$(drive login=1 password="$good" tls=2 port="$DOVECOT_IMAP_PORT")"
dovecot_stop
DOVECOT_EXTRA=
dovecot_start "$WORK/dovecot"
check_contains "no token login offered" "error -4 login-refused mailbox main: the server does not offer XOAUTH2" \
  "$(drive login=1 password="$good")"
kill $oauth

check "nothing was said on standard error" "" "$(cat "$WORK/noise")"
finish
