#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A guest that writes faster than the link carries moves as soon as the downtime limit allows it."""

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


def move(accel, memory, written, bandwidth, limit, tracker="auto"):
    ring = ("--dirty-ring-size", "65536") if tracker == "dirty-ring" else ()
    with Lab(accel, memory=f"{memory}M", workload=f"ws={written}M") as lab:
        source = lab.source(*ring)
        destination = lab.destination("destination", "--paused", *ring)
        source.parameters(max_bandwidth=bandwidth, downtime_limit=limit, tracker=tracker)
        since = len(source.qmp.events)
        source.migrate(destination.listen(lab.address("tcp")))
        info = follow(source)
        same(info["status"], "completed", "status")
        wait_completed(source, destination)
        prove_story(source, since, BUSY_STORY)
        prove_two_rounds(source, since)
        describe(info)
        prove_arrived(source, destination)


def main():
    tests = Tests()
    for accel in "kvm", "soft":
        tests.add(f"{accel} 128 of 256 MiB", move, accel, 256, 128, 100 * MIB, 10000)
        for tracker in TRACKERS if "GODWIT_TEST_ALL" in os.environ else ():
            tests.add(f"{accel} {tracker} 512 MiB of 1 GiB", move, accel, 1024, 512, 200000000,
                      30000, tracker)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
