#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""downtime.py [TIMES] [WORD...]: a guest that never stops writing, over slow links: when is it
switched over, and how near is the downtime to what was predicted?  And over four links, one of
which has a hundredth of the others' rate; and how fast two uneven links are together.  Prints
tables; asserts nothing.  A WORD (kvm, bitmap, 40, 300, slow-link, two-links) chooses rows.

The links are those of a network namespace of its own, as slow as tc makes them; without the
right to that, or with a kernel without tbf, of the filter `rate`."""

import itertools
import os
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_arrived
from vmm import Lab

MIB = 1 << 20
RING = "dirty-ring"
TRACKERS = "manual-protect", "bitmap", RING
RATES = 40, 100, 400
LIMITS = 20, 100, 300, 1000, 5000, 20000
PART = 0.8  # of what the link carries within the limit: the working set
LARGEST = 512 * MIB
PATIENCE = 60
OWN_NETWORK = "GODWIT_BENCH_NETWORK"  # set within it


def tc(*words):
    return subprocess.run(["tc", *words], stderr=subprocess.DEVNULL, check=False).returncode == 0


def enter_network():
    """Begin again in a network namespace, if that works."""
    if OWN_NETWORK in os.environ or not (shutil.which("tc") and shutil.which("unshare")):
        return
    if subprocess.run(["unshare", "--net", "true"], stderr=subprocess.DEVNULL,
                      check=False).returncode == 0:
        os.environ[OWN_NETWORK] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])


def slow_down(rate):
    """Makes the network carry so many MiB/s; the filters that are needed besides."""
    if OWN_NETWORK in os.environ:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        if tc("qdisc", "replace", "dev", "lo", "root", "tbf", "rate", f"{rate * MIB * 8}bit",
              "burst", "128kb", "limit", "16mb"):
            return ""
    return f"|rate:bytes-per-second={rate}M"


def wait_over(source):
    """How it stands after the last round, or None if it would go on for ever."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        info = source.info()
        if info["status"] not in ("setup", "active", "device"):
            return info
        time.sleep(0.02)
    return None


def move(accel, working_set, limit, tracker, filters, links=1, **parameters):
    ring = ("--dirty-ring-size", "65536") if tracker == RING else ()
    memory = working_set + 64 * MIB & -2 * MIB
    with Lab(accel, memory=str(memory), workload=f"ws={working_set & -4096}") as lab:
        source = lab.source(*ring)
        destination = lab.destination("destination", "--paused", *ring)
        for vmm in source, destination:
            vmm.capability("multifd", links > 1)
            vmm.parameters(multifd_channels=links, downtime_limit=limit)
        source.parameters(tracker=tracker, **parameters)
        since = len(source.qmp.events)
        source.migrate(destination.listen(lab.address("tcp")) + filters)
        info = wait_over(source)
        if info is None:
            return None
        if info["status"] != "completed":
            raise AssertionError(info)
        destination.wait_status("completed")
        prove_arrived(source, destination)
        before_pause = " ".join(source.qmp.story(since)).split(" STOP")[0]
        blackout = info["blackout"]
        return {"rounds": before_pause.count("PASS"),
                "achieved": sum(blackout.values()) / 1000,
                "predicted": info["x-predicted-downtime"] / 1000, "blackout": blackout}


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def median(results, name):
    return statistics.median(result[name] for result in results)


def print_row(times, accel, tracker, rate, limit, filters, working_set, **more):
    results = [move(accel, working_set, limit, tracker, filters, **more) for _ in range(times)]
    done = [result for result in results if result]
    start = (accel, tracker, rate, limit, f"{working_set / MIB:.1f}", f"{len(done)} of {times}")
    if not done:
        row(*start, "", "", "", "", "")
        return
    predicted, achieved = median(done, "predicted"), median(done, "achieved")
    off = predicted - achieved
    good = abs(off) <= max(2, 0.2 * achieved)
    row(*start, max(result["rounds"] for result in done), f"{predicted:.1f}", f"{achieved:.1f}",
        f"{off / achieved:+.0%}" + ("" if good else " (!)"),
        sum(result["achieved"] <= limit for result in done))


def print_head():
    row("accel", "tracker", "MiB/s", "limit, ms", "writes, MiB", "switched over", "rounds, most",
        "predicted, ms", "achieved, ms", "off by", "within the limit")
    row(*["---"] * 11)


def busy_table(times, choose):
    print_head()
    for row_of in itertools.product(("kvm", "soft"), TRACKERS, RATES, LIMITS):
        accel, tracker, rate, limit = row_of
        working_set = int(PART * rate * MIB * limit / 1000)
        if working_set <= LARGEST and set(choose) <= {str(word) for word in row_of}:
            print_row(times, accel, tracker, rate, limit, slow_down(rate), working_set)


def slow_link_table(times):
    print_head()
    slow_down(10000)
    for limit in 100, 300, 1000:
        print_row(times, "kvm", "manual-protect", "3 x 100, 1", limit,
                  "|rate:bytes-per-second=100M|rate:bytes-per-second=1M,skip=3",
                  int(300 * MIB * limit / 1000 / 2), links=4)


def two_links_table(times):
    """All of a guest that does not write, over a link of 80 MiB/s and one of 8."""
    row("links, MiB/s", "MiB/s together", "of their sum")
    row("---", "---", "---")
    slow_down(10000)
    rates = []
    for _ in range(times):
        with Lab("kvm", memory="512M", workload="ws=0") as lab:
            source, destination = lab.source(), lab.destination("destination", "--paused")
            for vmm in source, destination:
                vmm.capability("multifd")
            source.migrate(destination.listen(lab.address("tcp")) +
                           "|rate:bytes-per-second=80M|rate:bytes-per-second=8M,skip=1")
            source.wait_status("completed")
            info = source.info()
            seconds = (info["total-time"] - info["setup-time"]) / 1000
            rates.append(info["ram"]["transferred"] / MIB / seconds)
    row("80, 8", f"{statistics.median(rates):.1f}", f"{statistics.median(rates) / 88:.0%}")


def main():
    enter_network()
    words = sys.argv[1:]
    times = int(words.pop(0)) if words and words[0].isdigit() and int(words[0]) < 40 else 20
    tables = {"slow-link": slow_link_table, "two-links": two_links_table}
    if not set(words) & set(tables):
        busy_table(times, words)
        print()
    for name, table in tables.items():
        if not words or name in words:
            table(times)
            print()


if __name__ == "__main__":
    main()
