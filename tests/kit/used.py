#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The part of outside.py with guests: the installed plugins called mine, in a migration."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ["GODWIT_SOURCE"], "tests", "support"))

from moves import prove_arrived, wait_completed
from tap import Tests, check, same
from vmm import Lab


def moved():
    with Lab("soft", workload="ws=8M") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        found = [(one["kind"], one["usable"]) for one in source.execute("query-plugins")
                 if one["name"] == "mine"]
        same(sorted(found), [("filter", True), ("tracker", True), ("transport", True)],
             "what query-plugins says of mine")
        for vmm in source, destination:
            vmm.parameters(downtime_limit=2000)
        source.parameters(tracker="mine")
        address = "mine:" + lab.path("name")
        destination.listen(address, "|mine:most=1M")
        source.migrate(address + "|mine:most=4K|mine")
        wait_completed(source, destination)
        info = source.info()
        same((info["x-tracker"], info["x-transport"]), ("mine", "mine"), "what was used")
        check(info["ram"]["normal"] > 0, "pages were sent")
        prove_arrived(source, destination)


TESTS = Tests()
TESTS.add("a guest moves through three plugins of a stranger", moved)
sys.exit(TESTS.run())
