# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Steps and proofs that the end-to-end tests share."""

import re

from tap import check, same


def wait_completed(source, destination):
    source.wait_status("completed")
    destination.wait_status("completed")


def prove_arrived(source, destination):
    """After wait_completed() with a destination that was started --paused: it has the same
    memory, and runs it when told to; the source never again."""
    same(source.run_state(), "postmigrate", "run state of the source")
    same(destination.run_state(), "paused", "run state of the destination")
    same(destination.digest(), source.digest(), "digest of the memory")
    destination.guest_check()
    destination.execute("cont")
    destination.qmp.wait("RESUME")
    source.refuses("cont", None, "x-migrate-resolve")
    prove_runs_at(destination, source)
    same(source.run_state(), "postmigrate", "run state of the source after `cont`")


def prove_runs_at(vmm, *others):
    """The guest runs here, intact, and in none of the others."""
    same(vmm.run_state(), "running", f"run state of {vmm.name}")
    vmm.guest_check()
    for other in others:
        check(not other.running(), f"{other.name} runs too")


def prove_next_works(lab, source, name="second"):
    """P6: the same source migrates to another destination, completely."""
    source.parameters(max_bandwidth=0, downtime_limit=2000)
    destination = lab.destination(name, "--paused")
    source.migrate(destination.listen(lab.address("tcp")))
    wait_completed(source, destination)
    prove_arrived(source, destination)
    return destination


def prove_story(vmm, since, expected):
    """The events since then, word by word; PASS* stands for one or more rounds more."""
    story = " ".join(vmm.qmp.story(since))
    pattern = re.escape(expected).replace(r"PASS\*", r"PASS\d+").replace(r"\ \+", r"(?: PASS\d+)*")
    check(re.fullmatch(pattern, story), f"{vmm.name}: expected events {expected!r}, got {story!r}")
    passes = [int(number) for number in re.findall(r"PASS(\d+)", story)]
    same(passes, list(range(1, len(passes) + 1)), "numbers of the rounds")


IDLE_STORY = "setup PASS1 active STOP device PASS2 completed"
BUSY_STORY = "setup PASS1 active + STOP device PASS* completed"
HELD_STORY = "setup PASS1 active + STOP pre-switchover device PASS* completed"
CANCELLED_STORY = "setup PASS1 active + cancelling cancelled"
