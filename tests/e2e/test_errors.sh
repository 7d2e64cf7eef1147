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

# a bad document beside a good one: the message counts as stored, the exit status tells
fresh_store t_beside
python3 - "$WORK/beside.zip" "$(find "$WORK/w/files" -name '*.xml' | head -n 1)" <<'EOF'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as z:
    z.write(sys.argv[2], "good.xml")
    z.writestr("bad.xml", "<feedback><nothing/></feedback>")
EOF
check "bad document: ingest" 65 "$(status_of "$MILL" --store "$STORE" ingest --format json "$WORK/beside.zip")"
check "bad document: the message is stored" 1 "$(json "$WORK/out" 'd["outcomes"]["stored"]')"
check "bad document: parse" 65 "$(status_of "$MILL" parse "$WORK/beside.zip")"

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
check "bare help" 0 "$(status_of "$MILL" help)"
check_contains "help: exit statuses" "65  some input was rejected" "$(cat "$WORK/out")"
for command in $("$MILL" help | sed -n "s/^  \([a-z][a-z]*\)  .*/\1/p"); do "$MILL" help $command; done >>"$WORK/out"
check "help: 80 columns" "" "$(awk 'length > 80' "$WORK/out")"
check "unknown cause" 64 "$(status_of "$MILL" --store "$STORE" query sources --cause nonsense)"
check_contains "unknown cause: lists them" "P1 to P16, F1 to F28" "$(cat "$WORK/err")"
check "no such week" 64 "$(status_of "$MILL" --store "$STORE" report --client unassigned --week 2026-W60)"

check_contains "no such week: says so" "there is no week 2026-W60" "$(cat "$WORK/err")"

# the same bytes again, and the same report with other content
fresh_store t_again
check "conflict: first" 0 "$(status_of "$MILL" --store "$STORE" ingest "$WORK/w/files")"
one=$(find "$WORK/w/files" -name '*.xml' | sort | head -n 1)
sed 's|<count>|<count>1|' "$one" >"$WORK/other.xml"
check "conflict: no reject" 0 "$(status_of "$MILL" --store "$STORE" ingest "$WORK/other.xml")"
check_contains "conflict: one line" "other.xml: conflict: report " "$(cat "$WORK/err")"
check_contains "conflict: in words" "known with other content; the first is kept" "$(cat "$WORK/err")"
printf 'not a report' >"$WORK/bad.xml"
check "rejected" 65 "$(status_of "$MILL" --store "$STORE" ingest "$WORK/bad.xml")"
class=$(sed -n 's/.*bad.xml: \([a-z-]*\): .*/\1/p' "$WORK/err")
check "rejected before" 65 "$(status_of "$MILL" --store "$STORE" ingest "$WORK/bad.xml")"
check_contains "rejected before: says why" "rejected before: $class" "$(cat "$WORK/err")"

# what the configuration says is not changed beside it, and who reads changes nothing
fresh_store t_owners
cat >"$WORK/conf" <<EOF
store = "$STORE"
mailbox "main" { type = maildir
  path = "$WORK/nowhere"
}
client "acme" { domains = {"acme.example"} }
EOF
mill() { status_of "$MILL" --config "$WORK/conf" "$@"; }
check "reading changes nothing" 64 "$(mill report --client acme --week 2026-W10)"
check_contains "reading changes nothing: hint" "is new in $WORK/conf" "$(cat "$WORK/err")"
check "reading changes nothing: no client" "" "$("$MILL" --config "$WORK/conf" client list | grep acme || true)"
check "missing Maildir" 78 "$(mill poll)"
check_contains "missing Maildir: one prefix" "dmarcmill: mailbox main: maildir: there is no folder" "$(cat "$WORK/err")"
check "missing Maildir: no summary" 0 "$(wc -l <"$WORK/out")"
check "configured domain" 64 "$(mill domain assign other acme.example)"
check_contains "configured domain: says where" "is set in $WORK/conf; change it there" "$(cat "$WORK/err")"
check "configured domain: remove" 64 "$(mill domain remove acme.example)"
check "configured client: remove" 64 "$(mill client remove acme)"
check "public suffix" 64 "$(mill domain assign other co.uk)"
check "address" 64 "$(mill domain assign other 192.0.2.1)"
check "assign" 0 "$(mill domain assign other other.example sub.other.example)"
check "remove" 0 "$(mill domain remove sub.other.example)"
check "remove: gone" 1 "$("$MILL" --config "$WORK/conf" domain list | grep -c other.example)"
check "remove: nobody's" 64 "$(mill domain remove sub.other.example)"

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
