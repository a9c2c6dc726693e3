# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""godwit as a stranger has it: installed into a prefix of its own, and nothing else of it."""

import atexit
import functools
import json
import os
import shutil
import subprocess
import tempfile

SOURCE = os.environ["GODWIT_SOURCE"]


def run(*command, **options):
    """Return the output of a command, which has to succeed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}:\n{done.stdout}")
    return done.stdout


def new_folder(prefix):
    """One that goes with this process."""
    folder = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Installed:
    """Built and installed below FOLDER.  Only what is installed is built."""

    def __init__(self, folder):
        self.prefix = os.path.join(folder, "prefix")
        build = os.path.join(folder, "build")
        run("meson", "setup", "--buildtype", "plain", "-Dtests=false", "--prefix", self.prefix,
            "--libdir", "lib", build, SOURCE)
        targets = json.loads(run("meson", "introspect", "--targets", build))
        run("ninja", "-C", build, *(os.path.relpath(name, build) for target in targets
                                    if target["installed"] for name in target["filename"]))
        run("meson", "install", "-C", build, "--no-rebuild")

    def environment(self):
        """Return the environment of a user who knows where godwit is; the system knows the library."""
        told = {"PATH": f"{self.prefix}/bin:{os.environ['PATH']}",
                "PKG_CONFIG_PATH": f"{self.prefix}/lib/pkgconfig",
                "LD_LIBRARY_PATH": f"{self.prefix}/lib"}
        return {name: value for name, value in os.environ.items()
                if not name.startswith("GODWIT_")} | told


@functools.cache
def installed():
    """One for all of this process."""
    return Installed(new_folder("godwit-installed-"))
