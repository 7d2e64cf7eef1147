# shellcheck shell=sh
# A real Cyrus IMAP of our own: on free loopback ports, in a temporary folder, as an unprivileged user. To be sourced after
# dovecot.sh, whose certificates it uses. Debian's package cannot be installed beside Dovecot's, so `scripts/packages test` unpacks it
# into a folder; from there it runs.
#
#   cyrus_start DIR              sets CYRUS_IMAPS_PORT, CYRUS_IMAP_PORT and CYRUS_CA; can be started again in the same DIR
#   cyrus_stop                   at once; mails stay
#   cyrus_deliver FILE...        each file becomes a mail in the INBOX of the user "reports" (password "secret")
#   cyrus_count FOLDER           mails in a folder, named as the server does; "none" if it does not exist
#   cyrus_ids FOLDER             the Message-IDs in it, sorted
#
# Folders lie below INBOX and levels are separated by a dot, as in many an old Cyrus. The server's name is localhost.

CYRUS_UNPACKED=${CYRUS_UNPACKED:-${XDG_CACHE_HOME:-$HOME/.cache}/dmarcmill-tests/cyrus}
CYRUS_DIR=
if [ "$(id -u)" = 0 ]; then _cyrus_user=nobody; else _cyrus_user=$(id -un); fi
_cyrus_group=$(id -gn "$_cyrus_user")

_cyrus_config() {
  cat <<CONF
configdirectory: $CYRUS_DIR/conf
defaultpartition: default
partition-default: $CYRUS_DIR/spool
proc_path: $CYRUS_DIR/run/proc
mboxname_lockpath: $CYRUS_DIR/run/lock
idlesocket: $CYRUS_DIR/run/idle
sievedir: $CYRUS_DIR/sieve
cyrus_user: $_cyrus_user
cyrus_group: $_cyrus_group
servername: localhost
admins: admin
altnamespace: no
unixhierarchysep: no
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: $CYRUS_DIR/sasldb2
sasl_mech_list: PLAIN LOGIN
allowplaintext: no
tls_server_cert: $CYRUS_DIR/tls/good.pem
tls_server_key: $CYRUS_DIR/tls/good.key
CONF
}

_cyrus_services() {
  _bin=$CYRUS_DIR/unpacked/usr/lib/cyrus/bin
  cat <<CONF
START {
  recover cmd="$_bin/ctl_cyrusdb -C $CYRUS_DIR/imapd.conf -r"
  idled cmd="$_bin/idled -C $CYRUS_DIR/imapd.conf"
}
SERVICES {
  imap cmd="$_bin/imapd -C $CYRUS_DIR/imapd.conf" listen="127.0.0.1:$CYRUS_IMAP_PORT" prefork=0
  imaps cmd="$_bin/imapd -C $CYRUS_DIR/imapd.conf -s" listen="127.0.0.1:$CYRUS_IMAPS_PORT" prefork=0
}
EVENTS {
}
CONF
}

_cyrus_prepare() {
  mkdir -p "$CYRUS_DIR/conf/socket" "$CYRUS_DIR/spool" "$CYRUS_DIR/run" "$CYRUS_DIR/sieve"
  cp -R "$CYRUS_UNPACKED" "$CYRUS_DIR/unpacked" # the user it runs as may not see ours
  dovecot_certificates "$CYRUS_DIR/tls"
  for _user in admin reports; do
    echo secret | saslpasswd2 -p -c -f "$CYRUS_DIR/sasldb2" -u localhost $_user
  done
  [ "$(id -u)" != 0 ] || chown -R "$_cyrus_user:$_cyrus_group" "$CYRUS_DIR"
}

_cyrus_imap() { python3 "$HERE/imap_client.py" "localhost:$CYRUS_IMAPS_PORT" "$CYRUS_CA" "$@"; }

cyrus_start() {
  CYRUS_DIR=$1
  _first=no
  [ -d "$CYRUS_DIR/unpacked" ] || { _first=yes && _cyrus_prepare; }
  CYRUS_CA=$CYRUS_DIR/tls/ca.pem
  _ports=${_ports_of_cyrus:-$(_dovecot_ports)}
  _ports_of_cyrus=$_ports
  CYRUS_IMAPS_PORT=${_ports% *}
  CYRUS_IMAP_PORT=${_ports#* }
  _cyrus_config >"$CYRUS_DIR/imapd.conf"
  _cyrus_services >"$CYRUS_DIR/cyrus.conf"
  (
    LD_LIBRARY_PATH=$(echo "$CYRUS_DIR"/unpacked/usr/lib/*-linux-gnu)
    CYRUS_USER=$_cyrus_user
    export LD_LIBRARY_PATH CYRUS_USER
    exec setsid "$CYRUS_DIR/unpacked/usr/lib/cyrus/bin/master" -C "$CYRUS_DIR/imapd.conf" -M "$CYRUS_DIR/cyrus.conf" \
      -p "$CYRUS_DIR/run/master.pid" -D
  ) >>"$CYRUS_DIR/log" 2>&1 &
  _cyrus_pid=$!
  _tries=0
  until _cyrus_imap admin secret list >/dev/null 2>&1; do
    _tries=$((_tries + 1))
    if [ $_tries = 100 ] || ! kill -0 $_cyrus_pid 2>/dev/null; then
      echo "Cyrus does not start:" >&2
      cat "$CYRUS_DIR/log" >&2
      return 1
    fi
    sleep 0.1
  done
  [ $_first = no ] || _cyrus_imap admin secret create user.reports
}

# With all it has started: sessions and idled are in the group of their own that setsid has made.
cyrus_stop() {
  [ -n "${_cyrus_pid-}" ] || return 0
  kill -s KILL -- "-$_cyrus_pid" 2>/dev/null || true
  wait $_cyrus_pid 2>/dev/null || true
  rm -f "$CYRUS_DIR/run/master.pid"
  _cyrus_pid=
}

cyrus_deliver() { _cyrus_imap reports secret append INBOX "$@"; }
cyrus_count() { _cyrus_imap reports secret count "$1"; }
cyrus_ids() { _cyrus_imap reports secret ids "$1"; }
