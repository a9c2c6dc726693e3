#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A link dies at each step of the protocol.  One of several is done without once all have joined,
and until COMMIT; a single one ends the attempt, and the source runs on; from COMMIT on the
question on a new link decides."""

import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from pair import Pair
from tap import Tests, check, same
from vmm import Lab

JOINING = "HELLO", "HELLO-ACK", "JOIN", "JOIN-ACK"
CARRYING = "MEM", "ACK", "ROUND-END", "STATE", "PREPARE", "PREPARED"
DECIDED = "COMMITTED", "CONFIRM"


def completes(frame, links):
    return frame in DECIDED or (frame in CARRYING and links > 1)


def link_dies(links, frame, kind, at):
    with Lab(workload="ws=8M,rate=2000", memory="32M") as lab:
        pair = Pair(lab, links)
        fault = f"|fault:at={frame},kind={kind}"
        uri = pair.destination.listen("tcp:127.0.0.1:0", fault if at == "destination" else "")
        pair.source.migrate(uri + (fault if at == "source" else ""))
        if completes(frame, links):
            pair.prove_completed(listens=frame == "CONFIRM")
            check(links == 1 or frame in DECIDED or pair.warnings(), "x-warnings name the link")
        else:
            pair.prove_failed(lab)
        acted = pair.source if at == "source" else pair.destination
        check(f" {frame}" in acted.stderr(), f"the filter did not act at {frame}")


def both_die(links, first, second, at):
    """A link dies, then the one on which that is said, or answered."""
    with Lab(workload="ws=8M,rate=2000", memory="32M") as lab:
        pair = Pair(lab, links)
        faults = f"|fault:at={first},kind=reset|fault:at={second},kind=reset"
        uri = pair.destination.listen("tcp:127.0.0.1:0", faults if at == "destination" else "")
        pair.source.migrate(uri + (faults if at == "source" else ""))
        if links > 2:
            pair.prove_completed()
            same(len(pair.warnings()), 2, f"number of the warnings {pair.warnings()}")
        else:
            pair.prove_failed(lab)


def worth_it(links, frame, kind, at):
    """Choose for a run without --all: with 8 links what depends on their number, and is not seen with 2."""
    if links == 8:
        return kind == "reset" and frame in ("JOIN", "MEM", "PREPARE")
    return kind == "reset" or at == "source"


def steps(every):
    """(links, frame, kind, side)"""
    frames = *JOINING, *CARRYING, "COMMIT", *DECIDED
    kinds = "reset", "short", "stall"
    for step in itertools.product((1, 2, 8), frames, kinds, ("source", "destination")):
        joins_none = step[0] == 1 and step[1].startswith("JOIN")
        if not joins_none and (every or worth_it(*step)):
            yield step


def main():
    tests = Tests()
    for links, frame, kind, at in steps(bool(os.environ.get("GODWIT_TEST_ALL"))):
        tests.add(f"{links} links, {kind} at {frame}, {at}", link_dies, links, frame, kind, at)
    for links in 2, 8:
        for at in "source", "destination":
            for second in "LINK-DEAD", "LINK-DRAINED":
                tests.add(f"{links} links, reset at MEM and at {second}, {at}", both_die, links,
                          "MEM", second, at)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
