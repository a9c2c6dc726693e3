#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The reference VMM, which docs/embedding.md quotes, is an embedder like any other: it is built with
nothing but what is installed, by the command of the page, and migrates a guest by its QMP."""

import json
import os
import re
import shutil
import sys

SOURCE = os.environ["GODWIT_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))

from installed import installed, new_folder, run
from tap import Tests, check, same

FOLDER = new_folder("godwit-embedded-")
# The flags are the program's, not godwit's; the boot guest is built elsewhere.
FLAGS = "-Werror -D_GNU_SOURCE -DVERSION='\"1\"'"
NOT_OURS = "guest.c", "guest.S", "guest.ld"


def section(number):
    with open(os.path.join(SOURCE, "docs", "embedding.md"), encoding="utf-8") as file:
        return re.search(rf"^## {number}\. .*?(?=^## |\Z)", file.read(), re.M | re.S)[0]


def indented(text):
    return [line.strip() for line in re.findall(r"^ {4}(.+)$", text, re.M)]


def builds():
    """The files of the VMM, alone in a folder, and the command of section 1."""
    folder = os.path.join(FOLDER, "my-vmm")
    shutil.copytree(os.path.join(SOURCE, "vmm"), folder,
                    ignore=shutil.ignore_patterns("meson.build", "*.py", *NOT_OURS))
    shutil.copy(os.path.join(os.environ["GODWIT_BUILD"], "vmm", "guest-image.h"), folder)
    command = [line for line in indented(section(1)) if line.startswith("cc ")]
    same(len(command), 1, "commands in section 1")
    run("sh", "-ec", command[0].replace("cc ", f"cc {FLAGS} ", 1), cwd=folder,
        env=installed().environment())
    said = run(os.path.join(folder, "my-vmm"), "--version", env=installed().environment())
    same(said, "godwit-vmm 1\n", "--version")


def needs_no_more():
    """It is linked with godwit and GLib; what godwit needs beside them is godwit's affair."""
    said = run("readelf", "--dynamic", os.path.join(FOLDER, "my-vmm", "my-vmm"))
    libraries = set(re.findall(r"\(NEEDED\).*\[(\w[\w.+-]*?)\.so", said))
    check(libraries <= {"libgodwit", "libgodwit-control", "libglib-2.0", "libgio-2.0", "libgobject-2.0", "libc"},
          f"it needs {libraries}")


def migrates():
    """The commands of section 9, with the folder of the test in place of /tmp; the destination
    begins to wait after its events are on."""
    os.makedirs(os.path.join(FOLDER, "as-built", "vmm"))
    os.symlink(os.path.join(FOLDER, "my-vmm", "my-vmm"),
               os.path.join(FOLDER, "as-built", "vmm", "godwit-vmm"))
    os.environ.update(installed().environment(), GODWIT_BUILD=os.path.join(FOLDER, "as-built"))
    os.environ.pop("GODWIT_PLUGIN_PATH", None)
    from moves import prove_arrived, wait_completed  # they read the environment
    from qmp import Qmp
    from vmm import Lab
    with Lab("soft", workload="ws=8M") as lab:
        lines = [line.replace("/tmp/link", lab.path("link")) for line in indented(section(9))]
        source = lab.source()
        incoming = re.search(r"--incoming (unix:\S+)", " ".join(lines))[1]
        destination = lab.destination("destination", "--paused")
        destination.listen(incoming)
        client = Qmp(source.prefix + ".qmp", negotiate=False)
        for line in lines:
            if line.startswith("{"):
                request = json.loads(line)
                answer = client.execute(request["execute"], request.get("arguments"))
                if request["execute"] == "query-plugins":
                    check(any(one["usable"] for one in answer if one["kind"] == "tracker"), answer)
        client.close()
        wait_completed(source, destination)
        prove_arrived(source, destination)


def add(tests):
    tests.add("the code of the page builds with what is installed", builds)
    tests.add("it needs godwit and GLib alone", needs_no_more)
    tests.add("the first migration", migrates)


def main():
    tests = Tests()
    add(tests)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
