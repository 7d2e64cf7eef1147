#!/bin/sh
# Name servers in trouble, large answers, odd names: a finding or a clear error, in bounded time. And a thousand domains at once.
. "$(dirname "$0")/lib.sh"
. "$HERE/knot.sh"

fake_pid=
# fake_start DELAY-MS: a resolver in trouble in front of knot, on $FAKE_PORT
fake_start() {
  rm -f "$WORK/port"
  python3 "$HERE/fake_dns.py" "$KNOT_PORT" "$1" "$WORK/port" "$WORK/stats" &
  fake_pid=$!
  for _ in $(seq 100); do
    [ -s "$WORK/port" ] && break
    sleep 0.1
  done
  FAKE_PORT=$(cat "$WORK/port")
}

# its statistics are in $WORK/stats then
fake_dns_stop() {
  [ -n "$fake_pid" ] || return 0
  kill "$fake_pid"
  wait "$fake_pid" || true
  fake_pid=
}

mill() { status_of env XDG_STATE_HOME="$WORK/state" "$MILL" "$@"; }
# ask DOMAIN...: a check through the resolver in trouble; its JSON is in $WORK/out
ask() { mill -v check --resolver "127.0.0.1:$FAKE_PORT" --selector m1 --no-fetch --format json "$@"; }
ids() { json "$WORK/out" '" ".join(sorted({f["id"] for f in d[0]["findings"]}))'; }
# the milliseconds that the last check took
took() { sed -n 's/.* \([0-9]*\) ms$/\1/p' "$WORK/err"; }
# below WHAT MOST GOT
below() { check "$1: below $2 (got $3)" yes "$([ "$3" -lt "$2" ] && echo yes)"; }

mkdir "$WORK/zone"
python3 "$HERE/trouble_zone.py" 1000 >"$WORK/zone/zone"
knot_start "$WORK/knot" "$WORK/zone/zone"
fake_start 5

# servers in trouble that a retry, another question or patience gets over
for domain in sound.example flaky.example noedns.example liar-id.example liar-question.example; do
  check "$domain: status" 0 "$(ask $domain)"
  check "$domain: findings" "" "$(ids)"
done

# nothing is known: no finding but that, and the status says try again
for domain in servfail.example refused.example formerr.example silent.example liar-only.example damaged.example garbage.example; do
  check "$domain: status" 75 "$(ask $domain)"
  check "$domain: findings" DNS-01 "$(ids)"
  check_contains "$domain: says so" "$domain: dns: the DNS does not answer" "$(cat "$WORK/err")"
  below "$domain: time" 20000 "$(took)"
done
check "bogus: status" 0 "$(ask bogus.example)"
check "bogus: findings" DNS-03 "$(ids)"

# one question without answer: what depends on it is left open, the rest is checked
check "no answer about DMARC: status" 65 "$(ask fail-_dmarc.example)"
check "no answer about DMARC: findings" DNS-01 "$(ids)"
check "no answer about DMARC: policy" unknown "$(json "$WORK/out" 'd[0]["records"]["dmarc"]["effective"]["rfc9989"]["domain"]')"
check "no answer about an include: status" 65 "$(ask include.example)"
check "no answer about an include: findings" DNS-01 "$(ids)"

# nobody listens
fake_dns_stop
check "nobody listens: status" 75 "$(ask sound.example)"
fake_start 0

# large answers come over TCP
check "a record of 60 kB: status" 65 "$(ask big.example)"
check_contains "a record of 60 kB: found" SPF-03 "$(ids)"
check "a record of 60 kB: shown in part" True "$(json "$WORK/out" 'all(len(f["text"] or "") <= 4100 for f in d[0]["findings"])')"
below "a record of 60 kB: time" 15000 "$(took)"
check "hundreds of TXT: status" 65 "$(ask many.example)"
check_contains "hundreds of TXT: found" SPF-02 "$(ids)"
check "junk of 60 kB at _dmarc: status" 0 "$(ask junk.example)"
check_contains "junk of 60 kB at _dmarc: found" DMARC-08 "$(ids)"
check "junk of 60 kB: bounded" True "$(json "$WORK/out" 'len(d[0]["findings"]) < 100')"

# aliases
check "8 aliases: status" 0 "$(ask chain8.example)"
check "8 aliases: findings" "DMARC-39" "$(ids)"
check "9 aliases: findings" "DNS-01" "$(ask chain9.example >/dev/null; ids)"
check "a circle of aliases: findings" "DNS-01" "$(ask circle.example >/dev/null; ids)"

# names
label=$(printf 'a%.0s' $(seq 64))
for name in "" . .. a..b example 192.0.2.1 2001:db8::1 "foo bar" x-.example "$label.example" "$(printf 'abcdefghi.%.0s' $(seq 26))example" "exa$(printf '\001')mple.com"; do
  check "odd name '$name'" 65 "$(ask "$name")"
  check_contains "odd name '$name': says so" "not-a-domain" "$(cat "$WORK/err")"
  check "odd name '$name': no result" 0 "$(json "$WORK/out" 'len(d)')"
done
check "IDN: status" 65 "$(ask 'BÜCHER.example.')"
check "IDN: name asked" xn--bcher-kva.example "$(json "$WORK/out" 'd[0]["domain"]')"
check "no such domain" DNS-02 "$(ids)"
check "names from standard input" 0 "$(printf '# ours\nsound.example\n\n  sound.example.  # again\n' | ask --from -)"
check "names from standard input: all" 2 "$(json "$WORK/out" 'len(d)')"
check "no name" 64 "$(mill check)"
check "odd resolver" 64 "$(mill check --resolver 127.0.0.1:x sound.example)"
check "odd resolver" 64 "$(mill check --resolver dns.example sound.example)"
check "looking makes no store" no "$([ -e "$WORK/state/dmarcmill/dmarcmill.db" ] && echo yes || echo no)"
fake_dns_stop
check "large answers: over TCP" True "$(json "$WORK/stats" 'd["tcp"] >= 3')"

# a thousand domains, 50 ms away
fake_start 50
for i in $(seq 1000); do echo "n$i.example"; done >"$WORK/names"
check "1000 domains: status" 0 "$(ask --from "$WORK/names")"
cat "$WORK/err"
check "1000 domains: no findings" 0 "$(json "$WORK/out" 'sum(len(r["findings"]) for r in d)')"
check "1000 domains: in order" True "$(json "$WORK/out" '[r["domain"] for r in d] == ["n%d.example" % i for i in range(1, 1001)]')"
below "1000 domains: ms" 60000 "$(took)"
fake_dns_stop
cat "$WORK/stats"
echo
check "1000 domains: hardly a question twice" True "$(json "$WORK/stats" 'd["questions"] <= d["distinct"] * 1.05')"
check "1000 domains: questions for each" True "$(json "$WORK/stats" 'd["distinct"] <= 20 * 1000')"
check "1000 domains: many at a time" True "$(json "$WORK/stats" '100 < d["longest"] <= 500')"

knot_stop
finish
