#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""plugin-load: a plugin from elsewhere is used at once, under the rules of the search path."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_arrived, wait_completed
from tap import Tests, check, same
from vmm import BUILD, Lab

FILE = os.path.join(BUILD, "tests", "plugins", "gdw-filter-later.so")


def names(vmm):
    return [plugin["name"] for plugin in vmm.execute("query-plugins") if plugin["kind"] == "filter"]


def used():
    with Lab(workload="ws=16M") as lab:
        source, destination = lab.source(), lab.destination("destination", "--paused")
        address = lab.address("unix")
        check("later" not in names(source), "it is there before")
        source.refuses("migrate", {"uri": address + "|later"}, "there is no gdw-filter-later.so")
        loaded = source.execute("plugin-load", {"file": FILE})
        same({key: loaded[key] for key in ("kind", "name", "file", "usable", "why")},
             {"kind": "filter", "name": "later", "file": FILE, "usable": True, "why": ""},
             "plugin-load")
        same(source.execute("plugin-load", {"file": FILE}), loaded, "a second plugin-load")
        check(loaded in source.execute("query-plugins"), "it is in query-plugins")
        check("later" not in names(destination), "another process has it")
        destination.execute("plugin-load", {"file": FILE})
        source.migrate(destination.listen(address, "|later"))
        wait_completed(source, destination)
        prove_arrived(source, destination)


def refused():
    with Lab(memory="16M") as lab:
        vmm = lab.vmm("vmm", "--paused")
        before = vmm.execute("query-plugins")
        folder = lab.path("plugins")
        os.mkdir(folder, 0o755)
        copy = shutil.copy(FILE, folder)
        os.chmod(copy, 0o777)
        vmm.refuses("plugin-load", {"file": copy}, copy, "others")
        os.chmod(copy, 0o755)
        os.chmod(folder, 0o777)
        vmm.refuses("plugin-load", {"file": copy}, folder, "others")
        os.chmod(folder, 0o755)
        vmm.refuses("plugin-load", {"file": "gdw-filter-later.so"}, "not an absolute path")
        vmm.refuses("plugin-load", {"file": copy + "x"}, "there is no such file")
        vmm.refuses("plugin-load", {"file": "/etc/passwd"}, "gdw-filter-NAME.so")
        taken = shutil.copy(os.path.join(BUILD, "transports", "gdw-transport-tcp.so"), folder)
        vmm.refuses("plugin-load", {"file": taken}, "has that name already")
        same(vmm.execute("query-plugins"), before, "query-plugins afterwards")


def main():
    tests = Tests()
    tests.add("it is used at once", used)
    tests.add("what is refused", refused)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
