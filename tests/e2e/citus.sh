# shellcheck shell=sh
# A Citus cluster of a coordinator and two workers for tests: sourced after postgres.sh, not run. It needs a PostgreSQL in $PG_BIN that has the
# extension citus, which Debian has not.
#
#   citus_start DIR        starts the three servers
#   citus_createdb NAME    makes a database whose tables are distributed, and prints its URL
#   citus_stop             stops the workers; postgres_stop stops the coordinator
PG_OPTIONS="-c shared_preload_libraries=citus -c citus.node_conninfo=sslmode=prefer -c max_prepared_transactions=100"
PG_CONNECTIONS=100

citus_psql() { # DIR PORT DATABASE, the rest are psql's
  _dir=$1 _port=$2 _database=$3
  shift 3
  PGOPTIONS='-c client_min_messages=warning' "$PG_BIN/psql" -qXAt -v ON_ERROR_STOP=1 -h "$_dir" -p "$_port" -U dmarcmill "$@" "$_database" >/dev/null
}

# The nodes log in to one another as anybody else does.
citus_node() {
  mkdir -p "$1"
  printf '*:*:*:dmarcmill:%s\n' "$PG_PASSWORD" >"$1/.pgpass"
  chmod 600 "$1/.pgpass"
  [ "$(id -u)" != 0 ] || chown "$PG_USER" "$1/.pgpass"
  postgres_start "$1"
}

citus_start() {
  mkdir -p "$1"
  chmod 755 "$1"
  citus_node "$1/one" && citus_one="$PG_DIR $PG_PORT" &&
    citus_node "$1/two" && citus_two="$PG_DIR $PG_PORT" &&
    citus_node "$1/coordinator"
}

# shellcheck disable=SC2086
citus_createdb() {
  for _node in "$citus_one" "$citus_two" "$PG_DIR $PG_PORT"; do
    citus_psql $_node postgres -c "CREATE DATABASE $1" && citus_psql $_node "$1" -c "CREATE EXTENSION citus" || return 1
  done
  citus_psql "$PG_DIR" "$PG_PORT" "$1" -c "SELECT citus_set_coordinator_host('127.0.0.1', $PG_PORT)" \
    -c "SELECT citus_add_node('127.0.0.1', ${citus_one##* })" -c "SELECT citus_add_node('127.0.0.1', ${citus_two##* })" || return 1
  "$MILL" --store "$PG_URL_BASE/$1" store migrate >/dev/null || return 1
  citus_psql "$PG_DIR" "$PG_PORT" "$1" -f "$HERE/../../schema/citus.sql" >&2 || return 1
  echo "$PG_URL_BASE/$1"
}

citus_stop() {
  for _node in "$citus_one" "$citus_two"; do
    pg_as_owner "$PG_BIN/pg_ctl" -D "${_node% *}/data" -m fast -w -t 60 -s stop >/dev/null
  done
}
