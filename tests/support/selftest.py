#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Tests of what judges the tests: the count of single tests, and the run logs."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from unittest import mock

import processes
import runlog
import summary
import tap
from qmp import LONG_S, Qmp
from tap import Skip, Tests, check, same


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


def slowest_programs():
    """The ten slowest of all builds, in their order."""
    lines = [[{**entry("", "OK"), "name": f"godwit:e2e / t{n}", "duration": n} for n in numbers]
             for numbers in (range(0, 12), range(12, 20))]
    count = summary.Count()
    with tempfile.TemporaryDirectory(prefix="godwit-selftest-") as folder:
        for build, entries in zip(("build", "build-asan"), lines):
            logs = os.path.join(folder, build, "meson-logs")
            os.makedirs(logs)
            with open(os.path.join(logs, "testlog.json"), "w", encoding="utf-8") as file:
                file.write("\n".join(map(json.dumps, entries)))
            summary.count_build(os.path.join(folder, build), count)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        summary.print_slowest(count.seconds)
    same([line.split("s ")[0].split()[1:] + [line.split("/t")[1]]
          for line in said.getvalue().splitlines()],
         [[f"{n}.0", str(n)] for n in range(19, 9, -1)], "the slowest programs")


def run_logs():
    runlog.assert_disjoint({"a": [(0, 5), (7, 9)], "b": [(5, 7)], "c": []})
    for other in [(1, 2)], [(4, 6)], [(8, 20)], [(0, 30)]:
        try:
            runlog.assert_disjoint({"a": [(0, 5), (7, 9)], "b": other})
        except AssertionError:
            continue
        raise AssertionError(f"an overlap with {other} was not found")


def asleep(*before, **options):
    """A process that does nothing, for longer than any test."""
    return subprocess.Popen([*before, "sleep", "1000"], **options)


def need_proc():
    if not processes.processes():
        raise Skip("no /proc, where processes are found")


def left_behind_by_a_case():
    need_proc()
    started = []
    verdict, said = tap.outcome(lambda: started.append(asleep()), (), {})
    same(verdict, "not ok {}", "the verdict on a case that leaves a process")
    check(f"process {started[0].pid}: sleep 1000" in said, f"it is not named: {said}")
    check(not processes.outlives(started[0].pid), "it is still there")
    started[0].wait()
    orphan = "import subprocess; print(subprocess.Popen(['sleep', '1000'], stdout=subprocess.DEVNULL).pid)"
    numbers = []
    verdict, said = tap.outcome(lambda: numbers.append(int(subprocess.run(
        [sys.executable, "-c", orphan], stdout=subprocess.PIPE, check=True).stdout)), (), {})
    same(verdict, "not ok {}", "the verdict on a case whose child leaves a process")
    check(not processes.outlives(numbers[0]), "an orphan is still there")


def left_behind_by_a_test():
    """A test that is killed takes along what it started, whatever groups that is in."""
    need_proc()
    script = ("import os, signal, subprocess; from processes import MORTAL\n"
              "child = subprocess.Popen([*MORTAL, 'sleep', '1000'], start_new_session=True,\n"
              "                         stdout=subprocess.DEVNULL)\n"
              "print(child.pid, flush=True)\n"
              "while not open(f'/proc/{child.pid}/cmdline', 'rb').read().startswith(b'sleep'): pass\n"
              "os.kill(os.getpid(), signal.SIGKILL)\n")
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=False,
                          cwd=os.path.dirname(os.path.abspath(__file__)))
    same(done.returncode, -signal.SIGKILL, "how the test ended")
    check(not processes.outlives(int(done.stdout)), "its child is still there")


def left_behind_by_all():
    """Only what a test of these builds started is named."""
    need_proc()
    environment = {"PATH": os.environ["PATH"], "MESON_TEST_ITERATION": "1",
                   "GODWIT_BUILD": os.path.realpath("no-such-build")}
    with asleep(env=environment) as child:
        try:
            same(processes.left_behind(["other"]), [], "of another build")
            same(processes.left_behind(["no-such-build"]), [f"process {child.pid}: sleep 1000"],
                 "of this build")
        finally:
            child.kill()


class LateServer:
    """A QMP server that answers when it was asked for its processor time AFTER times."""

    def __init__(self, after, step):
        self.here, self.there = socket.socketpair()
        self.after, self.step, self.asked = after, step, 0
        qmp = object.__new__(Qmp)
        vars(qmp).update(socket=self.here, buffer=b"", events=[], next_event=0, next_id=1,
                         along=[], used=self.used)
        self.qmp = qmp

    def used(self):
        self.asked += 1
        if self.asked == self.after:
            self.there.send(b'{"return": {"pages": 1}, "id": 1}\n')
        return self.asked * self.step


def long_answers():
    """A process that works may take long; one that does nothing, or works for ever, is a deadlock."""
    with mock.patch("qmp.DEADLINE", 0.1):
        same(LateServer(4, 1).qmp.execute("x-guest-check"), {"pages": 1}, "an answer that is late")
        for what, server, command in (("that does nothing", LateServer(4, 0), "x-guest-check"),
                                      ("that never ends", LateServer(9, LONG_S), "x-guest-check"),
                                      ("of another command", LateServer(4, 1), "query-status")):
            try:
                server.qmp.execute(command)
            except TimeoutError:
                continue
            raise AssertionError(f"an answer {what} was waited for")


def main():
    tests = Tests()
    tests.add("single tests are counted", single_tests)
    tests.add("a broken program is a failure", broken_programs)
    tests.add("the output of a failed test is kept", diagnostics)
    tests.add("the ten slowest programs are named", slowest_programs)
    tests.add("a case that leaves a process behind has failed", left_behind_by_a_case)
    tests.add("a test that is killed leaves no process behind", left_behind_by_a_test)
    tests.add("what is left behind is found by name", left_behind_by_all)
    tests.add("what works on its answer is waited for", long_answers)
    tests.add("an overlap of run logs is found", run_logs)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
