#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The kill table: one side dies (SIGKILL) while the other is held at a step.

  P1  never do both run (each Lab proves it)
  P2  the destination dies before COMMIT: the source runs on
  P3  it dies later: the source does not run by itself, and says so
  P4  the source dies before COMMIT: the destination never runs; later: it runs
  P6  the next attempt is complete"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_arrived, prove_next_works, prove_runs_at
from tap import Tests, check, same
from vmm import Lab as AnyLab

TRACKERS = "bitmap", "manual-protect", "dirty-ring"
BEFORE_COMMIT = "HELLO", "HELLO-ACK", "MEM", "STATE", "PREPARE", "PREPARED"


class Lab(AnyLab):
    """Every source uses this tracker."""

    def __init__(self, tracker):
        super().__init__(memory="32M", workload="ws=8M,rate=2000")
        self.tracker = tracker
        self.ring = ("--dirty-ring-size", "4096") if tracker == "dirty-ring" else ()

    def source(self, *options):
        source = super().source(*self.ring, *options)
        source.parameters(tracker=self.tracker)
        return source

    def destination(self, name="destination", *options):
        return super().destination(name, *self.ring, *options)


def held_migration(lab, frame, at, more=""):
    """A source and a destination; one of them is held where FRAME passes by."""
    fault = f"|fault:at={frame},kind=stall{more}"
    source = lab.source()
    destination = lab.destination()
    for vmm in source, destination:
        vmm.parameters(x_peer_timeout=4000)
    uri = destination.listen(lab.address("tcp"), fault if at == "destination" else "")
    source.migrate(uri + (fault if at == "source" else ""))
    (source if at == "source" else destination).wait_held(frame)
    return source, destination


def destination_dies_before(tracker, frame, at):
    with Lab(tracker) as lab:
        source, destination = held_migration(lab, frame, at)
        destination.kill()
        source.wait_status("failed")
        info = source.info()
        same(info["x-outcome"], "source", "x-outcome")
        check(info["error-desc"], "the source says why it failed")
        prove_runs_at(source)
        check(not destination.runs(), "the destination ran")
        prove_next_works(lab, source)


def destination_dies_after(tracker, frame, at, resolve):
    with Lab(tracker) as lab:
        source, destination = held_migration(lab, frame, at)
        destination.kill()
        source.wait_status("failed")
        same(source.info()["x-outcome"], "unknown", "x-outcome")
        same(source.execute("query-status"), {"running": False, "status": "paused"},
             "query-status of a source that does not know")
        source.refuses("cont", None, "x-migrate-resolve")
        source.refuses("migrate", {"uri": "tcp:127.0.0.1:1"}, "x-migrate-resolve")
        same(source.running(), False, "running after `cont` was refused")
        source.execute("x-migrate-resolve", {"run": resolve})
        why = source.info()["error-desc"]
        check(why.startswith(f"operator: decided that the guest is {resolve}; before that: "), why)
        if resolve == "here":
            same(source.info()["x-outcome"], "source", "x-outcome")
            prove_runs_at(source)
            prove_next_works(lab, source)
        else:
            same(source.info()["x-outcome"], "destination", "x-outcome")
            same(source.run_state(), "postmigrate", "run state of the source")
            source.refuses("cont", None, "x-migrate-resolve")


def source_dies_before(tracker, frame, at):
    with Lab(tracker) as lab:
        source, destination = held_migration(lab, frame, at)
        source.kill()
        # A stranger may come instead of a source that never said HELLO.
        if frame != "HELLO":
            destination.wait_status("failed")
            check(destination.info()["error-desc"], "the destination says why it failed")
        same(destination.running(), False, "running")
        destination.execute("cont")
        same(destination.running(), False, "running after `cont`")
        check(not destination.runs(), "the destination ran")


def source_dies_after(tracker, frame, at, more=""):
    with Lab(tracker) as lab:
        source, destination = held_migration(lab, frame, at, more)
        source.kill()
        destination.qmp.wait("RESUME")
        destination.wait_status("completed")
        prove_runs_at(destination)


def query_overtakes_commit(tracker):
    """COMMIT lies in the destination's socket while the source asks on a new link.  The answer
    decides: COMMIT, when it is read at last, has no effect."""
    with Lab(tracker) as lab:
        source = lab.source()
        source.parameters(x_peer_timeout=2000)
        destination = lab.destination()
        uri = destination.listen(lab.address("tcp"), "|fault:at=COMMIT,kind=stall,for=6000")
        source.migrate(uri)
        destination.wait_held("COMMIT")
        source.wait_status("failed")
        same(source.info()["x-outcome"], "source", "x-outcome")
        destination.wait_status("failed")
        prove_runs_at(source, destination)
        destination.execute("cont")
        prove_runs_at(source, destination)
        check(not destination.runs(), "the destination ran")
        prove_next_works(lab, source)


def query_learns_of_commit(tracker):
    """COMMITTED is lost; the source asks, and is told."""
    with Lab(tracker) as lab:
        source = lab.source()
        source.parameters(x_peer_timeout=2000)
        destination = lab.destination()
        uri = destination.listen(lab.address("tcp"), "|fault:at=COMMITTED,kind=drop")
        source.migrate(uri)
        source.wait_status("completed")
        same(source.info()["x-outcome"], "destination", "x-outcome")
        prove_runs_at(destination, source)


def destination_sleeps(tracker, frame):
    """The destination stands still until the source is in doubt, and then answers: the first
    word decides, and the status stays."""
    with Lab(tracker) as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        source.parameters(x_peer_timeout=2000)
        uri = destination.listen(lab.address("tcp"), f"|fault:at={frame},kind=stall")
        source.migrate(uri)
        destination.wait_held(frame)
        destination.freeze()
        source.wait_status("failed")
        same(source.info()["x-outcome"], "unknown", "x-outcome")
        same(source.run_state(), "paused", "run state of a source that does not know")
        destination.thaw()
        if frame == "COMMIT":
            source.qmp.wait("RESUME")
            same(source.info()["x-outcome"], "source", "x-outcome")
            prove_runs_at(source, destination)
            prove_next_works(lab, source)
        else:
            destination.wait_status("completed")
            source.wait_run_state("postmigrate")
            same(source.info()["x-outcome"], "destination", "x-outcome")
            prove_arrived(source, destination)
        same(source.info()["status"], "completed" if frame == "COMMIT" else "failed", "status")


def worth_it(tracker, name):
    """Choose for a run without --all: one tracker in full, of the others what they take part in: pages
    on their way, and a guest that is taken back after tracking has ended."""
    return tracker == "manual-protect" or "held at MEM" in name or "overtakes" in name or \
        name == "destination dies, source held at PREPARED"


def add_table(tests, tracker, every):
    def add(name, case, *args):
        if every or worth_it(tracker, name):
            tests.add(f"{tracker}: {name}", case, tracker, *args)

    for frame in BEFORE_COMMIT:
        sides = ("source", "destination") if frame in ("MEM", "PREPARE", "PREPARED") else ("source",)
        for at in sides:
            add(f"destination dies, {at} held at {frame}", destination_dies_before, frame, at)
            add(f"source dies, {at} held at {frame}", source_dies_before, frame, at)
    for frame in "COMMIT", "COMMITTED":
        for at, resolve in ("source", "here"), ("destination", "there"):
            add(f"destination dies, {at} held at {frame}, resolved {resolve}",
                destination_dies_after, frame, at, resolve)
    add("source dies, source held at COMMIT", source_dies_before, "COMMIT", "source")
    add("source dies, COMMIT arrives late", source_dies_after, "COMMIT", "destination", ",for=1000")
    for at in "source", "destination":
        add(f"source dies, {at} held at COMMITTED", source_dies_after, "COMMITTED", at)
    for frame in "COMMIT", "COMMITTED":
        add(f"destination sleeps at {frame}", destination_sleeps, frame)
    add("QUERY-OUTCOME overtakes COMMIT", query_overtakes_commit)
    add("QUERY-OUTCOME learns of COMMIT", query_learns_of_commit)


def main():
    tests = Tests()
    for tracker in TRACKERS:
        add_table(tests, tracker, "GODWIT_TEST_ALL" in os.environ)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
