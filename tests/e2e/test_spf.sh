#!/bin/sh
# check spf against a real name server: the public suite for RFC 7208, all of it, and what its command line takes.
. "$(dirname "$0")/lib.sh"

check "the RFC 7208 suite over the wire" "203 of 203 cases" \
  "$(python3 "$HERE/spf_suite.py" "$MILL" "$DATA/spf/rfc7208-tests.json" "$WORK/suite")"

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
