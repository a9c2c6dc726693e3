#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""What judges the tests is tested too: the count of single tests, and the run logs."""

import sys

import runlog
import summary
from tap import Tests, check, same


def entry(stdout, result="OK", status=0):
    return {"stdout": stdout, "result": result, "returncode": status}


def counted(stdout, *args):
    """(passed, names of the failed, names of the skipped, what is wrong with the program)."""
    count = summary.Count()
    wrong = summary.count_tap("t", entry(stdout, *args), count)
    return count.passed, [n for n, _ in count.failed], [n for n, _ in count.skipped], wrong


def single_tests():
    same(counted("1..4\nok 1 - a\nnot ok 2 - b\n# why\nok 3 - c # SKIP no /dev/kvm\nok 4 d\n"),
         (2, ["t: b"], ["t: c"], None), "a program of four tests")
    same(counted("1..0 # SKIP no spin\n", "SKIP"), (0, [], ["t"], None), "a skipped program")
    same(counted(""), (1, [], [], None), "a program without TAP")


def broken_programs():
    for stdout, result in [("1..2\nok 1 - a\n", "ERROR"), ("", "FAIL"), ("", "TIMEOUT"),
                           ("1..1\nok 1 - a\n", "ERROR"), ("ok 1 - a\n", "OK")]:
        check(counted(stdout, result, 1)[3], f"{result} after {stdout!r} passed")


def diagnostics():
    count = summary.Count()
    summary.count_tap("t", entry("1..2\nnot ok 1 - a\n# one\n# two\nok 2 - b\n", "FAIL"), count)
    same(count.failed, [("t: a", "one\ntwo")], "what a failed test said")


def run_logs():
    runlog.assert_disjoint({"a": [(0, 5), (7, 9)], "b": [(5, 7)], "c": []})
    for other in [(1, 2)], [(4, 6)], [(8, 20)], [(0, 30)]:
        try:
            runlog.assert_disjoint({"a": [(0, 5), (7, 9)], "b": other})
        except AssertionError:
            continue
        raise AssertionError(f"an overlap with {other} was not found")


def main():
    tests = Tests()
    tests.add("single tests are counted", single_tests)
    tests.add("a broken program is a failure", broken_programs)
    tests.add("the output of a failed test is kept", diagnostics)
    tests.add("an overlap of run logs is found", run_logs)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
