#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""installed.py: example.c builds against what is installed, with pkg-config alone, and passes;
with its mistake, it fails."""

import glob
import os
import re
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ["GODWIT_SOURCE"], os.environ["GODWIT_BUILD"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))

from tap import Tests, check, diag, same  # pylint: disable=wrong-import-position

EXAMPLE = os.path.join(SOURCE, "conformance", "host", "example.c")
NEEDED = ["has-what-is-required", "pause-stops-every-writer", "state-goes-over-unchanged"]


class Installed:
    """All of the build, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet",
                               "--destdir", folder], capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"meson install: {done.stdout}{done.stderr}")
        found = glob.glob(os.path.join(folder, "**", "godwit-conformance.pc"), recursive=True)
        same(len(found), 1, "files godwit-conformance.pc")
        self.pkg_config_path = os.path.dirname(found[0])
        self.libraries = os.path.dirname(self.pkg_config_path)

    def flags(self, *wanted):
        """The folders of the installed godwit, below the destination; those of GLib, not."""
        # The prefix is the only variable to change: GLib is not below the destination.
        prefix = subprocess.run(["pkg-config", "--variable=prefix", "godwit-conformance"],
                                env=self.environment(), capture_output=True, text=True,
                                check=True).stdout.strip()
        flags = subprocess.run(["pkg-config", *wanted, "godwit-conformance"],
                               env=self.environment(), capture_output=True, text=True,
                               check=True).stdout.split()
        return [re.sub(rf"^(-[IL]){re.escape(prefix)}(?=/|$)", rf"\1{self.folder}{prefix}", flag)
                for flag in flags]

    def environment(self):
        return {**os.environ, "PKG_CONFIG_PATH": self.pkg_config_path,
                "LD_LIBRARY_PATH": self.libraries}


def build_and_run(installed, *defines):
    program = os.path.join(installed.folder, "example")
    subprocess.run(["cc", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", *defines, EXAMPLE,
                    "-o", program, *installed.flags("--cflags", "--libs")], check=True)
    done = subprocess.run([program], env=installed.environment(), capture_output=True, text=True,
                          check=False)
    diag(done.stdout + done.stderr)
    passed = re.findall(r"^ok \d+ - host: (\S+)$", done.stdout, re.M)
    failed = re.findall(r"^not ok \d+ - host: (\S+)$", done.stdout, re.M)
    return done.returncode, passed, failed


def passes(folder):
    status, passed, failed = build_and_run(Installed(folder))
    same((status, failed), (0, []), "exit status and what failed")
    check(set(NEEDED) <= set(passed), f"only these have passed: {passed}")


def fails(folder):
    status, _passed, failed = build_and_run(Installed(folder), "-DWRONG=1")
    same(status, 1, "exit status")
    check("pause-stops-every-writer" in failed, f"these have failed: {failed}")


def main():
    tests = Tests()
    with tempfile.TemporaryDirectory(prefix="godwit-installed-") as right, \
         tempfile.TemporaryDirectory(prefix="godwit-installed-") as wrong:
        tests.add("the example builds against what is installed, and passes", passes, right)
        tests.add("the example with a mistake fails", fails, wrong)
        return tests.run([])


sys.exit(main())
