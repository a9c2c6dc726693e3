#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""wrong.py CONFORMANCE MODULE: the wrong plugin fails the test that is for its mistake, for the
reason that docs/conformance.md gives; and only such others as that mistake breaks too.  With
GODWIT_TEST_ALL every test is run, else that one and one that has to pass."""

import fnmatch
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["GODWIT_SOURCE"], "tests", "support"))

from tap import Tests, check, diag  # pylint: disable=wrong-import-position

ALWAYS = ["declares-what-makes-sense"]
WRITES = ["*-loses-nothing", "*-lose-nothing", "*-arrive", "read-and-write-run-at-once",
          "shutdown-*", "signals-*", "one-call-*", "links-*", "write-leaves-*"]
WAITS = ["*-loses-nothing", "cancel-*", "signals-*", "a-reader-*", "waiting-*"]

# The mistake: what else it may break.
ALSO = {
    "accept-cannot-be-cancelled": WAITS,
    "read-cannot-be-cancelled": WAITS,
    "write-cannot-be-cancelled": WAITS,
    "drops-at-close": ["bytes-*", "shutdown-*"],
    "drops-at-shutdown": ["one-call-*"] + WAITS,
    "duplicates-after-a-short-write": WRITES,
    "error-without-minus-1": WAITS,
    "errors-without-a-name": ["*"],
    "fails-without-an-error": ["*"],
    "gives-0-instead-of-waiting": ["*"],
    "gives-an-unreal-address": ["*"],
    "holds-a-lock": ["*"],
    "leaks-an-fd": ["a-second-*", "close-*"],
    "leaves-a-file": ["*"],
    "mixes-two-links": ["read-and-*", "links-*", "instances-*"],
    "raises-sigpipe": ["death-*"],
    "retries-a-dead-peer": ["close-of-*"],
    "sends-the-first-vector": WRITES,
    "shuts-both-ways": ["shutdown-*"],
    "succeeds-with-an-error": ["*"],
    "terminates-what-it-read": ["links-*"],
    "drains-a-portion": ["*"],
    "fails-a-handshake-silently": ["cancel-*"],
    "waits-before-it-greets": ["*"],
    "eats-a-flush": ["close-*"],
    "forgets-the-cancellable": WAITS,
    "has-one-state-for-all": ["read-and-*", "links-*", "instances-*"],
    "ignores-short-writes": WRITES,
    "keeps-shutdown-to-itself": ["one-call-*", "shutdown-*"],
    "passes-an-empty-vector": ["*"],
    "passes-the-first-vector": WRITES,
    "scrambles-in-place": ["one-call-*"],
    "begins-anew": ["a-start-that-fails-*", "after-*", "race-*", "restart-*"],
    "clears-the-neighbour": ["race-*"],
    "drops-the-wrap-entry": ["*"],
    "forgets-the-last-partial-word": ["*"],
    "has-no-lock": ["race-*"],
    "loses-a-write-during-collect": ["race-*"],
    "mixes-up-regions": ["*"],
    "never-stops": [
        "restart-*", "a-start-that-fails-*", "a-log-that-fails-*", "after-*", "race-*"],
    "overwrites-the-set": ["a-write-during-*"],
    "passes-over-an-entry": ["*"],
    "publishes-before-rearming": [
        "a-write-of-the-same-*", "restart-*", "a-start-that-fails-*", "race-*", "a-paused-*"],
    "reads-the-first-ring": ["*"],
    "rearms-at-the-next-rearm": ["*"],
    "rearms-from-the-first-page": ["*"],
    "rearms-at-collect-too": ["rearm-*", "race-*", "a-*"],
    "rearms-what-it-did-not-report": ["rearm-*", "race-*"],
    "rearms-whole-words": ["race-*"],
    "reports-the-neighbour": ["*"],
    "resets-before-harvesting": ["*"],
    "resets-what-is-worth-it": ["a-write-*", "a-log-that-fails-*", "race-*", "a-pause*"],
    "shares-a-variable": [
        "every-page-*", "all-pages-*", "the-last-*", "regions-*", "a-write-during-*", "a-pause-*",
        "after-*"],
    "skips-quiet-regions": ["every-*", "regions-*", "a-*", "after-*", "race-*"],
    "stops-at-a-hole": [
        "nothing-written-*", "every-page-*", "a-write-after-*", "a-pause*", "race-*"],
    "succeeds-in-spite-of-an-error": ["after-*"],
    "stays-locked-after-an-error": ["a-log-*"],
    "stops-at-an-empty-ring": ["*"],
    "takes-slots-for-regions": ["*"],
    "tells-who-did-not-ask": ["*-guest-*"],
    "throws-the-first-collect-away": ["*"],
    "unlocks-too-early": ["race-*"],
    "writes-past-the-set": ["*"],
}

ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (.+?) \| `([a-z0-9-]+)` \| `([a-z-]+\.h)`: (.+?) \|$", re.M)


def rows():
    """{mistake: (test, header, words)} of the page."""
    path = os.path.join(os.environ["GODWIT_SOURCE"], "docs", "conformance.md")
    with open(path, encoding="utf-8") as file:
        return {name: (test, header, words)
                for name, _what, test, header, words in ROW.findall(file.read())}


def run(program, module, *arguments):
    """{test: what was said} of what failed, and the names of all that ran."""
    done = subprocess.run([program, *arguments, module], capture_output=True, text=True, check=False)
    failed, ran, last = {}, [], None
    for line in done.stdout.splitlines():
        verdict = re.match(r"(not )?ok \d+ - [^:]*: (?:soft/)?(\S+)", line)
        if verdict:
            last = verdict[2]
            ran.append(last)
            if verdict[1]:
                failed[last] = ""
        elif last in failed:
            failed[last] += line.removeprefix("# ") + "\n"
    check(done.returncode == (1 if failed else 0), f"exit status {done.returncode}")
    return failed, ran


def caught(program, module, name, test, header, words):
    # A busy machine runs few races in the time of one.
    again = ["--repeat", "10"] if test.startswith("race-") else []
    failed, ran = run(program, module, "--only", test, *again)
    check(ran == [test], f"{test} did not run, but {ran}")
    check(test in failed, f"{test} did not see that it {name}")
    said = failed[test]
    diag(said)
    crashed = "it crashed: " in said
    check(crashed or f"expected: {words}" in said and f"godwit/{header}:" in said,
          f"it failed for another reason than {header}: {words}:\n{said}")


def nothing_else(program, module, name, test, every):
    names = ["*"] if every else ALWAYS
    for pattern in names:
        failed, _ran = run(program, module, "--quick", "--only", pattern)
        others = [other for other in failed if other != test and
                  not any(fnmatch.fnmatch(other, glob) for glob in ALSO.get(name, []))]
        check(not others, f"that it {name} is no reason to fail " +
              "".join(f"{other}:\n{failed[other]}" for other in others))


def main():
    program, module = sys.argv[1:]
    name = re.match(r"gdw-[a-z]+-(.*)\.so", os.path.basename(module))[1]
    tests = Tests()
    row = rows().get(name)
    tests.add("the page has it", check, row is not None, f"docs/conformance.md has no `{name}`")
    if row:
        tests.add(f"{name} is caught by {row[0]}", caught, program, module, name, *row)
        tests.add("nothing else fails", nothing_else, program, module, name, row[0],
                  "GODWIT_TEST_ALL" in os.environ)
    return tests.run([])


sys.exit(main())
