#!/usr/bin/env python3
"""tiny_dns.py ADDRESS TEXT [ADDRESS TEXT]...: name servers on port 53 that answer every TXT question with their text, others with nothing."""
import selectors
import socket
import struct
import sys

s = selectors.DefaultSelector()
for address, text in zip(sys.argv[1::2], sys.argv[2::2]):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind((address, 53))
    s.register(u, selectors.EVENT_READ, text.encode())
while True:
    for key, _ in s.select():
        question, client = key.fileobj.recvfrom(1500)
        end = question.index(b"\0", 12) + 5
        txt = question[end - 4:end - 2] == b"\0\x10"
        answer = question[:2] + struct.pack("!5H", 0x8400, 1, txt, 0, 0) + question[12:end]
        if txt:
            answer += struct.pack("!3HIHB", 0xC00C, 16, 1, 3600, len(key.data) + 1, len(key.data)) + key.data
        key.fileobj.sendto(answer, client)
