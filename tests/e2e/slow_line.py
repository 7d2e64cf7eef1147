"""slow_line.py PORT MILLISECONDS FILE

Stands in front of a server on PORT as a long line would: what goes in either direction arrives so many milliseconds later. Writes the port to connect to
into FILE.
"""
import os
import select
import socket
import sys
import threading
import time


class SlowLine(threading.Thread):
    """Passes bytes on after a while, as a long line does: however many are under way."""

    def __init__(self, to, seconds):
        super().__init__(daemon=True)
        self.to, self.seconds = to, seconds
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.to))
            for s in (near, far):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    def carry(self, a, b):
        queue, ended = [], False
        while not ended or queue:
            wait = max(0, queue[0][0] - time.monotonic()) if queue else None
            if not ended and select.select([a], [], [], wait)[0]:
                try:
                    piece = a.recv(262144)
                except OSError:
                    piece = b""
                ended = not piece
                queue.append((time.monotonic() + self.seconds, piece))
            elif ended and queue:
                time.sleep(wait)
            while queue and queue[0][0] <= time.monotonic():
                piece = queue.pop(0)[1]
                try:
                    if piece:
                        b.sendall(piece)
                    else:
                        b.shutdown(socket.SHUT_WR)
                except OSError:
                    return


if __name__ == "__main__":
    line = SlowLine(int(sys.argv[1]), float(sys.argv[2]) / 1000)
    with open(sys.argv[3] + ".new", "w") as f:
        print(line.port, file=f)
    os.rename(sys.argv[3] + ".new", sys.argv[3])
    line.join()
