# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""embed.py IMAGE HEADER: write the boot guest's image as a C array."""

import sys

with open(sys.argv[1], "rb") as image, open(sys.argv[2], "w") as header:
    data = image.read()
    header.write("#pragma once\n\nstatic const unsigned char guest_image[%d] = {\n" % len(data))
    for i in range(0, len(data), 16):
        header.write("  " + " ".join("0x%02x," % b for b in data[i : i + 16]) + "\n")
    header.write("};\n")
