#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""unit_table.py OUT SCHEMA.json...: write the units of all members in the schema as C."""

import json
import sys

UNITS = {"bytes": "UNIT_BYTES", "bytes/s": "UNIT_BYTES_PER_S", "ms": "UNIT_MS", "us": "UNIT_US"}


def members(schema):
    """Yields (name, unit) of each member that has one."""
    for entity in schema:
        for key in "members", "args", "data":
            told = entity.get(key)
            for name, member in told.items() if isinstance(told, dict) else ():
                if member.get("unit") in UNITS:
                    yield name.lstrip("*"), UNITS[member["unit"]]


def main():
    table = {}
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            for name, unit in members(json.load(file)):
                if table.setdefault(name, unit) != unit:
                    sys.exit(f"{path}: {name}: has another unit elsewhere; use one")
    rows = "".join(f'  {{ "{name}", {unit} }},\n' for name, unit in sorted(table.items()))
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write("static const struct {\n  const char *name;\n  Unit unit;\n} unit_table[] = {\n"
                   + rows + "};\n")


main()
