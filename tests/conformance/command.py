#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""command.py CONFORMANCE: its command line, and plugins that end the process of a test."""

import json
import os
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ["GODWIT_SOURCE"], os.environ["GODWIT_BUILD"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))

from tap import Tests, check, same  # pylint: disable=wrong-import-position

PROGRAM = os.path.abspath(sys.argv[1])
BAD = os.path.join(BUILD, "tests", "conformance", "bad")
ONE = ["--only", "bytes-of-any-size-arrive"]


def module(name):
    return os.path.join(BAD, f"gdw-filter-{name}.so")


def plugin(name):
    return os.path.join(BUILD, name.split("-")[0] + "s", f"gdw-{name}.so")


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False,
                          timeout=120)


def status_of_usage():
    for wrong in ([], ["--nonsense"], ["--host", "moon", plugin("transport-unix")],
                  ["--repeat", "0", plugin("transport-unix")], ["/nowhere/gdw-filter-x.so"],
                  [os.path.join(SOURCE, "README.md")]):
        wrong_usage("godwit-conformance: ", *wrong)


def wrong_usage(words, *arguments):
    done = run(*arguments)
    same(done.returncode, 2, f"exit status of {arguments}")
    check("godwit-conformance: " in done.stderr and words in done.stderr,
          f"{arguments}: no reason: {done.stderr}")
    check("ok 1" not in done.stdout, f"{arguments}: {done.stdout}")


def status_of_wrong_options():
    unix, tcp = plugin("transport-unix"), plugin("transport-tcp")
    fault, delay = plugin("filter-fault"), plugin("filter-delay")
    wrong_usage("there is no such option; it has", *ONE, "--option", "nope=1", tcp)
    wrong_usage("it has no value; write key=value", *ONE, "--option", "nope", tcp)
    wrong_usage("it is missing and has no default; add ms=...", *ONE, delay)
    wrong_usage("there is no ':'; write NAME:ADDRESS", *ONE, "--uri", "nonsense", tcp)
    wrong_usage("another transport than the one under test", *ONE, "--uri", "tcp:x", unix)
    wrong_usage("there is no such option", *ONE, "--uri", "tcp:127.0.0.1:0,nope=1", tcp)
    wrong_usage("there is no gdw-transport-nope.so", *ONE, "--over", "nope:x", "--option", "at=1T",
                "--option", "kind=reset", fault)
    wrong_usage("there is no such test; see --list", "--only", "nothing-like-it", unix)


def address_of_the_user():
    """Where it was told to be tried and that does not work, nothing has been shown."""
    done = run(*ONE, "--uri", "unix:/nowhere/at/all", plugin("transport-unix"))
    same((done.returncode, "# SKIP" in done.stdout), (1, False), done.stdout)
    check("'/nowhere/at/all', where it was to be tried, does not work" in done.stdout, done.stdout)
    done = run(*ONE, "--uri", "tcp:127.0.0.1:0,sndbuf=64K", plugin("transport-tcp"))
    same((done.returncode, "ok 1 - tcp: bytes" in done.stdout), (0, True), done.stdout)


def status_of_tests():
    good = run(*ONE, plugin("transport-unix"))
    same((good.returncode, "\nok 1 - unix: bytes" in good.stdout, "\n1..1\n" in good.stdout),
         (0, True, True), good.stdout)
    same(run(*ONE, plugin("filter-fault"), "--option", "at=1000", "--option", "kind=drop")
         .returncode, 1, "exit status of a failure")


def ends(name, where, what):
    """It fails, at load once and for all, else in the test; and says how."""
    done = run(*ONE, module(name))
    same(done.returncode, 1, "exit status")
    check(f"not ok 1 - {name}: {where}" in done.stdout and what in done.stdout, done.stdout)
    check("1..1" in done.stdout, done.stdout)


def harmless():
    same(run(*ONE, module("does-no-harm")).returncode, 0, "exit status")


def lists():
    everything = run("--list").stdout.split()
    filters = run("--list", module("does-no-harm")).stdout.split()
    check("a-short-wire-loses-nothing" in filters and "connect-to-nobody-fails" not in filters,
          filters)
    check(set(filters) < set(everything), everything)


def quick_leaves_out():
    check("more-than-2-gib" not in run("--quick", "--only", "more-*", plugin("transport-unix")).stdout,
          "--quick runs a long test")


def repeats():
    """Each time with another seed; the one that failed is named."""
    done = run("--only", "vectors-*", "--seed", "40", "--repeat", "3",
               os.path.join(BAD, "gdw-transport-reorders-vectors.so"))
    check("--seed 4" in done.stdout and "--only 'vectors-of-any-cut-arrive'" in done.stdout,
          done.stdout)
    done = run("--only", "vectors-*", "--seed", "40", "--repeat", "3", plugin("transport-unix"))
    same((done.returncode, "# seed 40" in done.stdout), (0, True), done.stdout)


def describes():
    text = run("--describe", plugin("transport-tcp"), plugin("filter-fault"))
    same(text.returncode, 0, text.stderr)
    for words in ("transport 'tcp': ", "two-way", "at most 1", "local_address", "option     sndbuf=size",
                  "kind=enum reset|stall", "n=uint 1..18446744073709551615, default 1: "):
        check(words in text.stdout, f"no {words} in {text.stdout}")
    said = json.loads(run("--describe", "--json", plugin("filter-fault"), module("does-no-harm")).stdout)
    same([one["name"] for one in said], ["fault", "does-no-harm"], "names")
    same(said[0]["options"][1]["max"], 2**64 - 1, "a limit of 64 bits")
    same(said[0]["options"][2]["choices"][0], "reset", "choices")
    same((said[0]["abi"], said[0]["kind"], said[0]["callbacks"]),
         (2, "filter", ["read", "write", "shutdown"]), "what it is")
    same(said[1]["summary"], 'ends its "process"', "a summary with quotes")


def describes_no_wreck():
    for name in ("loads-and-aborts", "loads-and-exits"):
        done = run("--describe", module(name))
        same((done.returncode, done.stdout), (2, ""), "status and output")
        check(name in done.stderr, done.stderr)


def goes_elsewhere():
    """It works from any folder, with a relative path, and leaves nothing behind."""
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(plugin("transport-unix"), os.path.join(folder, "gdw-transport-unix.so"))
        env = dict(os.environ, TMPDIR=folder)
        done = subprocess.run([PROGRAM, *ONE, "gdw-transport-unix.so"], cwd=folder, env=env,
                              capture_output=True, text=True, check=False)
        same(done.returncode, 0, done.stdout + done.stderr)
        same(os.listdir(folder), ["gdw-transport-unix.so"], "the folder")


TESTS = Tests()
TESTS.add("wrong usage is status 2", status_of_usage)
TESTS.add("what the plugin does not have is status 2", status_of_wrong_options)
TESTS.add("the address of --uri", address_of_the_user)
TESTS.add("passed is status 0, failed 1", status_of_tests)
TESTS.add("abort at load", ends, "loads-and-aborts", "loads", "it crashed: Aborted")
TESTS.add("exit (0) at load", ends, "loads-and-exits", "loads", "ended the process with status 0")
TESTS.add("hangs at load", ends, "loads-and-hangs", "loads", "it did not end within 10 s")
TESTS.add("exit (0) in a test", ends, "opens-and-exits", "bytes", "ended the process with status 0")
TESTS.add("exit (77) in a test", ends, "opens-and-skips", "bytes", "ended the process with status 77")
TESTS.add("abort in a test", ends, "opens-and-aborts", "bytes", "it crashed: Aborted")
TESTS.add("a filter without callbacks passes", harmless)
TESTS.add("--list", lists)
TESTS.add("--quick", quick_leaves_out)
TESTS.add("--repeat and --seed", repeats)
TESTS.add("--describe", describes)
TESTS.add("--describe of what does not load", describes_no_wreck)
TESTS.add("from another folder", goes_elsewhere)
sys.exit(TESTS.run([]))
