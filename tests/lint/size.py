#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The size budget: files, functions, nesting."""

import ast
import re
import sys

from tree import blank, diag, line_of, run, sources

FILE_LINES = 700
FILE_LINES_OF = {"qapi/gen.py": 800}
FUNCTION_LINES = 80
FUNCTION_P90 = 40
NESTING = 4

# A definition: its name at the start of a line, its body between braces in the first column.
FUNCTION = re.compile(r"^(\w+) \([^;{}]*?\)\n\{\n(.*?)^\}", re.M | re.S)
BRANCH = re.compile(r"^( +)(?:\} )?(?:else )?(?:if|for|while|do|switch)\b", re.M)
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try)


def files(tree):
    out = []
    for path in sources(tree, ".c", ".h", ".S", ".py", ".html", ".css", ".js", "run"):
        lines, most = tree[path].count("\n"), FILE_LINES_OF.get(path, FILE_LINES)
        if lines > most:
            out.append(f"{path}: {lines} lines, at most {most}")
    return out


def c_functions(tree):
    """(path, line, name, lines, nesting) of each function in C."""
    for path in sources(tree, ".c", ".h"):
        text = blank(tree[path])
        for match in FUNCTION.finditer(text):
            depth = [len(branch[1]) // 2 for branch in BRANCH.finditer(match[2])]
            yield (path, line_of(text, match.start()), match[1], match[0].count("\n") + 1,
                   max(depth, default=0))


def python_functions(tree):
    for path in sources(tree, ".py"):
        for node in ast.walk(ast.parse(tree[path])):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield (path, node.lineno, node.name, node.end_lineno - node.lineno + 1,
                       nesting(node))


def nesting(node):
    """Levels of blocks below a node; elif is not deeper than its if."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.Lambda)):
            continue
        is_elif = isinstance(node, ast.If) and node.orelse == [child] and isinstance(child, ast.If)
        own = 1 if isinstance(child, BLOCKS) and not is_elif else 0
        deepest = max(deepest, own + nesting(child))
    return deepest


def functions(tree):
    return [f"{path}:{line}: {name} has {lines} lines, at most {FUNCTION_LINES}"
            for path, line, name, lines, _nesting in [*c_functions(tree), *python_functions(tree)]
            if lines > FUNCTION_LINES]


def deep(tree):
    return [f"{path}:{line}: {name} nests {depth} deep, at most {NESTING}"
            for path, line, name, _lines, depth in [*c_functions(tree), *python_functions(tree)]
            if depth > NESTING]


def report(tree):
    """Show, without a rule, whether nine of ten functions are short."""
    lengths = sorted(function[3] for function in c_functions(tree))
    if len(lengths) > 1:
        diag(f"{len(lengths)} functions in C: median {lengths[len(lengths) // 2]} lines, "
             f"p90 {lengths[len(lengths) * 9 // 10]} (wished: {FUNCTION_P90}), "
             f"longest {lengths[-1]}")
    return []


NESTED_C = "void\nf (void)\n{\n" + "".join("  " * n + "if (x)\n" for n in range(1, 6)) + "}\n"
NESTED_PY = "def f():\n" + "".join("    " * n + "if x:\n" for n in range(1, 6)) + " " * 24 + "x\n"

RULES = [
    (f"no file is longer than {FILE_LINES} lines", files, [{"core/a.c": "\n" * 701}]),
    (f"no function is longer than {FUNCTION_LINES} lines", functions, [
        {"core/a.c": "static void\nf (int a,\n   int b)\n{\n" + "  x ();\n" * 80 + "}\n"},
        {"tests/a.py": "def f():\n" + "    x()\n" * 80},
    ]),
    (f"no function nests deeper than {NESTING}", deep, [
        {"core/a.c": NESTED_C}, {"tests/a.py": NESTED_PY},
    ]),
    ("length of functions", report, []),
]

if __name__ == "__main__":
    sys.exit(run(RULES))
