#!/bin/sh
# What a real name server and a file of networks say of sources and From domains is kept, and reports judge by it.
BACKEND=$1
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"
. "$HERE/knot.sh"

cat >"$WORK/zone" <<'EOF'
$TTL 3600
.                        SOA  ns. root. 1 3600 600 86400 60
.                        NS   ns.
ns.                      A    127.0.0.1
acme.example.            MX   10 acme-example.mail.protection.outlook.com.
acme.example.            TXT  "v=spf1 ip4:192.0.2.0/28 include:spf.sender.example -all"
spf.sender.example.      TXT  "v=spf1 ip4:198.51.100.0/24 -all"
sender.example.          TXT  "x"
parked.acme.example.     TXT  "v=spf1 -all"
parked.acme.example.     MX   0 .
acme-example.mail.protection.outlook.com. A 203.0.113.200
5.2.0.192.in-addr.arpa.  PTR  web.acme.example.
web.acme.example.        A    192.0.2.5
77.113.0.203.in-addr.arpa. PTR dsl-203-0-113-77.isp.example.
dsl-203-0-113-77.isp.example. A 203.0.113.77
78.113.0.203.in-addr.arpa. PTR mail.bank.example.
mail.bank.example.       A    203.0.113.1
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six.acme.example.
six.acme.example.        AAAA 2001:db8::1
sendgrid.net.            TXT  "v=spf1 ip4:203.0.113.96/28 include:relay.example ip4:203.0.113.0/26 ~all"
relay.example.           TXT  "v=spf1 ip4:203.0.113.112/28 ip4:203.0.113.40/32 ~all"
servers.mcsv.net.        TXT  "v=spf1 ip4:203.0.113.32/28 ip4:203.0.113.48/28 ~all"
s1._domainkey.acme.example. CNAME s1.domainkey.u1.wl2.sendgrid.net.
s1.domainkey.u1.wl2.sendgrid.net. TXT "k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDQN97ztKdz5v4Z/54KRBB38EFmVkchJ8ySsvaKL6NuFSgJx1S0Wqa3GuPlLuCimN13mBBm78dBl7H2TGRCwfdTMC/Esj4Z3YDbfdp1pRnx6bhRpm57ecF3JIM8SsCjRLoe8oYeLBwODUj5+2kcJ9NSjtjYGZ3JTCWSTJgNjXSCyQIDAQAB"
_dmarc.acme.example.     TXT  "v=DMARC1; p=none"
_dmarc.dept.acme.example. TXT "v=DMARC1; p=none; psd=n"
_spf.salesforce.com.     TXT  "v=spf1 ip4:203.0.113.48/28 ~all"
EOF
mkdir "$WORK/knot"
rmdir "$WORK/knot"
knot_start "$WORK/knot" "$WORK/zone"

# one report: address, From domain; every message fails and is unsigned
python3 - "$WORK/report.xml" <<'EOF'
import sys
ROWS = [("192.0.2.5", "acme.example"), ("203.0.113.77", "acme.example"), ("203.0.113.78", "acme.example"), ("2001:db8::1", "acme.example"),
        ("198.51.100.9", "acme.example"), ("203.0.113.79", "parked.acme.example"), ("203.0.113.80", "invented.acme.example"),
        ("203.0.113.100", "acme.example"), ("203.0.113.113", "acme.example"), ("203.0.113.40", "acme.example"), ("203.0.113.50", "acme.example"),
        ("198.51.99.7", "acme.example")]
RECORD = """<record><row><source_ip>%s</source_ip><count>5</count><policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf>
</policy_evaluated></row><identifiers><header_from>%s</header_from></identifiers><auth_results><spf><domain>%s</domain><result>softfail</result></spf>
</auth_results></record>"""
open(sys.argv[1], "w").write("""<feedback><report_metadata><org_name>o</org_name><email>d@reporter.example</email><report_id>1</report_id><date_range>
<begin>1794700800</begin><end>1794787199</end></date_range></report_metadata><policy_published><domain>acme.example</domain><p>none</p></policy_published>"""
    + "".join(RECORD % (ip, domain, domain) for ip, domain in ROWS) + "</feedback>")
EOF
# a receiver that looks for organisations in the DNS: what acme.example signs is not aligned with a department that stands alone
sed -e 's|<report_id>1<|<report_id>2<|; s|<p>none</p>|<p>none</p><discovery_method>treewalk</discovery_method>|' -e 's|<record>.*||' \
  -e '/policy_published/q' "$WORK/report.xml" >"$WORK/walk.xml"
cat >>"$WORK/walk.xml" <<'EOF'
<record><row><source_ip>203.0.113.81</source_ip><count>5</count><policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf>
</policy_evaluated></row><identifiers><header_from>dept.acme.example</header_from></identifiers><auth_results><dkim><domain>acme.example</domain>
<selector>s1</selector><result>pass</result></dkim></auth_results></record></feedback>
EOF
python3 "$HERE/make_mmdb.py" "$WORK/asn.mmdb" 203.0.113.0/24=64500="Evil =1+1 Net" 198.51.99.0/24=64502="sendgrid" 192.0.2.0/24=64501="Acme AS"
python3 "$HERE/make_mmdb.py" "$WORK/country.mmdb" 203.0.113.0/24=NZ 198.51.100.0/24=x1 192.0.2.0/24=longer
printf 'asn_file = "%s"\ncountry_file = "%s"\nclient "acme" { domains = {"acme.example"} }\n' "$WORK/asn.mmdb" "$WORK/country.mmdb" >"$WORK/conf"
fresh_store enrich
mill() { "$MILL" --config "$WORK/conf" --store "$STORE" "$@"; }
enrich() { mill enrich --since 2026-11-01 --resolver "127.0.0.1:$KNOT_PORT" "$@"; }
check "ingest" 0 "$(status_of mill ingest "$WORK/report.xml" "$WORK/walk.xml")"
sources() { mill query sources --client acme --format json >"$WORK/sources.json"; }
host() { json "$WORK/sources.json" "[r['$2'] for r in d if r['source_ip'] == '$1'][0]"; }

advice() { mill report --client acme --from 2026-11-15 --to 2026-11-15 --format json; }

sources
check "nothing is known before" "None" "$(host 192.0.2.5 host)"
check "by the public suffixes it should have passed" "F28" "$(host 203.0.113.81 cause)"
check_contains "but the receiver walked the tree" "psd=n at dept.acme.example" "$(advice)"
out=$(enrich)
check "enrich" "13 sources, 3 of them with a name that leads back to them; 4 domains; 0 without an answer" "$(echo "$out" | sed 's/; [0-9]* records of mail services//')"
services=$(echo "$out" | sed -n 's/.*; \([0-9]*\) records of mail services.*/\1/p')
check "the mail services of the list were asked for" yes "$([ "$services" -gt 50 ] && echo yes || echo "$services")"
sources
check "a name" "web.acme.example" "$(host 192.0.2.5 host)"
check "a name of an IPv6 address" "six.acme.example" "$(host 2001:db8::1 host)"
check "a name that does not lead back" "mail.bank.example?" "$(host 203.0.113.78 host)"
check "no name" "None" "$(host 203.0.113.79 host)"
check "a network" "64500 Evil =1+1 Net" "$(host 203.0.113.77 asn) $(host 203.0.113.77 network)"
check "a country" "NZ" "$(host 203.0.113.77 country)"
check "what is no code of a country" "None None" "$(host 198.51.100.9 country) $(host 192.0.2.5 country)"
check "no network" "None" "$(host 2001:db8::1 asn)"

# what the decision table makes of it
check "own server in SPF today" "F19" "$(host 192.0.2.5 cause)"
check "in SPF by an include" "F20" "$(host 198.51.100.9 cause)"
check "a name of the owner's" "F21" "$(host 2001:db8::1 cause)"
check "a line of a home" "F24" "$(host 203.0.113.77 cause)"
check "no confirmed name" "F24" "$(host 203.0.113.78 cause)"
check "a name that does not exist" "F23" "$(host 203.0.113.80 cause)"
check "a domain that sends nothing" "F24" "$(host 203.0.113.79 cause)"
check_contains "an organisation of its own" "Signed as acme.example, not as dept.acme.example." "$(advice)"
check "a stranger is never advised into SPF" "" "$(mill report --client acme --from 2026-11-15 --to 2026-11-15 | grep -E '203\.0\.113' | grep -i 'ip4' || true)"

# by the networks that mail services publish; what they let others send for them is not theirs
check "in a service's network" "Twilio SendGrid" "$(host 203.0.113.100 identity)"
check "in one of a service's service" False "$(json "$WORK/sources.json" "[r['identity'] == 'Twilio SendGrid' for r in d if r['source_ip'] == '203.0.113.113'][0]")"
check "by the name of the network" "Twilio SendGrid" "$(host 198.51.99.7 identity)"
check "in the narrower one of two" "Intuit Mailchimp" "$(host 203.0.113.40 identity)"
check "in one that two services claim" False "$(json "$WORK/sources.json" "[r['identity'] in ('Intuit Mailchimp', 'Salesforce') for r in d if r['source_ip'] == '203.0.113.50'][0]")"

# a service whose DKIM name leads to its key is half set up, another is not set up at all
check "a key of the service is published" "F13" "$(host 203.0.113.100 cause)"
check "none is" "F24" "$(host 203.0.113.40 cause)"

# again: nothing is asked for that is known
check "known already" "0 sources, 0 of them with a name that leads back to them; 0 domains; 0 records of mail services; 0 without an answer" "$(enrich)"
check "unless it is wanted" "$out" "$(enrich --older-than 0)"

# a server that is away changes nothing
knot_stop
check "no server" 75 "$(status_of mill enrich --since 2026-11-01 --resolver 127.0.0.1:9 --older-than 0)"
sources
check "what was known stays" "web.acme.example" "$(host 192.0.2.5 host)"
check "no such client" 64 "$(status_of mill enrich --client nobody)"
head -c 300 "$WORK/asn.mmdb" >"$WORK/cut.mmdb"
printf 'asn_file = "%s"\n' "$WORK/cut.mmdb" >"$WORK/conf"
check "a file that is cut off" 78 "$(status_of mill enrich)"
check_contains "is named" "cut.mmdb" "$(cat "$WORK/err")"
finish
