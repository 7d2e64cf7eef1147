"""make_mmdb.py FILE NETWORK=ASN=NAME | NETWORK=COUNTRY ...: a small database of IPv4 networks in MaxMind's format (IPv6 tree, 24-bit records)."""
import ipaddress, struct, sys, time


def number(kind, n):
    raw = n.to_bytes(8, "big").lstrip(b"\0")
    if kind > 7:
        return bytes([len(raw), kind - 7]) + raw
    return bytes([kind << 5 | len(raw)]) + raw


def text(s):
    raw = s.encode()
    assert len(raw) < 29 + 256
    return (bytes([2 << 5 | len(raw)]) if len(raw) < 29 else bytes([2 << 5 | 29, len(raw) - 29])) + raw


def table(pairs):
    return bytes([7 << 5 | len(pairs)]) + b"".join(text(k) + v for k, v in pairs)


def main(path, entries):
    nodes = [[None, None]]  # None: not known; int: a node; ("data", offset)
    data = b""
    for entry in entries:
        network, *words = entry.split("=", 2)
        net = ipaddress.ip_network(network)
        bits = [0] * 96 + [int(b) for b in format(int(net.network_address), "032b")[:net.prefixlen]]
        at = 0
        for bit in bits[:-1]:
            if nodes[at][bit] is None:
                nodes.append([None, None])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit]
        nodes[at][bits[-1]] = ("data", len(data))
        if len(words) == 1:
            data += table([("country", table([("iso_code", text(words[0]))]))])
        else:
            data += table([("autonomous_system_number", number(6, int(words[0]))), ("autonomous_system_organization", text(words[1]))])
    count = len(nodes)

    def record(r):
        value = count if r is None else r if isinstance(r, int) else count + 16 + r[1]
        return value.to_bytes(3, "big")

    meta = table([("binary_format_major_version", number(5, 2)), ("binary_format_minor_version", number(5, 0)), ("build_epoch", number(9, int(time.time()))),
                  ("database_type", text("GeoLite2-ASN")), ("description", table([])), ("ip_version", number(5, 6)), ("languages", b"\x00\x04"),
                  ("node_count", number(6, count)), ("record_size", number(5, 24))])
    with open(path, "wb") as f:
        f.write(b"".join(record(a) + record(b) for a, b in nodes) + b"\0" * 16 + data + b"\xab\xcd\xefMaxMind.com" + meta)


main(sys.argv[1], sys.argv[2:])
