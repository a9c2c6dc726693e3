#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A guest that writes faster than the link carries moves as soon as the downtime limit allows it.
How near the downtime comes to what was predicted is for tests/bench/downtime.py."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import BUSY_STORY, prove_arrived, prove_story, wait_completed
from qmp import DEADLINE
from tap import Tests, check, diag, same
from vmm import Lab

MIB = 1 << 20
TRACKERS = "manual-protect", "dirty-ring", "bitmap"
# The working set, of what the link carries within the limit: a busy machine makes it slower.
PART = 0.5
LINKS = (40, 1000), (100, 300), (100, 2000), (400, 300)  # MiB/s, ms


def follow(vmm):
    """Until it has ended; an expected downtime is absent, or right."""
    sent, deadline = 0, time.monotonic() + DEADLINE
    while True:
        info = vmm.info()
        ram = info.get("ram", {"transferred": 0, "dirty-sync-count": 0})
        for name in "expected-downtime", "x-predicted-downtime":
            check(info.get(name, 1) > 0, f"{name} is 0 while {info['status']}")
        if info["status"] not in ("setup", "active", "device"):
            return info
        check(ram["dirty-sync-count"] <= 3,
              f"round {ram['dirty-sync-count']} and not switched over")
        if ram["transferred"] > sent:
            sent, deadline = ram["transferred"], time.monotonic() + DEADLINE
        check(time.monotonic() < deadline, f"still {info['status']}")


def prove_two_rounds(vmm, since):
    before_pause = " ".join(vmm.qmp.story(since)).split(" STOP")[0]
    check("PASS3" not in before_pause, f"more than two rounds before the pause: {before_pause}")


def describe(info):
    diag(f"{info['x-tracker']}: {info['ram']['dirty-sync-count']} rounds, {info['total-time']} ms, "
         f"downtime {info['downtime']} ms, predicted {info['x-predicted-downtime'] // 1000} ms")


def move(accel, memory, written, limit, tracker="auto", filters="", **parameters):
    ring = ("--dirty-ring-size", "65536") if tracker == "dirty-ring" else ()
    with Lab(accel, memory=f"{memory}M", workload=f"ws={written}M") as lab:
        source = lab.source(*ring)
        destination = lab.destination("destination", "--paused", *ring)
        source.parameters(downtime_limit=limit, tracker=tracker, **parameters)
        since = len(source.qmp.events)
        source.migrate(destination.listen(lab.address("tcp")) + filters)
        info = follow(source)
        same(info["status"], "completed", "status")
        wait_completed(source, destination)
        prove_story(source, since, BUSY_STORY)
        prove_two_rounds(source, since)
        describe(info)
        prove_arrived(source, destination)


def move_over(accel, rate, limit, tracker="auto"):
    """A link of so many MiB/s."""
    written = int(PART * rate * limit / 1000)
    move(accel, written + 64 & ~1, written, limit, tracker, f"|rate:bytes-per-second={rate}M")


def main():
    tests = Tests()
    everything = "GODWIT_TEST_ALL" in os.environ
    for accel in "kvm", "soft":
        tests.add(f"{accel} 128 of 256 MiB", move, accel, 256, 128, 10000,
                  max_bandwidth=100 * MIB)
        tests.add(f"{accel} 40 MiB/s in 2000 ms", move_over, accel, 40, 2000)
        for tracker in TRACKERS if everything else ():
            tests.add(f"{accel} {tracker} 512 MiB of 1 GiB", move, accel, 1024, 512, 30000, tracker,
                      max_bandwidth=200000000)
            for rate, limit in LINKS:
                tests.add(f"{accel} {tracker} {rate} MiB/s in {limit} ms", move_over, accel, rate,
                          limit, tracker)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
