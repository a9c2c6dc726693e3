#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""qemu.py IMAGE: the boot guest as a boot disk of QEMU, where there is one."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from processes import MORTAL  # noqa: E402
from tap import Skip, Tests, same  # noqa: E402

QEMU = "qemu-system-x86_64"
DEADLINE = 60
MIB = 1 << 20
CONFIG = 16  # where GuestConfig is in the image
LO_END, WS_START, WS_END = 1, 3, 4  # quadwords of it
FILLED, PASS = b"!", b"\n"


def boot_disk(image, path):
    with open(image, "rb") as file:
        data = bytearray(file.read())
    for word, value in (LO_END, 16 * MIB), (WS_START, 2 * MIB), (WS_END, 4 * MIB):
        struct.pack_into("<Q", data, CONFIG + 8 * word, value)
    with open(path, "wb") as file:
        file.write(data + bytes(MIB - len(data)))


def boots(image):
    if not shutil.which(QEMU):
        raise Skip(f"no {QEMU}")
    with tempfile.TemporaryDirectory(prefix="godwit-") as folder:
        disk = os.path.join(folder, "disk")
        boot_disk(image, disk)
        with subprocess.Popen([*MORTAL, QEMU, "-accel", "tcg", "-m", "16", "-display", "none", "-nodefaults",
                               "-serial", "stdio", "-drive", f"file={disk},format=raw,if=ide"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as qemu:
            watchdog = threading.Timer(DEADLINE, qemu.kill)
            watchdog.start()
            said = b""
            while said.count(PASS) < 3:
                byte = qemu.stdout.read(1)
                if not byte:
                    break
                said += byte
            watchdog.cancel()
            qemu.kill()
    same(said[:1], FILLED, "the first word of the guest")
    same(said.count(PASS), 3, f"passes in {said!r}")


def main():
    tests = Tests()
    tests.add("the guest boots and writes under QEMU", boots, sys.argv[1])
    return tests.run([])


if __name__ == "__main__":
    sys.exit(main())
