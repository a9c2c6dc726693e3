#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""P8 and P6: migrate_cancel in every state before COMMIT, and what comes after it."""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import (CANCELLED_STORY, prove_arrived, prove_next_works, prove_runs_at, prove_story,
                   wait_completed)
from tap import Tests, check, same
from vmm import Lab

FROM_SOURCE = "CONNECT", "HELLO", "MEM", "STATE", "PREPARE"
FROM_DESTINATION = "HELLO-ACK", "ACK", "PREPARED"


def prove_cancelled(lab, source, *others):
    """Cancel, twice; the source runs, and can migrate."""
    source.execute("migrate_cancel")
    source.execute("migrate_cancel")
    source.wait_status("cancelled")
    same(source.info()["status"], "cancelled", "status of the source")
    prove_runs_at(source, *others)
    for other in others:
        check(not other.runs(), f"{other.name} ran")
    prove_next_works(lab, source)


def held(frame, at):
    """The migration is held where FRAME passes by."""
    fault = f"|fault:at={frame},kind=stall"
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        destination = lab.destination()
        uri = destination.listen(lab.address("tcp"), fault if at == "destination" else "")
        source.migrate(uri + (fault if at == "source" else ""))
        (source if at == "source" else destination).wait_held(frame)
        prove_cancelled(lab, source, destination)
        if frame not in ("CONNECT", "HELLO"):
            destination.wait_status("failed")
            check(destination.info()["error-desc"], "the destination says why it failed")


def connecting():
    """Nobody accepts, and the backlog is full: connect() blocks."""
    with Lab() as lab, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        callers = []
        for _ in range(4):
            caller = socket.socket()
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
            callers.append(caller)
        source = lab.source()
        source.migrate(f"tcp:127.0.0.1:{listener.getsockname()[1]}")
        same(source.info()["status"], "setup", "status while connecting")
        prove_cancelled(lab, source)
        for caller in callers:
            caller.close()


def at_once():
    """A cancel comes as early as it can: a target that is there is reached, and always fails."""
    for _ in range(5):
        with Lab() as lab:
            source = lab.source()
            destination = lab.destination()
            source.migrate(destination.listen(lab.address("tcp")))
            prove_cancelled(lab, source, destination)
            destination.wait_status("failed")
            same(destination.info()["error-desc"],
                 "source: the migration was cancelled: the operator asked for it", "error-desc")


def unreached():
    """A target that the cancelled source never reached goes on listening."""
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        uri = destination.listen(lab.address("tcp"))
        source.migrate(uri + "|fault:at=CONNECT,kind=stall")
        source.wait_held("CONNECT")
        source.execute("migrate_cancel")
        source.wait_status("cancelled")
        same(destination.info()["status"], "setup", "status of the destination")
        source.migrate(uri)
        wait_completed(source, destination)
        prove_arrived(source, destination)


def unanswered():
    """The peer accepts and never says a word."""
    with Lab() as lab, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        source = lab.source()
        source.migrate(f"tcp:127.0.0.1:{listener.getsockname()[1]}")
        link, _ = listener.accept()
        prove_cancelled(lab, source)
        link.close()


def active():
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        source.parameters(max_bandwidth=64 << 20, downtime_limit=1)
        destination = lab.destination()
        since = len(source.qmp.events)
        source.migrate(destination.listen(lab.address("tcp")))
        source.qmp.wait("MIGRATION_PASS", **{"pass": 2})
        mark = len(source.qmp.events)
        source.execute("migrate_cancel")
        source.wait_status("cancelled")
        prove_story(source, since, CANCELLED_STORY)
        same([word for word in source.qmp.story(mark) if not word.startswith("PASS")],
             ["cancelling", "cancelled"], "events of the cancel")
        destination.wait_status("failed")
        prove_runs_at(source, destination)
        prove_next_works(lab, source)


def no_migration():
    with Lab() as lab:
        source = lab.source()
        source.execute("migrate_cancel")
        same(source.info(), {}, "query-migrate before the first migration")


def after_commit():
    """Too late: an error, and no effect."""
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        source.parameters(x_peer_timeout=4000)
        destination = lab.destination()
        uri = destination.listen(lab.address("tcp"))
        source.migrate(uri + "|fault:at=COMMITTED,kind=stall")
        source.wait_held("COMMITTED")
        source.refuses("migrate_cancel", None, "")
        source.wait_status("completed")
        prove_runs_at(destination, source)
        source.execute("migrate_cancel")
        same(source.info()["status"], "completed", "status after a cancel that came too late")


def main():
    tests = Tests()
    tests.add("no migration", no_migration)
    tests.add("connect blocks", connecting)
    tests.add("peer accepts and is silent", unanswered)
    tests.add("at once", at_once)
    tests.add("before the target was reached", unreached)
    tests.add("active", active)
    for frame in FROM_SOURCE + FROM_DESTINATION:
        tests.add(f"held at {frame} by the source", held, frame, "source")
    for frame in "MEM", "PREPARE", "HELLO-ACK":
        tests.add(f"held at {frame} by the destination", held, frame, "destination")
    tests.add("after COMMIT", after_commit)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
