#!/bin/sh
# Files and a Maildir into a store, twice: totals are exact, the second time changes nothing.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 300

for input in files maildir; do
  fresh_store "t_$input"
  check "$input: domains assigned" 0 "$(status_of "$MILL" --store "$STORE" domain assign --from "$WORK/w/domains.tsv")"

  want=0
  [ $input = files ] || want=65 # the Maildir holds mails that cannot be read
  check "$input: first ingest" $want "$(status_of "$MILL" --store "$STORE" ingest --format json "$WORK/w/$input")"
  cp "$WORK/out" "$WORK/first.json"
  check "$input: new reports" 300 "$(json "$WORK/first.json" 'd["reports"]["new"]')"
  check "$input: totals" "0 differences" "$(python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json")"
  if [ $input = maildir ]; then
    check "maildir: messages" "$(json "$WORK/w/truth.json" 'd["mails"]')" "$(json "$WORK/first.json" 'd["messages"]')"
    check "maildir: duplicates" 10 "$(json "$WORK/first.json" 'd["reports"]["duplicate"]')"
    check "maildir: partial" 3 "$(json "$WORK/first.json" 'd["reports"]["partial"]')"
    check "maildir: rejected" 5 "$(json "$WORK/first.json" 'd["reports"]["rejected"]')"
    # five mails, but all five hold the same bytes: each of them is in the ledger
    "$MILL" --store "$STORE" rejects list >"$WORK/rejects"
    check_contains "maildir: rejects are listed with their class" truncated "$(cat "$WORK/rejects")"
  fi

  check "$input: second ingest" $want "$(status_of "$MILL" --store "$STORE" ingest --format json "$WORK/w/$input")"
  check "$input: nothing new" 0 "$(json "$WORK/out" 'd["reports"]["new"]')"
  check "$input: no new records" 0 "$(json "$WORK/out" 'd["records"]')"
  check "$input: totals again" "0 differences" "$(python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json")"
  check "$input: the store agrees with itself" 0 "$(status_of "$MILL" --store "$STORE" store verify)"
done

# the other way into the same store: every report of the files is known from the mails
check "files after maildir" 0 "$(status_of "$MILL" --store "$STORE" ingest --format json "$WORK/w/files")"
check "files after maildir: nothing new" 0 "$(json "$WORK/out" 'd["reports"]["new"]')"
check "files after maildir: all duplicates" 300 "$(json "$WORK/out" 'd["reports"]["duplicate"]')"

# standard input
fresh_store t_stdin
first=$(ls "$WORK"/w/files | head -n 1)
s=0
"$MILL" --store "$STORE" ingest --format json - <"$WORK/w/files/$first" >"$WORK/out" || s=$?
check "standard input" "0 1" "$s $(json "$WORK/out" 'd["reports"]["new"]')"

# a domain that moves takes its stored reports with it
fresh_store t_move
check "move: ingest before anything is assigned" 0 "$(status_of "$MILL" --store "$STORE" ingest "$WORK/w/files")"
check "move: assign afterwards" 0 "$(status_of "$MILL" --store "$STORE" domain assign --from "$WORK/w/domains.tsv")"
check "move: totals" "0 differences" "$(python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json")"
check "move: the store agrees with itself" 0 "$(status_of "$MILL" --store "$STORE" store verify)"
finish
