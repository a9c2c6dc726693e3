#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The pages say what is there: what they quote, link to, name and list."""

import os
import posixpath
import re
import subprocess
import sys

from tree import ROOT, run, sources

BUILD = os.environ.get("GODWIT_BUILD", "build")

PAGES = ("docs/", "trackers/", "transports/", "filters/", "README.md", "CONTRIBUTING.md")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
QUOTE = re.compile(r"<!-- quote: (\S+) -->\n\Z")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
# In pages: a file of the tree, or a function in one.
NAMED = re.compile(r"`((?:qapi|plugins|core|control|conformance|trackers|transports|filters|vmm|ctl|examples|tests|docs)/[\w./-]*)"
                   r"(?::(\w+))?`")
THREADS = ("vCPU", "main", "harvest", "writer", "reader", "any", "device", "acceptor")
SECTIONS = ["What", "When to choose it", "Options", "Errors", "Limits", "Source"]


def pages(tree):
    return sources(tree, ".md", under=PAGES)


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def quotes(tree):
    """C in a page is a quote, and a quote is in the file that it names, line for line."""
    out = []
    for path in pages(tree):
        text = tree[path]
        for fence in FENCE.finditer(text):
            line = text.count("\n", 0, fence.start()) + 1
            source = QUOTE.search(text, 0, fence.start())
            if not source and fence[1] == "c":
                out.append(f"{path}:{line}: C that is no quote of a file")
            elif source and "\n" + fence[2] not in "\n" + tree.get(source[1], ""):
                out.append(f"{path}:{line}: this is not in {source[1]}")
        if text.count("<!-- quote:") != sum(bool(QUOTE.search(text, 0, fence.start()))
                                            for fence in FENCE.finditer(text)):
            out.append(f"{path}: a mark of a quote without a quote after it")
    return out


def anchors(text):
    """The names that a forge gives to the headings of a page."""
    heads = re.findall(r"^#+ +(.+?)\s*$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def exists(tree, path):
    return path in tree or any(name.startswith(path.rstrip("/") + "/") for name in tree)


def links(tree):
    out = []
    for path in pages(tree):
        for link in LINK.findall(without_code(tree[path])):
            if re.match(r"[a-z]+:", link):
                continue
            target, _, anchor = link.partition("#")
            place = path if not target else posixpath.normpath(
                posixpath.join(posixpath.dirname(path), target))
            if not exists(tree, place) and not os.path.isfile(os.path.join(ROOT, place)):
                out.append(f"{path}: links to {link}, which is not there")
            elif anchor and anchor not in anchors(tree.get(place, "")):
                out.append(f"{path}: links to {link}, where no heading has that name")
    return out


def has_function(path, text, name):
    """Defined there; in a header declared, as a function or a callback."""
    if path.endswith(".py"):
        return re.search(rf"^ *def {name}\(", text, re.M)
    if path.endswith(".h"):
        return re.search(rf"\b{name}\)? \(", text)
    return re.search(rf"^{name} \(", text, re.M)


def names(tree):
    out = []
    for path in sources(tree, ".md", under=PAGES[:3]):
        for place, function in set(NAMED.findall(FENCE.sub("", tree[path]))):
            known = posixpath.splitext(place)[1] not in (".hex", ".map", ".so")
            if known and not exists(tree, place):
                out.append(f"{path}: names {place}, which is not there")
            elif function and not has_function(place, tree.get(place, ""), function):
                out.append(f"{path}: names {place}:{function}, which is not there")
    return out


def life(tree):
    """Each step in the life of a page has its thread and its function."""
    text = tree.get("docs/architecture.md", "")
    part = re.search(r"^## The life of a page$(.*?)^## ", text, re.M | re.S)
    steps = re.findall(r"^\| *(\d+) *\| *(\w+)[^|]*\|(.*)\|$", part[1], re.M) if part else []
    out = [f"docs/architecture.md: step {number} has no thread or no function"
           for number, thread, what in steps
           if thread not in THREADS or not any(NAMED.findall(what))]
    if [int(step[0]) for step in steps] != list(range(1, len(steps) + 1)) or len(steps) < 10:
        out.append("docs/architecture.md: the life of a page has too few steps, or none")
    return out


def options(tree):
    """The options of godwit-vmm are those of docs/usage.md."""
    told = tree.get("--help") or subprocess.run(
        [os.path.join(BUILD, "vmm", "godwit-vmm"), "--help"], capture_output=True, text=True,
        check=True).stdout
    real = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", told, re.M))
    listed = set(re.findall(r"^\| `(--[a-z-]+)", tree.get("docs/usage.md", ""), re.M))
    return ([f"docs/usage.md: {name} is missing" for name in sorted(real - listed)] +
            [f"docs/usage.md: there is no {name}" for name in sorted(listed - real)])


def additions(tree):
    """What the schema has beyond QEMU is in docs/usage.md."""
    found = {name for path in sources(tree, ".json", under=["qapi/"])
             for name in re.findall(r'"\*?(x-[a-z-]+)"', tree[path])}
    return [f"docs/usage.md: `{name}` of the schema is missing" for name in sorted(found)
            if f"`{name}" not in tree.get("docs/usage.md", "")]


def index(tree):
    """docs/README.md leads to every page."""
    linked = {posixpath.normpath(posixpath.join("docs", link.partition("#")[0]))
              for link in LINK.findall(tree.get("docs/README.md", ""))}
    return [f"docs/README.md: no link to {path}" for path in pages(tree)
            if path not in linked and path.startswith(PAGES[:3]) and path != "docs/README.md"]


def sections(tree):
    """The page of a plugin has the same sections as all others."""
    return [f"{path}: its sections are not {', '.join(SECTIONS)}"
            for path in sources(tree, ".md", under=["trackers/", "transports/", "filters/"])
            if re.findall(r"^## (.+)$", tree[path], re.M) != SECTIONS]


def release(tree):
    version = re.search(r"version: '(\d+\.\d+)", tree.get("meson.build", ""))
    page = f"docs/releases/{version[1]}.md" if version else "docs/releases/"
    return [] if page in tree else [f"{page}: there is no such release note"]


QUOTED = {"vmm/a.c": "int\nx;\n"}
STEPS = "## The life of a page\n" + "".join(
    f"| {number} | main | `core/a.c:f` |\n" for number in range(1, 11)) + "## End\n"

RULES = [
    ("C in a page is quoted line for line", quotes, [
        {**QUOTED, "docs/a.md": "```c\nint\n```\n"},
        {**QUOTED, "docs/a.md": "<!-- quote: vmm/a.c -->\n```c\nint y;\n```\n"},
        {**QUOTED, "docs/a.md": "<!-- quote: vmm/a.c -->\n```c\nnt\nx;\n```\n"},
        {**QUOTED, "docs/a.md": "<!-- quote: vmm/b.c -->\n```c\nint\n```\n"},
        {**QUOTED, "docs/a.md": "<!-- quote: vmm/a.c -->\n\n```sh\nint\n```\n"},
    ]),
    ("every link leads somewhere", links, [
        {"docs/a.md": "[b](b.md)"}, {"docs/a.md": "[b](#c)\n# b\n"},
        {"docs/a.md": "[b](../README.md#c)", "README.md": "```\n# c\n```\n# d\n"},
    ]),
    ("files and functions that a page names are there", names, [
        {"docs/a.md": "`core/a.c`"}, {"docs/a.md": "`core/a.c:f`", "core/a.c": "  f ();\n"},
        {"docs/a.md": "`tests/`"}, {"trackers/a.md": "`vmm/a.h:f`", "vmm/a.h": "int g (int f);\n"},
    ]),
    ("the life of a page has a thread and a function at each step", life, [
        {}, {"docs/architecture.md": STEPS.replace("| 3 | main", "| 3 | nobody")},
        {"docs/architecture.md": STEPS.replace("| 3 | main | `core/a.c:f`", "| 3 | main | x")},
        {"docs/architecture.md": STEPS.replace("| 3 |", "| 11 |")},
    ]),
    ("docs/usage.md has the options of godwit-vmm", options, [
        {"--help": "  --a=B  C\n", "docs/usage.md": "--a\n"},
        {"--help": "  -h, --help  C\n", "docs/usage.md": "| `--help` |\n| `--a B` |\n"},
    ]),
    ("docs/usage.md has what QMP has beyond QEMU", additions, [
        {"qapi/a.json": '"*x-a": {}', "docs/usage.md": "x-a"},
    ]),
    ("docs/README.md leads to every page", index, [
        {"docs/README.md": "[b](b.md)", "docs/a.md": ""},
        {"docs/README.md": "[a](releases/a.md)", "docs/releases/a.md": "", "trackers/a.md": ""},
    ]),
    ("the page of each plugin has the same sections", sections, [
        {"trackers/a.md": "## What\n## Options\n"}, {"transports/a.md": ""},
    ]),
    ("the version has a release note", release, [
        {"meson.build": "version: '0.2.0'\n", "docs/releases/0.1.md": ""},
    ]),
]

if __name__ == "__main__":
    sys.exit(run(RULES))
