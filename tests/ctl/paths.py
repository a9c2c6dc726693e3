#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The path of a socket has 107 bytes at most: no program cuts a longer one and uses what is there."""

import itertools
import socket
import subprocess
import sys
import tempfile

from ctl import FAILED, ctl, refused

from qmp import DEADLINE
from tap import Tests, check, same, with_http
from vmm import PLUGINS, PROGRAM, Lab

MOST = 107
LONG = MOST + 1, 120


class Trap:
    """A listener at what would be left of a longer path, or of a longer abstract name."""

    def __init__(self, abstract=False):
        self.folder = tempfile.TemporaryDirectory(prefix="godwit-")
        self.abstract = abstract
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path(MOST).replace("@", "\0", 1) if abstract else self.path(MOST))
        self.socket.listen()
        self.socket.setblocking(False)

    def path(self, size):
        """Return a path of SIZE bytes, not counting the @."""
        return "@" * self.abstract + (self.folder.name + "/").ljust(size, "x")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.folder.cleanup()

    def prove_untouched(self):
        """It is still there, and nobody has come."""
        try:
            self.socket.accept()
        except BlockingIOError:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.socket.getsockname())
            return
        raise AssertionError("somebody has connected to another path")


def godwitctl(abstract):
    for size in LONG:
        with Trap(abstract) as trap:
            path = trap.path(size)
            text = (f"server '{path}': cannot connect: it has {size} bytes, and the path of a socket has "
                    f"107 at most; give it by a shorter path, or start the VMM with a shorter --qmp")
            refused(text, "-s", path, "status")
            same(ctl("status", status=FAILED, GODWIT_SOCKET=path), ("", f"godwitctl: {text}\n"),
                 "GODWIT_SOCKET")
            refused(text, "-s", path, "shell", stdin="quit\n")
            trap.prove_untouched()


def the_longest():
    """It works everywhere."""
    with Lab("soft", "16M", workload="ws=4M,rate=1000") as lab, \
            tempfile.TemporaryDirectory(prefix="godwit-") as folder:
        names = [(folder + "/" + name).ljust(MOST, "x") for name in "abc"]
        source = lab.vmm("a", *lab.workload, "--qmp", names[0], "--http", "unix:" + names[1])
        destination = lab.destination()
        check("guest: runs" in ctl("-s", names[0], "status")[0], "status")
        for address in "unix:" + names[2], "unix:@" + names[2]:
            uri = destination.listen(address)
            source.migrate(uri)
            source.wait_status("completed")
            destination.wait_status("completed")
            source, destination = destination, source
        check(source.running(), "it does not run")


def godwit_vmm():
    """Each of its options that takes one; none begins."""
    for size in LONG:
        with Trap() as trap:
            path = trap.path(size)
            for options in (["--qmp", path], ["--http", "unix:" + path], ["--incoming", "unix:" + path]):
                done = subprocess.run([PROGRAM, "--accel", "soft", "--memory", "16M", "--plugin-path",
                                       PLUGINS, *options],
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      timeout=DEADLINE, check=False)
                check(done.returncode == 1 and path in done.stderr,
                      f"{options[0]}: {done.returncode}: {done.stderr}")
            trap.prove_untouched()


def migrations(abstract):
    """Commands, in both forms of an address."""
    with Lab("soft", "16M", workload="ws=4M,rate=1000") as lab, Trap(abstract) as trap:
        vmms = {"migrate": lab.source(), "migrate-incoming": lab.vmm("b", "--incoming", "defer")}
        for command, size in itertools.product(vmms, LONG):
            path = trap.path(size)
            parts = {"type": "unix", "path": path[abstract:], "abstract": abstract}
            channels = [{"channel-type": "main", "addr": {"transport": "socket", **parts}}]
            for arguments in {"uri": "unix:" + path}, {"channels": channels}:
                vmms[command].refuses(command, arguments, "transport 'unix'", path, f"one {size}")
        trap.prove_untouched()
        check(vmms["migrate"].running(), "the source does not run")


def main():
    tests = Tests()
    tests.add("godwitctl: a path", godwitctl, False)
    tests.add("godwitctl: an abstract name", godwitctl, True)
    tests.add("godwit-vmm: its options", godwit_vmm)
    tests.add("godwit-vmm: to a path", migrations, False)
    tests.add("godwit-vmm: to an abstract name", migrations, True)
    tests.add("the longest", with_http(the_longest))
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
