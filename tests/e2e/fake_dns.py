#!/usr/bin/env python3
"""A resolver in trouble: hands questions on to a real name server, late, and answers some of them as no server should.

  fake_dns.py PORT-OF-THE-SERVER DELAY-MS PORTFILE STATSFILE

Listens on a free loopback port, UDP and TCP, writes its number to PORTFILE, and ends with SIGTERM, after writing what
it was asked to STATSFILE: {"questions", "distinct", "tcp", "longest"} (longest: most answers that waited at a time).

A label of the name asked for decides:
  servfail refused formerr    that response code
  fail-X                      SERVFAIL, if X is the first label
  silent                      no answer
  bogus                       SERVFAIL, unless checking is disabled
  flaky                       SERVFAIL the first time
  noedns                      FORMERR for a question with EDNS
  liar-id liar-question       an answer with another id, or to another question, before the right one
  liar-only                   nothing but an answer to another question
  damaged                     an answer whose records are cut off
  garbage                     octets that are no message
"""
import asyncio
import json
import os
import signal
import struct
import sys


def name_of(message):
    labels, at = [], 12
    while message[at]:
        n = message[at]
        labels.append(message[at + 1:at + 1 + n].decode("latin-1").lower())
        at += 1 + n
    return labels, at + 1


def with_rcode(question, rcode):
    _, end = name_of(question)
    return question[:2] + bytes([0x81, 0x80 | rcode]) + b"\0\1\0\0\0\0\0\0" + question[12:end + 4]


def other_question(answer):
    """The same answer, to another name of the same length."""
    return answer[:13] + bytes([answer[13] ^ 1]) + answer[14:]


class Server:
    def __init__(self, upstream, delay):
        self.upstream, self.delay = upstream, delay
        self.waiting, self.longest, self.questions, self.tcp = 0, 0, 0, 0
        self.seen, self.flaky = set(), set()
        self.pending, self.id = {}, 0

    async def from_upstream(self, question):
        """Over one socket, each question with an id of ours."""
        self.id = (self.id + 1) & 0xFFFF
        mine = struct.pack("!H", self.id)
        future = self.pending[mine] = asyncio.get_running_loop().create_future()
        try:
            for patience in (0.3, 0.3, 0.3, 2):  # a datagram may be lost here, too
                self.out.sendto(mine + question[2:])
                done, _ = await asyncio.wait([future], timeout=patience)
                if done:
                    return question[:2] + future.result()[2:]
            return with_rcode(question, 2)
        finally:
            del self.pending[mine]

    def connection_made(self, transport):
        self.out = transport

    def datagram_received(self, data, addr):
        future = self.pending.get(data[:2])
        if future and not future.done():
            future.set_result(data)

    def connection_lost(self, exc):
        pass

    def error_received(self, exc):
        pass

    async def from_upstream_tcp(self, question):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        writer.write(struct.pack("!H", len(question)) + question)
        size, = struct.unpack("!H", await reader.readexactly(2))
        answer = await reader.readexactly(size)
        writer.close()
        return answer

    async def answers(self, question, tcp=False):
        """What is sent back, in order."""
        labels, end = name_of(question)
        self.questions += 1
        self.tcp += tcp
        self.seen.add((tuple(labels), question[end:end + 2], tcp))
        codes = {"servfail": 2, "refused": 5, "formerr": 1}
        if f"fail-{labels[0]}" in labels:
            return [with_rcode(question, 2)]
        for label in labels:
            if label in codes:
                return [with_rcode(question, codes[label])]
        if "silent" in labels:
            return []
        if "garbage" in labels:
            return [b"\xff" * 40, question[:2] + b"\x81\x80"]
        if "bogus" in labels and not question[3] & 0x10:
            return [with_rcode(question, 2)]
        if "flaky" in labels and tuple(labels) not in self.flaky:
            self.flaky.add(tuple(labels))
            return [with_rcode(question, 2)]
        if "noedns" in labels and question[11]:
            return [with_rcode(question, 1)]
        self.waiting += 1
        self.longest = max(self.longest, self.waiting)
        answer = await (self.from_upstream_tcp(question) if tcp else self.from_upstream(question))
        await asyncio.sleep(self.delay)
        self.waiting -= 1
        if "liar-id" in labels:
            return [bytes([answer[0] ^ 1]) + answer[1:], answer]
        if "liar-question" in labels:
            return [other_question(answer), answer]
        if "liar-only" in labels:
            return [other_question(answer)]
        if "damaged" in labels:
            return [answer[:end + 4 + 8]]
        return [answer]


class Udp(asyncio.DatagramProtocol):
    def __init__(self, server):
        self.server = server

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        asyncio.ensure_future(self.answer(data, addr))

    async def answer(self, data, addr):
        for a in await self.server.answers(data):
            self.transport.sendto(a, addr)


async def serve_tcp(server, reader, writer):
    try:
        while True:
            size, = struct.unpack("!H", await reader.readexactly(2))
            for a in await server.answers(await reader.readexactly(size), tcp=True):
                writer.write(struct.pack("!H", len(a)) + a)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = Server(int(sys.argv[1]), int(sys.argv[2]) / 1000)
    loop = asyncio.get_running_loop()
    stop = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, stop.set_result, None)
    await loop.create_datagram_endpoint(lambda: server, remote_addr=("127.0.0.1", server.upstream))
    tcp = await asyncio.start_server(lambda r, w: serve_tcp(server, r, w), "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    transport, _ = await loop.create_datagram_endpoint(lambda: Udp(server), local_addr=("127.0.0.1", port))
    transport.get_extra_info("socket").setsockopt(1, 8, 4 << 20)  # SO_RCVBUF
    with open(sys.argv[3] + ".new", "w") as f:
        f.write(str(port))
    os.rename(sys.argv[3] + ".new", sys.argv[3])
    await stop
    with open(sys.argv[4], "w") as f:
        json.dump({"questions": server.questions, "distinct": len(server.seen), "tcp": server.tcp, "longest": server.longest}, f)


asyncio.run(main())
