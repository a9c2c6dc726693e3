# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A test program: named cases, TAP on stdout."""

import fnmatch
import os
import signal
import sys
import traceback

import processes


class Skip(Exception):
    """Raised by a case that cannot run here; the text says why."""


def need_http():
    if os.environ.get("GODWIT_HTTP") == "no":
        raise Skip("godwit was built without HTTP")


def with_http(case):
    """@case, which is skipped where there is no HTTP."""
    def run(*args, **keywords):
        need_http()
        return case(*args, **keywords)
    run.__name__ = case.__name__
    return run


class Tests:
    """Cases in the order of add(); run() with the command line's patterns, or all."""

    def __init__(self):
        self.cases = []

    def add(self, name, function, *args, **keywords):
        self.cases.append((name, function, args, keywords))

    def run(self, patterns=None):
        patterns = sys.argv[1:] if patterns is None else patterns
        chosen = [case for case in self.cases
                  if not patterns or any(fnmatch.fnmatch(case[0], p) for p in patterns)]
        # Takes down what a case made also when the test is ended from outside.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        processes.adopt()
        print(f"1..{len(chosen)}", flush=True)
        for number, (name, function, args, keywords) in enumerate(chosen, 1):
            verdict, detail = outcome(function, args, keywords)
            print(verdict.format(f"{number} - {name}"), flush=True)
            show([detail, *SAID])
            SAID.clear()
        return 0


def outcome(function, args, keywords):
    """Run a case and report it; one that leaves a process behind has failed."""
    verdict, detail = attempt(function, args, keywords)
    left = processes.end_children()
    if not left:
        return verdict, detail
    return "not ok {}", "\n".join([detail, "left behind:", *left])


def attempt(function, args, keywords):
    try:
        function(*args, **keywords)
    except Skip as skip:
        return "ok {} # SKIP " + str(skip), ""
    except AssertionError as failed:
        return "not ok {}", f"{failed}\n{way(failed)}"
    except Exception:  # a case may fail in any way, the others still run
        return "not ok {}", traceback.format_exc()
    return "ok {}", ""


def way(error):
    """Where an error comes from, without this file."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if frame.filename != __file__]
    return "\n".join(f"  {os.path.basename(frame.filename)}:{frame.lineno}: {frame.line}"
                     for frame in frames)


SAID = []  # by the case that runs; comes after its verdict


def diag(text):
    SAID.append(text)


def show(texts):
    for text in texts:
        for line in str(text).splitlines():
            print("# " + line, flush=True)


def same(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")


def check(good, what):
    if not good:
        raise AssertionError(what)
