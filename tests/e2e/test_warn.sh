#!/bin/sh
# Warnings: a mailbox that fails, unreadable documents, silent reporters; by mail through a real Exim into a real Dovecot, and by a
# webhook over TLS. Each is told once when it begins, again after a day, once when it is over, whatever fails in between.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/dovecot.sh"
. "$HERE/exim.sh"

fresh_store warn
EXIM_USERS="anna"
exim_dovecot "$WORK/dovecot"
exim_start "$WORK/exim"
printf 's3cret\n' >"$WORK/password"
printf 't0p-token\n' >"$WORK/token"
chmod 600 "$WORK/password" "$WORK/token"
mkdir -p "$WORK/hook" "$WORK/good/cur" "$WORK/good/new" "$WORK/good/tmp" "$WORK/late"
python3 "$HERE/fake_hook.py" "$WORK/port" "$WORK/hook" "$DOVECOT_DIR/tls/good.pem" "$DOVECOT_DIR/tls/good.key" &
while ! [ -s "$WORK/port" ]; do sleep 0.02; done

# configure [CA-FILE-LINE]
configure() {
  cat >"$WORK/conf" <<CONF
store = "$STORE"
mailbox "good" { type = maildir path = "$WORK/good" }
mailbox "gone" { type = maildir path = "$WORK/gone" }
smtp {
  from = "reports@msp.example"
  host = localhost port = $EXIM_PORT tls = starttls ca_file = "$DOVECOT_CA"
  user = reports password_file = "$WORK/password"
}
warnings {
  recipients = {"anna@acme.example"}
  webhook = "https://localhost:$(cat "$WORK/port")/hook?a=b"
  token_file = "$WORK/token"
  ${1-ca_file = \"$DOVECOT_CA\"}
}
CONF
}
mill() { timeout 60 "$MILL" --config "$WORK/conf" "$@"; }
# poll TIME: the exit status
poll() { DMARCMILL_NOW=$1 status_of mill poll --once; }
hooks() { find "$WORK/hook" -name '*.json' | wc -l | tr -d ' '; }
# last EXPRESSION: of the last request (d) and its warnings (w)
last() { json "$WORK/hook/$(hooks).json" "(lambda w: $1)(d['body']['warnings'])"; }
# told: state, kind and subject of what was told last
told() { last "[(x['state'], x['kind'], x['subject']) for x in w]"; }
mails() {
  _tries=0
  until [ "$(dovecot_count anna INBOX)" -ge "$1" ] || [ $_tries = 100 ]; do
    sleep 0.1
    _tries=$((_tries + 1))
  done
  dovecot_count anna INBOX
}
inbox() { python3 "$HERE/read_mails.py" "localhost:$DOVECOT_IMAPS_PORT" "$DOVECOT_CA" anna "$1"; }
# report REPORTER ID DAY: a small report about that day, on standard output
report() {
  _begin=$(date -u -d "$3" +%s)
  printf '<feedback><report_metadata><org_name>%s</org_name><email>r@%s</email><report_id>%s</report_id><date_range><begin>%s</begin><end>%s</end></date_range></report_metadata><policy_published><domain>acme.example</domain><p>none</p></policy_published><record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row><identifiers><header_from>acme.example</header_from></identifiers></record></feedback>\n' \
    "$1" "$1" "$2" "$_begin" $((_begin + 86399))
}
# reports REPORTER FIRST LAST: one about each day, into the store
reports() {
  mkdir -p "$WORK/in"
  _day=$2
  while [ "$(date -u -d "$_day" +%s)" -le "$(date -u -d "$3" +%s)" ]; do
    report "$1" "$1-$_day" "$_day" >"$WORK/in/$1-$_day.xml"
    _day=$(date -u -d "$_day + 1 day" +%F)
  done
  mill ingest "$WORK/in" >/dev/null
  rm -rf "$WORK/in"
}

# ---- a mailbox that fails ----
configure
check "it fails" 78 "$(poll 2026-05-01T00:00:00Z)"
check "and nobody is told at once" "0 0" "$(hooks) $(dovecot_count anna INBOX)"
echo 500 >"$WORK/hook/status"
poll 2026-05-01T04:00:00Z >/dev/null
check "told after four hours" "[('begins', 'mailbox', 'gone')]" "$(told)"
check_contains "the webhook's server was out of order, which is said" "dmarcmill: warnings: webhook: webhook-later: the server answers 500" "$(cat "$WORK/err")"
check "the mail went out" 1 "$(mails 1)"
check "token, path, media type" "Bearer t0p-token /hook?a=b application/json" "$(last "'%s %s %s' % (d['token'], d['path'], d['type'])")"
check "not the token in the log" 0 "$(grep -c t0p-token "$WORK/err" "$WORK/out" | grep -vc ':0$')"
rm "$WORK/hook/status"
poll 2026-05-01T04:05:00Z >/dev/null
check "the webhook hears of it the next time" "2 [('begins', 'mailbox', 'gone')]" "$(hooks) $(told)"
check "since when, and what to do" True "$(last "w[0]['since'] == '2026-05-01T00:00:00Z' and 'dmarcmill doctor gone' in w[0]['text'] and w[0]['text'] in d['body']['text']")"
poll 2026-05-01T23:00:00Z >/dev/null
check "nobody hears it twice" "2 1" "$(hooks) $(dovecot_count anna INBOX)"
poll 2026-05-02T05:00:00Z >/dev/null
check "but again after a day" "3 [('lasts', 'mailbox', 'gone')] True" "$(hooks) $(told) $(last "w[0]['since'] == '2026-05-01T00:00:00Z'")"
check "by mail, too" 2 "$(mails 2)"
check_contains "the subject of a mail" ": 1 warning" "$(inbox "mails[0]['Subject']")"
check_contains "the text of a mail" "This is new:" "$(inbox "mails[0].get_content()")"

# ---- channels that fail: no redirect is followed, no stranger's certificate believed ----
echo 302 >"$WORK/hook/status"
poll 2026-05-03T06:00:00Z >/dev/null
check_contains "a redirect" "webhook-refused: the server answers 302" "$(cat "$WORK/err")"
check "is not followed" 4 "$(hooks)"
rm "$WORK/hook/status"
configure ""
poll 2026-05-03T06:05:00Z >/dev/null
check_contains "a certificate of nobody" "warnings: webhook: tls-untrusted" "$(cat "$WORK/err")"
check "is told nothing" 4 "$(hooks)"
check "doctor says so" 69 "$(DMARCMILL_NOW=2026-05-03T06:05:00Z status_of mill doctor)"
check_contains "and what to do" "webhook: to do: name the host as its certificate does" "$(cat "$WORK/out")"
configure
status_of mill doctor >/dev/null
check_contains "doctor: a good one" "webhook: ok: connect" "$(cat "$WORK/out")"

# ---- killed while it tells: told again, and remembered then ----
touch "$WORK/hook/hang"
DMARCMILL_NOW=2026-05-03T06:10:00Z "$MILL" --config "$WORK/conf" poll --once >/dev/null 2>&1 &
mill=$!
_tries=0
until [ "$(hooks)" = 5 ] || [ $_tries = 200 ]; do
  sleep 0.05
  _tries=$((_tries + 1))
done
kill -9 $mill
wait $mill 2>/dev/null || true
rm "$WORK/hook/hang"
poll 2026-05-03T06:15:00Z >/dev/null
check "what was not remembered is told again" "6 [('lasts', 'mailbox', 'gone')]" "$(hooks) $(told)"
poll 2026-05-03T06:20:00Z >/dev/null
check "and then no more" 6 "$(hooks)"

# ---- over; a dry run and another process at it tell nothing ----
mkdir -p "$WORK/gone/cur" "$WORK/gone/new" "$WORK/gone/tmp"
DMARCMILL_NOW=2026-05-03T07:00:00Z status_of mill poll --once --dry-run >/dev/null
check "a dry run tells nothing" 6 "$(hooks)"
check "the mailbox works" 0 "$(poll 2026-05-03T07:00:00Z)"
check "its end is told" "7 [('over', 'mailbox', 'gone')]" "$(hooks) $(told)"
poll 2026-05-03T07:05:00Z >/dev/null
check "once" 7 "$(hooks)"

# ---- what cannot be read ----
for i in 1 2 3 4 5 6 7 8 9; do echo "<feedback><broken$i" >"$WORK/late/$i.xml"; done
DMARCMILL_NOW=2026-05-10T08:00:00Z status_of mill ingest "$WORK/late" >/dev/null
poll 2026-05-10T09:00:00Z >/dev/null
check "nine are not many" 7 "$(hooks)"
echo "<feedback><broken10" >"$WORK/late/10.xml"
DMARCMILL_NOW=2026-05-10T09:30:00Z status_of mill ingest "$WORK/late/10.xml" >/dev/null
poll 2026-05-10T10:00:00Z >/dev/null
check "ten are" "8 [('begins', 'rejects', 'documents')]" "$(hooks) $(told)"
check_contains "how many" "rejects: 10 documents of the last 24 hours" "$(last "w[0]['text']")"
poll 2026-05-11T09:45:00Z >/dev/null
check "over the next day" "9 [('over', 'rejects', 'documents')]" "$(hooks) $(told)"

# ---- reporters that fall silent ----
reports daily.example 2026-06-01 2026-06-30
reports other.example 2026-06-01 2026-07-04
for d in 01 08 15 22 29; do
  mkdir -p "$WORK/in"
  report weekly.example "w$d" "2026-06-$d" >"$WORK/in/$d.xml"
done
mill ingest "$WORK/in" >/dev/null
poll 2026-07-04T12:00:00Z >/dev/null
check "three days are missing only the day after" 9 "$(hooks)"
poll 2026-07-05T00:00:00Z >/dev/null
check "one has fallen silent" "10 [('begins', 'reporter', 'daily.example')]" "$(hooks) $(told)"
check_contains "since when" "not since its reports about 2026-06-30" "$(last "w[0]['text']")"
reports daily.example 2026-07-01 2026-07-04
poll 2026-07-05T01:00:00Z >/dev/null
check "he writes again" "11 [('over', 'reporter', 'daily.example')]" "$(hooks) $(told)"
poll 2026-07-20T00:00:00Z >/dev/null
check "when all are silent, that is one warning" "12 [('begins', 'reporter', 'all')]" "$(hooks) $(told)"
reports other.example 2026-07-05 2026-07-19
poll 2026-07-20T01:00:00Z >/dev/null
check "until the first writes again" "13 ['begins daily.example', 'over all']" \
  "$(hooks) $(last "sorted(x['state'] + ' ' + x['subject'] for x in w)")"
reports other.example 2026-07-20 2026-08-31
poll 2026-09-01T00:00:00Z >/dev/null
check "one who is gone for good is not said to write again" 13 "$(hooks)"
poll 2026-09-03T00:00:00Z >/dev/null
check "nor spoken of any more" 13 "$(hooks)"

# ---- a poller that goes on: it warns by itself, and ends at once though a server lets it wait ----
rm -rf "$WORK/gone"
poll 2026-09-03T00:00:00Z >/dev/null
touch "$WORK/hook/hang"
DMARCMILL_NOW=2026-09-03T05:00:00Z "$MILL" --config "$WORK/conf" poll --watch >/dev/null 2>&1 &
mill=$!
_tries=0
until [ "$(hooks)" = 14 ] || [ $_tries = 400 ]; do
  sleep 0.05
  _tries=$((_tries + 1))
done
check "it warns" "14 [('begins', 'mailbox', 'gone')]" "$(hooks) $(told)"
kill -TERM $mill
_tries=0
while kill -0 $mill 2>/dev/null && [ $_tries -lt 60 ]; do
  sleep 0.05
  _tries=$((_tries + 1))
done
check "and ends when asked" yes "$([ $_tries -lt 60 ] && echo yes || echo "not after 3 seconds")"
rm "$WORK/hook/hang"

# ---- settings ----
bad() {
  printf '%s\n' "$1" >"$WORK/bad"
  status_of timeout 10 "$MILL" --config "$WORK/bad" status >/dev/null
  sed 's/.*bad:[0-9]*: //' "$WORK/err"
}
check_contains "recipients want a mail server" "for recipients, the section smtp is needed" "$(bad 'warnings { recipients = {"a@b.example"} }')"
check_contains "a webhook wants TLS" "webhook must be https://" "$(bad 'warnings { webhook = "http://hooks.example/" }')"
check_contains "a token wants a webhook" "webhook is missing" "$(bad 'warnings { token_env = "X" }')"

finish
