#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A running guest moves, whatever it does, over every transport."""

import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import BUSY_STORY, IDLE_STORY, prove_arrived, prove_story, wait_completed
from tap import Tests, check, diag, same
from vmm import Lab

MIB = 1 << 20
MANY = min(4, os.cpu_count())
TRACKERS = "bitmap", "manual-protect", "dirty-ring"
TRANSPORTS = "tcp", "multi-tcp", "unix", "file"


def describe(info):
    blackout = " ".join(f"{name} {us}" for name, us in info["blackout"].items())
    diag(f"{info['total-time']} ms, downtime {info['downtime']} ms ({blackout}), "
         f"{info['ram']['dirty-sync-count']} rounds, {info['ram']['transferred'] // MIB} MiB")


def prove_info(info, transport, links=1):
    same(info["status"], "completed", "status")
    same(info["x-outcome"], "destination", "x-outcome")
    same(info["x-transport"], transport, "x-transport")
    same(info["x-links"], links, "x-links")
    check(info["x-predicted-downtime"] > 0, "a downtime was predicted")
    same(info["ram"]["remaining"], 0, "bytes that remain")
    check(info.get("x-rounds"), "x-rounds has rounds")
    same([link["id"] for link in info["x-link-stats"]], list(range(links)), "ids of the links")
    same([link["lost"] for link in info["x-link-stats"]], [False] * links, "lost links")
    same(sum(link["bytes"] for link in info["x-link-stats"]), info["ram"]["transferred"],
         "bytes of the links")
    check(info["ram"]["total"] >= 64 * MIB, "ram.total is the memory")
    check(info["ram"]["normal"] + info["ram"]["duplicate"] >= info["ram"]["total"] // 4096 // 2,
          "pages were counted")


def move(accel, transport, writers, backend, tracker="auto"):
    workload = f"ws=32M,writers={writers}" if writers else "ws=0"
    if writers > MANY:
        workload += ",rate=100000"  # more than the processors here would never converge
    ring = ("--dirty-ring-size", "65536") if tracker == "dirty-ring" else ()
    with Lab(accel, vcpus=max(1, writers), backend=backend, workload=workload) as lab:
        source = lab.source(*ring)
        destination = lab.destination("destination", "--paused")
        address = lab.address(transport)
        uri = address if transport == "file" else destination.listen(address)
        source.parameters(tracker=tracker, multifd_channels=2 if transport == "multi-tcp" else 1)
        since = len(source.qmp.events)
        source.migrate(uri)
        source.wait_status("completed")
        if transport == "file":
            destination.listen(address)
        destination.wait_status("completed")
        prove_story(source, since, BUSY_STORY if writers else IDLE_STORY)
        prove_story(destination, 0, "setup active completed")
        prove_info(source.info(), transport, 2 if transport == "multi-tcp" else 1)
        if tracker != "auto":
            same(source.info()["x-tracker"], tracker, "x-tracker")
        describe(source.info())
        prove_arrived(source, destination)


def started_at_once(accel):
    """Without --paused the destination runs the guest by itself."""
    with Lab(accel, workload="ws=16M") as lab:
        source = lab.source()
        destination = lab.destination()
        source.migrate(destination.listen(lab.address("tcp")))
        wait_completed(source, destination)
        prove_story(destination, 0, "setup active RESUME completed")
        same(destination.run_state(), "running", "run state of the destination")
        destination.guest_check()


def many_rounds(accel):
    """A guest that writes faster than the link: rounds without end, until it is released."""
    with Lab(accel, workload="ws=16M") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        source.parameters(max_bandwidth=64 * MIB, downtime_limit=1)
        source.migrate(destination.listen(lab.address("tcp")))
        source.qmp.wait("MIGRATION_PASS", **{"pass": 4})
        same(source.info()["status"], "active", "status of a guest that does not converge")
        source.parameters(max_bandwidth=0, downtime_limit=2000)
        wait_completed(source, destination)
        info = source.info()
        describe(info)
        rounds = info.get("x-rounds", [])
        check(len(rounds) >= 3 and all(one["pages"] for one in rounds[:3]), f"rounds: {rounds}")
        prove_arrived(source, destination)


def many_links(accel, transport):
    with Lab(accel, vcpus=MANY, workload=f"ws=32M,writers={MANY}") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        for vmm in source, destination:
            vmm.capability("multifd")
            vmm.parameters(multifd_channels=4)
        source.migrate(destination.listen(lab.address(transport)))
        wait_completed(source, destination)
        prove_info(source.info(), "multi-tcp" if transport == "tcp" else transport, links=4)
        describe(source.info())
        prove_arrived(source, destination)


def worth_it(tracker, transport):
    """Choose for a run without --all: each tracker, and each transport with one of them."""
    return transport == "tcp" or tracker == TRACKERS[TRANSPORTS.index(transport) % len(TRACKERS)]


def main():
    tests = Tests()
    every = "GODWIT_TEST_ALL" in os.environ
    for accel, tracker, transport in itertools.product(("kvm", "soft"), TRACKERS, TRANSPORTS):
        if not every and not worth_it(tracker, transport):
            continue
        for writers in (0, 1, 4, 16) if every else (MANY,):
            for backend in ("anon", "memfd", "hugetlb") if every else ("anon",):
                tests.add(f"{accel} {tracker} {transport} {writers} writers {backend}", move,
                          accel, transport, writers, backend, tracker)
    for accel in "kvm", "soft":
        for writers in 0, 1:
            tests.add(f"{accel} tcp {writers} writers memfd", move, accel, "tcp", writers, "memfd")
        tests.add(f"{accel} tcp 1 writers anon", move, accel, "tcp", 1, "anon")
        tests.add(f"{accel} the destination starts by itself", started_at_once, accel)
        tests.add(f"{accel} many rounds", many_rounds, accel)
        tests.add(f"{accel} four links over unix", many_links, accel, "unix")
        tests.add(f"{accel} four links over tcp", many_links, accel, "tcp")
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
