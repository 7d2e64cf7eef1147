# A real Dovecot of our own: on free loopback ports, in a temporary folder, as an unprivileged user. To be sourced.
#
#   dovecot_start DIR [CERTIFICATE]   good (default), expired, wronghost or stranger (issued by a CA nobody knows);
#                                     DOVECOT_EXTRA holds further lines of configuration
#                                     DOVECOT_PORTS two ports, "IMAPS IMAP", instead of free ones
#                                     sets DOVECOT_IMAPS_PORT, DOVECOT_IMAP_PORT and DOVECOT_CA
#   dovecot_stop                      can be started again in the same DIR: mails and certificates stay
#   dovecot_deliver USER FILE...      each file becomes a mail in the user's INBOX
#   dovecot_count USER FOLDER         mails in a folder, marked ones included; levels are separated by "."
#   dovecot_folder USER FOLDER        makes an empty folder
#
# Every user exists, with the password "secret". The server's name is localhost.

DOVECOT_DIR=
DOVECOT_EXTRA=${DOVECOT_EXTRA-}
_delivered=0

# An ordinary user runs Dovecot as himself, root as nobody.
if [ "$(id -u)" = 0 ]; then
  _dovecot_user=nobody
  _dovecot_as="setpriv --reuid=nobody --regid=nogroup --clear-groups --"
else
  _dovecot_user=$(id -un)
  _dovecot_as=
fi
_dovecot_group=$(id -gn "$_dovecot_user")

_dovecot_key() {
  certtool --generate-privkey --key-type=ecdsa --sec-param=high --no-text --outfile "$1" 2>/dev/null
}

# _dovecot_ca NAME
_dovecot_ca() {
  _dovecot_key "$1.key"
  printf 'cn = "%s"\nca\ncert_signing_key\nexpiration_days = 30\n' "$1" >"$1.template"
  certtool --generate-self-signed --load-privkey "$1.key" --template "$1.template" --outfile "$1.pem" 2>/dev/null
}

# _dovecot_certificate NAME CA HOST VALIDITY-LINES
_dovecot_certificate() {
  _dovecot_key "$1.key"
  printf 'cn = "%s"\ndns_name = "%s"\ntls_www_server\ntls_www_client\nsigning_key\n%s\n' "$3" "$3" "$4" >"$1.template"
  certtool --generate-certificate --load-privkey "$1.key" --load-ca-certificate "$2.pem" --load-ca-privkey "$2.key" \
    --template "$1.template" --outfile "$1.pem" 2>/dev/null
}

dovecot_certificates() (
  mkdir -p "$1"
  cd "$1" || exit
  _dovecot_ca ca
  _dovecot_ca strangers-ca
  _dovecot_certificate good ca localhost 'expiration_days = 20'
  _dovecot_certificate expired ca localhost 'activation_date = "2020-01-01 00:00:00 UTC"
expiration_date = "2020-02-01 00:00:00 UTC"'
  _dovecot_certificate wronghost ca mail.example.net 'expiration_days = 20'
  _dovecot_certificate client ca reports 'expiration_days = 20'
  _dovecot_certificate stranger strangers-ca localhost 'expiration_days = 20'
)

_dovecot_config() {
  cat <<EOF
base_dir = $DOVECOT_DIR/run
state_dir = $DOVECOT_DIR/run
log_path = $DOVECOT_DIR/log
protocols = imap
listen = 127.0.0.1
default_internal_user = $_dovecot_user
default_internal_group = $_dovecot_group
default_login_user = $_dovecot_user
first_valid_uid = 1
ssl = yes
ssl_cert = <$DOVECOT_DIR/tls/$1.pem
ssl_key = <$DOVECOT_DIR/tls/$1.key
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:$DOVECOT_DIR/mail/%u
mail_max_userip_connections = 50
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=$_dovecot_user gid=$_dovecot_group home=$DOVECOT_DIR/mail/%u
}
service anvil {
  chroot =
  # a wrong password is not answered late
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $DOVECOT_IMAP_PORT
  }
  inet_listener imaps {
    port = $DOVECOT_IMAPS_PORT
    ssl = yes
  }
}
$DOVECOT_EXTRA
EOF
}

_dovecot_ports() {
  python3 -c '
import socket
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(x.getsockname()[1] for x in s))'
}

dovecot_start() {
  DOVECOT_DIR=$1
  mkdir -p "$DOVECOT_DIR/run" "$DOVECOT_DIR/mail"
  [ -d "$DOVECOT_DIR/tls" ] || dovecot_certificates "$DOVECOT_DIR/tls"
  DOVECOT_CA=$DOVECOT_DIR/tls/ca.pem
  _ports=${DOVECOT_PORTS:-$(_dovecot_ports)}
  DOVECOT_IMAPS_PORT=${_ports% *}
  DOVECOT_IMAP_PORT=${_ports#* }
  _dovecot_config "${2-good}" >"$DOVECOT_DIR/dovecot.conf"
  [ "$(id -u)" != 0 ] || chown -R "$_dovecot_user:$_dovecot_group" "$DOVECOT_DIR"
  setsid $_dovecot_as dovecot -F -c "$DOVECOT_DIR/dovecot.conf" >>"$DOVECOT_DIR/errors" 2>&1 &
  _dovecot_pid=$!
  _tries=0
  until python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))' \
    "$DOVECOT_IMAPS_PORT" 2>/dev/null; do
    _tries=$((_tries + 1))
    if [ $_tries = 50 ] || ! kill -0 $_dovecot_pid 2>/dev/null; then
      echo "Dovecot does not start:" >&2
      cat "$DOVECOT_DIR/errors" "$DOVECOT_DIR/log" >&2
      return 1
    fi
    sleep 0.1
  done
}

# At once, sessions included: left to itself, a session that is in use outlives its master.
dovecot_stop() {
  [ -n "${_dovecot_pid-}" ] || return 0
  kill -s KILL -- "-$_dovecot_pid" 2>/dev/null || true
  wait "$_dovecot_pid" 2>/dev/null || true
  rm -f "$DOVECOT_DIR/run/master.pid"
  _dovecot_pid=
}

dovecot_folder() {
  case $2 in
  INBOX) _folder=$DOVECOT_DIR/mail/$1 ;;
  *) _folder=$DOVECOT_DIR/mail/$1/.$2 ;;
  esac
  mkdir -p "$_folder/cur" "$_folder/new" "$_folder/tmp"
  [ "$(id -u)" != 0 ] || chown -R "$_dovecot_user:$_dovecot_group" "$DOVECOT_DIR/mail/$1"
}

dovecot_deliver() {
  _user=$1
  shift
  dovecot_folder "$_user" INBOX
  _box=$DOVECOT_DIR/mail/$_user
  for _mail in "$@"; do
    _delivered=$((_delivered + 1))
    cp "$_mail" "$_box/tmp/1739000000.M${_delivered}P$$.test"
  done
  [ "$(id -u)" != 0 ] || chown -R "$_dovecot_user:$_dovecot_group" "$_box/tmp"
  find "$_box/tmp" -type f -exec mv -t "$_box/new" {} +
}

dovecot_count() {
  case $2 in
  INBOX) _folder=$DOVECOT_DIR/mail/$1 ;;
  *) _folder=$DOVECOT_DIR/mail/$1/.$2 ;;
  esac
  find "$_folder/cur" "$_folder/new" -type f 2>/dev/null | wc -l
}
