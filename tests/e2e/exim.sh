# A real Exim of our own, that delivers into the Dovecot of dovecot.sh by LMTP: on free loopback ports, in a temporary folder, as the
# user that Dovecot runs as. To be sourced after dovecot.sh; exim_dovecot DIR starts that with LMTP and a Sieve script that drops what
# it has already (RFC 7352), and then exim_start.
#
#   exim_start DIR [CERTIFICATE]  good (default) or another of dovecot_certificates; EXIM_USERS holds the names of those who get mail
#                                 sets EXIM_PORT (STARTTLS, or plain), EXIM_SMTPS_PORT
#   exim_stop
#
# Mail for NAME@acme.example goes to the user NAME; full@acme.example has no room while there is a file DIR/full. Whoever comes by TLS may log
# in as "reports" with the password "s3cret", or by the token "t0ken". Without TLS and login, it takes mail, too, from loopback.

EXIM_DIR=
EXIM_USERS=${EXIM_USERS-anna}

_exim_config() {
  cat <<EOF
exim_user = $_dovecot_user
exim_group = $_dovecot_group
never_users =
deliver_drop_privilege = true
spool_directory = $EXIM_DIR/spool
log_file_path = $EXIM_DIR/log/%slog
pid_file_path = $EXIM_DIR/pid
primary_hostname = mx.acme.example
qualify_domain = acme.example
domainlist local_domains = acme.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = $EXIM_PORT : $EXIM_SMTPS_PORT
tls_on_connect_ports = $EXIM_SMTPS_PORT
tls_advertise_hosts = *
tls_certificate = $EXIM_DIR/tls/$1.pem
tls_privatekey = $EXIM_DIR/tls/$1.key
host_lookup =
rfc1413_hosts =
helo_allow_chars = _
keep_environment =
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  deny message = not by a name like that
       condition = \${if and{{eq{\$received_port}{$EXIM_SMTPS_PORT}}{eq{\$authenticated_id}{}}}}
  defer message = 4.2.2 no room at present
       local_parts = full
       condition = \${if exists{$EXIM_DIR/full}}
  deny message = 5.1.1 no such user
       ! verify = recipient
  accept domains = +local_domains
  deny message = no relaying
begin routers
local:
  driver = accept
  domains = +local_domains
  local_parts = lsearch;$EXIM_DIR/users
  transport = lmtp
begin transports
lmtp:
  driver = lmtp
  socket = $DOVECOT_DIR/run/lmtp
  user = $_dovecot_user
  group = $_dovecot_group
begin retry
* * F,1h,1m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = \${if def:tls_in_cipher}
  server_condition = \${if and{{eq{\$auth2}{reports}}{eq{\$auth3}{s3cret}}}}
  server_set_id = \$auth2
xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  server_prompts = :
  server_advertise_condition = \${if def:tls_in_cipher}
  server_condition = \${if eq{\$auth1}{user=reports\\x01auth=Bearer t0ken\\x01\\x01}}
  server_set_id = reports
EOF
}

exim_dovecot() {
  mkdir -p "$1"
  printf 'require "duplicate";\nif duplicate { discard; }\n' >"$1/once.sieve"
  [ "$(id -u)" != 0 ] || chown "$_dovecot_user:$_dovecot_group" "$1" "$1/once.sieve"
  DOVECOT_EXTRA="
protocols = imap lmtp
postmaster_address = postmaster@acme.example
service lmtp {
  unix_listener lmtp {
    mode = 0600
  }
}
protocol lmtp {
  mail_plugins = sieve
  auth_username_format = %n
}
plugin {
  sieve = file:$1/once.sieve
}"
  dovecot_start "$1"
}

exim_start() {
  EXIM_DIR=$1
  mkdir -p "$EXIM_DIR/spool" "$EXIM_DIR/log"
  [ -d "$EXIM_DIR/tls" ] || cp -R "$DOVECOT_DIR/tls" "$EXIM_DIR/tls"
  _ports=$(_dovecot_ports)
  EXIM_PORT=${_ports% *}
  EXIM_SMTPS_PORT=${_ports#* }
  for _name in $EXIM_USERS; do
    echo "$_name: $_name"
    dovecot_folder "$_name" INBOX # Sieve keeps what it has seen there
  done >"$EXIM_DIR/users"
  _exim_config "${2-good}" >"$EXIM_DIR/exim.conf"
  [ "$(id -u)" != 0 ] || chown -R "$_dovecot_user:$_dovecot_group" "$EXIM_DIR"
  # without its setuid bit: it is to be nobody else's server
  setsid $_dovecot_as setpriv --no-new-privs -- /usr/sbin/exim4 -bdf -q1m -C "$EXIM_DIR/exim.conf" >>"$EXIM_DIR/errors" 2>&1 &
  _exim_pid=$!
  _tries=0
  until python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))' "$EXIM_PORT" 2>/dev/null; do
    _tries=$((_tries + 1))
    if [ $_tries = 50 ] || ! kill -0 $_exim_pid 2>/dev/null; then
      echo "Exim does not start:" >&2
      cat "$EXIM_DIR/errors" "$EXIM_DIR"/log/* >&2
      return 1
    fi
    sleep 0.1
  done
}

exim_stop() {
  [ -n "${_exim_pid-}" ] || return 0
  kill -s KILL -- "-$_exim_pid" 2>/dev/null || true
  wait "$_exim_pid" 2>/dev/null || true
  _exim_pid=
}
