# shellcheck shell=sh
# A real name server of our own: Knot DNS on a free loopback port, in a temporary folder. To be sourced.
#
#   knot_start DIR ZONEFILE [NAME FILE]...   serves the file as the root zone: every name in the world is in it or does
#                             not exist; other zones may be cut out of it, and one without its file is answered SERVFAIL
#                             sets KNOT_PORT; DIR must not be there yet
#   knot_stop

KNOT_DIR=
_knot_pid=

knot_free_port() {
  python3 -c 'import socket
for _ in range(50):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 0)); port = u.getsockname()[1]
    t = socket.socket()
    try: t.bind(("127.0.0.1", port))
    except OSError: continue
    print(port); break'
}

knot_start() {
  KNOT_DIR=$1
  mkdir -p "$KNOT_DIR/run" "$KNOT_DIR/db"
  cp "$2" "$KNOT_DIR/root.zone"
  KNOT_PORT=$(knot_free_port)
  cat >"$KNOT_DIR/knot.conf" <<EOF
server:
    rundir: "$KNOT_DIR/run"
    listen: 127.0.0.1@$KNOT_PORT
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: "$KNOT_DIR/db"
zone:
  - domain: .
    file: "$KNOT_DIR/root.zone"
    semantic-checks: off
    zonefile-sync: -1
EOF
  shift 2
  while [ $# -gt 1 ]; do
    printf '  - domain: "%s"\n    file: "%s"\n    zonefile-sync: -1\n' "$1" "$2" >>"$KNOT_DIR/knot.conf"
    shift 2
  done
  /usr/sbin/knotd -c "$KNOT_DIR/knot.conf" >"$KNOT_DIR/log" 2>&1 &
  _knot_pid=$!
  for _ in $(seq 100); do
    if python3 - "$KNOT_PORT" <<'EOF'; then return 0; fi
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.2)
s.sendto(b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01", ("127.0.0.1", int(sys.argv[1])))
try:
    answer = s.recv(512)
except OSError:
    sys.exit(1)
sys.exit(answer[3] & 15)
EOF
    kill -0 $_knot_pid 2>/dev/null || break
    sleep 0.1
  done
  echo "knotd does not start:" >&2
  cat "$KNOT_DIR/log" >&2
  return 1
}

knot_stop() {
  [ -n "$_knot_pid" ] || return 0
  kill $_knot_pid 2>/dev/null || true
  wait $_knot_pid 2>/dev/null || true
  _knot_pid=
}
