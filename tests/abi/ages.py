#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Plugins of another age: the template, compiled with the headers of ABI 1 as godwit 0.1 had them,
with headers whose structs are shorter, as they would have been before their last callbacks, and
longer, as they may be one day.  They load, they pass the suite, and they move a guest."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ["GODWIT_SOURCE"], os.environ["GODWIT_BUILD"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))

from installed import run  # pylint: disable=wrong-import-position
from tap import Tests, check, diag, same  # pylint: disable=wrong-import-position

PROGRAM = os.path.join(BUILD, "conformance", "godwit-conformance")

# Kind: its struct, and the line at which an older one ends.
CUT = {
    "tracker": ("GdwTracker", "  /* Required with GDW_TRACKER_REARMS_AT_REARM"),
    "transport": ("GdwTransport", "  /* Optional.  No more writes from this side"),
    "filter": ("GdwFilter", "  gboolean (*shutdown) (gpointer link"),
}
ADDED = "  gpointer added_later[7];\n"
GIVEN = ".added_later = { (gpointer) 1, (gpointer) 1, [6] = (gpointer) 1 }, "


def cut(text, struct, mark):
    """Without what stands between the mark and the end of the struct."""
    start, end = text.index(mark), text.index(f"}} {struct};")
    check(start < end, f"{struct} has no {mark}")
    return text[:start] + text[end:]


def extend(text, struct):
    check(text.count(f"}} {struct};") == 1, f"no {struct}")
    return text.replace(f"}} {struct};", ADDED + f"}} {struct};")


def older(name, text):
    kind = name.removesuffix(".h")
    return cut(text, *CUT[kind]) if kind in CUT else text


def later(name, text):
    kind = name.removesuffix(".h")
    if kind in CUT:
        return extend(text, CUT[kind][0])
    return extend(text, "GdwOption") if name == "plugin.h" else text


def unchanged(_name, text):
    return text


NOW = os.path.join(SOURCE, "plugins", "godwit")
# Age: where its headers come from, what is done to them, and the ABI they have.
AGES = {"ABI-1": (os.path.join(SOURCE, "tests", "abi", "v1", "godwit"), unchanged, 1),
        "older": (NOW, older, 2), "later": (NOW, later, 2)}


def build(age, folder):
    """The three modules of the template, with headers of that age."""
    headers = os.path.join(folder, "godwit")
    os.mkdir(headers)
    origin, change, _abi = AGES[age]
    for name in os.listdir(origin):
        with open(os.path.join(origin, name), encoding="utf-8") as file:
            text = change(name, file.read())
        with open(os.path.join(headers, name), "w", encoding="utf-8") as file:
            file.write(text)
    for kind in CUT:
        with open(os.path.join(SOURCE, "plugins", "template", kind + ".c"), encoding="utf-8") as file:
            text = file.read()
        macro = f"GDW_DEFINE_{kind.upper()} ("
        text = text.replace(macro, macro + (GIVEN if age == "later" else ""))
        source = os.path.join(folder, kind + ".c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        run("gcc", "-std=gnu11", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden",
            "-I", folder, source, *run("pkg-config", "--cflags", "--libs", "gio-2.0").split(),
            "-o", module(folder, kind))


def module(folder, kind):
    return os.path.join(folder, f"gdw-{kind}-mine.so")


def described(folder):
    said = run(PROGRAM, "--describe", "--json", *(module(folder, kind) for kind in CUT))
    return {one["kind"]: (one["size"], one["abi"]) for one in json.loads(said)}


def size_of_now(kind):
    plugins = {"tracker": "trackers/gdw-tracker-bitmap.so", "transport": "transports/gdw-transport-unix.so",
               "filter": "filters/gdw-filter-delay.so"}
    said = json.loads(run(PROGRAM, "--describe", "--json", os.path.join(BUILD, plugins[kind])))
    return said[0]["size"]


def differ(age, folder):
    """The test makes what it says."""
    for kind, (size, abi) in described(folder).items():
        now = size_of_now(kind)
        check(size > now if age == "later" else size < now, f"{age} {kind}: {size}, now {now}")
        same(abi, AGES[age][2], f"the ABI of the {age} {kind}")
        diag(f"{kind}: {size} bytes, now {now}")


def passes(folder, kind):
    done = subprocess.run([PROGRAM, "--quick", module(folder, kind)], capture_output=True, text=True,
                          check=False)
    same(done.returncode, 0, f"exit status; {done.stdout}{done.stderr}")


def moves(folder):
    env = dict(os.environ, GODWIT_PLUGIN_PATH=folder)
    said = run(sys.executable, os.path.join(SOURCE, "tests", "kit", "used.py"), env=env)
    check("not ok" not in said, said)


def main():
    tests = Tests()
    folders = []
    for age in AGES:
        folder = tempfile.mkdtemp(prefix="godwit-age-")
        folders.append(folder)
        tests.add(f"{age} plugins are built", build, age, folder)
        tests.add(f"{age} structs have another size", differ, age, folder)
        for kind in CUT if age != "later" or "GODWIT_TEST_ALL" in os.environ else ():
            tests.add(f"the {age} {kind} passes", passes, folder, kind)
        tests.add(f"{age} plugins move a guest", moves, folder)
    try:
        return tests.run()
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
