# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The source tree as {path: text}, and C without its comments; what the lint tests share.

A rule takes such a dict and gives a list of findings, "path:line: what".  Each rule is run on
the tree, where it has to find nothing, and on seeds: small wrong trees, where it has to find
something."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tests, check, diag  # pylint: disable=wrong-import-position

SUFFIXES = (".c", ".cc", ".h", ".S", ".ld", ".py", ".pml", ".json", ".build", ".md", ".txt", ".sh",
            ".1", ".bash", ".html", ".css", ".js", ".svg", ".xml")
NAMES = ("run", ".clang-format", ".gitignore")


def load():
    """Every text file of the project."""
    tree = {}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders
                      if name not in (".git", "__pycache__") and not name.startswith("build")]
        for name in files:
            if name.endswith(SUFFIXES) or name in NAMES:
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    tree[os.path.relpath(path, ROOT)] = file.read()
    return tree


def sources(tree, *suffixes, under=("",), but=()):
    """Paths of the tree with one of these suffixes, below one of these folders."""
    return [path for path in sorted(tree)
            if path.endswith(suffixes or (".c", ".h")) and path.startswith(tuple(under))
            and not path.startswith(tuple(but))]


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text, strings=True):
    """C text of the same shape without comments, and without what is in strings."""
    def space(match):
        token = match[0]
        if token[0] in "\"'":
            return token if not strings else token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)
    return TOKEN.sub(space, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def grep(tree, paths, pattern, what, strings=True):
    """A finding for each match of PATTERN outside comments (and strings)."""
    out = []
    for path in paths:
        text = blank(tree[path], strings)
        for match in re.finditer(pattern, text):
            out.append(f"{path}:{line_of(text, match.start())}: {what}: {match[0].strip()}")
    return out


def prove_clean(rule, tree):
    findings = rule(tree)
    check(not findings, "\n".join(findings))


def prove_finds(rule, seed):
    check(rule(seed), f"nothing was found in {seed}")


def run(rules):
    """RULES: (name, rule, [wrong tree, ...])."""
    tree = load()
    tests = Tests()
    for name, rule, seeds in rules:
        tests.add(name, prove_clean, rule, tree)
        for number, seed in enumerate(seeds, 1):
            tests.add(f"{name}: finds seed {number}", prove_finds, rule, seed)
    return tests.run()
