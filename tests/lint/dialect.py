#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""One dialect of C: a block begins with its declarations, and a blank line ends them."""

import re
import sys

from tree import blank, line_of, run, sources

PREPROCESSOR = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)
BODY = re.compile(r"^\{\n", re.M)
OPENS_BLOCK = re.compile(r"(?:(?:if|for|while|switch|else|do)\b.*|.*:|\w+ \([^=]*\))?$", re.S)
KEYWORD = re.compile(r"(?:return|goto|case|default|else|do|if|for|while|switch|break|continue)\b")
QUALIFIERS = (r"(?:(?:static|const|volatile|unsigned|struct|union|enum|g_autofree|"
              r"_Alignas\([\w ]+\))\s+)*")
TYPE = rf"{QUALIFIERS}(?:(?:g_auto\w*|ElfW)\s*\(\w+\)|\w+(?:\s+(?:const|int|long|char))*)"
DECLARATION = re.compile(
    rf"(?:static\s|{TYPE}(?:\s+|\s*\*(?:\s*const\b)?)+\w+\s*(?:[=,;\[]|$)"
    rf"|{QUALIFIERS}\w+\s+\**\(\*\w+(?:\[\w*\])?\)\s*\()")


def skip_braces(text, at):
    """Behind the brace that closes the one at AT."""
    depth = 0
    for at in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            break
    return at + 1


def statements(text, at):
    """(start, end) of each statement of the block that is open at AT, and for a block inside
    it the list of its own; then where the block ends."""
    found, start, parens = [], at, 0
    while at < len(text):
        char = text[at]
        parens += {"(": 1, ")": -1}.get(char, 0)
        if char == "}":
            return found, at + 1
        at += 1
        if char == ";" and not parens:
            found.append((start, at))
            start = at
        elif char == "{" and (parens or not OPENS_BLOCK.match(text[start:at - 1].strip())):
            at = skip_braces(text, at - 1)
        elif char == "{":
            found.append((start, at))
            inner, at = statements(text, at)
            found.append(inner)
            start = at
    return found, at


def check_block(tree, path, text, found):
    """Return the faults of one block and those inside it."""
    out, declared, stated = [], None, False
    for item in found:
        if isinstance(item, list):
            out += check_block(tree, path, text, item)
            continue
        start = item[0] + len(text[item[0]:item[1]]) - len(text[item[0]:item[1]].lstrip())
        line, words = line_of(text, start), text[start:item[1]]
        if not KEYWORD.match(words) and DECLARATION.match(words):
            declared = item[1]
            if stated:
                out.append(f"{path}:{line}: declare this at the head of the block")
            continue
        if not stated and declared and "\n\n" not in tree[path][declared:start]:
            out.append(f"{path}:{line}: no blank line after the declarations")
        stated = True
    return out


def dialect(tree):
    out = []
    for path in sources(tree, ".c", ".h"):
        text = PREPROCESSOR.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), blank(tree[path]))
        at = 0
        while (body := BODY.search(text, at)) is not None:
            found, at = statements(text, body.end())
            out += check_block(tree, path, text, found)
    return out


def in_function(body):
    return {"core/a.c": "static void\nf (void)\n{\n" + body + "}\n"}


RULES = [
    ("declarations stand at the head of a block, and a blank line follows", dialect, [
        in_function("  int a = 1;\n  g (a);\n"),
        in_function("  g ();\n\n  int a = 1;\n\n  h (a);\n"),
        in_function("  g_autoptr (GError) error = NULL;\n\n  g ();\n  const char *a[] = { x (), 0 };\n"),
        in_function("  if (g ()) {\n    const struct iovec *iov = h ();\n    h (iov);\n  }\n"),
        in_function("  for (guint i = 0; i < 9; i++) {\n    g ();\n    guint8 byte;\n  }\n"),
        in_function("  GdwLink *link;\n  /* why */\n  link = g ();\n"),
        in_function("  g ();\n  void (*call) (int) = h;\n"),
        in_function("  g ();\n  const ElfW (Sym) *symbol = h ();\n"),
        in_function("  g ();\n  _Alignas(struct cmsghdr) char control[9];\n"),
    ]),
]

if __name__ == "__main__":
    sys.exit(run(RULES))
