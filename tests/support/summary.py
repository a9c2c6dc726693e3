# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Count the single tests of meson's logs, the slowest programs, and the processes that they left
behind: summary.py BUILD-DIRECTORY..."""

import json
import os
import re
import sys

import processes

LINE = re.compile(r"(not )?ok\b *(\d*)[ -]*(.*?)(?: *# *(SKIP)\b[ :]*(.*))?$", re.I)
NAME = re.compile(r"^(?:[^:]*:)?([^+ ]*)\S* / (.*)$")  # project:suite+suite / name
PROGRAM = re.compile(r"((?:\w+: )?[^:]*)(?:: (.*))?$")  # build: suite/name: single test
SLOWEST = 10
PLAN = re.compile(r"1\.\.(\d+)(?: *# *SKIP[ :]*(.*))?", re.I)


class Count:
    def __init__(self):
        self.passed = 0
        self.skipped = []  # (name, why)
        self.failed = []   # (name, output)
        self.seconds = []  # (seconds, program)


def count_tap(test, entry, count):
    """Add the lines of one test program; what is wrong with the program as a whole, or None."""
    planned, seen, failed = None, 0, 0
    lines = entry["stdout"].splitlines()
    for at, line in enumerate(lines):
        if plan := PLAN.match(line):
            planned = int(plan[1])
            if planned == 0:
                count.skipped.append((test, plan[2] or "no reason given"))
        elif found := LINE.match(line):
            seen += 1
            name = f"{test}: {found[3]}"
            if found[4] and not found[1]:
                count.skipped.append((name, found[5]))
            elif found[1]:
                failed += 1
                count.failed.append((name, diagnostics(lines, at)))
            else:
                count.passed += 1
    if planned is None and not seen and entry["result"] == "OK":
        count.passed += 1  # no TAP: meson went by the exit status
        return None
    return what_is_wrong(entry, planned, seen, failed)


def what_is_wrong(entry, planned, seen, failed):
    if planned is None:
        return f"{entry['result']}, no TAP plan"
    if seen != planned:
        return f"{seen} of {planned} tests ran"
    if entry["result"] not in ("OK", "SKIP") and not failed:
        return f"ended with {entry['result']}, status {entry['returncode']}"
    return None


def diagnostics(lines, at):
    """The comments that follow a failed line."""
    out = []
    for line in lines[at + 1:]:
        if not line.startswith("#"):
            break
        out.append(line[1:].removeprefix(" "))
    return "\n".join(out)


def count_build(directory, count):
    log = os.path.join(directory, "meson-logs", "testlog.json")
    if not os.path.exists(log):
        count.failed.append((directory, "no test ran here"))
        return
    prefix = "" if directory == "build" else os.path.basename(directory).removeprefix("build-") + ": "
    with open(log, encoding="utf-8") as file:
        for entry in map(json.loads, file):
            test = prefix + NAME.sub(r"\1/\2", entry["name"])
            count.seconds.append((entry["duration"], test))
            wrong = count_tap(test, entry, count)
            if wrong:
                tail = (entry["stdout"] + entry.get("stderr", "")).splitlines()[-60:]
                count.failed.append((f"{test}: {wrong}", "\n".join(tail)))
            elif any(name and name.startswith(test + ":") for name, _ in count.failed):
                count.failed.append((None, entry.get("stderr", "")))


def print_skipped(skipped):
    """Print one line for the tests that one program skips for one reason, with their names."""
    groups = {}
    for name, why in skipped:
        test, single = PROGRAM.match(name).groups()
        groups.setdefault((test, why), []).append(single)
    for (test, why), names in groups.items():
        names = ", ".join(filter(None, names))
        print(f"skipped: {test}: {names}{': ' if names else ''}{why}")


def print_slowest(seconds):
    for duration, test in sorted(seconds, reverse=True)[:SLOWEST]:
        print(f"slow: {duration:6.1f} s {test}")


def main():
    count = Count()
    for directory in sys.argv[1:]:
        count_build(directory, count)
    for process in processes.left_behind(sys.argv[1:]):
        count.failed.append((f"left behind: {process}", ""))
    print()
    print_slowest(count.seconds)
    print_skipped(count.skipped)
    failed = 0
    for name, output in count.failed:
        if name:
            failed += 1
            print(f"failed: {name}")
        for line in output.splitlines():
            print("    " + line)
    print(f"{count.passed} passed, {failed} failed, {len(count.skipped)} skipped")
    return 1 if failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())
