#!/bin/sh
# Analysts read a hot standby of the PostgreSQL that pollers write to; what would write says that it cannot.
BACKEND=postgresql
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

printf 'client "acme" { domains = {"acme.example"} }\n' >"$WORK/conf"
mill() { "$MILL" --config "$WORK/conf" "$@"; }

fresh_store main
check "stored" 65 "$(status_of mill --store "$STORE" ingest "$DATA/demo/maildir")"

# a standby of it: postgres_start finds the data there and asks no more
primary=$PG_DIR
mkdir "$WORK/standby"
[ "$(id -u)" != 0 ] || chown "$PG_USER" "$WORK/standby"
pg_as_owner env PGPASSWORD="$PG_PASSWORD" "$PG_BIN/pg_basebackup" -R -c fast -D "$WORK/standby/data" \
  -d "postgresql://dmarcmill@127.0.0.1:$PG_PORT/postgres" >"$WORK/backup.log" 2>&1 || cat "$WORK/backup.log"
MAIN=$STORE
postgres_start "$WORK/standby"
AT_EXIT='postgres_stop; PG_DIR=$primary'
REPLICA=$PG_URL_BASE/main

same() {
  mill --store "$MAIN" "$@" >"$WORK/main" && mill --store "$REPLICA" "$@" >"$WORK/replica" && cmp "$WORK/main" "$WORK/replica" && echo same
}
check "query" same "$(same query sources --client acme --format json)"
check "report" same "$(same report --client acme --week 2026-W46 --format html)"
check "export" same "$(same export --all)"
check "verify" same "$(same store verify)"
check "simulate" same "$(same policy simulate --client acme --p reject --from 2026-11-01 --to 2026-11-30)"

check "storing" 78 "$(status_of mill --store "$REPLICA" ingest "$DATA/demo/maildir")"
check_contains "says why" "read-only" "$(cat "$WORK/err")"
finish
