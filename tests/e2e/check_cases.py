#!/usr/bin/env python3
"""Domains that each have one thing wrong, served as one zone, and what a check must find in them.

  check_cases.py write DIR       DIR/zone, DIR/names
  check_cases.py compare FILE    FILE is the JSON of "check --selector m1 --no-fetch --from DIR/names"

Each case is a sound domain with a few names changed; it must give the ids listed and no others.
"""
import base64
import json
import random
import sys

RSA2048 = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsdQynMi0Tb2YBf39u6WhbPvMrcrN703tFokCYH/MAHFpHYAxFvVQyBOJl/y3XkS5nSFX"
    "7YMgk+AofbpqFC4+FXw640CcXFPVWvTrE6Ki18lFqeFmCQBoEj8Zd4etC0dhfDV93OnmcoY+lUuSRGE67mI5HDAN+y+zNFmDiEqWSqhi3ZKty6fj"
    "K/0P7DFE8FHOkWYP3sykqufywuSjK4muzMm5+ScDoU40mm8FQoGBNwGOeVH5f2Nfm5lPQwNuWQo5aNgXK0TMCSnldDj5OA5ySdK7OsfTCzFte/6e"
    "yFaFtmD5SJOZsqiGus/g6XHKn1DTSaeM+RUj0IRb5LSRYJc46QIDAQAB"
)


def der(tag, body):
    size = len(body)
    length = bytes([size]) if size < 128 else (lambda b: bytes([128 | len(b)]) + b)(size.to_bytes((size.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + length + body


def integer(n):
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def rsa(bits, exponent=65537, factor=None):
    """A public key as it is published, of a number that nobody knows the factors of: small ones it has not, but for the given one."""
    n = random.Random(bits).getrandbits(bits) | 1 << (bits - 1) | 1
    while (n % factor if factor else any(n % p == 0 for p in range(3, 3000, 2))):
        n += 2
    key = der(0x30, integer(n) + integer(exponent))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return base64.b64encode(der(0x30, algorithm + der(3, b"\0" + key))).decode()


DS = "12345 13 2 " + "AB" * 32


def sound(d):
    return {
        d: [("MX", f"10 mail.{d}."), ("TXT", "v=spf1 ip4:192.0.2.1 -all"), ("DS", DS)],
        f"mail.{d}": [("A", "192.0.2.1")],
        f"_dmarc.{d}": [("TXT", f"v=DMARC1; p=reject; rua=mailto:dmarc@{d}")],
        f"m1._domainkey.{d}": [("TXT", "v=DKIM1; k=rsa; p=" + RSA2048)],
        f"_mta-sts.{d}": [("TXT", "v=STSv1; id=20261123")],
        f"_smtp._tls.{d}": [("TXT", f"v=TLSRPTv1; rua=mailto:tls@{d}")],
        f"default._bimi.{d}": [("TXT", f"v=BIMI1; l=https://logo.{d}/l.svg; a=https://logo.{d}/m.pem")],
    }


def txt(*values):
    return [("TXT", v) for v in values]


def dmarc(text):
    return {"_dmarc.{d}": txt(text)}


def key(text):
    return {"m1._domainkey.{d}": txt(text)}


RUA = "; rua=mailto:dmarc@{d}"
CASES = []


def case(ids, changes, name=None):
    """Ids that must be found, names that are changed; {d} is the domain."""
    CASES.append((ids.split(), changes, name))


case("", {})
# ---- DNS ----
case("DNS-04", {"{d}": [("MX", "10 mail.{d}."), ("TXT", "v=spf1 ip4:192.0.2.1 -all")]})
case("DNS-05", {"{d}": [("CNAME", "apex.{d}.")],
                "apex.{d}": [("MX", "10 mail.{d}."), ("TXT", "v=spf1 ip4:192.0.2.1 -all"), ("DS", DS)]})
case("DNS-06", {"*.{d}": txt("some-verification=1")})
case("DNS-06 DMARC-40", {"*.{d}": txt("v=DMARC1; p=none")})
case("DNS-07", {"_dmarc.{d}": [("TXT", "v=DMARC1; p=reject" + RUA, 60)]})
case("DNS-07", {"_dmarc.{d}": [("TXT", "v=DMARC1; p=reject" + RUA, 172800)]})
# ---- DMARC ----
case("DMARC-01 BIMI-03", {"_dmarc.{d}": None})
case("DMARC-02 BIMI-03", {"_dmarc.{d}": txt("v=DMARC1; p=reject" + RUA, "v=DMARC1; p=none" + RUA)})
for near in ("~v=DMARC1; p=reject", '"v=DMARC1; p=reject"', " v=DMARC1; p=reject", "DMARC1; p=reject", "v=DMARC; p=reject",
             "v=dmarc1; p=reject", "v=DMARC 1; p=reject", "v=DMARC1 p=reject", "p=reject; v=DMARC1", "\ufeffv=DMARC1; p=reject",
             "v=DMARC1, p=reject", "\u201cv=DMARC1; p=reject\u201d"):
    case("DMARC-03 BIMI-03", dmarc(near + RUA))
case("DMARC-04 DMARC-05 DMARC-12 BIMI-03", dmarc("v=DMARC1; p=reject, rua=mailto:dmarc@{d}"))
case("DMARC-04 DMARC-05 DMARC-12 BIMI-03", dmarc("v=DMARC1; p=reject rua=mailto:dmarc@{d}"))
case("DMARC-04 DMARC-05 DMARC-12 BIMI-03", dmarc("v=DMARC1; p=reject: rua=mailto:dmarc@{d}"))
case("DMARC-05 BIMI-03 SPF-29", dmarc("v=DMARC1; p=monitor" + RUA))
case("DMARC-05 BIMI-03 SPF-29", dmarc("v=DMARC1; p=reject quarantine" + RUA))
case("DMARC-05 BIMI-03 SPF-29", dmarc("v=DMARC1; p=" + RUA))
case("DMARC-05 BIMI-03 SPF-29", dmarc("v=DMARC1" + RUA))
case("DMARC-06 BIMI-03 SPF-29", dmarc("v=DMARC1; p=reject; np=monitor" + RUA))
case("DMARC-07", {"{d}": [("MX", "10 mail.{d}."), ("TXT", "v=spf1 ip4:192.0.2.1 -all"), ("DS", DS),
                          ("TXT", "v=DMARC1; p=reject")]})
case("DMARC-01 DMARC-07 BIMI-03", {"_dmarc.{d}": None, "dmarc.{d}": txt("v=DMARC1; p=reject")})
case("DMARC-01 DMARC-07 BIMI-03", {"_dmarc.{d}": None, "_dmarc.{d}.{d}": txt("v=DMARC1; p=reject")})
case("DMARC-08", dmarc("v=DMARC1; p=reject; quarantine" + RUA))
case("DMARC-08", dmarc("v=DMARC1; p=reject; adkim=" + RUA))
case("DMARC-08", dmarc("v=DMARC1; p=reject; 1x=2" + RUA))
case("DMARC-09", dmarc("v=DMARC1; rua=mailto:dmarc@{d}; p=reject"))
case("DMARC-10", dmarc("v=DMARC1; p=reject; p=none" + RUA))
case("DMARC-11", dmarc("v=DMARC1; p=reject; adkmi=r" + RUA))
case("DMARC-12", dmarc("v=DMARC1; p=reject"))
case("DMARC-13", dmarc("v=DMARC1; p=reject; rua=dmarc@{d}"))
case("DMARC-14", dmarc("v=DMARC1; p=reject; rua=https://{d}/dmarc"))
for uri in ("mailto: dmarc@{d}", "mailto://dmarc@{d}", "mailto:a@{d} b@{d}", "mailto:<dmarc@{d}>", "mailto:a!b@{d}", "mailto:dmarc",
            "mailto:dmarc@-", "mailto:a@{d}@{d}", "mailto:a@{d},,mailto:b@{d}"):
    case("DMARC-15", dmarc("v=DMARC1; p=reject; rua=" + uri))
case("DMARC-15", dmarc("v=DMARC1; p=reject; rua=mailto:a@{d}; mailto:b@{d}"))
case("DMARC-16", dmarc("v=DMARC1; p=reject; rua=mailto:dmarc@{d}!10m"))
case("DMARC-17", dmarc("v=DMARC1; p=reject; rua=mailto:x@foreign.example"))
case("", {**dmarc("v=DMARC1; p=reject; rua=mailto:x@foreign.example"), "{d}._report._dmarc.foreign.example": txt("v=DMARC1;")})
case("DMARC-46", dmarc("v=DMARC1; p=reject; rua=mailto:x@taker.example"))
case("DMARC-18", {**dmarc("v=DMARC1; p=reject; rua=mailto:x@null.{d}"), "null.{d}": [("MX", "0 .")]})
case("DMARC-18", dmarc("v=DMARC1; p=reject; rua=mailto:x@gone.{d}"))
case("DMARC-19", dmarc("v=DMARC1; p=reject; rua=mailto:a@{d},mailto:b@{d},mailto:c@{d}"))
case("DMARC-21", dmarc("v=DMARC1; p=reject; ruf=mailto:ruf@{d}" + RUA))
case("DMARC-22", dmarc("v=DMARC1; p=reject; fo=1" + RUA))
case("DMARC-21 DMARC-22", dmarc("v=DMARC1; p=reject; fo=x; ruf=mailto:ruf@{d}" + RUA))
case("DMARC-23", dmarc("v=DMARC1; p=reject; pct=100" + RUA))
case("DMARC-23 BIMI-03", dmarc("v=DMARC1; p=reject; pct=20" + RUA))
case("DMARC-24", dmarc("v=DMARC1; p=reject; rf=afrf; ri=86400" + RUA))
case("DMARC-26 DMARC-28 BIMI-03", dmarc("v=DMARC1; p=reject; sp=none" + RUA))
case("DMARC-27", {"_dmarc.{d}": txt("v=DMARC1; p=reject" + RUA, "v=spf1 -all")})
case("DMARC-28 SPF-29 BIMI-03", dmarc("v=DMARC1; p=none" + RUA))
case("DMARC-29", dmarc("v=DMARC1; p=reject; np=none" + RUA))
case("DMARC-31", dmarc("v=DMARC1; p=reject; psd=y" + RUA))
case("DMARC-36", dmarc("v=DMARC1; p=reject; aspf=s" + RUA))
case("DMARC-39", {"_dmarc.{d}": [("CNAME", "there.{d}.")], "there.{d}": txt("v=DMARC1; p=reject" + RUA)})
case("DMARC-41 DMARC-08", dmarc("v=DMARC1; p=reject;\u00a0sp=reject" + RUA))
case("DMARC-42", dmarc("v=DMARC1; p=Reject" + RUA))
case("DMARC-43", dmarc("v=DMARC1; p=reject;;;" + RUA))
case("DMARC-45", dmarc("v=DMARC1; p=reject; rua=mailto:jane.doe@{d}"))
case("DMARC-45 DMARC-21", dmarc("v=DMARC1; p=reject; rua=mailto:x@{d}; ruf=mailto:x@{d}"))
LONG = "a" * 60 + "." + "b" * 60 + "." + "c" * 60 + "." + "d" * 60
case("DMARC-47 DMARC-18", dmarc("v=DMARC1; p=reject; rua=mailto:x@" + LONG))
SUB = {"sub.{d}": [("MX", "10 mail.{d}."), ("TXT", "v=spf1 ip4:192.0.2.1 -all")],
       "m1._domainkey.sub.{d}": txt("v=DKIM1; k=rsa; p=" + RSA2048),
       "_mta-sts.sub.{d}": txt("v=STSv1; id=20261123"),
       "_smtp._tls.sub.{d}": txt("v=TLSRPTv1; rua=mailto:tls@{d}"),
       "default._bimi.sub.{d}": txt("v=BIMI1; l=https://logo.{d}/l.svg; a=https://logo.{d}/m.pem")}
case("", SUB, "sub.{d}")
case("DMARC-30", {**SUB, "_dmarc.sub.{d}": txt("v=DMARC1; p=reject; sp=reject" + RUA)}, "sub.{d}")
case("DMARC-32", {**SUB, "_dmarc.sub.{d}": txt("v=DMARC1; p=reject; np=reject; psd=n; rua=mailto:dmarc@sub.{d}")}, "sub.{d}")
case("DMARC-35 SPF-29 BIMI-03", {**SUB, "_dmarc.sub.{d}": txt("v=DMARC1; p=none" + RUA)}, "sub.{d}")
case("X-06 BIMI-03 SPF-29", {**SUB, **dmarc("v=DMARC1; p=none" + RUA)}, "sub.{d}")
DEEP = "i.h.g.f.e.c.b.sub.{d}"
case("DMARC-34", {**{k.replace("sub.{d}", DEEP): v for k, v in SUB.items()}}, DEEP)
# ---- MX ----
case("MX-01", {"{d}": [("A", "192.0.2.1"), ("TXT", "v=spf1 ip4:192.0.2.1 ~all"), ("DS", DS)]})
case("MX-02 DMARC-18", {"{d}": [("TXT", "v=spf1 ip4:192.0.2.1 ~all"), ("DS", DS)]})
PARKED = {"{d}": [("MX", "0 ."), ("TXT", "v=spf1 -all"), ("DS", DS)]}
case("MX-03 DMARC-12", {**PARKED, "_dmarc.{d}": txt("v=DMARC1; p=reject; sp=reject; np=reject")})
case("MX-03 DMARC-01 DMARC-44 BIMI-03", {**PARKED, "_dmarc.{d}": None})
case("MX-04", {"{d}": [("MX", "0 ."), ("MX", "10 mail.{d}."), ("TXT", "v=spf1 ip4:192.0.2.1 -all"), ("DS", DS)]})
case("MX-03 MX-05 DMARC-18", {"{d}": [("MX", "0 ."), ("TXT", "v=spf1 ip4:192.0.2.1 -all"), ("DS", DS)]})


def mx(*hosts):
    return [("MX", h) for h in hosts] + [("TXT", "v=spf1 ip4:192.0.2.1 -all"), ("DS", DS)]


case("MX-06", {"{d}": mx("10 mail.{d}.", "20 192.0.2.1.")})
case("MX-06", {"{d}": mx("10 localhost.")})
case("MX-07", {"{d}": mx("10 alias.{d}."), "alias.{d}": [("CNAME", "mail.{d}.")]})
case("MX-08", {"{d}": mx("10 mail.{d}.", "20 gone.{d}.")})
case("MX-09", {"{d}": mx("10 inside.{d}."), "inside.{d}": [("A", "10.1.2.3")]})
case("MX-10", {"{d}": mx("10 mail.{d}.", "32767 ms12345.msv1.invalid.")})
case("MX-11", {"{d}": mx("10 mail.{d}.", "20 mail.{d}.")})
case("MX-12 DKIM-18", {"{d}": mx("10 aspmx.l.google.com.", "20 {d}.mail.protection.outlook.com."),
                "{d}.mail.protection.outlook.com": [("A", "192.0.2.7")],
                "selector1._domainkey.{d}": [("CNAME", "selector1.tenant.example.")],
                "selector1.tenant.example": txt("v=DKIM1; k=rsa; p=" + RSA2048)})
case("MX-13", {"{d}": [("MX", "10 mail.{d}."), ("TXT", "v=spf1 mx -all"), ("DS", DS)], "mail.{d}": [("A", "192.0.2.99")]})
case("DANE-01", {"_25._tcp.mail.{d}": [("TLSA", "3 1 1 " + "CD" * 32)],
                 "{d}": [("MX", "10 mail.unsigned.example."), ("TXT", "v=spf1 ip4:192.0.2.1 -all"), ("DS", DS)]})
case("DANE-02", {"_25._tcp.mail.{d}": [("TLSA", "1 1 1 " + "CD" * 32)]})
# ---- DKIM, selector m1 ----
case("DKIM-01", {"m1._domainkey.{d}": None})
case("DKIM-02", {"m1._domainkey.{d}": [("CNAME", "m1.gone.{d}.")]})
case("DKIM-02 X-08", {"m1._domainkey.{d}": [("CNAME", "m1.nobody-has-this.example.")]})
case("", key("v=DKIM1; p=" + rsa(4096)))
case("DKIM-05", key("v=DKIM1; p=" + rsa(4608)))
case("DKIM-25", key("v=DKIM1; p=" + rsa(2048, exponent=3)))
case("DKIM-25", key("v=DKIM1; p=" + rsa(2048, factor=101)))
case("DKIM-06", key("v=DKIM1; p="))
case("DKIM-07", key("v=DKIM1; p=" + RSA2048[:200]))
case("DKIM-07", key("v=DKIM1; k=rsa"))
case("DKIM-07", key("v=DKIM1; k=ed25519; p=" + RSA2048))
case("DKIM-08", key("v=DKIM1; t=y; p=" + RSA2048))
case("DKIM-09", {"m1._domainkey.{d}": txt("v=DKIM1; p=" + RSA2048, "v=DKIM1; k=rsa; p=" + RSA2048)})
case("DKIM-10", key("k=rsa; v=DKIM1; p=" + RSA2048))
case("DKIM-10", key("v=DKIM2; k=rsa; p=" + RSA2048))
case("DKIM-11", key("v=DKIM1; k=dsa; p=" + RSA2048))
case("DKIM-12", key("v=DKIM1; h=sha1; p=" + RSA2048))
case("DKIM-13", key("v=DKIM1; s=tlsrpt; p=" + RSA2048))
case("DKIM-14", {"*._domainkey.{d}": txt("v=DKIM1; p=" + RSA2048)})
case("DKIM-01 DKIM-15", {"m1._domainkey.{d}": None, "m1._domainkey.{d}.{d}": txt("v=DKIM1; p=" + RSA2048)})
case("DKIM-01 DKIM-15", {"m1._domainkey.{d}": None, "m1.{d}": txt("v=DKIM1; p=" + RSA2048)})
case("DKIM-16 DKIM-07", key('"v=DKIM1; p=' + RSA2048 + '"'))
case("DKIM-10 DKIM-16", key("v=DKIM1\\; p=" + RSA2048))
case("DKIM-16", key('v=DKIM1; n="key"; p=' + RSA2048))
case("DKIM-18", {"{d}": [("MX", "10 mail.{d}."), ("TXT", "v=spf1 include:spf.protection.outlook.com -all"), ("DS", DS)],
                 "selector1._domainkey.{d}": txt("v=DKIM1; k=rsa; p=" + RSA2048)})
case("DKIM-22", key("v=DKIM1; g=*; p=" + RSA2048))
# ---- MTA-STS and TLS-RPT, records only ----
case("STS-01", {"_mta-sts.{d}": None})
case("STS-02", {"_mta-sts.{d}": txt("v=STSv1; id=1", "v=STSv1; id=2")})
case("STS-03", {"_mta-sts.{d}": txt("v=STSv1; id=2026-11-23")})
case("STS-03", {"_mta-sts.{d}": txt("v=STSv1;")})
case("TLSRPT-01", {"_smtp._tls.{d}": None})
case("TLSRPT-02", {"_smtp._tls.{d}": txt("v=TLSRPTv1; rua=mailto:a@{d}", "v=TLSRPTv1; rua=mailto:b@{d}")})
case("TLSRPT-03", {"_smtp._tls.{d}": txt("v=TLSRPT1; rua=mailto:a@{d}")})
case("TLSRPT-03", {"_smtp._tls.{d}": txt("v=TLSRPTv1")})
case("TLSRPT-04", {"_smtp._tls.{d}": txt("v=TLSRPTv1; rua=a@{d}")})
case("TLSRPT-04", {"_smtp._tls.{d}": txt("v=TLSRPTv1;")})
case("TLSRPT-07 TLSRPT-01", {"_smtp._tls.{d}": None, "_smtp-tlsrpt.{d}": txt("v=TLSRPTv1; rua=mailto:a@{d}")})
case("TLSRPT-07 TLSRPT-01", {"_smtp._tls.{d}": None, "_tls.{d}": txt("v=TLSRPTv1; rua=mailto:a@{d}")})
# ---- BIMI, records only ----
BIMI = "default._bimi.{d}"
case("BIMI-01", {BIMI: None})
case("BIMI-02", {BIMI: txt("v=BIMI1; l=https://logo.{d}/l.svg; a=https://logo.{d}/m.pem", "v=BIMI1; l=https://x/l.svg; a=https://x/a")})
case("BIMI-02", {BIMI: txt("BIMI1; l=https://logo.{d}/l.svg")})
case("BIMI-04", {BIMI: txt("v=BIMI1; l=http://logo.{d}/l.svg; a=https://logo.{d}/m.pem")})
case("BIMI-06", {BIMI: txt("v=BIMI1; l=https://logo.{d}/l.svg; a=;")})
case("BIMI-08", {BIMI: txt("v=BIMI1; l=; a=;")})
case("BIMI-10", {BIMI: txt("v=BIMI1; l=https://logo.{d}/l.svg; a=https://logo.{d}/m.pem; avp=brand")})
# ---- SPF ----


def spf(*texts, more=()):
    return {"{d}": [("MX", "10 mail.{d}."), ("DS", DS), *[("TXT", t) for t in texts], *more]}


LOOP = {"loop.{d}": txt("v=spf1 include:{d} -all")}
NINE = {f"n{i}.{{d}}": txt(f"v=spf1 ip4:198.51.100.{i} -all") for i in range(12)}
case("SPF-01", spf())
case("SPF-02", spf("v=spf1 ip4:192.0.2.1 -all", "v=spf1 ip4:192.0.2.2 -all"))
case("SPF-02", {**spf("v=spf1 include:two.{d} -all"), "two.{d}": txt("v=spf1 -all", "v=spf1 mx -all")})
case("SPF-03", spf("v=spf1 " + " ".join(f"ip4:192.0.2.{i}" for i in range(30)) + " -all"))
case("SPF-03", spf("v=spf1 ip4:192.0.2.1 -all", "verification=" + "x" * 240, "verification=" + "y" * 240))
case("SPF-04", spf("v=spf1 +all"))
case("SPF-04", spf("v=spf1 ip4:192.0.2.1 all"))
case("SPF-05", {**spf("v=spf1" + "".join(f" include:n{i}.{{d}}" for i in range(11)) + " -all"), **NINE})
case("SPF-06", spf("v=spf1 a:x.{d} a:y.{d} mx:z.{d} -all"))
case("SPF-07", spf("v=spf1 ip4:192.0.2.1 ?all"))
for fault in ("ipv4:192.0.2.1", "ip4:2001:db8::1", "ip4:mail.{d}", "ip4:192.0.2.0/33", "include:", "include", "192.0.2.1",
              "ip4:192.0.2.1,", '"', "include:n1.{d}/24", "a:%x.{d}", "a:b\u00e4d.{d}", "ip4:192.0.2.1include:n1.{d}", "hello"):
    case("SPF-08", spf("v=spf1 ip4:192.0.2.1 " + fault + " -all"))
case("SPF-08 SPF-11", spf("v=spf1 ip4:192.0.2.1 ~allinclude:n1.{d}"))
for version in ("v=spf1;", "v=spf1,", "v=spf10", "v=spf 1", "V = spf1", "spf1", " v=spf1", '"v=spf1', "\ufeffv=spf1"):
    case("SPF-01 SPF-09", spf(version + " ip4:192.0.2.1 -all"))
case("SPF-09", spf("V=SPF1 ip4:192.0.2.1 -all"))
case("SPF-10", spf("v=spf1 include:gone.{d} -all"))
case("SPF-10", spf("v=spf1 include:mail.{d} -all"))
case("SPF-10", spf("v=spf1 redirect=gone.{d}"))
case("SPF-11", spf("v=spf1 ip4:192.0.2.1"))
case("SPF-12", spf("v=spf1 -all ip4:192.0.2.1"))
case("SPF-12", {**spf("v=spf1 -all redirect=n1.{d}"), **NINE})
case("SPF-13", spf("v=spf1 ip4:192.0.2.1 ptr -all"))
case("SPF-14 SPF-03", {**spf("v=spf1 mx:many.{d} -all", *["verification=" + c * 150 for c in "abc"]),
                       "many.{d}": [("MX", f"{i} h{i}.{{d}}.") for i in range(11)]})
case("SPF-15", {**spf("v=spf1" + "".join(f" include:n{i}.{{d}}" for i in range(8)) + " -all"), **NINE})
case("SPF-16", {**spf("v=spf1 include:loop.{d} -all"), **LOOP})
case("SPF-16", spf("v=spf1 redirect={d}"))
case("SPF-17", spf("v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ip4:192.0.2.1 -all"))
case("SPF-17", {**spf("v=spf1 include:n1.{d} include:n1.{d} -all"), **NINE})
case("SPF-18 SPF-10", {**spf(more=[("STRINGS", "v=spf1 include:n1.{d}|include:n2.{d} -all")]), **NINE})
case("SPF-19", spf("v=spf1 ip4:192.0.2.1 -all", more=[("SPF", "v=spf1 mx -all")]))
case("SPF-20", spf("v=spf1 ip4:192.0.2.1 -all", "spf2.0/pra -all"))
case("SPF-21", spf("v=spf1 ip4:198.0.0.0/8 -all"))
case("SPF-21", spf("v=spf1 ip6:2001::/16 -all"))
case("SPF-22", spf("v=spf1 ip4:192.168.1.1 -all"))
case("SPF-23", {**spf("v=spf1 include:relay.mailchannels.net -all")})
case("SPF-24", {**spf("v=spf1 include:servers.mcsv.net -all")})
case("SPF-25", spf("v=spf1 exists:%{i}._spf.{d} -all"))
case("SPF-26", spf("v=spf1 ip4:192.0.2.1 -all exp=why.{d}"))
case("SPF-27", {**spf("v=spf1 ip4:192.0.2.1 redirect=n1.{d} redirect=n2.{d}"), **NINE})
case("SPF-28", spf("v=spf1 ip4:192.0.2.1 -all inclde=n1.{d}"))
case("SPF-30 MX-03 DMARC-12", {"{d}": [("MX", "0 ."), ("TXT", "v=spf1 ~all"), ("DS", DS)],
                               "_dmarc.{d}": txt("v=DMARC1; p=reject; sp=reject; np=reject")})
case("SPF-01 SPF-31", {**spf(), "_spf.{d}": txt("v=spf1 ip4:192.0.2.1 -all")})
case("SPF-32 MX-13", {"{d}": [("MX", "10 aspmx.l.google.com."), ("TXT", "v=spf1 mx include:_spf.google.com -all"), ("DS", DS)]})
# ---- combinations ----
case("X-02 MX-02 SPF-01 SPF-30 DMARC-01 DMARC-44 BIMI-03",
     {"{d}": [("DS", DS)], "_dmarc.{d}": None})
case("SPF-10 X-08", {"{d}": [("MX", "10 mail.{d}."), ("TXT", "v=spf1 include:_spf.nobody-has-this.example -all"), ("DS", DS)]})

SHARED = {
    "google._domainkey.case0.example": txt("v=DKIM1; k=rsa; p="),
    "": [("NS", "localhost."), ("SOA", "localhost. root.localhost. 1 3600 900 604800 300")],
    "example": txt("a top-level domain"),
    "foreign.example": [("MX", "10 mail.foreign.example.")],
    "mail.foreign.example": [("A", "192.0.2.9")],
    "taker.example": [("MX", "10 mail.foreign.example.")],
    "*._report._dmarc.taker.example": txt("v=DMARC1"),
    "aspmx.l.google.com": [("A", "192.0.2.8")],
    "_spf.google.com": txt("v=spf1 ip4:198.51.100.0/24 -all"),
    "relay.mailchannels.net": txt("v=spf1 ip4:198.51.100.0/24 -all"),
    "servers.mcsv.net": txt("v=spf1 ip4:198.51.100.0/24 -all"),
    "spf.protection.outlook.com": txt("v=spf1 ip4:198.51.100.0/24 -all"),
    "mail.unsigned.example": [("A", "192.0.2.10")],
    "_25._tcp.mail.unsigned.example": [("TLSA", "3 1 1 " + "CD" * 32)],
    "1.2.0.192.in-addr.arpa": [("PTR", "nothing.example.")],
}


def domain_of(i):
    return f"case{i}.example"


def quoted(text):
    octets = text.encode()
    out = []
    for at in range(0, len(octets), 255):
        out.append('"' + "".join(f"\\{c:03d}" if c < 33 or c > 126 or c in b'"\\' else chr(c) for c in octets[at:at + 255]) + '"')
    return " ".join(out) or '""'


def lines_of(name, records):
    for r in records or []:
        kind, value = r[0], r[1]
        ttl = r[2] if len(r) > 2 else 3600
        if kind in ("TXT", "SPF"):
            value = quoted(value)
        elif kind == "STRINGS":  # several strings of one TXT record
            kind, value = "TXT", " ".join(quoted(v) for v in value.split("|"))
        yield f"{name}. {ttl} IN {kind} {value}\n"


def checked():
    for i, (ids, changes, name) in enumerate(CASES):
        yield domain_of(i), ids, changes, (name or "{d}").replace("{d}", domain_of(i))


def write(folder):
    with open(f"{folder}/zone", "w") as zone, open(f"{folder}/names", "w") as names:
        for name, records in SHARED.items():
            zone.writelines(lines_of(name, records))
        twins = sound("twins.example")
        twins["m2._domainkey.twins.example"] = twins["m1._domainkey.twins.example"]
        for name, records in twins.items():
            zone.writelines(lines_of(name, records))
        twoservers = sound("twoservers.example")
        twoservers["twoservers.example"] += [("NS", "ns1.twoservers.example."), ("NS", "ns2.twoservers.example.")]
        twoservers["ns1.twoservers.example"] = [("A", "127.83.84.1")]
        twoservers["ns2.twoservers.example"] = [("A", "127.83.84.2")]
        twoservers["twoservers.example"].append(("SOA", "ns1.twoservers.example. root.localhost. 1 3600 900 604800 300"))
        with open(f"{folder}/twoservers.zone", "w") as zone_of_its_own:
            for name, records in twoservers.items():
                zone_of_its_own.writelines(lines_of(name, records))
        for d, _, changes, name in checked():
            records = sound(d)
            for k, v in changes.items():
                records[k.replace("{d}", d)] = v and [(r[0], r[1].replace("{d}", d), *r[2:]) for r in v]
            for k, v in records.items():
                zone.writelines(lines_of(k, v))
            names.write(name + "\n")


def compare(path):
    found = {r["domain"]: r for r in json.load(open(path))}
    bad = 0
    for d, ids, changes, name in checked():
        got = sorted({f["id"] for f in found[name]["findings"]})
        if got != sorted(ids):
            bad += 1
            print(f"{name}: wanted {sorted(ids)}, got {got}: {changes}")
        for f in found[name]["findings"]:
            if "{" in f["advice"] or not f["message"]:
                bad += 1
                print(f"{name}: {f}")
    planted = {i for ids, _, _ in CASES for i in ids}
    print(f"{len(CASES)} domains, {len(planted)} ids, {bad} wrong")
    return bad != 0


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2])
    else:
        sys.exit(compare(sys.argv[2]))
