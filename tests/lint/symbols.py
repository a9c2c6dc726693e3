#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The built files export no stray symbol and keep no variable that can change."""

import glob
import os
import re
import subprocess
import sys
import tempfile

from tree import load, sources
from tap import Tests, check, same

BUILD = os.environ.get("GODWIT_BUILD", "build")

GLIB = {"libglib-2.0", "libgio-2.0", "libgobject-2.0", "libgmodule-2.0", "libc"}
SANITIZERS = {"libasan", "libubsan", "libtsan", "libm", "libgcc_s"}

# What G_DEFINE_TYPE, g_once and G_DEFINE_QUARK write once.
WRITTEN_ONCE = re.compile(r"_parent_class$|_private_offset$|^static_g_define_type_id|^q\.\d+$|"
                          r"^_g_boolean_var_|^signals$")
WRITABLE = re.compile(r"^\.(?:data|bss)(?!\.rel\.ro)|^\*COM\*$")


def variables(path):
    """Names of the objects in sections that stay writable."""
    out = subprocess.run(["nm", "--format=sysv", path], capture_output=True, text=True,
                         check=True).stdout
    rows = [[cell.strip() for cell in line.split("|")] for line in out.splitlines()]
    return [row[0] for row in rows
            if len(row) == 7 and row[3] == "OBJECT" and WRITABLE.match(row[6])
            and not WRITTEN_ONCE.search(row[0])]


def objects():
    return [path for folder in ("qapi", "core", "control", "plugins", "trackers", "transports", "filters",
                               "vmm", "ctl")
            for path in glob.glob(os.path.join(BUILD, folder, "**", "*.o"), recursive=True)]


def no_variables():
    found = [f"{os.path.relpath(path, BUILD)}: {name}"
             for path in objects() for name in variables(path)]
    check(objects(), "nothing is built")
    check(not found, "variables that can change:\n" + "\n".join(found))


def finds_a_variable():
    """Seeds: one of each kind."""
    text = """int a = 1; static int b; const char *const constant[] = { "x" };
              int *f (void) { static int c; c++; b++; return &c + b; }"""
    with tempfile.TemporaryDirectory(prefix="godwit-lint-") as folder:
        source, target = os.path.join(folder, "a.c"), os.path.join(folder, "a.o")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run(["gcc", "-fPIC", "-c", source, "-o", target], check=True)
        same(sorted(name.split(".")[0] for name in variables(target)), ["a", "b", "c"],
             "variables found")


def exported(path):
    out = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", path],
                         capture_output=True, text=True, check=True).stdout
    return sorted(line.split()[0] for line in out.splitlines() if line)


def library(name, folder):
    """Everything that it exports is declared in an installed header."""
    tree = load()
    declared = " ".join(tree[path] for path in sources(tree, ".h", under=["plugins/godwit/"]))
    names = exported(os.path.realpath(os.path.join(BUILD, folder, name + ".so")))
    check(names, f"{name} exports nothing")
    # The type function is declared by a macro.
    stray = [name for name in names if name != "gdw_migration_get_type"
             and not re.search(rf"\b{name} \(", declared)]
    check(not stray, f"not in an installed header: {stray}")


def needed(name, folder, allowed):
    """Return the libraries that a VMM gets by linking with it."""
    out = subprocess.run(["readelf", "-d", os.path.join(BUILD, folder, name + ".so")],
                         capture_output=True, text=True, check=True).stdout
    found = set(re.findall(r"\(NEEDED\).*\[(\w[\w.+-]*?)\.so", out))
    check("libglib-2.0" in found, f"it needs {found}")
    check(found <= allowed | SANITIZERS, f"it needs {sorted(found - allowed)} too")


def conformance_library():
    tree = load()
    path = os.path.join(BUILD, "conformance", "host", "libgodwit-conformance.so")
    same(exported(os.path.realpath(path)),
         sorted(set(re.findall(r"\b(gdw_\w+) \(", tree["plugins/godwit/conformance.h"]))),
         "what libgodwit-conformance exports")


def modules():
    paths = [path for folder in ("trackers", "transports", "filters")
             for path in glob.glob(os.path.join(BUILD, folder, "gdw-*.so"))]
    check(paths, "no module is built")
    for path in paths:
        same(exported(path), ["gdw_plugin"], f"what {os.path.basename(path)} exports")


def main():
    tests = Tests()
    tests.add("no variable at file scope can change", no_variables)
    tests.add("no variable at file scope can change: finds seeds", finds_a_variable)
    tests.add("libgodwit exports what its headers declare", library, "libgodwit", "core")
    tests.add("libgodwit-control exports what its header declares", library, "libgodwit-control",
              "control")
    tests.add("libgodwit needs GLib alone", needed, "libgodwit", "core", GLIB)
    tests.add("libgodwit-control needs libgodwit, JSON and HTTP", needed, "libgodwit-control",
              "control", GLIB | {"libgodwit", "libjson-glib-1.0", "libsoup-3.0"})
    tests.add("libgodwit-conformance exports what its header declares", conformance_library)
    tests.add("a module exports gdw_plugin alone", modules)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
