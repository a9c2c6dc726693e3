#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Each example of docs/qapi.md is executed by a godwit-vmm, and its answer looks as it says."""

import contextlib
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import wait_completed
from tap import Tests, check, same
from vmm import BUILD, ROOT, Lab

PLUGIN = os.path.join(BUILD, "tests", "plugins", "gdw-filter-affine.so")
# These values cannot be the same everywhere.
ELSEWHERE = [("/opt/godwit/gdw-filter-affine.so", PLUGIN), ("0.0.0.0:7000", "127.0.0.1:0")]


def parts():
    """Name and text of each command and event."""
    with open(os.path.join(ROOT, "docs", "qapi.md"), encoding="utf-8") as file:
        page = file.read().partition("\n## Commands\n")[2].partition("\n## Types\n")[0]
    for part in re.split(r"^### ", page.replace("\n## Events\n", ""), flags=re.M)[1:]:
        yield part.partition("\n")[0], part


def examples():
    """Name of each command: (request, reply)."""
    out = {}
    for name, part in parts():
        found = re.search(r"```\n-> (.*)\n<- (.*)\n```\n", part)
        if found:
            request = found[1]
            for here, there in ELSEWHERE:
                request = request.replace(here, there)
            out[name] = json.loads(request), json.loads(found[2])
    return out


def events():
    return {name: json.loads(re.search(r"```\n<- (.*)\n```\n", part)[1])
            for name, part in parts() if name.isupper()}


def like(got, example, where):
    """The same types, and at least the members of the example; more may be there."""
    if isinstance(example, dict):
        check(isinstance(got, dict), f"{where} is no object: {got!r}")
        for key in example:
            check(key in got, f"{where} has no {key!r}: {got!r}")
            like(got[key], example[key], f"{where}.{key}")
    elif isinstance(example, list):
        check(isinstance(got, list), f"{where} is no array: {got!r}")
        for number, element in enumerate(example):
            check(any(is_like(other, element) for other in got),
                  f"{where}: nothing in it is like element {number}: {got!r}")
    else:
        numbers = isinstance(got, (int, float)) and isinstance(example, (int, float))
        check(type(got) is type(example) or numbers, f"{where} is of another type: {got!r}")


def is_like(got, example):
    try:
        like(got, example, "element")
    except AssertionError:
        return False
    return True


@contextlib.contextmanager
def fresh():
    with Lab(memory="16M") as lab:
        yield lab.vmm("source", "--paused")


@contextlib.contextmanager
def incoming():
    with Lab(memory="16M") as lab:
        yield lab.destination()


@contextlib.contextmanager
def running():
    with Lab(memory="16M") as lab:
        yield lab.source()


@contextlib.contextmanager
def held():
    with Lab(memory="16M") as lab:
        source = lab.source()
        source.capability("pause-before-switchover")
        source.migrate(lab.destination().listen(lab.address("unix")))
        source.wait_status("pre-switchover")
        yield source


@contextlib.contextmanager
def moved():
    with Lab(memory="16M") as lab:
        source, destination = lab.source(), lab.destination()
        source.migrate(destination.listen(lab.address("unix")))
        wait_completed(source, destination)
        yield source


@contextlib.contextmanager
def with_descriptor(named=False):
    with fresh() as vmm:
        there, here = os.pipe()
        vmm.qmp.along = [there]
        if named:
            vmm.execute("getfd", {"fdname": "link"})
        yield vmm
        os.close(there)
        os.close(here)


@contextlib.contextmanager
def named():
    with with_descriptor(named=True) as vmm:
        yield vmm


@contextlib.contextmanager
def ending():
    with fresh() as vmm:
        yield vmm
        check(vmm.wait_end(30), "it did not end")


@contextlib.contextmanager
def going():
    """Yield a VMM, and give up what the example has begun."""
    with running() as vmm:
        yield vmm
        vmm.execute("migrate_cancel")


# The VMM for the example of a command; for others one that has done nothing yet.
NEEDS = {"cont": running, "stop": running, "x-guest-check": running, "quit": ending,
         "migrate": going, "migrate-incoming": incoming, "migrate-continue": held,
         "query-migrate": moved, "x-migrate-resolve": moved, "query-yank": held, "yank": held,
         "query-migrationthreads": held, "getfd": with_descriptor, "closefd": named}


def execute(request, reply, needs):
    with needs() as vmm:
        if request["execute"] == "qmp_capabilities":
            vmm.qmp.close()
            vmm.qmp = type(vmm.qmp)(vmm.prefix + ".qmp", negotiate=False)
        got = vmm.execute(request["execute"], request.get("arguments"))
        like(got, reply["return"], request["execute"])
        if request["execute"] == "query-migrationthreads":
            prove_threads(vmm, got)


def prove_threads(vmm, threads):
    for thread in threads:
        path = f"/proc/{vmm.process.pid}/task/{thread['thread-id']}/comm"
        with open(path, encoding="utf-8") as file:
            same(file.read().rstrip("\n"), thread["name"][:15], "the name of a thread")


def complete():
    """Every command has an example, and every example a command."""
    with fresh() as vmm:
        known = sorted(command["name"] for command in vmm.execute("query-commands"))
    same(known, sorted(examples()), "commands with an example")


def told():
    """An event looks as its example says."""
    documented = events()
    with moved() as vmm:
        vmm.execute("quit")
        vmm.qmp.wait("SHUTDOWN")
        seen = vmm.qmp.events
    for event in seen:
        like(event, documented[event["event"]], event["event"])
        same(set(event), set(documented[event["event"]]), f"members of {event}")
    same({event["event"] for event in seen} | {"RESUME"}, set(documented), "events")


def main():
    tests = Tests()
    for name, (request, reply) in examples().items():
        tests.add(name, execute, request, reply, NEEDS.get(name, fresh))
    tests.add("each command has an example", complete)
    tests.add("events", told)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
