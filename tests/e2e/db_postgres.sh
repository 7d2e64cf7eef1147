#!/bin/sh
# db_postgres.sh TEST_DB: runs the test program of the database drivers (tests/unit/test_db.c) with
# a PostgreSQL server of its own, which is killed and started again when the program asks for it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
test_db=$(realpath "$1")
. "$here/postgres.sh"

work=$(mktemp -d /tmp/dmarcmill-pg-XXXXXX) || exit 1
chmod 711 "$work"
mkdir "$work/hands"
finish() {
  postgres_stop 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

postgres_start "$work/server" || exit 1
url=$(postgres_createdb drivers) || exit 1

cd "$here/.." || exit 1
TEST_PG_URL=$url TEST_PG_RESTART=$work/hands "$test_db" &
program=$!
while kill -0 "$program" 2>/dev/null; do
  if [ -f "$work/hands/kill" ]; then
    rm "$work/hands/kill"
    postgres_kill9 && postgres_start "$work/server" && : >"$work/hands/up"
  fi
  sleep 0.1
done
wait "$program"
