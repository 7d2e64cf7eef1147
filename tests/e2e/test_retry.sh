#!/bin/sh
# What was kept is read again: rejects that became readable, partial reports, and stored reports that were damaged or badly
# read. Totals are exact afterwards, and whoever is killed in between has neither lost nor doubled anything.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 60 --broken 2 --partial 3
echo 'limits { records = 1 }' >"$WORK/tight.conf"
: >"$WORK/usual.conf"

# behind the program's back
sql() {
  if [ "$BACKEND" = sqlite ]; then
    sqlite3 "${STORE#sqlite:}" ".timeout 10000" "$1"
  else
    "$PG_BIN/psql" -qAt "$STORE" -c "$1"
  fi
}
mill() {
  "$MILL" --config "$WORK/usual.conf" --store "$STORE" "$@"
}
check_totals() {
  check "$1: totals" "0 differences" "$(python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json")"
  check "$1: the store agrees with itself" 0 "$(status_of mill store verify)"
}
reports() {
  json "$WORK/out" "d['reports']['$1']"
}

# a limit that was too tight
fresh_store retry
mill domain assign --from "$WORK/w/domains.tsv" >/dev/null
check "tight limits: ingest" 65 "$(status_of "$MILL" --config "$WORK/tight.conf" --store "$STORE" ingest --format json "$WORK/w/maildir")"
limited=$(sql "SELECT COUNT(*) FROM reject WHERE class = 'limit-records'")
check "tight limits: most are rejected" 1 "$((limited > 40))"
check "retry with the same limits" 65 "$(status_of "$MILL" --config "$WORK/tight.conf" --store "$STORE" rejects retry --all)"
check_contains "it says why" "still limit-records" "$(cat "$WORK/out")"
check "the same limits change nothing" "$limited" "$(sql "SELECT COUNT(*) FROM reject WHERE class = 'limit-records' AND state = 'open'")"
first=$(sql "SELECT MIN(reject_id) FROM reject WHERE class = 'limit-records'")
check "retry one" 0 "$(status_of mill rejects retry "$first")"
check_contains "one is stored" "reject $first: read: 1 new" "$(cat "$WORK/out")"
check "retry it again" 64 "$(status_of mill rejects retry "$first")"
check_contains "it is not open" no-such-reject "$(cat "$WORK/err")"
check "retry all" 65 "$(status_of mill rejects retry --all)"
check_contains "the broken ones stay" "still truncated" "$(cat "$WORK/out")"
check "no limit is in the way any more" 0 "$(sql "SELECT COUNT(*) FROM reject WHERE class = 'limit-records' AND state = 'open'")"
check_totals retry
check "ingest again" 65 "$(status_of mill ingest --format json "$WORK/w/maildir")" # the broken ones
check "ingest again: nothing new" 0 "$(reports new)"
check "ingest again: the ledger knows each report" 73 "$(reports duplicate)" # 10 come twice, 3 are cut off
check "an unknown verb" 64 "$(status_of mill rejects retry)"
check "all and one" 64 "$(status_of mill rejects retry --all "$first")"

# a partial report: not better when read again, counted when the operator says so, replaced by a complete copy
partial=$(sql "SELECT COUNT(*) FROM report WHERE state = 'partial'")
check "partial reports" 3 "$partial"
cut=$(sql "SELECT MIN(reject_id) FROM reject WHERE class = 'partial' AND state = 'open'")
check "retry a partial one" 65 "$(status_of mill rejects retry "$cut")"
check_contains "it is still cut off" "reject $cut: still partial" "$(cat "$WORK/out")"
check "accept it" 0 "$(status_of mill rejects retry "$cut" --accept-partial)"
check "it counts" "2 1" "$(sql "SELECT COUNT(*) FROM report WHERE state = 'partial'") $(sql "SELECT COUNT(*) FROM report WHERE state = 'counts' AND grade = 'partial'")"
check "reparse leaves the operator's word alone" 0 "$(status_of mill reparse --grade partial)"
check "the partial ones are the same" "3 0" "$(reports same) $(reports replaced)"
cat >"$WORK/record.xml" <<'END'
<record><row><source_ip>192.0.2.9</source_ip><count>7</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim>
<spf>fail</spf></policy_evaluated></row><identifiers><header_from>solo.example</header_from></identifiers><auth_results>
<spf><domain>solo.example</domain><result>fail</result></spf></auth_results></record>
END
cat >"$WORK/head.xml" <<'END'
<feedback><report_metadata><org_name>one.example</org_name><email>dmarc@one.example</email><report_id>solo</report_id><date_range>
<begin>1772409600</begin><end>1772495999</end></date_range></report_metadata><policy_published><domain>solo.example</domain>
<p>none</p></policy_published>
END
{ cat "$WORK/head.xml" "$WORK/record.xml"; head -c 150 "$WORK/record.xml"; } >"$WORK/cut.xml"
{ cat "$WORK/head.xml" "$WORK/record.xml" "$WORK/record.xml"; echo "</feedback>"; } >"$WORK/whole.xml"
solo() {
  sql "SELECT COUNT(*), SUM(messages) FROM report WHERE domain = 'solo.example' AND state = 'counts'" | tr '|' ' '
}
check "a report that is cut off" 65 "$(status_of mill ingest "$WORK/cut.xml")"
check "does not count" 0 "$(sql "SELECT COUNT(*) FROM report WHERE domain = 'solo.example' AND state = 'counts'")"
check "its complete copy" 0 "$(status_of mill ingest "$WORK/whole.xml")"
check "takes its place" "1 14" "$(solo)"
check "nothing is left to decide" 0 "$(sql "SELECT COUNT(*) FROM reject j JOIN message m ON m.message_id = j.message_id WHERE m.name LIKE '%cut.xml' AND j.state = 'open'")"

# a stored report that would be read better today
fresh_store reparse
mill domain assign --from "$WORK/w/domains.tsv" >/dev/null
check "ingest" 0 "$(status_of mill ingest "$WORK/w/files")"
check "reparse" 0 "$(status_of mill reparse)"
check "all are the same" "60 60 0 0 0" "$(json "$WORK/out" 'd["payloads"]') $(reports same) $(reports replaced) $(reports worse) $(reports new)"
ids=$(sql "SELECT SUM(report_id) FROM report")
if [ "$BACKEND" != citus ]; then # which does not take such statements
  sql "UPDATE report SET grade = 'recovered' WHERE report_id IN (SELECT report_id FROM report ORDER BY report_uid LIMIT 20)"
  sql "UPDATE record SET messages = messages + 1, dkim = 'pass' WHERE recno = 1 AND (client_id, report_id) IN (SELECT client_id, report_id FROM report WHERE grade = 'recovered')"
  sql "DELETE FROM record WHERE recno > 1 AND (client_id, report_id) IN (SELECT client_id, report_id FROM report WHERE grade = 'recovered')"
  check "reparse from tomorrow on" 0 "$(status_of mill reparse --since 9999-12-31)"
  check "nothing is that new" 0 "$(json "$WORK/out" 'd["payloads"]')"
  check "reparse what was badly read" 0 "$(status_of mill reparse --grade recovered --since 2020-01-01)"
  check "that is replaced" "20 0 20 0 0" "$(json "$WORK/out" 'd["payloads"]') $(reports same) $(reports replaced) $(reports worse) $(reports new)"
  check "the damage was real" 1 "$((ids != $(sql "SELECT SUM(report_id) FROM report")))"
  check_totals "recovered grades"
  sql "UPDATE record SET spf = CASE spf WHEN 'pass' THEN 'fail' ELSE 'pass' END"
  check "reparse all" 0 "$(status_of mill reparse)"
  check "verdicts are put right" "0 60" "$(reports same) $(reports replaced)"
  check_totals "verdicts"
  sql "UPDATE report SET digest = (SELECT digest FROM report WHERE report_uid = 'r2'), records = records + 1 WHERE report_uid = 'r1'"
  check "reparse what had more records" 0 "$(status_of mill reparse)"
  check "less never replaces more" "59 0 1" "$(reports same) $(reports replaced) $(reports worse)"
fi
check "a wrong grade" 64 "$(status_of mill reparse --grade good)"
check "a wrong day" 64 "$(status_of mill reparse --since yesterday)"

# killed at any moment: each payload is one transaction
fresh_store killed
mill domain assign --from "$WORK/w/domains.tsv" >/dev/null
"$MILL" --config "$WORK/tight.conf" --store "$STORE" ingest "$WORK/w/files" >/dev/null 2>&1 || true
for delay in 0.02 0.04 0.06 0.08 0.1 0.15 0.2 0.3; do
  timeout -s KILL "$delay" "$MILL" --config "$WORK/usual.conf" --store "$STORE" rejects retry --all >/dev/null 2>&1 || true
done
check "retry what is left" 0 "$(status_of mill rejects retry --all)"
check_totals "killed in retry"
sql "UPDATE record SET messages = 1000"
for delay in 0.02 0.04 0.06 0.08 0.1 0.15 0.2 0.3; do
  timeout -s KILL "$delay" "$MILL" --config "$WORK/usual.conf" --store "$STORE" reparse >/dev/null 2>&1 || true
done
check "reparse what is left" 0 "$(status_of mill reparse)"
check "each payload once" 60 "$(($(reports same) + $(reports replaced)))"
check_totals "killed in reparse"
check "no report twice" 60 "$(sql "SELECT COUNT(*) FROM report")"
finish
