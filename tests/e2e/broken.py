#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A network that breaks frames: the migration is repaired, or fails with one text on both
sides; then the source runs on and the next attempt is complete."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_arrived, prove_next_works, prove_runs_at
from tap import Tests, check, diag, same
from vmm import ENDS, Lab

FRAMES = "HELLO", "HELLO-ACK", "MEM", "ROUND-END", "STATE", "PREPARE", "PREPARED", "COMMIT"
KINDS = "reset", "short", "flip", "drop", "duplicate"


def ended(vmm):
    while True:
        status = vmm.qmp.wait("MIGRATION")["data"]["status"]
        if status in ENDS:
            return status


def broken(frame, kind, seed=1):
    # A round that is to end must not be the last one.
    with Lab(memory="32M", workload="ws=8M" if frame == "ROUND-END" else "ws=8M,rate=2000") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        for vmm in source, destination:
            vmm.parameters(x_peer_timeout=2000)
        if frame == "ROUND-END":
            source.parameters(max_bandwidth=64 << 20, downtime_limit=1)
        uri = destination.listen(lab.address("tcp"))
        source.migrate(f"{uri}|fault:at={frame},kind={kind},seed={seed}")
        source.wait_said("filter 'fault'", f"{kind} at {frame}")
        source.parameters(max_bandwidth=0, downtime_limit=2000)
        status = ended(source)
        diag(f"{status} {source.info().get('error-desc', '')}")
        if status == "completed":
            destination.wait_status("completed")
            prove_arrived(source, destination)
            return
        same(source.info()["x-outcome"], "source", "x-outcome")
        check(source.info()["error-desc"], "the source says why it failed")
        prove_runs_at(source, destination)
        check(not destination.runs(), "the destination ran")
        prove_next_works(lab, source)


def same_text():
    """P10: what one side finds wrong is what both sides report."""
    with Lab(memory="32M", workload="ws=8M,rate=2000") as lab:
        source = lab.source()
        destination = lab.destination()
        uri = destination.listen(lab.address("tcp"))
        source.migrate(uri + "|fault:at=STATE,kind=flip,seed=1")
        same(ended(source), "failed", "status of the source")
        same(ended(destination), "failed", "status of the destination")
        same(destination.info()["error-desc"], source.info()["error-desc"], "error-desc")
        prove_runs_at(source, destination)


def main():
    tests = Tests()
    every = "GODWIT_TEST_ALL" in os.environ
    for frame in FRAMES:
        for kind in KINDS if every or frame == "MEM" else ("reset", "flip"):
            tests.add(f"{kind} at {frame}", broken, frame, kind)
    for seed in range(2, 20 if every else 6):
        tests.add(f"flip at MEM, seed {seed}", broken, "MEM", "flip", seed)
    tests.add("the same text on both sides", same_text)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
