"""The servers of the benchmarks, those of the end-to-end tests, and how a command is measured."""
import os
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, "build", "release")
MILL = os.path.join(BUILD, "dmarcmill")
E2E = os.path.join(TOP, "tests", "e2e")


class Servers:
    """Shell lines that start servers, with tests/e2e to source from in $E2E and a folder in $1; then each line written to `serve` is answered by one.
    Everything started is stopped by what the lines trap at EXIT."""

    def __init__(self, lines, serve, *words):
        text = "set -eu\n%s\nwhile read -r name; do %s; done\n" % (lines, serve)
        self.shell = subprocess.Popen(["sh", "-c", text, "sh", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "E2E": E2E})

    def read(self):
        line = self.shell.stdout.readline().strip()
        if not line:
            sys.exit("the servers do not start")
        return line

    def ask(self, name):
        self.shell.stdin.write(name + "\n")
        self.shell.stdin.flush()
        return self.read()

    def close(self):
        self.shell.stdin.close()
        self.shell.wait()


class Postgres(Servers):
    """A PostgreSQL whose data are in a folder, durable as it comes, with more settings for the server if need be."""

    def __init__(self, folder, options=""):
        super().__init__('. "$E2E/postgres.sh"; trap "postgres_stop >/dev/null 2>&1 || true" EXIT; PG_OPTIONS=$2; postgres_start "$1"',
                         'postgres_createdb "$name"', folder, options)

    def database(self, name):
        """Makes an empty one; returns its URL."""
        return self.ask(name)


def measure(argv, good=(0,)):
    """(CPU seconds, wall seconds, peak MiB); the output is thrown away. Memory below the 16 MiB of this process cannot be seen."""
    start = time.monotonic()
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", 'exec "$@" >/dev/null', "sh"] + argv, os.environ)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - start
    if os.waitstatus_to_exitcode(status) not in good:
        sys.exit("%s: status %d" % (" ".join(argv[:4]), os.waitstatus_to_exitcode(status)))
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024
