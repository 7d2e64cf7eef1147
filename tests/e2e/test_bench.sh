# The benchmark runs and finds its floors. How fast anything was is not looked at: that is for a quiet machine and full sizes.
set -eu
cd "$(dirname "$0")/../.."

bench/run --rounds 1 --reports 40 --records 3 --giants 2000 --json | python3 -c '
import json, sys

found = {row["what"] for row in json.load(sys.stdin)["ratios"] if row["ratio"] > 0}
wanted = {"parse --format none", "parse --format json", "ingest into SQLite", "ingest into PostgreSQL", "the same again, PostgreSQL",
          "2000 records: ingest into PostgreSQL"}
sys.exit("no ratio of: " + ", ".join(sorted(wanted - found)) if wanted - found else 0)'
echo "the benchmark runs"
