#!/bin/sh
# The sample mailbox of scripts/demo: every mail has an outcome, and the reports are the ones we know.
BACKEND=sqlite
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

cp -R "$DATA/demo/maildir" "$WORK/box"
mkdir -p "$WORK/box/cur" "$WORK/box/tmp"
mails=$(find "$WORK/box" -type f | wc -l)
fresh_store t_demo
cat >"$WORK/conf" <<EOF
store = "$STORE"
mailbox "demo" { type = maildir
  path = "$WORK/box"
}
client "harbor-legal" { domains = {"harbor-legal.example"} }
client "north-bakery" { domains = {"north-bakery.example"} }
client "civic-clinic" { domains = {"civic-clinic.example"} }
EOF
check "poll" 65 "$(status_of "$MILL" --config "$WORK/conf" poll --once --format json)"
cp "$WORK/out" "$WORK/summary"
check "every mail was seen" "$mails" "$(json "$WORK/summary" 'd["messages"]')"
for client in harbor-legal north-bakery civic-clinic unassigned; do
  "$MILL" --config "$WORK/conf" report --client $client --week 2025-W06 --format json >"$WORK/$client"
done
all() { for c in harbor-legal north-bakery civic-clinic unassigned; do json "$WORK/$c" "d['totals']['$1']"; done | awk '{ s += $1 } END { print s }'; }
check "reports of the week" 30 "$(all reports)"
check "records" 345 "$(all records)"
check "messages" 4218 "$(all messages)"
check "failing messages" 291 "$(all dmarc_fail)"
"$MILL" --config "$WORK/conf" report --all-clients --week 2025-W06 --format csv --out "$WORK/reports"
check "files" 4 "$(find "$WORK/reports" -name 2025-W06.csv | wc -l)"
finish
