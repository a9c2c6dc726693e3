#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""P9: a peer that connects and is no source costs its own link only."""

import os
import random
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_arrived, wait_completed
from qmp import DEADLINE
from tap import Tests, check, same
from vmm import Lab


def silent(_stranger):
    """Says nothing."""


def garbage(stranger):
    stranger.sendall(random.Random(1).randbytes(4096))
    prove_turned_away(stranger)


def web_browser(stranger):
    stranger.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"x" * 64)
    prove_turned_away(stranger)


def half_a_frame(stranger):
    stranger.sendall(b"GDWF" + bytes(10))


def goes_at_once(stranger):
    stranger.close()


def prove_turned_away(stranger):
    """The destination closes the link by itself, whatever it says before."""
    stranger.settimeout(DEADLINE)
    try:
        while stranger.recv(4096):
            pass
    except ConnectionError:
        pass


def connect(uri):
    _tcp, host, port = uri.split(":")
    return socket.create_connection((host, int(port)))


def before(behave):
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        uri = destination.listen(lab.address("tcp"))
        with connect(uri) as stranger:
            behave(stranger)
            same(destination.run_state(), "inmigrate", "run state of the destination")
            source.migrate(uri)
            wait_completed(source, destination)
            prove_arrived(source, destination)


def during(behave):
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        source.parameters(max_bandwidth=64 << 20, downtime_limit=1)
        destination = lab.destination("destination", "--paused")
        uri = destination.listen(lab.address("tcp"))
        source.migrate(uri)
        source.qmp.wait("MIGRATION_PASS", **{"pass": 2})
        with connect(uri) as stranger:
            behave(stranger)
            same(source.info()["status"], "active", "status")
            source.parameters(max_bandwidth=0, downtime_limit=2000)
            wait_completed(source, destination)
            prove_arrived(source, destination)


def goes_on(exit_on_error):
    """Another guest's source gets the cause; the target waits for its own, whatever it was told
    to do if it fails."""
    with Lab(workload="ws=16M") as lab:
        stranger = lab.vmm("stranger", "--memory", "32M", "--paused")
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        uri = lab.address("unix")
        destination.execute("migrate-incoming", {"uri": uri, "exit-on-error": exit_on_error})
        stranger.migrate(uri)
        stranger.wait_status("failed")
        text = stranger.info()["error-desc"]
        check("the guests differ" in text, text)
        same(destination.info()["x-warnings"], [text], "x-warnings of the destination")
        same(destination.info()["status"], "setup", "status of the destination")
        same(stranger.run_state(), "prelaunch", "run state of the stranger")
        source.migrate(uri)
        wait_completed(source, destination)
        prove_arrived(source, destination)


def main():
    tests = Tests()
    for behave in silent, garbage, web_browser, half_a_frame, goes_at_once:
        name = behave.__name__.replace("_", " ")
        tests.add(f"{name}, before", before, behave)
    for behave in silent, garbage, half_a_frame:
        name = behave.__name__.replace("_", " ")
        tests.add(f"{name}, during", during, behave)
    for exit_on_error in False, True:
        tests.add(f"another guest, exit-on-error {exit_on_error}", goes_on, exit_on_error)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
