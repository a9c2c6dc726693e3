#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Every file has its head, none has what is forbidden; and the format of the code."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

from tree import ROOT, blank, line_of, run, sources
from tap import Skip

LICENCE = "SPDX-License-Identifier: LGPL-2.1-or-later"
AUTHORS = "SPDX-FileCopyrightText: The godwit authors"
CLANG_FORMAT = 14

# Spelled in halves, so that this file passes.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
ELSEWHERE = re.compile(r"/work/|\.\./" r"shared|\.lib" r"rary/|/root/|/home/")
OPTION = re.compile(r'"([a-z0-9-]+)",(?:\s*\.type =)?\s*GDW_OPTION_')


def heads(tree):
    out = []
    for path in sources(tree, ".c", ".cc", ".h", ".S", ".ld", ".py", ".pml", ".build", ".sh", ".1",
                        ".bash", ".html", ".css", ".js", ".svg", ".xml", "run"):
        head = "\n".join(tree[path].splitlines()[:4])
        if LICENCE not in head or AUTHORS not in head:
            out.append(f"{path}: no SPDX lines at its head")
    return out


def unfinished(tree):
    return [f"{path}:{line_of(tree[path], match.start())}: {match[0]}"
            for path in sorted(tree) for match in UNFINISHED.finditer(tree[path])]


def elsewhere(tree):
    return [f"{path}:{line_of(tree[path], match.start())}: names a path of one machine: {match[0]}"
            for path in sorted(tree) if path != "tests/lint/files.py"
            for match in ELSEWHERE.finditer(tree[path])]


def pages(tree):
    """A plugin is a file that defines one; its page is beside it and has each option."""
    out = []
    for path in sources(tree, ".c", under=["trackers/", "transports/", "filters/"]):
        text = blank(tree[path], strings=False)
        if not re.search(r"^GDW_DEFINE_", text, re.M):
            continue
        page = tree.get(path.removesuffix(".c") + ".md")
        if page is None:
            out.append(f"{path}: no page {path.removesuffix('.c')}.md")
            continue
        out += [f"{path}: its page does not have the option `{option}`"
                for option in OPTION.findall(text) if f"`{option}" not in page]
    return out


def clang_format():
    """The program, if it is the version that the tree is formatted with."""
    for name in f"clang-format-{CLANG_FORMAT}", "clang-format":
        if shutil.which(name):
            says = subprocess.run([name, "--version"], capture_output=True, text=True, check=True)
            if f"version {CLANG_FORMAT}." in says.stdout:
                return name
    raise Skip(f"no clang-format {CLANG_FORMAT}")


def formatted(tree):
    program = clang_format()
    with tempfile.TemporaryDirectory(prefix="godwit-lint-") as folder:
        shutil.copy(os.path.join(ROOT, ".clang-format"), folder)
        paths = sources(tree, ".c", ".h", ".js", but=["tests/abi/"])
        for path in paths:
            copy = os.path.join(folder, path)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with open(copy, "w", encoding="utf-8") as file:
                file.write(tree[path])
        done = subprocess.run([program, "--dry-run", "-Werror", *paths], cwd=folder, check=False,
                              stderr=subprocess.PIPE, text=True)
    found = sorted(set(re.findall(r"^(\S+?:\d+):\d+: error", done.stderr, re.M)))
    return found or ([done.stderr] if done.returncode else [])


SPDX_SEED = f"/* {LICENCE} */\n"

RULES = [
    ("the SPDX lines are at the head of each file", heads, [
        {"core/a.c": "int x;\n"}, {"core/a.c": SPDX_SEED}, {"run": "#!/bin/bash\n"},
    ]),
    ("nothing is left to do", unfinished, [{"docs/a.md": "FIX" "ME later\n"}]),
    ("nothing names a path of one machine", elsewhere, [{"run": "cd /wo" "rk/main\n"}]),
    ("each plugin has a page with its options", pages, [
        {"trackers/a.c": "GDW_DEFINE_TRACKER (x);\n"},
        {"transports/b.c": '{ "ms", GDW_OPTION_UINT, "0" }\nGDW_DEFINE_FILTER (x);\n',
         "transports/b.md": "# b\n"},
        {"transports/c.c": '{ .name = "ms", .type = GDW_OPTION_UINT }\nGDW_DEFINE_FILTER (x);\n',
         "transports/c.md": "# c\n"},
    ]),
    ("clang-format has nothing to change", formatted, [{"core/a.c": "int  f (  ) ;\n"}]),
]

if __name__ == "__main__":
    sys.exit(run(RULES))
