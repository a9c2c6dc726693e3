#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""whole.py CONFORMANCE [OPTION...] MODULE: what a good plugin passes however often it is tried.
The races of a tracker three times; with GODWIT_TEST_ALL a hundred times, and each test in full."""

import os
import subprocess
import sys

RACES = ["--host", "both", "--only", "*race*"]


def main():
    program, *options, module = sys.argv[1:]
    whole = "GODWIT_TEST_ALL" in os.environ
    tracker = os.path.basename(module).startswith("gdw-tracker-")
    if whole:
        arguments = ["--host", "both"]
    elif tracker:
        arguments = [*RACES, "--quick", "--repeat", "3"]
    else:
        print("1..0 # SKIP only with ./run test --all")
        return 0
    status = subprocess.run([program, *arguments, *options, module], check=False).returncode
    if status == 0 and whole and tracker:
        print("# and the races again", flush=True)
        again = subprocess.run([program, *RACES, "--repeat", "100", *options, module], check=False,
                               capture_output=True, text=True)
        print("\n".join(f"# {line}" for line in again.stdout.splitlines()))
        status = again.returncode
    return status


sys.exit(main())
