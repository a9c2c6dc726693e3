#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Between two network namespaces: delay, loss, a black hole, and connections that die there."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_runs_at
from pair import Pair
from tap import Tests, check, same
from vmm import Lab
from wire import DESTINATION, SOURCE, Wire

PATIENT_MS = 30000
DELAY, LOSS = 0.02, 0.01


def joined(lab, wire, *options):
    """A Pair whose two sides are in their namespaces."""
    lab.through = {"source": wire.through(SOURCE), "destination": wire.through(DESTINATION),
                   "second": wire.through(SOURCE)}
    return Pair(lab, *options)


def listen(wire, pair, links):
    transport = "tcp" if links == 1 else "multi-tcp"
    return pair.destination.listen(f"{transport}:{wire.addresses[DESTINATION]}:0")


def far_and_lossy(accel, links):
    with Wire(DELAY, LOSS) as wire, Lab(accel, memory="32M", workload="ws=4M,rate=200") as lab:
        pair = joined(lab, wire, links, PATIENT_MS)
        pair.source.migrate(listen(wire, pair, links))
        pair.prove_completed()
        same(pair.source.info()["x-links"], links, "x-links")
        same(pair.warnings(), [], "x-warnings")


def far_and_lossy_and_one_link_dies(accel, how):
    """The guest writes, one of 8 links dies in the middle: 0 bad pages."""
    with Wire(DELAY, LOSS) as wire, Lab(accel, memory="64M", vcpus=2,
                                        workload="ws=16M,rate=1000,writers=2") as lab:
        pair = joined(lab, wire, 8, 5000)
        wire.harm(3, how, after=1 << 18)
        pair.source.migrate(listen(wire, pair, 8))
        pair.prove_completed()
        check(wire.harmed.is_set(), "no link was harmed")
        pair.prove_lost(3)
        info = pair.source.info()
        same(info["x-transport"], "multi-tcp", "x-transport")
        same(info["x-links"], 7, "x-links")


def hole_in_setup(accel, links):
    with Wire() as wire, Lab(accel, memory="32M", workload="ws=4M,rate=200") as lab:
        pair = joined(lab, wire, links)
        uri = listen(wire, pair, links)
        wire.cut()
        pair.source.migrate(uri)
        pair.prove_failed(lab, "silent")


def hole_in_the_rounds(accel, links):
    with Wire() as wire, Lab(accel, memory="32M", workload="ws=4M") as lab:
        pair = joined(lab, wire, links)
        pair.source.parameters(max_bandwidth=32 << 20, downtime_limit=1)
        pair.source.migrate(listen(wire, pair, links))
        pair.source.qmp.wait("MIGRATION_PASS", **{"pass": 2})
        wire.cut()
        pair.destination.wait_status("failed")
        pair.prove_failed(lab, "silent")


def hole_while_paused(accel, links):
    """Held before the state is sent: the guest is stopped, and runs again."""
    with Wire() as wire, Lab(accel, memory="32M", workload="ws=4M,rate=200") as lab:
        pair = joined(lab, wire, links)
        pair.source.capability("pause-before-switchover")
        pair.source.migrate(listen(wire, pair, links))
        pair.source.wait_status("pre-switchover")
        wire.cut()
        pair.source.wait_status("failed")
        info = pair.source.info()
        same(info["x-outcome"], "source", "x-outcome")
        check("silent" in info["error-desc"], f"error-desc: {info['error-desc']}")
        prove_runs_at(pair.source, pair.destination)
        pair.source.capability("pause-before-switchover", False)
        pair.prove_source_is_ready(lab)


def hole_noticed_by_tcp(accel, links):
    """The system notices it by itself, before the heartbeats do."""
    with Wire() as wire, Lab(accel, memory="32M", workload="ws=4M") as lab:
        pair = joined(lab, wire, links, PATIENT_MS)
        pair.source.parameters(max_bandwidth=32 << 20, downtime_limit=1)
        pair.source.migrate(listen(wire, pair, links) + ",dead-after=1000")
        pair.source.qmp.wait("MIGRATION_PASS", **{"pass": 2})
        wire.cut()
        pair.prove_failed(lab, "Connection timed out")


def hole_noticed_in_connect(accel):
    with Wire() as wire, Lab(accel, memory="32M", workload="ws=4M,rate=200") as lab:
        pair = joined(lab, wire, 1, PATIENT_MS)
        uri = listen(wire, pair, 1)
        wire.cut()
        pair.source.migrate(uri + ",dead-after=1000")
        pair.prove_failed(lab, f"connect to '{uri.partition(':')[2]}' failed: Connection timed out")


def hole_that_is_mended(accel, links):
    """Shorter than x-peer-timeout: TCP sends again what was lost."""
    with Wire() as wire, Lab(accel, memory="32M", workload="ws=4M,rate=200") as lab:
        pair = joined(lab, wire, links, PATIENT_MS)
        pair.source.capability("pause-before-switchover")
        pair.source.migrate(listen(wire, pair, links))
        pair.source.wait_status("pre-switchover")
        wire.cut()
        pair.source.execute("migrate-continue", {"state": "pre-switchover"})
        pair.source.wait_status("device")
        wire.mend()
        pair.prove_completed()


def main():
    tests = Tests()
    for accel in "soft", "kvm":
        for links in 1, 8:
            tests.add(f"{accel}: 20 ms and 1 % loss, {links} links", far_and_lossy, accel, links)
        tests.add(f"{accel}: 20 ms and 1 % loss, 8 links, one of them cut in the middle",
                  far_and_lossy_and_one_link_dies, accel, "reject")
        tests.add(f"{accel}: 20 ms and 1 % loss, 8 links, one of them silent from the middle on",
                  far_and_lossy_and_one_link_dies, accel, "swallow")
        for links in 1, 2, 8:
            tests.add(f"{accel}: black hole in setup, {links} links", hole_in_setup, accel, links)
            tests.add(f"{accel}: black hole in the rounds, {links} links", hole_in_the_rounds,
                      accel, links)
            tests.add(f"{accel}: black hole while paused, {links} links", hole_while_paused,
                      accel, links)
            tests.add(f"{accel}: black hole that is mended, {links} links", hole_that_is_mended,
                      accel, links)
        for links in 1, 8:
            tests.add(f"{accel}: black hole that TCP notices, {links} links", hole_noticed_by_tcp,
                      accel, links)
        tests.add(f"{accel}: black hole that TCP notices, in setup", hole_noticed_in_connect, accel)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
