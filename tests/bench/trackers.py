#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""trackers.py [TRACKER...]: what tracking costs the guest, and what the last harvest costs the
downtime, on KVM.  Prints the tables of docs/trackers.md; asserts nothing."""

import os
import statistics
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from vmm import Lab

MIB = 1 << 20
GUEST_STATE, STATE_BYTES = 0x60000, 128  # vmm/guest.h: GuestVcpu, which begins with `written`
RING = "dirty-ring"
TRACKERS = "bitmap", "manual-protect", RING
SECONDS = 1
TIMES = 3


class Written:
    """Counts the pages that the guest has written, in its memory, without asking it."""

    def __init__(self, vmm, vcpus):
        folder = f"/proc/{vmm.process.pid}/fd"
        paths = [os.path.join(folder, fd) for fd in os.listdir(folder)]
        path = next(path for path in paths if "memfd:guest-memory" in os.readlink(path))
        self.file = os.open(path, os.O_RDONLY)
        self.vcpus = vcpus

    def total(self):
        return sum(struct.unpack("<Q", os.pread(self.file, 8, GUEST_STATE + i * STATE_BYTES))[0]
                   for i in range(self.vcpus))

    def rate(self):
        start, before = time.monotonic(), self.total()
        time.sleep(SECONDS)
        return (self.total() - before) / (time.monotonic() - start)

    def close(self):
        os.close(self.file)


def options_of(tracker):
    return ["--dirty-ring-size", "65536"] if tracker == RING else []


def begin(lab, tracker, bandwidth):
    """A migration that is under way, and that this bandwidth does not let end."""
    source = lab.source(*options_of(tracker))
    destination = lab.destination("destination", "--paused", *options_of(tracker))
    source.parameters(tracker=tracker, max_bandwidth=bandwidth, downtime_limit=1)
    return source, destination.listen(lab.address("unix"))


def guest_cost(tracker, writers, rate, bandwidth):
    """Pages a second: untracked, then while it is tracked and sent, from the second round on."""
    workload = f"ws=128M,writers={writers},rate={rate}"
    with Lab("kvm", memory="256M", vcpus=writers, backend="memfd", workload=workload) as lab:
        source, uri = begin(lab, tracker, bandwidth)
        written = Written(source, writers)
        free = written.rate()
        source.migrate(uri)
        source.qmp.wait("MIGRATION_PASS", **{"pass": 2})
        tracked = written.rate()
        written.close()
        source.execute("migrate_cancel")
        source.wait_status("cancelled")
        return free, tracked


def harvest_cost(tracker, memory, workload):
    """Microseconds of the last harvest, and of the downtime."""
    with Lab("kvm", memory=memory, backend="memfd", workload=workload + ",fill=none") as lab:
        source = lab.vmm("source", *lab.workload, *options_of(tracker))
        source.wait_filled()
        destination = lab.destination("destination", "--paused", *options_of(tracker))
        source.parameters(tracker=tracker, downtime_limit=300)
        source.migrate(destination.listen(lab.address("unix")))
        source.wait_status("completed")
        info = source.info()
        return info["blackout"]["harvest-us"], info["downtime"] * 1000


def median(pairs):
    return [statistics.median(column) for column in zip(*pairs)]


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def number(value):
    return f"{value / 1e6:.1f} M" if value >= 1e6 else f"{value / 1e3:.0f} k"


def guest_table(trackers):
    row("writers", "they want, pages/s", "link, MiB/s", "not tracked", *trackers)
    row(*["---"] * (4 + len(trackers)))
    for writers in 1, 4:
        for rate, bandwidth in (100_000, 100), (0, 100), (0, 400):
            pairs = [median([guest_cost(tracker, writers, rate, bandwidth * MIB)
                             for _ in range(TIMES)]) for tracker in trackers]
            free = statistics.median(pair[0] for pair in pairs)
            row(writers, number(rate) if rate else "all they can", bandwidth, number(free),
                *(f"{number(pair[1])} ({pair[1] / pair[0]:.0%})" for pair in pairs))


def harvest_table(trackers):
    row("guest", "it writes", *trackers)
    row(*["---"] * (2 + len(trackers)))
    for memory in "1G", "16G":
        for workload, name in (("ws=0", "nothing"), ("ws=256M,rate=10000", "10 k pages/s"),
                               ("ws=256M", "all it can")):
            pairs = [median([harvest_cost(tracker, memory, workload) for _ in range(TIMES)])
                     for tracker in trackers]
            row(memory, name, *(f"{pair[0]:.0f}" for pair in pairs))


def main():
    with Lab("kvm", memory="4M") as lab:
        there = [one["name"] for one in lab.vmm("probe").execute("query-plugins")]
    trackers = sys.argv[1:] or [name for name in TRACKERS if name in there]
    guest_table(trackers)
    print()
    harvest_table(trackers)


if __name__ == "__main__":
    main()
