#!/bin/sh
# check spf against a real name server: the public suite for RFC 7208, all of it, and what its command line takes.
. "$(dirname "$0")/lib.sh"
. "$HERE/knot.sh"

SUITE=$DATA/spf/rfc7208-tests.json
python3 "$HERE/spf_suite.py" write "$SUITE" "$WORK/suite"
held=0
cases=0
for folder in "$WORK"/suite/*; do
  # shellcheck disable=SC2046
  knot_start "$folder/knot" "$folder/root.zone" $(cat "$folder/zones")
  set -- $(python3 "$HERE/spf_suite.py" run "$SUITE" "${folder##*/}" "$KNOT_PORT" "$MILL")
  held=$((held + $1))
  cases=$((cases + $2))
  knot_stop
done
check "the RFC 7208 suite over the wire" "203 of 203" "$held of $cases"

check "no address" 64 "$(status_of "$MILL" check spf example.com)"
check "no such address" 64 "$(status_of "$MILL" check spf --ip 192.0.2.300 example.com)"
check "no domain" 64 "$(status_of "$MILL" check spf --ip 192.0.2.1)"
check "two domains" 64 "$(status_of "$MILL" check spf --ip 192.0.2.1 a.example b.example)"
check "no such format" 64 "$(status_of "$MILL" check spf --ip 192.0.2.1 --format csv a.example)"
check "not a domain" 0 "$(status_of "$MILL" check spf --ip 192.0.2.1 --resolver 127.0.0.1:9 a..example)"
check "not a domain: the result" "a..example from 192.0.2.1: none" "$(head -n 1 "$WORK/out")"
check "no server" 75 "$(status_of "$MILL" check spf --ip 192.0.2.1 --resolver 127.0.0.1:9 a.example)"
check_contains "no server: why" "no answer about a.example TXT" "$(cat "$WORK/out")"
finish
