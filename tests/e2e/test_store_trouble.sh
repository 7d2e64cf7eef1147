#!/bin/sh
# test_store_trouble.sh sqlite|postgresql: a database that somebody else holds, one at the end of a long line, and one whose disk is full.
# Storing waits or says "later"; nothing is filed as bad input, and afterwards the totals are exact.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

python3 "$HERE/make_reports.py" "$WORK/w" --reports 60 --duplicates 0 --broken 0 --partial 0

ingest() { status_of "$MILL" --store "$STORE" ingest "$WORK/w/files"; }
totals() { python3 "$HERE/totals.py" "$MILL" "$STORE" "$WORK/w/truth.json"; }
rejects() { "$MILL" --store "$STORE" rejects list --format json; }

# appears FILE: waits for it, 10 seconds at most
appears() {
  _n=0
  while [ ! -e "$1" ] && [ $_n -lt 100 ]; do
    sleep 0.1
    _n=$((_n + 1))
  done
  [ -e "$1" ]
}

# hold SECONDS: an analyst's transaction that nobody can write beside; returns when it has what it wants
hold() {
  rm -f "$WORK/held"
  if [ "$BACKEND" = sqlite ]; then
    python3 -c '
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
open(sys.argv[3], "w").close()
time.sleep(float(sys.argv[2]))
db.execute("ROLLBACK")' "${STORE#sqlite:}" "$1" "$WORK/held" &
  else
    psql -qXAt "$STORE" >/dev/null <<SQL &
BEGIN;
LOCK TABLE record IN SHARE MODE;
\! touch $WORK/held
SELECT pg_sleep($1);
SQL
  fi
  holder=$!
  appears "$WORK/held"
}

fresh_store t_held
"$MILL" --store "$STORE" domain assign --from "$WORK/w/domains.tsv"
hold 3
began=$(date +%s)
check "held for a while: it waits" 0 "$(ingest)"
check "held for a while: until it is free" yes "$([ $(($(date +%s) - began)) -ge 2 ] && echo yes)"
wait "$holder"
check "held for a while: totals" "0 differences" "$(totals)"

# longer than a writer waits (SQLite 10 s, PostgreSQL 30 s)
fresh_store t_long
"$MILL" --store "$STORE" domain assign --from "$WORK/w/domains.tsv"
hold 600
check "held for long: later" 75 "$(ingest)"
check_contains "held for long: says why" "lock" "$(cat "$WORK/err")"
check "held for long: it can be read" 0 "$(status_of "$MILL" --store "$STORE" query sources --format json)"
kill "$holder"
wait "$holder" 2>/dev/null || true
[ "$BACKEND" = sqlite ] || psql -qXAt "$STORE" -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%pg_sleep%'" >/dev/null
check "held for long: no rejects" "[]" "$(rejects)"
check "held for long: stored when it is free" 0 "$(ingest)"
check "held for long: totals" "0 differences" "$(totals)"

# A database at the end of a long line, and one that is cut.
long_line() { # sets `far` to where STORE is behind it, and `line` to its process
  rm -f "$WORK/line"
  python3 "$HERE/slow_line.py" "$PG_PORT" 15 "$WORK/line" &
  line=$!
  appears "$WORK/line"
  far=${STORE%":$PG_PORT/"*}:$(cat "$WORK/line")/${STORE##*/}
}
stored() { psql -qXAt "$STORE" -c "SELECT count(*) FROM message"; }

if [ "$BACKEND" = postgresql ]; then
  fresh_store t_far
  "$MILL" --store "$STORE" domain assign --from "$WORK/w/domains.tsv"
  echo "batch_messages = 10" >"$WORK/small.conf"
  long_line
  (
    _n=0
    while [ "$(stored)" = 0 ] && [ $_n -lt 600 ]; do
      sleep 0.02
      _n=$((_n + 1))
    done
    kill "$line"
  ) &
  got=$(status_of "$MILL" --config "$WORK/small.conf" --store "$far" ingest "$WORK/w/files")
  check "a line that is cut: later" yes "$([ "$got" = 69 ] || [ "$got" = 75 ] && echo yes)"
  check "a line that is cut: some of it is stored" yes "$([ "$(stored)" -gt 0 ] && [ "$(stored)" -lt 60 ] && echo yes)"
  check "a line that is cut: no rejects" "[]" "$(rejects)"
  long_line
  check "a long line: the rest is stored" 0 "$(status_of "$MILL" --store "$far" ingest "$WORK/w/files")"
  check "a long line: totals" "0 differences" "$(totals)"
  kill "$line"
fi

# A full disk, which needs the right to mount one.
mkdir "$WORK/disk"
if mount -t tmpfs -o size=10m tmpfs "$WORK/disk" 2>"$WORK/err"; then
  AT_EXIT='umount -l "$WORK/disk"'
  if [ "$BACKEND" = sqlite ]; then
    STORE=sqlite:$WORK/disk/full.db
  else
    mkdir "$WORK/disk/space"
    chown "$PG_USER" "$WORK/disk/space"
    psql -qX "$PG_URL_BASE/postgres" -c "CREATE TABLESPACE small LOCATION '$WORK/disk/space'" -c "CREATE DATABASE t_full TABLESPACE small"
    STORE=$PG_URL_BASE/t_full
  fi
  "$MILL" --store "$STORE" domain assign --from "$WORK/w/domains.tsv"
  # leave it 64 KiB
  dd if=/dev/zero of="$WORK/disk/filling" bs=1k count=$(($(df -k --output=avail "$WORK/disk" | tail -n 1) - 64)) 2>/dev/null
  check "full disk: later" 75 "$(ingest)"
  check_contains "full disk: says why" "$([ "$BACKEND" = sqlite ] && echo 'full' || echo 'No space left')" "$(cat "$WORK/err")"
  rm "$WORK/disk/filling"
  check "full disk: no rejects" "[]" "$(rejects)"
  check "full disk: stored when there is room" 0 "$(ingest)"
  check "full disk: totals" "0 differences" "$(totals)"
  check "full disk: nothing is damaged" 0 "$(status_of "$MILL" --store "$STORE" store verify)"
else
  echo "the full disk is left out: $(cat "$WORK/err")"
fi
finish
