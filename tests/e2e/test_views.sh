#!/bin/sh
# The views for analysts: every example of schema/README.md runs on both stores, and the views say what `query` and `report` say.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 150 --broken 0 --partial 2
python3 "$HERE/odd_reports.py" "$WORK/odd"
fresh_store views
mill() { "$MILL" --store "$STORE" "$@"; }
mill domain assign --from "$WORK/w/domains.tsv"
status_of mill ingest "$WORK/w/maildir" >/dev/null
status_of mill ingest "$WORK/odd" >/dev/null

# sql STATEMENT: rows of fields separated by |
sql() {
  if [ "$BACKEND" = sqlite ]; then
    sqlite3 "${STORE#sqlite:}" "$1"
  else
    "$PG_BIN/psql" -X -q -A -t -d "$STORE" -c "$1"
  fi
}

# ---- the examples ----
python3 - "$HERE/../../schema/README.md" "$WORK" <<'EOF'
import re
import sys
text = open(sys.argv[1]).read()
part = text[text.index("### Views for analysts"):text.index("## Rules for tables")]
examples = re.findall(r"((?:^    .*\n)+)", part, re.M)
for i, e in enumerate(examples):
    open("%s/example.%02d.sql" % (sys.argv[2], i), "w").write(e)
EOF
examples=0
for example in "$WORK"/example.*.sql; do
  check "$(cat "$example")" 0 "$(status_of sql "$(cat "$example")")"
  examples=$((examples + 1))
done
check "there are examples" yes "$([ $examples -ge 5 ] && echo yes || echo $examples)"

# ---- every view is there, with the columns that are described ----
for view in v_report v_record v_auth_result v_failure v_tls v_tls_failure v_source_week v_delivery v_host; do
  check "$view is described" yes "$(grep -q "\`$view\`" "$HERE/../../schema/README.md" && echo yes)"
  check "$view can be read" 0 "$(status_of sql "SELECT * FROM $view LIMIT 3")"
done

# ---- they say what else says it ----
for client in acme birch cedar; do
  want=$(json "$WORK/w/truth.json" "'%d|%d|%d|%d|%d|%d|%d' % tuple(d['clients']['$client'][k] for k in ('records', 'messages', 'dmarc_pass', 'dmarc_fail', 'dkim_aligned', 'spf_aligned', 'reject'))")
  check "$client: v_source_week" "$want" "$(sql "SELECT SUM(records), SUM(messages), SUM(dmarc_pass), SUM(dmarc_fail), SUM(dkim_aligned), SUM(spf_aligned), SUM(rejected)
    FROM v_source_week WHERE client = '$client' AND week = '2026-W10'")"
  check "$client: v_record" "${want%%|*}" "$(sql "SELECT COUNT(*) FROM v_record WHERE client = '$client' AND state = 'counts' AND date BETWEEN '2026-03-02' AND '2026-03-08'")"
done
check "its Monday" "20514|2026-03-02|2026-03-08" "$(sql "SELECT DISTINCT monday, MIN(first_date), MAX(last_date) FROM v_source_week WHERE week = '2026-W10' GROUP BY monday")"
check "failure reports" "$(mill query failures --format json >"$WORK/f.json" && json "$WORK/f.json" 'len(d)')" "$(sql "SELECT COUNT(*) FROM v_failure")"
check "of a source" "yes" "$([ "$(sql "SELECT COUNT(*) FROM v_failure WHERE source = '192.0.2.7'")" -gt 0 ] && echo yes)"
check "TLS sessions that failed" "$(mill query tls --format json >"$WORK/t.json" && json "$WORK/t.json" 'sum(r["failed_so"] for r in d)')" \
  "$(sql "SELECT SUM(sessions) FROM v_tls_failure")"
check "TLS policies" "$(json "$WORK/t.json" 'len({(r["report_id"], r["begin"], r["domain"], r["policy_type"], r["successful"], r["client"], r["reporter"]) for r in d})')" "$(sql "SELECT COUNT(*) FROM v_tls")"

# ---- both stores have the same columns ----
columns() { # of a view, from the statements that make it
  python3 -c '
import sqlite3, sys
d = sqlite3.connect(":memory:")
for f in sys.argv[2:]:
    d.executescript(open(f).read())
print(*(c[0] for c in d.execute("SELECT * FROM " + sys.argv[1]).description))' "$1" "$HERE"/../../schema/sqlite/*.sql
}
if [ "$BACKEND" = postgresql ]; then
  for view in v_report v_record v_auth_result v_failure v_tls v_tls_failure v_source_week v_delivery v_host; do
    check "$view has the columns that it has on SQLite" "$(columns $view)" "$("$PG_BIN/psql" -X -q -A -t -R ' ' -d "$STORE" -c \
      "SELECT column_name FROM information_schema.columns WHERE table_name = '$view' ORDER BY ordinal_position")"
  done
fi

# ---- weeks are those of ISO 8601, whatever the year ----
blob() { # HEX
  if [ "$BACKEND" = sqlite ]; then echo "x'$1'"; else echo "'\\x$1'"; fi
}
sql "INSERT INTO auth_set (client_id, auth_id, header_from, results) VALUES (1, $(blob 01), 'weeks.example', '')"
for day in 18628 18630 18631 20086 20087 20453 20773 0 99999999999; do
  sql "INSERT INTO report (client_id, report_id, domain, reporter, report_uid, begin_at, end_at, day, state, records, messages, dropped, digest, grade, trust, stored_at)
    VALUES (1, 900000 + $day, 'weeks.example', 'r', '$day', $day * 86400, $day * 86400, $day, 'counts', 1, 1, 0, $(blob 00), 'clean', 'plausible', 0)"
  sql "INSERT INTO record (client_id, report_id, recno, source_ip, messages, disposition, dkim, spf, auth_id)
    VALUES (1, 900000 + $day, 1, $(blob c0000201), 9007199254740992, 'none', 'pass', 'fail', $(blob 01))"
done
check "weeks" "1970-W01 2020-W53 2021-W01 2024-W52 2025-W01 2026-W01 2026-W47 " \
  "$(sql "SELECT week FROM v_source_week WHERE domain = 'weeks.example' AND source = '192.0.2.1' AND week IS NOT NULL ORDER BY monday" | tr '\n' ' ')"
check "a day that is none" "1||" "$(sql "SELECT records, week, first_date FROM v_source_week WHERE domain = 'weeks.example' AND week IS NULL")"
check "a record counts as 10^10 messages at most" "20000000000" "$(sql "SELECT messages FROM v_source_week WHERE domain = 'weeks.example' AND week = '2020-W53'")"
finish
