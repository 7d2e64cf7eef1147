# shellcheck shell=sh
# A PostgreSQL server for tests: sourced, not run. It listens on a free loopback port and on a
# socket in its own folder, has fsync on, encoding UTF8 and locale C.UTF-8, and asks for a password
# over TCP. It never runs as root.
#
#   postgres_start DIR     makes (or starts again, on the same port) the server whose data are in
#                          DIR; sets PG_DIR, PG_PORT and PG_URL_BASE
#   postgres_createdb NAME makes an empty database and prints its URL
#   postgres_stop          stops it in good order; DIR stays
#   postgres_kill9         kills it as a power cut would, and waits until nothing of it is left
#
# Each returns non-zero, with a word on stderr, when it cannot do its work.

PG_BIN=${PG_BIN:-/usr/lib/postgresql/15/bin}
PG_PASSWORD=sEcret-0f-the-tests

# The server refuses root; anybody else is good enough to own it.
if [ "$(id -u)" = 0 ]; then
  if id postgres >/dev/null 2>&1; then PG_USER=postgres; else PG_USER=nobody; fi
else
  PG_USER=$(id -un)
fi

pg_as_owner() {
  if [ "$(id -u)" = 0 ]; then
    (cd / && setpriv --reuid="$PG_USER" --regid="$(id -g "$PG_USER")" --clear-groups \
      env HOME="$PG_DIR" PATH="$PATH" "$@")
  else
    "$@"
  fi
}

pg_init() {
  printf '%s\n' "$PG_PASSWORD" >"$PG_DIR/password" || return 1
  [ "$(id -u)" != 0 ] || chown "$PG_USER" "$PG_DIR/password" || return 1
  pg_as_owner "$PG_BIN/initdb" -D "$PG_DIR/data" -U dmarcmill --pwfile="$PG_DIR/password" \
    -E UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256 \
    >"$PG_DIR/initdb.log" 2>&1 || {
    cat "$PG_DIR/initdb.log" >&2
    return 1
  }
  rm -f "$PG_DIR/password"
}

pg_free_port() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    pg_port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
    # pg_isready answers 2 only where nothing listens
    pg_answer=0
    "$PG_BIN/pg_isready" -q -h 127.0.0.1 -p "$pg_port" -t 2 || pg_answer=$?
    if [ "$pg_answer" = 2 ]; then
      echo "$pg_port"
      return 0
    fi
  done
  echo "postgres.sh: no free port" >&2
  return 1
}

pg_ctl_start() {
  pg_as_owner "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -l "$PG_DIR/log" -w -t 60 -s -o \
    "-c listen_addresses=127.0.0.1 -c port=$1 -c unix_socket_directories='$PG_DIR' \
     -c shared_buffers=64MB -c max_connections=${PG_CONNECTIONS:-30} -c fsync=on -c timezone=UTC ${PG_OPTIONS:-}" \
    start </dev/null >/dev/null 2>&1
}

postgres_start() {
  [ -x "$PG_BIN/initdb" ] || {
    echo "postgres.sh: no PostgreSQL in $PG_BIN" >&2
    return 1
  }
  mkdir -p "$1" && PG_DIR=$(cd "$1" && pwd) || return 1
  [ "$(id -u)" != 0 ] || chown "$PG_USER" "$PG_DIR" || return 1
  pg_as_owner test -w "$PG_DIR" || {
    echo "postgres.sh: the user $PG_USER cannot reach $PG_DIR" >&2
    return 1
  }
  [ -f "$PG_DIR/data/PG_VERSION" ] || pg_init || return 1
  # After kill -9 the last children may still hold the shared memory: so more than one try.
  for _ in 1 2 3 4 5 6; do
    if [ -f "$PG_DIR/port" ]; then
      PG_PORT=$(cat "$PG_DIR/port")
    else
      PG_PORT=$(pg_free_port) || return 1
    fi
    if pg_ctl_start "$PG_PORT"; then
      echo "$PG_PORT" >"$PG_DIR/port"
      PG_URL_BASE=postgresql://dmarcmill:$PG_PASSWORD@127.0.0.1:$PG_PORT
      return 0
    fi
    sleep 1
  done
  echo "postgres.sh: the server does not start:" >&2
  tail -n 20 "$PG_DIR/log" >&2
  return 1
}

postgres_createdb() {
  "$PG_BIN/createdb" -h "$PG_DIR" -p "$PG_PORT" -U dmarcmill "$1" >&2 || return 1
  echo "$PG_URL_BASE/$1"
}

postgres_stop() {
  [ -n "${PG_DIR:-}" ] || return 0
  pg_as_owner "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -m fast -w -t 60 -s stop >/dev/null
}

postgres_kill9() {
  pg_pid=$(head -n 1 "$PG_DIR/data/postmaster.pid") || return 1
  # The children too, at once: otherwise they might still finish what they are doing.
  pg_group="$pg_pid $(ps -o pid= --ppid "$pg_pid" || true)"
  # shellcheck disable=SC2086
  kill -9 $pg_group 2>/dev/null || true # a child may just have gone
  for pg_victim in $pg_group; do
    pg_wait=0
    while kill -0 "$pg_victim" 2>/dev/null; do
      pg_wait=$((pg_wait + 1))
      if [ "$pg_wait" -gt 50 ]; then
        echo "postgres.sh: process $pg_victim does not die" >&2
        return 1
      fi
      sleep 0.1
    done
  done
}
