#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A migration through the filters rate and log, whole; and what log says of it."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_arrived, prove_next_works, prove_runs_at, wait_completed
from tap import Tests, check, same
from vmm import Lab

CLOSED = re.compile(r"^link (\d+): closed, (\d+) bytes in \d+ reads, (\d+) bytes in \d+ writes$", re.M)


def lines(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def closed(path):
    """(read, written) of each link that a log says was closed."""
    return sorted((int(read), int(written)) for _link, read, written in CLOSED.findall(lines(path)))


def both(links):
    """Limited at the source, logged at both ends: what one wrote the other read."""
    with Lab(vcpus=2, workload="ws=8M,writers=2") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        before = [(vmm, vmm.holds()) for vmm in (source, destination)]
        for vmm in source, destination:
            vmm.capability("multifd", links > 1)
            vmm.parameters(multifd_channels=links, downtime_limit=2000)
        there, here = lab.path("there.log"), lab.path("here.log")
        uri = destination.listen(lab.address("tcp"), f"|log:file={there}")
        source.migrate(f"{uri}|rate:bytes-per-second=100M|log:file={here}")
        wait_completed(source, destination)
        for vmm, held in before:
            vmm.wait_holds(held)
        prove_arrived(source, destination)
        same(len(closed(here)), links, f"links in {lines(here)[-2000:]}")
        same(closed(here), sorted((read, written) for written, read in closed(there)),
             "bytes (read, written) of the links")
        check(sum(written for _read, written in closed(here)) >= source.info()["ram"]["transferred"],
              "log counts all bytes")
        prove_next_works(lab, destination)


def broken():
    """The log has the error of the call that failed; the source runs on."""
    with Lab(workload="ws=8M") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        path = lab.path("calls.log")
        uri = destination.listen(lab.address("unix"))
        source.migrate(f"{uri}|fault:at=MEM,kind=reset|log:file={path}")
        source.wait_status("failed")
        prove_runs_at(source, destination)
        prove_next_works(lab, source)
        check(re.search(r"^link 0: write failed after \d+ us: .*failed: reset at MEM",
                        lines(path), re.M), lines(path)[-2000:])


def refused():
    """A log that cannot be: nothing has begun."""
    with Lab(workload="ws=8M") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        uri = destination.listen(lab.address("unix"))
        source.refuses("migrate", {"uri": uri + "|log:file=/nowhere/calls"},
                       "filter 'log': open of '/nowhere/calls' failed: No such file or directory")
        source.refuses("migrate", {"uri": uri + "|rate:bytes-per-second=0"},
                       "filter 'rate': option 'bytes-per-second=0' failed")
        source.migrate(uri)
        wait_completed(source, destination)
        prove_arrived(source, destination)


TESTS = Tests()
TESTS.add("rate and log on one link", both, 1)
TESTS.add("rate and log on two links", both, 2)
TESTS.add("log has the error of a broken link", broken)
TESTS.add("wrong options are refused", refused)
if __name__ == "__main__":
    sys.exit(TESTS.run())
