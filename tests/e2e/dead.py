#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A peer that neither answers nor closes its end (SIGSTOP) is found out by its silence."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_next_works, prove_runs_at
from tap import Tests, check, same
from vmm import Lab


def start(lab):
    """A migration that is in its second round and does not end by itself."""
    source = lab.source()
    destination = lab.destination()
    for vmm in source, destination:
        vmm.parameters(x_peer_timeout=2000)
    source.parameters(max_bandwidth=64 << 20, downtime_limit=1)
    source.migrate(destination.listen(lab.address("tcp")))
    source.qmp.wait("MIGRATION_PASS", **{"pass": 2})
    return source, destination


def destination_is_silent():
    with Lab(workload="ws=16M") as lab:
        source, destination = start(lab)
        destination.freeze()
        source.wait_status("failed")
        info = source.info()
        check("silent" in info["error-desc"], f"error-desc names the silence: {info}")
        same(info["x-outcome"], "source", "x-outcome")
        prove_runs_at(source)
        destination.thaw()
        destination.wait_status("failed")
        check(not destination.runs(), "the destination ran")
        prove_next_works(lab, source)


def source_is_silent():
    with Lab(workload="ws=16M") as lab:
        source, destination = start(lab)
        source.freeze()
        destination.wait_status("failed")
        info = destination.info()
        check("silent" in info["error-desc"], f"error-desc names the silence: {info}")
        check(not destination.runs(), "the destination ran")
        source.thaw()
        source.wait_status("failed")
        prove_runs_at(source, destination)


def main():
    tests = Tests()
    tests.add("destination is silent", destination_is_silent)
    tests.add("source is silent", source_is_silent)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
