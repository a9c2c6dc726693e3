#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""query-uuid, validate-uuid, and the digest of the machine."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_next_works, prove_runs_at, wait_completed
from tap import Tests, check, same
from vmm import Lab, need_accel

ONE = "550e8400-e29b-41d4-a716-446655440000"
OTHER = "550e8400-e29b-41d4-a716-446655440001"
NONE = "00000000-0000-0000-0000-000000000000"


def uuid_option(uuid):
    return ["--uuid", uuid] if uuid else []


def told():
    with Lab() as lab:
        same(lab.vmm("one", "--paused", "--uuid", ONE).execute("query-uuid"), {"UUID": ONE}, "query-uuid")
        same(lab.vmm("none", "--paused").execute("query-uuid"), {"UUID": NONE}, "query-uuid of none")
        check("--uuid" in lab.failing("--uuid", "five"), "a bad --uuid")


def migrate(here, there, asks, transport, good):
    with Lab(workload="ws=16M") as lab:
        source = lab.source(*uuid_option(here))
        destination = lab.destination("destination", *uuid_option(there))
        if asks:
            (source if asks == "source" else destination).capability("validate-uuid")
        uri = destination.listen(lab.address(transport))
        source.migrate(uri)
        if good:
            wait_completed(source, destination)
            prove_runs_at(destination, source)
            return
        for vmm in source, destination:
            vmm.wait_status("failed")
            for text in here or NONE, there or NONE, "validate-uuid":
                check(text in vmm.info()["error-desc"], vmm.info())
        same(source.info()["x-outcome"], "source", "x-outcome")
        check(not destination.runs(), "the destination ran")
        prove_runs_at(source, destination)
        source.capability("validate-uuid", False)
        prove_next_works(lab, source)


def restored():
    """A file can be for another VM, too; nobody is there to refuse when it is written."""
    with Lab(workload="ws=16M") as lab:
        source = lab.source("--uuid", ONE)
        source.capability("validate-uuid")
        source.migrate(lab.address("file"))
        source.wait_status("completed")
        other = lab.destination("other", "--uuid", OTHER)
        other.listen(lab.address("file"))
        other.wait_status("failed")
        check(ONE in other.info()["error-desc"], other.info())
        destination = lab.destination("destination", "--uuid", ONE)
        destination.listen(lab.address("file"))
        destination.wait_status("completed")
        prove_runs_at(destination, source)


def other_machine(options, words, one_way):
    """Refused by HELLO: no page is there yet, and the file is not read to its end."""
    with Lab("soft", workload="ws=16M") as lab:
        source = lab.source()
        destination = lab.destination("destination", *options)
        if one_way:
            source.migrate(lab.address("file"))
            source.wait_status("completed")
            destination.listen(lab.address("file"))
            destination.wait_status("failed")
            text = destination.info()["error-desc"]
        else:
            source.migrate(destination.listen(lab.address("tcp")))
            source.wait_status("failed")
            text = source.info()["error-desc"]
            check(source.info()["x-link-stats"][0]["bytes"] < 4096, "memory was sent")
            same(destination.info()["status"], "setup", "status of the destination")
            same(destination.info()["x-warnings"], [text], "its x-warnings")
            prove_runs_at(source, destination)
            prove_next_works(lab, source)
        for word in "the machines differ", "--accel soft, --vcpus 1", *words:
            check(word in text, f"'{word}' is not in '{text}'")
        check(not destination.runs(), "the destination ran")


def other_accel(one_way):
    need_accel("kvm")
    other_machine(["--accel", "kvm"], ["--accel kvm"], one_way)


def main():
    tests = Tests()
    tests.add("query-uuid", told)
    for here, there, asks, good in [
            (ONE, ONE.upper(), "source", True), (ONE, OTHER, None, True),
            (None, None, "source", True), (ONE, OTHER, "source", False),
            (ONE, OTHER, "destination", False), (None, ONE, "source", False),
            (ONE, None, "destination", False)]:
        tests.add(f"{here} to {there}, {asks or 'nobody'} asks", migrate, here, there, asks, "tcp",
                  good)
    tests.add("a file for another VM", restored)
    for one_way in False, True:
        way = "from a file" if one_way else "over a link"
        tests.add(f"other --vcpus, {way}", other_machine, ["--vcpus", "2"], ["--vcpus 2"], one_way)
        tests.add(f"other --accel, {way}", other_accel, one_way)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
