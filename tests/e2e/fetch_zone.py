#!/usr/bin/env python3
"""fetch_zone.py ADDRESS: the zone of test_check_fetch.sh; what stands at that address is https_server.py."""
import sys

from check_cases import lines_of, sound

CASES = "good nowhere html missing moved large slow trickle wronghost expired stranger soon logo badlogo short".split()
out = sys.stdout
out.write(". 3600 IN SOA localhost. root.localhost. 1 3600 900 604800 300\n. 3600 IN NS localhost.\n")
for case in CASES:
    d = case + ".example"
    records = sound(d)
    if case != "nowhere":
        records["mta-sts." + d] = [("A", sys.argv[1])]
    records["logo." + d] = [("A", sys.argv[1])]
    if case == "short":
        records["_mta-sts." + d] = []
        records["_smtp._tls." + d] = [("TXT", f"v=TLSRPTv1; rua=https://r.{d}/in,https://gone.{d}/in")]
        records["r." + d] = [("A", sys.argv[1])]
    if "logo" not in case:
        records["default._bimi." + d] = [("TXT", "v=BIMI1; l=; a=;")]
    for name, list_of in records.items():
        out.writelines(lines_of(name, list_of))
