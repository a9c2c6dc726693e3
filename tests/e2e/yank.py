#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""yank: whatever a migration waits for, its links are cut; and the guest is where it was."""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_arrived, prove_next_works, prove_runs_at, wait_completed
from qmp import Qmp, QmpError
from tap import Tests, check, same
from vmm import Lab

MIGRATION = {"instances": [{"type": "migration"}]}


def yank(vmm):
    """Out of band, by another client than the one who migrates."""
    client = Qmp(vmm.prefix + ".qmp", negotiate=False)
    client.execute("qmp_capabilities", {"enable": ["oob"]})
    same(client.execute_oob("query-yank"), [{"type": "migration"}], "query-yank")
    same(client.execute_oob("yank", MIGRATION), {}, "yank")
    client.close()


def prove_yanked(lab, source, *others):
    source.wait_status("failed")
    info = source.info()
    check("yank" in info["error-desc"], info["error-desc"])
    same(info["x-outcome"], "source", "x-outcome")
    prove_runs_at(source, *others)
    same(source.execute("query-yank"), [], "query-yank afterwards")
    prove_next_works(lab, source)


def nothing():
    with Lab() as lab:
        source = lab.source()
        same(source.execute("query-yank"), [], "query-yank")
        error = source.refuses("yank", MIGRATION, "Instance not found")
        same(error.error_class, "DeviceNotFound", "class")
        same(source.execute("yank", {"instances": []}), {}, "yank of nothing")
        same(source.info(), {}, "query-migrate")


def silent_peer():
    with Lab() as lab, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        source = lab.source()
        source.migrate(f"tcp:127.0.0.1:{listener.getsockname()[1]}")
        link, _ = listener.accept()
        yank(source)
        prove_yanked(lab, source)
        link.close()


def frozen_peer():
    """Its process stands still in the middle, and does not even close the sockets."""
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        source.parameters(max_bandwidth=64 << 20, downtime_limit=1)
        destination = lab.destination()
        source.migrate(destination.listen(lab.address("tcp")))
        source.qmp.wait("MIGRATION_PASS", **{"pass": 2})
        destination.freeze()
        yank(source)
        prove_yanked(lab, source)
        destination.thaw()
        destination.wait_status("failed")
        check(not destination.runs(), "the destination ran")


def held_switchover():
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        source.capability("pause-before-switchover")
        destination = lab.destination()
        source.migrate(destination.listen(lab.address("tcp")))
        source.wait_status("pre-switchover")
        yank(source)
        source.wait_status("failed")
        source.capability("pause-before-switchover", False)
        prove_runs_at(source, destination)
        check("yank" in destination.info()["error-desc"], destination.info())
        prove_next_works(lab, source)


def after_commit():
    """Nobody knows who has the guest: the source asks, and there is one."""
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        uri = destination.listen(lab.address("tcp"))
        source.migrate(uri + "|fault:at=COMMITTED,kind=stall")
        source.wait_held("COMMITTED")
        yank(source)
        wait_completed(source, destination)
        prove_arrived(source, destination)


def listener():
    with Lab() as lab:
        destination = lab.destination()
        destination.listen(lab.address("tcp"))
        yank(destination)
        destination.wait_status("failed")
        check("yank" in destination.info()["error-desc"], destination.info())
        source = lab.source()
        source.migrate(destination.listen(lab.address("tcp", "again")))
        wait_completed(source, destination)
        prove_runs_at(destination, source)


def destination_side():
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        source.parameters(max_bandwidth=64 << 20, downtime_limit=1)
        destination = lab.destination()
        source.migrate(destination.listen(lab.address("tcp")))
        source.qmp.wait("MIGRATION_PASS", **{"pass": 2})
        yank(destination)
        destination.wait_status("failed")
        prove_yanked(lab, source, destination)


def while_stop_waits():
    """Out of band it overtakes a command that waits; the guest's check takes its time."""
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        client = Qmp(source.prefix + ".qmp", negotiate=False)
        client.execute("qmp_capabilities", {"enable": ["oob"]})
        client.send({"execute": "x-guest-check", "id": 1})
        client.send({"exec-oob": "query-yank", "id": 2})
        same([client.answer()["id"], client.answer()["id"]], [2, 1], "order of the answers")
        try:
            client.execute_oob("x-guest-check")
        except QmpError as error:
            check("does not support OOB" in error.desc, error.desc)
        client.close()


def main():
    tests = Tests()
    tests.add("no migration", nothing)
    tests.add("a peer that is silent", silent_peer)
    tests.add("a peer that is frozen", frozen_peer)
    tests.add("pre-switchover", held_switchover)
    tests.add("after COMMIT", after_commit)
    tests.add("a destination that listens", listener)
    tests.add("the destination", destination_side)
    tests.add("while a command waits", while_stop_waits)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
