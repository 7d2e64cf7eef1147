#!/bin/sh
# Bad input costs one line, one ledger row and exit status 65; a machine in trouble loses nothing.
BACKEND=sqlite
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 60 --duplicates 0 --broken 0 --partial 0

# one bad file among good ones
fresh_store t_bad
cp -R "$WORK/w/files" "$WORK/mixed"
printf 'not a report' >"$WORK/mixed/00000-bad.xml"
check "one bad file" 65 "$(status_of "$MILL" --store "$STORE" ingest --format json "$WORK/mixed")"
check "one bad file: the rest is stored" 60 "$(json "$WORK/out" 'd["reports"]["new"]')"
check "one bad file: one line" 1 "$(wc -l <"$WORK/err")"
check_contains "one bad file: the line" "00000-bad.xml: " "$(cat "$WORK/err")"
check "one bad file: one row in the ledger" 1 "$("$MILL" --store "$STORE" rejects list --format json 2>/dev/null | grep -c bad.xml)"

# usage and configuration
check "unknown command" 64 "$(status_of "$MILL" frobnicate)"
check "unknown option" 64 "$(status_of "$MILL" parse --frobnicate)"
check "no such file" 65 "$(status_of "$MILL" parse "$WORK/nothing-here")"
printf 'stroe = "sqlite:x"\n' >"$WORK/conf"
check "misspelt key" 78 "$(status_of "$MILL" --config "$WORK/conf" poll)"
check_contains "misspelt key: file and line" "$WORK/conf:1:" "$(cat "$WORK/err")"
printf 'mailbox "m" {\n type = imap\n host = "h"\n user = "u"\n}\n' >"$WORK/conf"
check "secret missing" 78 "$(status_of "$MILL" --config "$WORK/conf" poll)"
check_contains "secret missing: hint" password_file "$(cat "$WORK/err")"
printf 'mailbox "m" {\n type = imap\n' >"$WORK/conf"
check "closing brace missing" 78 "$(status_of "$MILL" --config "$WORK/conf" poll)"
check "no such client" 64 "$(status_of "$MILL" --store "$STORE" report --client nobody --week 2026-W10)"
check "no such week" 64 "$(status_of "$MILL" --store "$STORE" report --client unassigned --week 2026-W60)"

# a database that is away, and one that is not a database
check "PostgreSQL away" 69 "$(status_of "$MILL" --store postgresql://u:very-secret@127.0.0.1:1/x ingest "$WORK/w/files")"
check "PostgreSQL away: no password in the message" "" "$(grep very-secret "$WORK/out" "$WORK/err" || true)"
printf 'this is no database, and it is long enough to be looked at as one by the library that reads it' >"$WORK/no.db"
check "not a database" 78 "$(status_of "$MILL" --store "sqlite:$WORK/no.db" ingest "$WORK/w/files")"

# a full disk (a limit on the size of files stands in for it) leaves every mail where it was; later all of it is stored
fresh_store t_full
cp -R "$WORK/w/maildir" "$WORK/box"
cat >"$WORK/conf" <<EOF
store = "$STORE"
mailbox "main" { type = maildir
  path = "$WORK/box"
  archive = "$WORK/done"
}
EOF
"$MILL" --config "$WORK/conf" domain assign --from "$WORK/w/domains.tsv"
size=$(($(stat -c %s "$WORK/t_full.db") / 1024 + 24))
s=$( (ulimit -f $size; status_of "$MILL" --config "$WORK/conf" poll --once))
check "full disk" 75 "$s"
check "full disk: no mail was moved or lost" 60 "$(find "$WORK/box/new" "$WORK/box/cur" -type f | wc -l)"
check "full disk: later" 0 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
check "full disk: totals" "0 differences" "$(python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json")"
finish
