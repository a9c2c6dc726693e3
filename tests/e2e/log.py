#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""GODWIT_LOG of godwit-vmm, and the probes in the library."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_runs_at, wait_completed
from tap import Skip, Tests, check, same
from vmm import BUILD, ROOT, Lab


def logged(level):
    """Return what the source says on stderr while it migrates."""
    if level:
        os.environ["GODWIT_LOG"] = level
    try:
        with Lab(workload="ws=16M") as lab:
            source, destination = lab.source(), lab.destination()
            source.migrate(destination.listen(lab.address("unix")))
            wait_completed(source, destination)
            prove_runs_at(destination, source)
            if level:
                source.wait_said("ended completed")
            return source.stderr()
    finally:
        os.environ.pop("GODWIT_LOG", None)


def levels():
    check("source" not in logged(None), "something was said without GODWIT_LOG")
    info, debug = logged("info"), logged("debug")
    check(": active" in info and "round 1" not in info, info)
    check(": active" in debug and "round 1" in debug, debug)


def forged():
    """A text that has the end of a line in it does not begin another."""
    os.environ["GODWIT_LOG"] = "warning"
    try:
        with Lab(memory="16M") as lab:
            source = lab.source()
            source.capability("events")
            source.migrate("file:/nowhere/x\nforged\r\x1b[2Jy")
            source.qmp.wait("MIGRATION", status="failed")
            line = source.wait_said("failed", "/nowhere/x")
            check("/nowhere/x\\x0aforged\\x0d\\x1b[2Jy" in line, line)
            # A warning is what was asked for here.
            source.said = [text for text in source.said if text != line]
    finally:
        os.environ.pop("GODWIT_LOG", None)


def documented():
    """Name of each probe: number of its arguments, as docs/usage.md has them."""
    with open(os.path.join(ROOT, "docs", "usage.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `godwit:(\w+)` \| (.*?) \|$", file.read(), re.M)
    return {name: len(re.findall(r"`\w+`", arguments.partition(" | ")[0]))
            for name, arguments in rows}


def probes():
    library = os.path.join(BUILD, "core", "libgodwit.so")
    done = subprocess.run(["readelf", "--notes", "--wide", library], capture_output=True,
                          text=True, check=True)
    if ".note.stapsdt" not in done.stdout and not os.path.exists("/usr/include/sys/sdt.h") \
            and not os.path.exists("/usr/include/x86_64-linux-gnu/sys/sdt.h"):
        raise Skip("no sys/sdt.h; install systemtap-sdt-dev")
    found = re.findall(r"Provider: (\w+)\n\s+Name: (\w+)\n.*\n\s+Arguments: (.*)\n", done.stdout)
    same({provider for provider, _, _ in found}, {"godwit"}, "providers")
    same({name: len(arguments.split()) for _, name, arguments in found}, documented(), "probes")


def main():
    tests = Tests()
    tests.add("GODWIT_LOG", levels)
    tests.add("no forged lines", forged)
    tests.add("probes are those of docs/usage.md", probes)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
