#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""mutate.py NAME.mutant SOURCE.c OUTPUT.c: breaks one rule of the engine on purpose.

A mutant is a text: what it breaks, then edits.
    @@ FILE.c       which source
    ...             the old text, which must be in it exactly once; its last line may go on
    ==              and
    ...             what stands there instead"""

import re
import sys

EDIT = re.compile(r"^@@ (\S+)\n(.*?)^==\n(.*?)(?=^@@ |\Z)", re.M | re.S)


def main(mutant, source, output):
    with open(mutant, encoding="utf-8") as file:
        edits = EDIT.findall(file.read())
    with open(source, encoding="utf-8") as file:
        text = file.read()
    mine = [(old.removesuffix("\n"), new.removesuffix("\n")) for name, old, new in edits
            if source.endswith("/" + name)]
    if not mine:
        return f"{mutant}: no edit is of {source}"
    for old, new in mine:
        if text.count(old) != 1:
            return (f"{mutant}: this is {text.count(old)} times in {source}, not once; write the "
                    f"mutant anew for the source as it is:\n{old}")
        text = text.replace(old, new)
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
