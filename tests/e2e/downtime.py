#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""x-max-downtime: over a slow link a busy guest is given back from each blackout, and precopy goes
on; the fourth blackout that takes too long fails the migration."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_arrived, prove_next_works, prove_runs_at, wait_completed
from tap import Tests, check, same
from vmm import Lab

# An acknowledgement takes longer than the blackout may, and the guest leaves pages to acknowledge.
SLOW = "|delay:ms=100"
MAX_DOWNTIME = 50


def begin(lab, tracker, links):
    ring = ("--dirty-ring-size", "4096") if tracker == "dirty-ring" else ()
    source = lab.source(*ring)
    destination = lab.destination("destination", "--paused", *ring)
    for vmm in source, destination:
        vmm.capability("multifd", links > 1)
        vmm.parameters(multifd_channels=links)
    source.parameters(tracker=tracker, downtime_limit=20000, x_max_downtime=MAX_DOWNTIME)
    source.migrate(destination.listen(lab.address("tcp")) + SLOW)
    return source, destination


def warnings(source):
    text = f"was paused for longer than x-max-downtime ({MAX_DOWNTIME} ms): it runs on"
    return sum(text in warning for warning in source.info().get("x-warnings", []))


def given_back(tracker, links):
    with Lab(workload="ws=16M,rate=0") as lab:
        source, destination = begin(lab, tracker, links)
        source.wait_status("failed")
        same(warnings(source), 3, "how often the guest was given back")
        story = source.qmp.story()
        same((story.count("STOP"), story.count("RESUME")), (4, 4), f"pauses in {story}")
        same(story.count("device"), 4, f"blackouts in {story}")
        same(story.count("active"), 4, f"times it was active in {story}")
        info = source.info()
        same(info["x-outcome"], "source", "x-outcome")
        check("x-max-downtime" in info["error-desc"], info["error-desc"])
        destination.wait_status("failed")
        same(destination.info()["error-desc"], info["error-desc"], "error-desc")
        check(not destination.runs(), "the destination ran")
        prove_runs_at(source, destination)
        source.parameters(x_max_downtime=0)
        prove_next_works(lab, source)


def goes_on(tracker, links):
    with Lab(workload="ws=16M,rate=0") as lab:
        source, destination = begin(lab, tracker, links)
        source.qmp.wait("RESUME")
        source.parameters(x_max_downtime=0)
        wait_completed(source, destination)
        check(1 <= warnings(source) <= 3, f"given back {warnings(source)} times")
        prove_arrived(source, destination)


def main():
    tests = Tests()
    every = "GODWIT_TEST_ALL" in os.environ
    for tracker in "bitmap", "manual-protect", "dirty-ring":
        for links in (1, 4) if every or tracker == "manual-protect" else (1,):
            tests.add(f"{tracker}, {links} links: given back three times", given_back, tracker, links)
            tests.add(f"{tracker}, {links} links: then there is time", goes_on, tracker, links)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
