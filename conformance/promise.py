#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""promise.py HEADERS OUTPUT SOURCE...: write the line in the headers of each PROMISE ("header.h",
"words") of the sources.  Words that the header lacks are an error."""

import os
import re
import sys

USE = re.compile(r'PROMISE\s*\(\s*"([^"]+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)')
PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"')


def words_and_lines(path):
    """Returns [(word, line)] without the marks of comments."""
    out = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = re.sub(r"^\s*(/\*|\*/|\*)", " ", line).replace("*/", " ").replace("/*", " ")
            out += [(word, number) for word in line.split()]
    return out


def find(header, words):
    text = words_and_lines(header)
    wanted = words.split()
    for at in range(len(text) - len(wanted) + 1):
        if all(text[at + i][0].rstrip(".,;:)") == word.rstrip(".,;:)")
               for i, word in enumerate(wanted)):
            return text[at][1]
    return None


def main(headers, output, *sources):
    found, missing = {}, []
    for source in sources:
        with open(source, encoding="utf-8") as file:
            for header, literal in USE.findall(file.read().replace("\\\n", "\n")):
                words = "".join(PIECE.findall(literal))
                line = find(os.path.join(headers, header), words)
                if line is None:
                    missing.append(f"{source}: {header} does not say: {words}")
                found[header, words] = line
    if missing:
        sys.exit("\n".join(missing))
    with open(output, "w", encoding="utf-8") as file:
        for (header, words), line in sorted(found.items()):
            file.write(f'{{ "{header}", "{words}", {line} }},\n')


main(*sys.argv[1:])
