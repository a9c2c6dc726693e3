#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Connections that die between the two sides, on loopback: one of several is done without,
the last one ends the migration, and the source runs on."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_runs_at
from pair import Pair
from tap import Tests, check, same
from vmm import Lab

EARLY = 1 << 16  # bytes; the slowest of 8 links carries more of 64M
LOAD = "ws=16M,rate=4000,writers=2"  # writes all the time, and converges


DEATHS = ("reset", "reset"), ("half-closed", "half_close"), ("frozen", "freeze")


def one_of_several_dies(links, number, how):
    with Lab(workload=LOAD, memory="64M", vcpus=2) as lab:
        pair = Pair(lab, links)
        with pair.proxy() as proxy:
            proxy.harm(number, how, after=EARLY)
            pair.source.migrate(proxy.uri())
            pair.prove_completed()
            check(proxy.harmed.is_set(), "no link was harmed")
        pair.prove_lost(number)
        same(pair.source.info()["x-transport"], "multi-tcp", "x-transport")


def all_but_one_die(links, how):
    with Lab(workload=LOAD, memory="64M", vcpus=2) as lab:
        pair = Pair(lab, links)
        with pair.proxy() as proxy:
            for number in range(links - 1):
                proxy.harm(number, how, after=EARLY // (1 + number % 2))
            pair.source.migrate(proxy.uri())
            pair.prove_completed()
        pair.prove_lost(*range(links - 1))


def all_die(links, how, *texts):
    with Lab(workload=LOAD, memory="64M", vcpus=2) as lab:
        pair = Pair(lab, links)
        with pair.proxy() as proxy:
            for number in range(links):
                proxy.harm(number, how, after=EARLY)
            pair.source.migrate(proxy.uri())
            pair.prove_failed(lab, *texts)


def slow_one_takes_less(links):
    with Lab(workload=LOAD, memory="64M", vcpus=2) as lab:
        pair = Pair(lab, links)
        with pair.proxy() as proxy:
            proxy.harm(1, "slow", 4 << 20)
            pair.source.migrate(proxy.uri())
            pair.prove_completed()
            told = [link["bytes"] for link in pair.source.info()["x-link-stats"]]
            check(told[1] * 2 < told[0], f"x-link-stats says {told}")
            check(proxy.carried(1) * 2 < proxy.carried(0),
                  f"the slow link carried {proxy.carried(1)}, the other {proxy.carried(0)}")
        same(pair.warnings(), [], "x-warnings")


def extra_links_are_refused(links):
    """All but the first: done without."""
    with Lab(workload=LOAD, memory="64M", vcpus=2) as lab:
        pair = Pair(lab, links)
        with pair.proxy(most=1) as proxy:
            pair.source.migrate(proxy.uri())
            pair.prove_completed()
        same(pair.source.info()["x-links"], 1, "x-links")
        same(len(pair.warnings()), 1, f"number of the warnings {pair.warnings()}")
        for text in "only one link could be opened: ", "Connection refused":
            check(text in pair.warnings()[0], f"{text!r} is not in {pair.warnings()}")


def some_links_are_refused(links, most):
    with Lab(workload=LOAD, memory="64M", vcpus=2) as lab:
        pair = Pair(lab, links)
        with pair.proxy(most=most) as proxy:
            pair.source.migrate(proxy.uri())
            pair.prove_failed(lab, f"only {most} of {links} links", "Connection refused")


def addresses(address, links):
    """No capability is needed where the transport is made for several links."""
    with Lab(workload=LOAD, memory="64M", vcpus=2) as lab:
        pair = Pair(lab)
        pair.source.parameters(multifd_channels=links)
        pair.source.migrate(pair.destination.listen(address))
        pair.prove_completed()
        info = pair.source.info()
        same(info["x-transport"], address.partition(":")[0], "x-transport")
        same(info["x-links"], links if address.startswith("multi-") else 1, "x-links")
        same(pair.warnings(), [], "x-warnings")


def destination_is_killed(links):
    with Lab(workload=LOAD, memory="64M", vcpus=2) as lab:
        pair = Pair(lab, links)
        pair.source.parameters(max_bandwidth=64 << 20, downtime_limit=1)
        pair.source.migrate(pair.destination.listen("tcp:127.0.0.1:0"))
        pair.source.qmp.wait("MIGRATION_PASS", **{"pass": 2})
        pair.destination.kill()
        pair.source.wait_status("failed")
        same(pair.source.info()["x-outcome"], "source", "x-outcome")
        prove_runs_at(pair.source)
        pair.prove_source_is_ready(lab)


def main():
    tests = Tests()
    for name, how in DEATHS:
        text = "silent" if how == "freeze" else ""
        tests.add(f"the only link is {name}", all_die, 1, how, text)
    for links in 2, 8:
        for name, how in DEATHS:
            for number in 0, links - 1:
                tests.add(f"link {number} of {links} is {name}", one_of_several_dies, links,
                          number, how)
        tests.add(f"all but one of {links} links are reset", all_but_one_die, links, "reset")
        for name, how in DEATHS:
            tests.add(f"all {links} links are {name}", all_die, links, how)
        tests.add(f"destination is killed, {links} links", destination_is_killed, links)
    for address in "tcp:[::1]:0", "tcp:localhost:0", f"unix:@godwit-{os.getpid()}":
        tests.add(address.partition("@")[0], addresses, address, 2)
    for links in 1, 2, 255:
        tests.add(f"multi-tcp, {links} links", addresses, "multi-tcp:127.0.0.1:0", links)
    tests.add("one of 2 links is slow", slow_one_takes_less, 2)
    for links in 2, 8:
        tests.add(f"all but the first of {links} links are refused", extra_links_are_refused, links)
    tests.add("6 of 8 links are refused", some_links_are_refused, 8, 2)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
