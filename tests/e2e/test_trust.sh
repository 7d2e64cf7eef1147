#!/bin/sh
# What is kept of failure reports, client by client, and which reports are doubtful.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

cat >"$WORK/dmarcmill.conf" <<'EOF'
authserv_id = {"mx.msp.example"}
client "acme"  { domains = {"acme.example"}  failure_data = full }
client "birch" { domains = {"birch.example"} failure_data = none }
client "cedar" { domains = {"cedar.example"} }
EOF
sed '1i untrusted = exclude' "$WORK/dmarcmill.conf" >"$WORK/exclude.conf"

# failure_mail DOMAIN PERSON FILE: PERSON writes, receives, signs in, and is in the body, too
failure_mail() {
  {
    cat <<EOF
From: Postmaster $2 <$2-post@reporter.example>
To: ruf@msp.example
Subject: FW: Secret of $2
Date: Wed, 18 Nov 2026 08:00:00 +0000
Message-ID: <$1@reporter.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

A message of $2@$1 failed.
--b
Content-Type: message/feedback-report

Feedback-Type: auth-failure
User-Agent: Test/1.0
Version: 1
Auth-Failure: dmarc
Authentication-Results: mx.reporter.example; spf=fail smtp.mailfrom=$2@$1; dmarc=fail header.from=$1
Original-Mail-From: <$2@$1>
Original-Rcpt-To: rfc822;$2@reporter.example
Arrival-Date: Wed, 18 Nov 2026 07:59:00 +0000
Source-IP: 192.0.2.44 (dsl.isp.example)
EOF
    [ "$1" = unread ] || echo "Reported-Domain: $1"
    cat <<EOF

--b
Content-Type: message/rfc822

Received: from dsl.isp.example by mx.reporter.example for <$2@reporter.example>
EOF
    [ "$1" = unread ] || echo "From: =?utf-8?q?$2?= <$2@$1>"
    cat <<EOF
To: "$2" <$2@reporter.example>
Delivered-To: $2
Subject: Secret of $2
Message-ID: <sample@$1>
List-Unsubscribe: <https://news.example/out?who=$2>

Dear $2, keep the Secret.
--b--
EOF
  } >"$3"
}

# report_mail NAME SENDER RESULTS: an aggregate report that says it is of google.com
report_mail() {
  cat >"$WORK/aggregate/$1.eml" <<EOF
Received: from somewhere by mx.msp.example
$3
From: $2
To: rua@msp.example
Subject: Report Domain: cedar.example Submitter: google.com
Date: Wed, 18 Nov 2026 08:00:00 +0000
Message-ID: <$1@google.com>
MIME-Version: 1.0
Content-Type: text/xml
Content-Disposition: attachment; filename="google.com!cedar.example!1763337600!1763423999.xml"

$(report_file "$1" "$4")
EOF
}

report_file() {
  cat <<EOF
<feedback><report_metadata><org_name>google.com</org_name><email>noreply-dmarc-support@google.com</email><report_id>$1</report_id>
<date_range><begin>1794873600</begin><end>1794959999</end></date_range></report_metadata>
<policy_published><domain>cedar.example</domain><p>none</p><sp></sp></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>$2</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
<identifiers><header_from>cedar.example</header_from></identifiers><auth_results><spf><domain>cedar.example</domain><result>fail</result></spf></auth_results></record>
</feedback>
EOF
}

# everything that is in the store, as text
dump() {
  if [ "$BACKEND" = sqlite ]; then
    sqlite3 "${STORE#sqlite:}" .dump
  else
    "$PG_BIN/pg_dump" "$STORE"
  fi
}

# ask SQL
ask() {
  if [ "$BACKEND" = sqlite ]; then
    sqlite3 "${STORE#sqlite:}" "$1"
  else
    "$PG_BIN/psql" -qAt "$STORE" -c "$1"
  fi
}

# traces WORD: rows that have it, as text or as bytes
traces() {
  hex=$(printf %s "$1" | od -An -tx1 | tr -d ' \n')
  grep -ciE "$1|$hex" "$WORK/dump" || true
}

mkdir "$WORK/failures" "$WORK/aggregate"
failure_mail acme.example alice "$WORK/failures/1.eml"
failure_mail birch.example barbara "$WORK/failures/2.eml"
failure_mail cedar.example carolina "$WORK/failures/3.eml"
failure_mail nobody.example norbert "$WORK/failures/4.eml"
failure_mail cedar.example carolina "$WORK/failures/5.eml"
sed -i 's/07:59:00/07:58:00/; s/<cedar.example@reporter/<cedar2@reporter/' "$WORK/failures/5.eml"
# what cannot be read has no owner: as little of it is kept as of any client
failure_mail unread ulrike "$WORK/failures/6.eml"
sed -i 's/^To: ruf@msp.example/To: undisclosed-recipients:;/' "$WORK/failures/6.eml"

fresh_store t_failures
run() {
  "$MILL" --config "$WORK/$1" --store "$STORE" $2
}
check "failure reports are read, but one" 65 "$(status_of run dmarcmill.conf "ingest --format json $WORK/failures")"
check "five of six messages stored" "5 1" "$(json "$WORK/out" '"%d %d" % (d["outcomes"]["stored"], d["outcomes"]["rejected"])')"
dump >"$WORK/dump"
check "full keeps the person" yes "$([ "$(traces alice)" -gt 0 ] && echo yes)"
for person in barbara carolina norbert ulrike; do
  check "nothing of $person is stored" 0 "$(traces "$person")"
done
check "the domain of a hashed address is" yes "$(grep -q '[0-9a-f]\{12\}@cedar.example' "$WORK/dump" && echo yes)"
check "one payload has its bytes" "1 6" "$(ask 'SELECT COUNT(DISTINCT payload_id) FROM payload_chunk') $(ask 'SELECT COUNT(*) FROM payload')"
check "equal people stay equal" "1 2" \
  "$(ask "SELECT COUNT(DISTINCT original_rcpt_to), COUNT(*) FROM failure_report WHERE domain = 'cedar.example'" | tr '|' ' ')"
check "facts stay" "2" "$(ask "SELECT COUNT(*) FROM failure_report WHERE domain IN ('birch.example', 'cedar.example') AND auth_failure = 'dmarc' AND authentication_results LIKE '%dmarc=fail header.from=%' AND arrival = 1794988740")"
check "the store agrees with itself" 0 "$(status_of run dmarcmill.conf 'store verify')"
check "nothing new the second time" 65 "$(status_of run dmarcmill.conf "ingest $WORK/failures")"
dump >"$WORK/dump"
check "nor any person" 0 "$(traces 'barbara|carolina|norbert|ulrike')"

# the same report from five senders
pass='Authentication-Results: mx.msp.example;
	dkim=pass (2048-bit key) header.d=google.com
	header.s=s1; spf=none'
report_mail verified noreply-dmarc-support@google.com "$pass" 1
report_mail plausible noreply-dmarc-support@google.com "Authentication-Results: mx.other.example; dmarc=fail header.from=google.com" 10
report_mail failed noreply-dmarc-support@google.com "Authentication-Results: mx.msp.example; dmarc=fail header.from=google.com
Authentication-Results: mx.msp.example; dkim=pass header.d=google.com" 100
report_mail stranger dmarc@evil.example "Authentication-Results: mx.msp.example; dkim=pass header.d=evil.example" 1000
report_file file 10000 >"$WORK/aggregate/google.com!cedar.example!1794873600!1794959999.xml"

fresh_store t_trust
check "aggregate reports" 0 "$(status_of run dmarcmill.conf "ingest $WORK/aggregate")"
run dmarcmill.conf "query reports --format json" >"$WORK/out"
check "trust" "failed=doubtful file=plausible plausible=plausible stranger=doubtful verified=verified" \
  "$(json "$WORK/out" '" ".join(sorted(r["report_id"] + "=" + r["trust"] for r in d))')"
check "grade and notes of reports" "normalised SP_EMPTY" "$(json "$WORK/out" '" ".join(sorted({r["grade"] for r in d}) + sorted({n for r in d for n in r["notes"].split(",") if n == "SP_EMPTY"}))')"
run dmarcmill.conf "query reporters --format json" >"$WORK/out"
check "reporters" "google.com normalised doubtful 11111 1100 True" \
  "$(json "$WORK/out" '"%s %s %s %s %s %s" % (d[0]["reporter"], d[0]["grade"], d[0]["trust"], d[0]["messages"], d[0]["untrusted"], "SP_EMPTY" in d[0]["notes"])')"
week="report --client cedar --week 2026-W47 --format json"
run dmarcmill.conf "$week" >"$WORK/out"
check "all count" "5 11111 1100" "$(json "$WORK/out" '"%d %d %d" % (d["totals"]["reports"], d["totals"]["messages"], d["totals"]["untrusted"])')"
run exclude.conf "$week" >"$WORK/out"
check "without the doubtful" "3 10011 1100" "$(json "$WORK/out" '"%d %d %d" % (d["totals"]["reports"], d["totals"]["messages"], d["totals"]["untrusted"])')"
check "sources too" 10011 "$(json "$WORK/out" 'sum(s["messages"] for s in d["sources"])')"
run exclude.conf "query reports --format json" >"$WORK/out"
check "they are still there" "failed stranger" "$(json "$WORK/out" '" ".join(sorted(r["report_id"] for r in d if r["counted"] == "no"))')"
finish
