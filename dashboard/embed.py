# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""embed.py HEADER FILE...: write the files as C arrays, with a table of their names."""

import os
import sys

header, paths = sys.argv[1], sys.argv[2:]

with open(header, "w", encoding="ascii") as out:
    out.write("#pragma once\n")
    for number, path in enumerate(paths):
        with open(path, "rb") as file:
            data = file.read()
        out.write(f"\nstatic const unsigned char file_{number}[{len(data)}] = {{\n")
        for i in range(0, len(data), 16):
            out.write("  " + " ".join(f"0x{byte:02x}," for byte in data[i : i + 16]) + "\n")
        out.write("};\n")
    out.write("\nstatic const struct {\n  const char *name;\n  const unsigned char *bytes;\n"
              "  unsigned long size;\n} dashboard_files[] = {\n")
    for number, path in enumerate(paths):
        out.write(f'  {{ "{os.path.basename(path)}", file_{number}, sizeof file_{number} }},\n')
    out.write("};\n")
