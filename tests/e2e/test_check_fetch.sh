#!/bin/sh
# Policies and logos over HTTPS: verified, bounded in size and time, never redirected. On the real port, so as root.
. "$(dirname "$0")/lib.sh"
. "$HERE/knot.sh"

if [ "$(id -u)" != 0 ]; then
  echo "SKIPPED: port 443 needs root"
  exit 0
fi
ADDRESS=127.83.84.83

key() { certtool --generate-privkey --key-type=ecdsa --sec-param=high --no-text --outfile "$1" 2>/dev/null; }
# ca NAME
ca() {
  key "$1.key"
  printf 'cn = "%s"\nca\ncert_signing_key\nexpiration_days = 90\n' "$1" >"$1.template"
  certtool --generate-self-signed --load-privkey "$1.key" --template "$1.template" --outfile "$1.pem" 2>/dev/null
}
# certificate NAME CA VALIDITY HOST...
certificate() {
  _name=$1 _ca=$2
  printf 'cn = "%s"\ntls_www_server\nsigning_key\n%s\n' "$1" "$3" >"$1.template"
  shift 3
  for host; do printf 'dns_name = "%s"\n' "$host"; done >>"$_name.template"
  key "$_name.key"
  certtool --generate-certificate --load-privkey "$_name.key" --load-ca-certificate "$_ca.pem" --load-ca-privkey "$_ca.key" \
    --template "$_name.template" --outfile "$_name.pem" 2>/dev/null
}

mkdir "$WORK/tls"
(
  cd "$WORK/tls"
  ca ca
  ca strangers
  hosts=
  for c in good html missing moved large slow trickle logo badlogo short; do hosts="$hosts mta-sts.$c.example logo.$c.example r.$c.example"; done
  # shellcheck disable=SC2086
  certificate good ca 'expiration_days = 60' $hosts
  certificate wronghost ca 'expiration_days = 60' mta-sts.other.example
  certificate expired ca 'activation_date = "2020-01-01 00:00:00 UTC"
expiration_date = "2020-02-01 00:00:00 UTC"' mta-sts.expired.example
  certificate stranger strangers 'expiration_days = 60' mta-sts.stranger.example
  certificate soon ca 'expiration_days = 5' mta-sts.soon.example
  certificate logo-mark strangers "expiration_days = 60
$(python3 "$HERE/https_server.py" logotype)" logo.example
  certificate badlogo-mark strangers "expiration_days = 5
$(python3 "$HERE/https_server.py" logotype)" badlogo.example
)
python3 "$HERE/fetch_zone.py" $ADDRESS >"$WORK/zone"
knot_start "$WORK/knot" "$WORK/zone"
python3 "$HERE/https_server.py" $ADDRESS "$WORK/tls" >"$WORK/https.log" 2>&1 &
https_pid=$!
AT_EXIT='kill $https_pid 2>/dev/null || true'
for _ in $(seq 50); do
  if python3 -c "import socket; socket.create_connection(('$ADDRESS', 443), 1)" 2>/dev/null; then break; fi
  sleep 0.1
done

# ids DOMAIN: what was found; the milliseconds it took are in $WORK/err
ids() {
  env XDG_STATE_HOME="$WORK/state" "$MILL" -v check --resolver "127.0.0.1:$KNOT_PORT" --selector m1 --ca-file "$WORK/tls/ca.pem" \
    --format json "$1" >"$WORK/out" 2>"$WORK/err" || true
  json "$WORK/out" '" ".join(sorted({f["id"] for f in d[0]["findings"]} - {"BIMI-08"}))'
}
took() { sed -n 's/.* \([0-9]*\) ms$/\1/p' "$WORK/err"; }

check "a sound policy" "" "$(ids good.example)"
check "a sound policy: read" enforce "$(json "$WORK/out" 'd[0]["records"]["mta_sts"]["mode"]')"
check "no host" STS-04 "$(ids nowhere.example)"
check "content type" STS-05 "$(ids html.example)"
check "not found" STS-04 "$(ids missing.example)"
check "redirected" STS-04 "$(ids moved.example)"
check "too large" STS-04 "$(ids large.example)"
check "no answer" STS-04 "$(ids slow.example)"
check "no answer: bounded" yes "$([ "$(took)" -lt 15000 ] && echo yes)"
check "an octet now and then" STS-04 "$(ids trickle.example)"
check "an octet now and then: bounded" yes "$([ "$(took)" -lt 15000 ] && echo yes)"
check "certificate of another host" STS-04 "$(ids wronghost.example)"
check "expired certificate" STS-04 "$(ids expired.example)"
check "certificate of nobody known" STS-04 "$(ids stranger.example)"
check "certificate that expires soon" STS-14 "$(ids soon.example)"
check "policy without record, reports to nowhere" "STS-13 TLSRPT-05" "$(ids short.example)"
check_contains "reports to nowhere: which" "gone.short.example" "$(json "$WORK/out" '[f["message"] for f in d[0]["findings"]]')"
check "a sound logo" "" "$(ids logo.example)"
check "a bad logo, a certificate that expires soon, for another logo" "BIMI-05 BIMI-07 BIMI-09" "$(ids badlogo.example)"

knot_stop
finish
