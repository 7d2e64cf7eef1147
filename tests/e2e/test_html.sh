#!/bin/sh
# The HTML report in a real browser: nothing is fetched, nothing is complained about, nothing is wider than a phone, in both colour schemes
# and on paper. Chromium is not optional here: without it the test fails.
BACKEND=sqlite
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

look() { python3 "$HERE/browser.py" "$@" 2>&1 | head -n 20; }

# a logo of 120 x 40 pixels, and the client with most in its report under a name that needs escaping
python3 - "$WORK/logo.png" <<'PY'
import struct, sys, zlib
part = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
rows = b"".join(b"\0" + bytes((40, 100, 180)) * 120 for _ in range(40))
with open(sys.argv[1], "wb") as f:
    f.write(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", 120, 40, 8, 2, 0, 0, 0)) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b""))
PY
printf '# Deutsch\nLANGUAGE = de\nDO_FIRST = Was zuerst zu tun ist\nF14.remedy = Einrichten bei {who}.{setup}\n' >"$WORK/deutsch"
cat >"$WORK/conf" <<EOF
provider { name = "Müller & <Söhne>" logo = "$WORK/logo.png" }
timezone = "Europe/Berlin"
client "vector-motors" { domains = {"vector-motors.example"} language = "$WORK/deutsch" }
client "north-bakery" { domains = {"north-bakery.example"} cadence = monthly }
client "harbor-legal" { domains = {"harbor-legal.example"} }
EOF
python3 "$HERE/golden_reports.py" "$WORK/w"
fresh_store t_html
mill() { "$MILL" --config "$WORK/conf" --store "$STORE" "$@"; }
check "ingest" 0 "$(status_of mill ingest "$WORK/w/files")"
check "weekly" 0 "$(status_of mill report --client vector-motors --week 2026-W47 --format html --out "$WORK/out.d")"
export DMARCMILL_NOW=2026-12-02T08:00:00Z
check "by cadence" 0 "$(status_of mill report --all-clients --format html --out "$WORK/out.d")"
check "all of them are no one page" 64 "$(status_of mill report --all-clients --format html)"
check "files" "harbor-legal/2026-W48.html north-bakery/2026-11.html vector-motors/2026-W47.html vector-motors/2026-W48.html" \
  "$(cd "$WORK/out.d" && echo */*)"
page=$WORK/out.d/vector-motors/2026-W47.html
check "in a browser" "" "$(look "$page" "$WORK/out.d/north-bakery/2026-11.html" "$WORK/out.d/harbor-legal/2026-W48.html")"
check "language" 1 "$(grep -c '<html lang="de">' "$page")"
check "words of the language" 1 "$(grep -c 'Was zuerst zu tun ist</h2>' "$page")"
check_contains "remedy of the language" "Einrichten bei Zendesk." "$(cat "$page")"
check_contains "provider" "Müller &amp; &lt;Söhne&gt;" "$(cat "$page")"
check_contains "logo" 'src="data:image/png;base64,iVBOR' "$(cat "$page")"
check_contains "time zone" "2026-11-18 11:14 CET" "$(cat "$page")"
check "an address that is not kept is not shown" 0 "$(grep -c 'orders@' "$page")"
check_contains "but its domain is" "sent by somebody at vector-motors.example" "$(cat "$page")"
check_contains "no reports: it says so" "No reports came in for this period." "$(cat "$WORK/out.d/harbor-legal/2026-W48.html")"

# a language in which every letter is another: what is English still was never to be translated (names of services, their records, addresses)
"$MILL" report --words >"$WORK/english"
check "all phrases, and two of each cause" True "$(python3 -c 'import sys; n = len(open(sys.argv[1]).readlines()); print(n > 300 and n < 500)' "$WORK/english")"
python3 - "$WORK/english" >"$WORK/pseudo" <<'PY'
import re, sys
for line in open(sys.argv[1]):
    key, text = line.rstrip("\n").split(" = ", 1)
    print(key, "=", "".join(part if part.startswith("{") else re.sub("[a-z]", "\u017e", part) for part in re.split(r"(\{[^}]*\})", text)))
PY
printf 'failure_data = none\nlanguage = "%s"\n' "$WORK/pseudo" >"$WORK/pseudo.conf"
for client in vector-motors north-bakery harbor-legal; do
  "$MILL" --config "$WORK/pseudo.conf" --store "$STORE" report --client $client --week 2026-W47 >>"$WORK/pseudo.txt"
done
check "nothing stays English" "" "$(grep -E '\b(the|of|is|it|not|from|messages?|reports?|was|which)\b' "$WORK/pseudo.txt" |
  grep -vE 'verify sending and|copy the exact value' | head -n 5)"

# the browser sees what it is there to see
spoil() { sed "$2" "$page" >"$WORK/$1.html"; }
picture='<img src="http://192.0.2.1/x.png" width="1" height="1"/>'
spoil request "s|<meta http-equiv[^>]*>||; s|<main>|<main>$picture|"
spoil forbidden "s|<main>|<main>$picture|"
spoil wide 's|<main>|<main><p class="n">xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx</p>|'
spoil pale 's|--soft: #4d5661|--soft: #aaaaaa|'
python3 "$HERE/browser.py" "$WORK/request.html" "$WORK/forbidden.html" "$WORK/wide.html" "$WORK/pale.html" >"$WORK/faults" 2>&1
check_contains "a request" "request.html: 390 wide, light: request for http://192.0.2.1/x.png" "$(cat "$WORK/faults")"
check_contains "what the policy forbids" "forbidden.html: 390 wide, light: console: " "$(cat "$WORK/faults")"
check_contains "what is too wide" "wide.html: 390 wide, light: the page is" "$(cat "$WORK/faults")"
check_contains "what is too pale" "pale.html: 390 wide, light: contrast" "$(cat "$WORK/faults")"
finish
