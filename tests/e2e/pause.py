#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The switchover waits for the operator; and guests that the operator paused."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import (HELD_STORY, prove_arrived, prove_next_works, prove_runs_at, prove_story,
                   wait_completed)
from tap import Tests, check, same
from vmm import Lab, best_accel


def hold(lab):
    """A source that is in pre-switchover, and its destination."""
    source = lab.source()
    source.capability("pause-before-switchover")
    destination = lab.destination("destination", "--paused")
    since = len(source.qmp.events)
    source.migrate(destination.listen(lab.address("tcp")))
    source.wait_status("pre-switchover")
    same(source.execute("query-status"), {"running": False, "status": "finish-migrate"},
         "query-status of a held source")
    return source, destination, since


def go_on():
    with Lab(workload="ws=16M") as lab:
        source, destination, since = hold(lab)
        source.refuses("migrate-continue", {"state": "device"},
                       "Migration not in expected state: pre-switchover")
        source.refuses("cont", None, "")
        source.execute("migrate-continue", {"state": "pre-switchover"})
        wait_completed(source, destination)
        prove_story(source, since, HELD_STORY)
        prove_arrived(source, destination)


def cancel():
    with Lab(workload="ws=16M") as lab:
        source, destination, _since = hold(lab)
        mark = len(source.qmp.events)
        source.execute("migrate_cancel")
        source.wait_status("cancelled")
        prove_runs_at(source, destination)
        story = source.qmp.story(mark)
        same(sorted(story), ["RESUME", "cancelled", "cancelling"], "events of the cancel")
        source.capability("pause-before-switchover", False)
        prove_next_works(lab, source)


def nothing_to_continue():
    with Lab() as lab:
        source = lab.source()
        source.refuses("migrate-continue", {"state": "pre-switchover"},
                       "Migration not in expected state: none")


def paused_before():
    """P4: a guest that was paused at the source stays paused at the destination."""
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        source.execute("stop")
        destination = lab.destination()
        since = len(source.qmp.events)
        source.migrate(destination.listen(lab.address("tcp")))
        wait_completed(source, destination)
        check("STOP" not in source.qmp.story(since), "no STOP of a guest that was paused")
        check("RESUME" not in destination.qmp.story(), "the destination did not run it")
        prove_arrived(source, destination)


def cont_before_commit():
    """`cont` at the destination while it waits only says that it shall run afterwards."""
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        uri = destination.listen(lab.address("tcp"))
        destination.execute("cont")
        same(destination.execute("query-status"), {"running": False, "status": "inmigrate"},
             "query-status of a destination that waits")
        check(not destination.runs(), "it ran before the migration")
        source.migrate(uri)
        wait_completed(source, destination)
        prove_story(destination, 0, "setup active RESUME completed")
        prove_runs_at(destination, source)


def stopped_while_active():
    """`stop` at the source while memory is under way."""
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        source.parameters(max_bandwidth=64 << 20, downtime_limit=1)
        destination = lab.destination()
        source.migrate(destination.listen(lab.address("tcp")))
        source.wait_status("active")
        source.execute("stop")
        source.parameters(max_bandwidth=0)
        wait_completed(source, destination)
        prove_arrived(source, destination)


def main():
    tests = Tests()
    tests.add(f"{best_accel()} migrate-continue", go_on)
    tests.add(f"{best_accel()} cancel in pre-switchover", cancel)
    tests.add("migrate-continue without a migration", nothing_to_continue)
    tests.add("a paused guest stays paused", paused_before)
    tests.add("cont at a waiting destination", cont_before_commit)
    tests.add("stop while active", stopped_while_active)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
