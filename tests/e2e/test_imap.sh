#!/bin/sh
# The IMAP source alone, against a real Dovecot.
. "$(dirname "$0")/lib.sh"
. "$HERE/dovecot.sh"

# 300 mails, no two alike
mkdir "$WORK/mails"
python3 - "$WORK/mails" <<'EOF'
import sys
for i in range(1, 301):
    with open(f"{sys.argv[1]}/{i:03}", "w", newline="") as f:
        f.write(f"From: a@example.net\r\nSubject: mail {i}\r\n\r\n" + f"line of mail {i}\r\n" * (i % 50 + 1))
EOF
sums=$(cd "$WORK/mails" && sha256sum ./* | cut -d' ' -f1 | sort | sha256sum)

# drive NAME=VALUE...: prints the last line, keeps all of them in $WORK/out and what a sanitizer says in $WORK/noise
drive() {
  timeout 120 "$MILL" port="$DOVECOT_IMAPS_PORT" ca_file="$DOVECOT_CA" "$@" >"$WORK/out" 2>"$WORK/err" || true
  tail -n 1 "$WORK/out"
  cat "$WORK/err" >>"$WORK/noise"
}
mails() { grep -c '^mail ' "$WORK/out" || true; }
out_sums() { sed -n 's/^mail [^ ]* [^ ]* //p' "$WORK/out" | sort | sha256sum; }

dovecot_start "$WORK/dovecot"

# --- archived by MOVE
dovecot_deliver reports "$WORK"/mails/*
check "move" "done" "$(drive archive=Archive)"
check "move: all came" 300 "$(mails)"
check "move: with exactly their bytes" "$sums" "$(out_sums)"
check "move: in order" "" "$(sed -n 's/^mail [0-9]*\/\([0-9]*\) .*/\1/p' "$WORK/out" | sort -n -c 2>&1)"
check "move: the folder is empty" 0 "$(dovecot_count reports INBOX)"
check "move: the archive is full" 300 "$(dovecot_count reports Archive)"
check "move: the archive is subscribed to" Archive "$(grep -x Archive "$WORK/dovecot/mail/reports/subscriptions")"
check "an empty folder" "done" "$(drive archive=Archive)"
check "an empty folder: no mail" 0 "$(mails)"

# --- small batches, flushed in between, over the plain port, to a folder whose name is not ASCII
dovecot_deliver small "$WORK"/mails/*
check "small batches" "done" "$(drive user=small archive='Fertig/Geprüft & gut' batch_messages=7 flush=11 \
  tls=0 port="$DOVECOT_IMAP_PORT")"
check "small batches: all came" 300 "$(mails)"
check "small batches: with exactly their bytes" "$sums" "$(out_sums)"
check "small batches: all in the archive" 300 "$(dovecot_count small 'Fertig.Gepr&APw-ft &- gut')"
dovecot_deliver bytes "$WORK"/mails/*
check "small batch bytes" "done" "$(drive user=bytes batch_bytes=1000)"
check "small batch bytes: all came" "$sums" "$(out_sums)"

# --- a mail that is not decided stays, the others go
dovecot_deliver defer "$WORK"/mails/00?
check "deferred: look" "done" "$(drive user=defer)"
third=$(sed -n '3s/^mail \([^ ]*\) .*/\1/p' "$WORK/out")
check "deferred" "done" "$(drive user=defer archive=Archive defer="$third")"
check "deferred: stays" 1 "$(dovecot_count defer INBOX)"
check "deferred: others went" 8 "$(dovecot_count defer Archive)"
check "deferred: comes again" "done" "$(drive user=defer)"
check "deferred: the same" "$third" "$(sed -n '1s/^mail \([^ ]*\) .*/\1/p' "$WORK/out")"

# --- left in place
dovecot_deliver left "$WORK"/mails/00?
check "left" "done" "$(drive user=left)"
sed -n 's/^mail \([^ ]*\) .*/\1/p' "$WORK/out" >"$WORK/known"
check "left: all came" 9 "$(wc -l <"$WORK/known")"
check "left: all still there, and unread" 9 "$(find "$WORK/dovecot/mail/left" -name '*test*' ! -name '*S*' | wc -l)"
dovecot_deliver left "$WORK"/mails/01?
check "left: known ones" "done" "$(drive user=left known="$WORK/known")"
check "left: only the new ones come" 10 "$(mails)"

# --- too large ones are named, not fetched
dovecot_deliver large "$WORK/mails/001" "$WORK/mails/049" "$WORK/mails/002"
size=$(wc -c <"$WORK/mails/049")
check "large" "done" "$(drive user=large message=500 archive=Archive)"
check "large: two came" 2 "$(mails)"
check "large: one is named" "$size" "$(sed -n 's/^large [^ ]* //p' "$WORK/out")"
check "large: it is archived too" 3 "$(dovecot_count large Archive)"

# --- a mail that the server cannot read
dovecot_deliver broken "$WORK"/mails/00?
check "broken: look" "done" "$(drive user=broken)"
chmod 000 "$(find "$WORK/dovecot/mail/broken" -type f -path '*/[cn]*/*' -name '*.test*' | sort | sed -n 5p)"
check "broken" "done" "$(drive user=broken archive=Archive)"
check "broken: the others came" 8 "$(mails)"
check_contains "broken: it is named" " unfetchable the server fails on it: " "$(grep '^bad ' "$WORK/out")"
check "broken: it stays" 1 "$(dovecot_count broken INBOX)"
check "broken: the others went" 8 "$(dovecot_count broken Archive)"

# --- a mail whose size the server cannot tell either
dovecot_deliver sizeless "$WORK"/mails/0[0-4]?
chmod 000 "$(find "$WORK/dovecot/mail/sizeless/new" -type f | sort | sed -n 17p)"
check "sizeless" "done" "$(drive user=sizeless archive=Archive)"
check "sizeless: the others came" 48 "$(mails)"
check "sizeless: it is named" 1 "$(grep -c '^bad .* unfetchable ' "$WORK/out")"
check "sizeless: it stays" 1 "$(dovecot_count sizeless INBOX)"
check "sizeless: the others went" 48 "$(dovecot_count sizeless Archive)"

# --- refusals
check_contains "wrong password" "error -4 login-refused mailbox main: user reports: the server says: " \
  "$(drive password=hunter22)"
check "wrong password: is not repeated" "" "$(grep hunter22 "$WORK/out" "$WORK/err" || true)"
check_contains "password with a line break" "error -5 login " "$(drive password='secret
x LOGOUT')"
check_contains "no such folder" "error -5 no-such-folder mailbox main: folder Nowhere: " "$(drive folder=Nowhere)"
check_contains "archive is the folder" "error -5 folder-name " "$(drive archive=inbox)"
check_contains "no such CA file" "error -5 ca-file mailbox main: " "$(drive ca_file=/nowhere)"
check_contains "unknown CA" "error -3 tls-untrusted mailbox main: localhost port $DOVECOT_IMAPS_PORT: \
the server's certificate is not trusted: issuer unknown" "$(drive ca_file="$WORK/dovecot/tls/strangers-ca.pem")"
check_contains "the certificate is for a name, not for an address" ": name mismatch" "$(drive host=127.0.0.1)"
check "unless nobody verifies" "done" "$(drive host=127.0.0.1 verify=0)"
check_contains "TLS to a plain port" "error -3 tls-failed " "$(drive port="$DOVECOT_IMAP_PORT")"
check_contains "no TLS to a TLS port" "error -3 timeout " "$(drive tls=0 timeout=1)"
check_contains "no such host" "error -3 unreachable " "$(drive host=nowhere.invalid)"

# --- the server dies between the last mail and the flush: everything is still there
dovecot_deliver killed "$WORK"/mails/00?
mkfifo "$WORK/fifo"
drive user=killed archive=Archive hold="$WORK/fifo" >"$WORK/last" &
driver=$!
while kill -0 $driver 2>/dev/null && ! grep -q holding "$WORK/out"; do sleep 0.05; done
dovecot_stop
timeout 5 sh -c "echo go >'$WORK/fifo'"
wait $driver
check_contains "killed" "error -2 connection-lost mailbox main: archiving: " "$(cat "$WORK/last")"
check "killed: nothing is lost" 9 "$(dovecot_count killed INBOX)"
check_contains "killed: refused now" "error -3 unreachable mailbox main: localhost port $DOVECOT_IMAPS_PORT: \
Connection refused" "$(drive user=killed)"

# --- no MOVE
DOVECOT_EXTRA='imap_capability = IMAP4rev1 UIDPLUS'
dovecot_start "$WORK/dovecot"
check "after the crash" "done" "$(drive user=killed archive=Archive)"
check "after the crash: all came" 9 "$(mails)"
check "copied: the folder is empty" 0 "$(dovecot_count killed INBOX)"
check "copied: the archive is full" 9 "$(dovecot_count killed Archive)"
dovecot_stop

# --- neither MOVE nor UIDPLUS: a plain EXPUNGE would take what others have marked, so nothing is expunged
DOVECOT_EXTRA='imap_capability = IMAP4rev1'
dovecot_start "$WORK/dovecot"
dovecot_deliver plain "$WORK"/mails/00?
somebodys=$(find "$WORK/dovecot/mail/plain/new" -type f | head -n 1)
mv "$somebodys" "$WORK/dovecot/mail/plain/cur/$(basename "$somebodys"):2,T"
check "no UIDPLUS" "done" "$(drive user=plain archive=Archive)"
check "no UIDPLUS: somebody's deleted mail is not ours to read" 8 "$(mails)"
check "no UIDPLUS: the archive is full" 8 "$(dovecot_count plain Archive)"
check "no UIDPLUS: nothing is expunged" 9 "$(dovecot_count plain INBOX)"
check_contains "no UIDPLUS: it is said" "notice no-uidplus the server has neither MOVE nor UIDPLUS" "$(cat "$WORK/out")"
check "no UIDPLUS: once only" "done" "$(drive user=plain archive=Archive)"
check "no UIDPLUS: nothing is new" 0 "$(mails)"
dovecot_stop

# --- deleted, flagged, only looked at
DOVECOT_EXTRA=
dovecot_start "$WORK/dovecot"
dovecot_deliver gone "$WORK"/mails/00?
check "look" "done" "$(drive user=gone delete=1 look=1)"
check "look: all came" 9 "$(mails)"
check "look: nothing happened" 9 "$(find "$WORK/dovecot/mail/gone" -name '*test*' ! -name '*:2,?*' | wc -l)"
check "look at what would be moved" "done" "$(drive user=gone archive=Archive look=1)"
check "look at what would be moved: no folder is made" 0 "$(find "$WORK/dovecot/mail/gone" -name '.Archive' | wc -l)"
dovecot_deliver gone "$WORK/mails/010"
somebodys=$(find "$WORK/dovecot/mail/gone/new" "$WORK/dovecot/mail/gone/cur" -type f | sort | tail -n 1)
mv "$somebodys" "$WORK/dovecot/mail/gone/cur/$(basename "${somebodys%%:*}"):2,T"
check "delete" "done" "$(drive user=gone delete=1)"
check "delete: all came" 9 "$(mails)"
check "delete: they are gone, somebody's deleted mail is not" 1 "$(dovecot_count gone INBOX)"
dovecot_deliver marked "$WORK"/mails/00?
check "flag" "done" "$(drive user=marked flag='\Flagged')"
check "flag: all are" 9 "$(find "$WORK/dovecot/mail/marked/cur" -name '*:2,F' | wc -l)"
sed -n 's/^mail \([^ ]*\) .*/\1/p' "$WORK/out" >"$WORK/known"
check "flag: known ones" "done" "$(drive user=marked flag='\Flagged' known="$WORK/known")"
check "flag: none is read again" 0 "$(mails)"
check "keyword: a crash came before it was set" "done" "$(drive user=marked flag=Processed known="$WORK/known")"
check "keyword: none is read again" 0 "$(mails)"
check "keyword: all have it" 9 "$(find "$WORK/dovecot/mail/marked/cur" -name '*:2,Fa' | wc -l)"
dovecot_stop

# --- another delimiter, and a prefix that all folders but INBOX have
DOVECOT_EXTRA='namespace inbox {
  inbox = yes
  prefix = INBOX^
  separator = ^
}'
dovecot_start "$WORK/dovecot"
dovecot_deliver prefix "$WORK"/mails/00?
check "prefix" "done" "$(drive user=prefix archive=Done/2026)"
check "prefix: moved" 9 "$(dovecot_count prefix Done.2026)"
check "prefix: read from there" "done" "$(drive user=prefix folder=Done/2026 archive=INBOX/Older)"
check "prefix: all came" 9 "$(mails)"
check_contains "prefix: the folder is in the key" "mail Done/2026/" "$(cat "$WORK/out")"
check "prefix: written out" 9 "$(dovecot_count prefix Older)"
dovecot_stop

# --- certificates
DOVECOT_EXTRA=
for certificate in expired:expired wronghost:"name mismatch" stranger:"issuer unknown"; do
  dovecot_start "$WORK/dovecot" "${certificate%%:*}"
  logins=$(grep -c method=PLAIN "$WORK/dovecot/log")
  check_contains "certificate: ${certificate%%:*}" "error -3 tls-untrusted mailbox main: localhost port \
$DOVECOT_IMAPS_PORT: the server's certificate is not trusted: ${certificate#*:}" "$(drive)"
  check "certificate: ${certificate%%:*}: no login was tried" "$logins" \
    "$(grep -c method=PLAIN "$WORK/dovecot/log")"
  dovecot_stop
done

# --- servers that misbehave
fake() {
  rm -f "$WORK/port"
  python3 "$HERE/fake_imap.py" "$WORK/port" "$1" >"$WORK/commands" &
  fake=$!
  shift
  while kill -0 $fake && ! [ -s "$WORK/port" ]; do sleep 0.02; done
  DOVECOT_IMAPS_PORT=$(cat "$WORK/port") drive tls=0 deadline=2 timeout=1 "$@"
  kill $fake 2>/dev/null || true
  wait $fake 2>/dev/null || true
}
check "fake: well behaved" "done" "$(fake none)"
check "fake: well behaved: both mails, in order" "5/7 5/9" "$(sed -n 's/^mail \([^ ]*\) .*/\1/p' "$WORK/out" | xargs)"
check "fake: chatter is ignored" "done" "$(fake chatter)"
check "fake: chatter: both mails, once, in order" "5/7 5/9" \
  "$(sed -n 's/^mail \([^ ]*\) .*/\1/p' "$WORK/out" | xargs)"
check "fake: a mail that has gone is skipped" "done" "$(fake gone)"
check "fake: the other one comes" "5/9" "$(sed -n 's/^mail \([^ ]*\) .*/\1/p' "$WORK/out" | xargs)"
check "fake: a mail without content" "done" "$(fake nil)"
came() { sed -n 's/^\(mail\|bad\) \([^ ]*\) .*/\1 \2/p' "$WORK/out" | xargs; }
check "fake: a mail without content is named" "bad 5/7 mail 5/9" "$(came)"
check_contains "fake: a mail without content: why" "empty it is listed, but the server gives no byte of it" "$(cat "$WORK/out")"
check "fake: a withheld mail" "done" "$(fake withhold-7)"
check "fake: a withheld mail is named" "bad 5/7 mail 5/9" "$(came)"
check "fake: the connection breaks once" "done" "$(fake cut-once)"
check "fake: the connection breaks once: all the same" "mail 5/7 mail 5/9" "$(came)"
check "fake: one mail breaks the connection" "done" "$(fake cut-7)"
check "fake: one mail breaks the connection: the next one comes" "bad 5/7 mail 5/9" "$(came)"
check_contains "fake: one mail breaks the connection: why" \
  "unfetchable the server fails on it: fetching: connection lost: the server closed it" "$(cat "$WORK/out")"
check "fake: one mail breaks the connection: tried in a batch and twice alone" 3 \
  "$(grep -c 'UID FETCH 7[^ ]* (UID BODY' "$WORK/commands")"
check "fake: the last mail breaks the connection" "done" "$(fake cut-9)"
check "fake: the last mail breaks the connection: the first one comes" "mail 5/7 bad 5/9" "$(came)"
check "fake: the last mail breaks the connection: the first one comes once" 1 \
  "$(grep -c 'UID FETCH 7[^ ]* (UID BODY' "$WORK/commands")"
check "fake: one mail is refused" "done" "$(fake refuse-7 archive=Archive)"
check "fake: one mail is refused: the next one comes" "bad 5/7 mail 5/9" "$(came)"
check "fake: one mail is refused: it stays" "UID COPY 9" "$(grep -o 'UID COPY [^ ]*' "$WORK/commands")"
check_contains "fake: another folder after the connection broke" "error -2 connection-lost " "$(fake cut-changed)"
check "fake: another folder: nothing is read from it" "" "$(came)"
check "fake: no capabilities" "done" "$(fake no-capabilities)"
for fault in "deep:protocol:parentheses nested" "quoted-deep:protocol:parentheses nested" \
  "huge-literal:protocol:announces 4294967295 bytes" "wrapping-literal:protocol:announces more than 4 GB" \
  "inline-literal:protocol:a literal that does not begin on a new line" "liar:protocol:announces 3000000 bytes" \
  "no-end:protocol:sends far more" "cut:connection-lost:connection lost" "slow:timeout:not done within 2 seconds" \
  "silent:timeout:no answer for 1 seconds" "no:refused:the server says: disk trouble" \
  "bad:refused:the server says: what?" "bye:connection-lost:says goodbye: shutting down (for maintenance)" \
  "alert:protocol:an alert without words" "charset:protocol:a complaint about a character set" \
  "garbage:protocol:a line that is not IMAP" "wrong-tag:refused:" \
  "no-uidvalidity:protocol:the server gives no UIDVALIDITY" "busy:server-busy:come back later"; do
  mode=${fault%%:*}
  rest=${fault#*:}
  got=$(fake "$mode")
  check_contains "fake: $mode" "error -2 ${rest%%:*} mailbox main: " "$got"
  check_contains "fake: $mode: says why" "${rest#*:}" "$got"
done
check_contains "fake: greeting is BYE" "error -3 unreachable mailbox main: waiting for the greeting: \
the server says goodbye: too many connections" "$(fake greeting-bye)"
check_contains "fake: not IMAP at all" "error -3 unreachable mailbox main: waiting for the greeting: \
the server's answer is not understood" "$(fake greeting-garbage)"
check_contains "fake: no login by password" "error -4 login-refused " "$(fake login-disabled)"
check "fake: no login by password: it was not sent" "" "$(grep LOGIN "$WORK/commands" || true)"
check_contains "fake: login is BAD" "error -4 login-refused " "$(fake login-bad)"
check_contains "fake: the password comes back" "error -4 login-refused " "$(fake echo password=hunter22)"
check "fake: the password comes back: not shown" "" "$(grep hunter22 "$WORK/out" || true)"
check_contains "fake: read-only" "error -5 read-only " "$(fake read-only archive=Archive)"
check "fake: read-only is enough without an archive" "done" "$(fake read-only)"
check "nothing was said on standard error" "" "$(cat "$WORK/noise")"
finish
