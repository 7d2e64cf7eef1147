#!/bin/sh
# What is stored comes out as it went in: `export` says of every report what `parse` says of the file. And what else can be asked of
# the kinds of reports that no weekly report shows yet.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

cat >"$WORK/dmarcmill.conf" <<'EOF'
failure_data = full
client "acme"  { domains = {"acme.example"} }
client "birch" { domains = {"birch.example"} }
EOF
mill() { "$MILL" --config "$WORK/dmarcmill.conf" --store "$STORE" "$@"; }

python3 "$HERE/odd_reports.py" "$WORK/odd"
cp -R "$DATA/demo/maildir" "$WORK/odd/maildir"
cp -R "$HERE/../fuzz/corpus/message" "$HERE/../fuzz/corpus/tlsrpt" "$WORK/odd/"

fresh_store export
check "everything odd is parsed" 65 "$(status_of mill parse "$WORK/odd")"
cp "$WORK/out" "$WORK/parsed.json"
check "and stored" 65 "$(status_of mill ingest "$WORK/odd")"
check "and exported" 0 "$(status_of mill export --all)"
cp "$WORK/out" "$WORK/exported.json"
check "the same" 0 "$(status_of python3 "$HERE/same_reports.py" "$WORK/parsed.json" "$WORK/exported.json")"
[ "$failed" = 0 ] || cat "$WORK/out"
check "so many of each kind" "yes" "$(awk '/^compared/ { print ($2 >= 60 && $3 >= 4 && $4 >= 4) ? "yes" : $0 }' "$WORK/out")"

# a report in each line says the same
mill export --all --format jsonl >"$WORK/exported.jsonl"
check "JSON lines" "same" "$(python3 -c '
import json, sys
whole = json.load(open(sys.argv[1]))
kinds = {"aggregate": "aggregate_reports", "failure": "failure_reports", "smtp_tls": "smtp_tls_reports"}
lines = {k: [] for k in kinds.values()}
for line in open(sys.argv[2]):
    d = json.loads(line)
    lines[kinds[d.pop("kind")]].append(d)
print("same" if lines == whole and all(lines.values()) else "other")' "$WORK/exported.json" "$WORK/exported.jsonl")"

# every format of parse is one of export
for format in jsonl text csv none parsedmarc-json parsedmarc-csv; do
  check "$format" 0 "$(status_of mill export --format $format)"
done
check "none prints nothing" 0 "$(mill export --format none | wc -c)"
check "csv of failures" "yes" "$(mill export --format csv --kind failure | grep -q acme.example && echo yes)"

# what counts in no total is left out unless it is asked for
ids() { mill export "$@" >"$WORK/some.json" && json "$WORK/some.json" 'sorted(r["report_id"] for r in d["aggregate_reports"] if r["grade"] == "partial")'; }
check "partial ones are left out" "[]" "$(ids)"
check "or not" "['odd-25']" "$(ids --all --client acme)"

# one client, one domain, some days
mill export --client birch >"$WORK/birch.json"
check "another client's reports" "['birch.example']" "$(json "$WORK/birch.json" \
  'sorted({r["policy"]["domain"] for r in d["aggregate_reports"]} | {p["domain"] for r in d["smtp_tls_reports"] for p in r["policies"]})')"
mill export --client acme --domain ACME.example --from 2026-11-15 --to 2026-11-15 >"$WORK/day.json"
check "one day" "{'2026-11-15'}" "$(json "$WORK/day.json" '{r["begin"][:10] for r in d["aggregate_reports"]}')"
check "no such client" 64 "$(status_of mill export --client nobody)"
check "no domain" 64 "$(status_of mill export --domain 'a b')"
check "an argument" 64 "$(status_of mill export x)"
check "no such format" 64 "$(status_of mill export --format xml)"

# ---- query failures, query tls ----
mill query failures --format json >"$WORK/failures.json"
check "failures" "3 spf 192.0.2.7" "$(json "$WORK/failures.json" \
  '"%d %s %s" % next((r["incidents"], r["auth_failure"].split(", ")[1], r["source_ip"]) for r in d if r["incidents"] == 3)')"
check "failures of a network" "True" "$(mill query failures --source 192.0.2.0/29 --format json >"$WORK/net.json" &&
  json "$WORK/net.json" 'len(d) > 0 and {r["source_ip"] for r in d} == {"192.0.2.7"}')"
mill query tls --client acme --failing --format json >"$WORK/tls.json"
check "kinds of TLS failures" "[('certificate-expired', 3, 4), ('own-word', 1, 4)]" "$(json "$WORK/tls.json" \
  'sorted((r["result_type"], r["failed_so"], r["failed"]) for r in d if r["report_id"] == "tls-0")')"
mill query tls --client birch --format json >"$WORK/tls.json"
check "a policy without failures" "[(9, 0, None)]" "$(json "$WORK/tls.json" \
  '[(r["successful"], r["failed"], r["result_type"]) for r in d if r["report_id"] == "tls-0"]')"
check "filters that say nothing" 64 "$(status_of mill query tls --source 192.0.2.1)"
check "filters that say nothing" 64 "$(status_of mill query failures --failing)"
finish
