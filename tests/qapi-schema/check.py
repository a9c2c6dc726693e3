#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Each NAME.json beside this is given to gen.py, and must be refused with the text that NAME.err
begins with; where that is empty it must be accepted."""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tests, check, same  # pylint: disable=wrong-import-position


def generate(path, folder):
    return subprocess.run([sys.executable, os.path.join(ROOT, "qapi", "gen.py"), path,
                           "--out", folder], capture_output=True, text=True, check=False)


def judge(name):
    with open(os.path.join(HERE, name + ".err"), encoding="utf-8") as file:
        expected = file.read().strip()
    with tempfile.TemporaryDirectory(prefix="godwit-qapi-") as folder:
        done = generate(os.path.join(HERE, name + ".json"), folder)
        made = os.listdir(folder)
    if not expected:
        same((done.returncode, done.stderr), (0, ""), name)
        check("qapi-types.c" in made, "no output")
        return
    same(done.returncode, 1, "exit status")
    check(done.stderr.startswith(expected), f"expected {expected!r}, got {done.stderr!r}")
    same(done.stderr.count("\n"), 1, "lines of error")
    same(made, [], "output in spite of an error")


def core_takes_no_enum():
    """A parameter of a type that core cannot set by name is refused by its generator."""
    with tempfile.TemporaryDirectory(prefix="godwit-qapi-") as folder:
        path = os.path.join(folder, "odd.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump([{"enum": "Kind", "since": "0.1", "doc": "One.",
                        "values": {"a": {"since": "0.1", "doc": "The first."}}},
                       {"struct": "Odd", "since": "0.1", "doc": "Odd.", "parameters": True,
                        "members": {"*kind": {"type": "Kind", "since": "0.1", "doc": "Which.",
                                              "default": "a"}}}], file)
        done = subprocess.run([sys.executable, os.path.join(ROOT, "qapi", "gen_core.py"), path,
                               "--out", folder], capture_output=True, text=True, check=False)
        same((done.returncode, done.stderr),
             (1, "odd.json: struct 'Odd': member 'kind': a parameter of this type is not "
                 "supported\n"), "status and error")
        same(os.listdir(folder), ["odd.json"], "files")


def within_size():
    with open(os.path.join(ROOT, "qapi", "gen.py"), encoding="utf-8") as file:
        lines = len(file.readlines())
    check(lines <= 800, f"gen.py has {lines} lines")


if __name__ == "__main__":
    tests = Tests()
    for case in sorted(entry[:-5] for entry in os.listdir(HERE) if entry.endswith(".json")):
        tests.add(case, judge, case)
    tests.add("a parameter of a type that core does not know", core_takes_no_enum)
    tests.add("gen.py is at most 800 lines", within_size)
    sys.exit(tests.run())
