#!/bin/sh
# Exactly once, proved by killing it: kill -9 at KILLS points spread over a poll, run again, and the totals are exact.
#
#   test_kill.sh sqlite|postgresql maildir|imap      KILLS in the environment: how many, 20 if not said; 200 for the whole proof
BACKEND=$1
KIND=$2
KILLS=${KILLS:-20}
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/dovecot.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 200 --duplicates 20
mails=$(json "$WORK/w/truth.json" 'd["mails"]')
if [ "$KIND" = imap ]; then
  dovecot_start "$WORK/dovecot"
  echo secret >"$WORK/password"
  chmod 600 "$WORK/password"
fi

mailbox_of() {
  if [ "$KIND" = imap ]; then
    dovecot_deliver "$1" "$WORK"/w/maildir/new/*
    box=$WORK/dovecot/mail/$1
    archive=$box/.Archive
    cat <<EOF
  type = imap
  host = "localhost"
  port = $DOVECOT_IMAPS_PORT
  user = "$1"
  password_file = "$WORK/password"
  ca_file = "$DOVECOT_CA"
  archive = "Archive"
  batch_messages = 20
EOF
  else
    box=$WORK/box
    archive=$WORK/done
    rm -rf "$box" "$archive"
    mkdir -p "$archive/new" "$archive/cur" "$archive/tmp"
    cp -R "$WORK/w/maildir" "$box"
    cat <<EOF
  type = maildir
  path = "$box"
  archive = "$archive"
EOF
  fi
}

prepare() { # NAME: a fresh mailbox and store
  fresh_store "$1"
  mailbox_of "$1" >"$WORK/mailbox"
  {
    printf 'store = "%s"\nbatch_messages = 10\nmailbox "main" {\n' "$STORE"
    cat "$WORK/mailbox"
    echo "}"
  } >"$WORK/conf"
  "$MILL" --config "$WORK/conf" domain assign --from "$WORK/w/domains.tsv"
}

files_in() { find "$1/new" "$1/cur" -type f 2>/dev/null; }
# By the Subject and Message-ID: Dovecot gives a moved mail another name. A mail of a Maildir may have both names for a moment: it is
# linked into the archive before it leaves the mailbox.
ids_in() { for _f in "$@"; do files_in "$_f"; done | xargs -r grep -h '^Message-ID: ' | sort; }

# How many there are, once the server has ended what the killed program had asked for.
settled() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    _n=$(ids_in "$@" 2>/dev/null | uniq | wc -l)
    [ "$_n" != "$mails" ] || break
    sleep 0.3
  done
  echo "$_n"
}

prepare whole
start=$(date +%s%N)
"$MILL" --config "$WORK/conf" poll --once >/dev/null 2>&1 || true
took=$((($(date +%s%N) - start) / 1000))
check "undisturbed" "0 differences" "$(python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json")"

killed=0
i=0
while [ $i -lt "$KILLS" ]; do
  i=$((i + 1))
  prepare "k$i"
  after=$(awk -v t="$took" -v i="$i" -v n="$KILLS" 'BEGIN { printf "%.6f", 0.85 * t * i / (n + 1) / 1000000 }')
  timeout -s KILL "$after" "$MILL" --config "$WORK/conf" poll --once >/dev/null 2>&1 || {
    [ $? != 137 ] || killed=$((killed + 1))
  }
  check "kill $i after $after s: no mail lost" "$mails" "$(settled "$box" "$archive")"
  "$MILL" --config "$WORK/conf" poll --once >/dev/null 2>&1 || true
  check "kill $i after $after s: totals" "0 differences" "$(python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json")"
  check "kill $i: all moved" "0 $mails" "$(files_in "$box" | wc -l) $(files_in "$archive" | wc -l)"
  check "kill $i: none twice" "$mails" "$(ids_in "$archive" | uniq | wc -l)"
  check "kill $i: the store agrees with itself" 0 "$(status_of "$MILL" --config "$WORK/conf" store verify)"
  [ "$BACKEND" != sqlite ] || rm -f "${STORE#sqlite:}"*
  [ "$KIND" != imap ] || rm -rf "$box"
done
echo "$killed of $KILLS runs were killed before they ended"
# a machine that is faster the second time may end some early, but most must have been cut short for this test to mean anything
check "most runs were really killed" yes "$([ $killed -ge $((KILLS * 7 / 10)) ] && echo yes || echo "only $killed")"
finish
