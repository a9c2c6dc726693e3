#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Every combination of the options configures and builds the libraries, as archives too."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["GODWIT_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))

from installed import run
from qmp import DEADLINE
from tap import Skip, Tests, check, same

FOLDER = tempfile.mkdtemp(prefix="godwit-matrix-")
BUILD = os.path.join(FOLDER, "build")
STATIC = os.path.join(FOLDER, "static")
PROGRAM = """
#include <godwit/control.h>
#include <godwit/godwit.h>
int main (void)
{
  GdwHost host = { 0 };
  GError *error = NULL;
  GdwMigration *migration = gdw_migration_new (&host, NULL, NULL, FALSE, &error);
  if (migration)
    gdw_control_free (gdw_control_new (migration));
  g_print ("%s\\n", error ? error->message : "");
  return 0;
}
"""


def there(package):
    return subprocess.run(["pkg-config", "--exists", package], check=False).returncode == 0


def needed(path):
    return set(re.findall(r"\(NEEDED\).*\[(\w[\w.+-]*?)\.so", run("readelf", "-d", path)))


def combination(http, tests, introspection):
    """The same folder each time: what an option does not change is not built again."""
    if introspection == "enabled" and not there("gobject-introspection-1.0"):
        raise Skip("no gobject-introspection")
    if http == "enabled" and not there("libsoup-3.0"):
        raise Skip("no libsoup")
    again = ["--reconfigure"] if os.path.isdir(BUILD) else []
    run("meson", "setup", *again, "--buildtype", "plain", f"-Dhttp={http}", f"-Dtests={tests}",
        f"-Dintrospection={introspection}", BUILD, SOURCE)
    run("meson", "compile", "-C", BUILD, "godwit:shared_library", "godwit-control:shared_library")
    check(not any(name.startswith(("libjson", "libsoup"))
                  for name in needed(os.path.join(BUILD, "core", "libgodwit.so"))),
          "libgodwit needs more than GLib")
    same("libsoup-3.0" in needed(os.path.join(BUILD, "control", "libgodwit-control.so")),
         http == "enabled", "libgodwit-control needs libsoup")


def combinations():
    """(http, tests, introspection), of which one changes from each to the next."""
    return [(http, tests, introspection)
            for introspection, turn in (("enabled", 1), ("disabled", -1))
            for http, tests in [("enabled", "true"), ("enabled", "false"), ("disabled", "false"),
                                ("disabled", "true")][::turn]]


def says_so():
    """Without HTTP, the programs that are asked for it say that, and QMP is there."""
    run("meson", "setup", "--reconfigure", "-Dhttp=disabled", "-Dtests=false", BUILD, SOURCE)
    run("meson", "compile", "-C", BUILD, "godwit-vmm", "godwitctl")
    for name, words, said in (
            ("vmm/godwit-vmm", ["--accel", "soft", "--memory", "16M", "--http", "127.0.0.1:0"],
             "http '127.0.0.1:0': cannot listen: godwit was built without HTTP; build it with "
             "-Dhttp=enabled, or use QMP"),
            ("ctl/godwitctl", ["-s", "http://127.0.0.1:1", "status"],
             "server 'http://127.0.0.1:1': cannot be reached: godwitctl was built without HTTP; "
             "give the socket of its QMP with -s")):
        done = subprocess.run([os.path.join(BUILD, name), *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=DEADLINE, check=False)
        check(done.returncode != 0, f"{name} succeeds")
        same(done.stderr, f"{os.path.basename(name)}: {said}\n", name)


def archives():
    """pkg-config --static names all that a program needs beside them.  Without HTTP: what libsoup
    names for that has packages of its own."""
    run("meson", "setup", "--buildtype", "plain", "-Ddefault_library=static", "-Dtests=false",
        "-Dintrospection=disabled", "-Dhttp=disabled", "--prefix", os.path.join(FOLDER, "prefix"), STATIC, SOURCE)
    run("meson", "compile", "-C", STATIC, "godwit:static_library", "godwit-control:static_library")
    program = os.path.join(FOLDER, "program")
    with open(program + ".c", "w", encoding="utf-8") as file:
        file.write(PROGRAM)
    env = {**os.environ, "PKG_CONFIG_PATH": os.path.join(STATIC, "meson-uninstalled")}
    flags = run("pkg-config", "--static", "--cflags", "--libs", "godwit-control", env=env).split()
    # The archives are not installed, so they know nothing of the headers' folder.
    run("cc", "-I", os.path.join(SOURCE, "plugins"), "-o", program, program + ".c", *flags)
    check(not any(name.startswith("libgodwit") for name in needed(program)), "it needs a library")
    check(run(program).startswith("host: a required callback is missing"), "what it says")


def main():
    tests = Tests()
    for http, built, introspection in combinations():
        tests.add(f"http {http}, tests {built}, introspection {introspection}", combination, http,
                  built, introspection)
    tests.add("without HTTP the programs say so", says_so)
    tests.add("a program is linked with the archives", archives)
    try:
        return tests.run()
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
