#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""caught.py PROGRAM CASE TEST: the tests of CASE are run by a program with a broken engine, and
TEST is the one that must fail."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

from tap import Tests, check, diag  # pylint: disable=wrong-import-position

BROKE_DOWN = re.compile(r"^(?:Early exit|Received signal|Test timeout)")
LINE = re.compile(r"^(ok|not ok) \d+ - \S+?:(\w+):(\w+): (.*)$", re.M)


TRIES = 10  # a harvest at the right moment may heal what was broken


def results_of(program, case, test):
    """[(ok | not ok, what was said)] of TEST."""
    done = subprocess.run([program], env=dict(os.environ, CK_RUN_CASE=case), check=False,
                          capture_output=True, text=True, timeout=300)
    results = [(ok, what) for ok, of, name, what in LINE.findall(done.stdout)
               if of == case and name == test]
    check(results, f"{test} was not run:\n{done.stdout}{done.stderr}")
    return results


def caught(program, case, test):
    failed = []
    for _ in range(TRIES):
        failed = [what for ok, what in results_of(program, case, test) if ok == "not ok"]
        if failed:
            break
    check(failed, f"{test} passes although the engine is broken")
    check(not any(BROKE_DOWN.search(what) for what in failed),
          f"{test} breaks down where it should notice:\n{failed}")
    for what in failed:
        diag(what)


def main(program, case, test):
    tests = Tests()
    tests.add(f"{os.path.basename(program)} is caught by {test}", caught, program, case, test)
    return tests.run([])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
