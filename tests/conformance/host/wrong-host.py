#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""wrong-host.py PROGRAM: each mistake of a GdwHost that docs/conformance.md lists fails the test
that is for it, for the reason that the page gives; the page has all mistakes of the program."""

import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["GODWIT_SOURCE"], "tests", "support"))

from tap import Tests, check, diag, same  # pylint: disable=wrong-import-position

SECTION = re.compile(r"^## Your own host$(.*?)(?=^## |\Z)", re.M | re.S)
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (.+?) \| `([a-z0-9-]+)` \| `([a-z-]+\.h)`: (.+?) \|$", re.M)
VERDICT = re.compile(r"^(not )?ok \d+ - host: (\S+)((?:\n#.*)*)", re.M)
DEADLINE_S = "4"
STUCK = "never-returns"
RINGS = ["rings-", "reset-rings-"]


def rows():
    path = os.path.join(os.environ["GODWIT_SOURCE"], "docs", "conformance.md")
    with open(path, encoding="utf-8") as file:
        return [row[:1] + row[2:] for row in ROW.findall(SECTION.search(file.read())[1])]


def run(program, test, *arguments):
    """{test: (failed, what was said)}"""
    ring = ["--ring"] if test.startswith(tuple(RINGS)) else []
    done = subprocess.run([program, "--only", test, *ring, *arguments], capture_output=True,
                          text=True, check=False)
    found = {name: (bool(bad), said) for bad, name, said in VERDICT.findall(done.stdout)}
    same(done.returncode, int(any(bad for bad, _said in found.values())),
         f"exit status, after {done.stdout}{done.stderr}")
    return found


def caught(program, mistake, test, header, words):
    found = run(program, test, "--wrong", mistake, "--deadline", DEADLINE_S)
    same(list(found), [test], "tests that ran")
    failed, said = found[test]
    diag(said)
    check(failed, f"{test} did not see that it {mistake}")
    check(f"expected: {words}" in said and f"godwit/{header}:" in said,
          f"it failed for another reason than {header}: {words}")


def right(program, test):
    found = run(program, test)
    same([(name, bad) for name, (bad, _said) in found.items()], [(test, False)], "the right host")


def all_listed(program):
    done = subprocess.run([program, "--mistakes"], capture_output=True, text=True, check=True)
    same(sorted(done.stdout.split()), sorted([STUCK] + [row[0] for row in rows()]), "mistakes")


def stuck(program):
    """A callback that does not return ends the process, and says which it was."""
    done = subprocess.run([program, "--wrong", STUCK, "--deadline", "2"], capture_output=True,
                          text=True, check=False)
    same(done.returncode, -signal.SIGABRT, "exit status")
    check("callback 'pause' has not returned for 2 s" in done.stderr, done.stderr)


def main():
    program = sys.argv[1]
    tests = Tests()
    tests.add("the page has all mistakes", all_listed, program)
    tests.add("a callback that does not return is named", stuck, program)
    for mistake, test, header, words in rows():
        tests.add(f"{mistake} is caught by {test}", caught, program, mistake, test, header, words)
    for test in sorted({row[1] for row in rows()}):
        tests.add(f"{test} passes with the right host", right, program, test)
    return tests.run([])


sys.exit(main())
