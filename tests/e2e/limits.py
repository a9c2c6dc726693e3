#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Descriptors and threads run out, on either side: the migration completes with a warning or
fails by name, the guest runs, and no process ends."""

import os
import resource
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_arrived, prove_next_works, prove_runs_at, wait_completed
from tap import Skip, Tests, check, same
from vmm import ENDS, Lab

LINKS = 255
FILES = "Too many open files"
THREADS = "Resource temporarily unavailable"
ONE_LINK = "only one link could be opened: "
STACK = 64 << 20  # address space that each new thread takes
TIMEOUT_MS = 6000
HELD = 2000


def limit_files(lab, name, limit):
    """The VMM called NAME has so many descriptors from its start on."""
    lab.through[name] = ["sh", "-c", f'ulimit -S -n {limit}; exec "$@"', "sh"]


def big_stacks(lab, name):
    lab.through[name] = ["env", "MALLOC_ARENA_MAX=1", "sh", "-c",
                         f'ulimit -S -s {STACK >> 10}; exec "$@"', "sh"]


def set_limit(vmm, kind, soft):
    """Only the soft one: the hard one cannot be raised again."""
    hard = resource.prlimit(vmm.process.pid, kind)[1]
    resource.prlimit(vmm.process.pid, kind, (soft, hard))


def limit_threads(vmm, more):
    """It can start about so many more.  RLIMIT_NPROC does not hold for root; where there is no
    room for a stack there is no thread for anybody."""
    with open(f"/proc/{vmm.process.pid}/status", encoding="utf-8") as file:
        size = [int(line.split()[1]) << 10 for line in file if line.startswith("VmSize:")][0]
    set_limit(vmm, resource.RLIMIT_AS, size + more * STACK + STACK // 2)


def lift(vmm):
    set_limit(vmm, resource.RLIMIT_AS, resource.RLIM_INFINITY)
    set_limit(vmm, resource.RLIMIT_NOFILE, 1024)


def ask_for_links(vmm):
    vmm.parameters(multifd_channels=LINKS, x_peer_timeout=TIMEOUT_MS, downtime_limit=2000)
    vmm.capability("multifd")


def wait_end(vmm):
    while True:
        status = vmm.qmp.wait("MIGRATION")["data"]["status"]
        if status in ENDS:
            return status


def prove_answers(*vmms):
    """The monitors that are there are served."""
    for vmm in vmms:
        check(vmm.run_state(), f"{vmm.name} answers")


def prove_good_end(lab, source, destination, why):
    """One link and a warning, or a failure that says WHY and leaves the guest running."""
    status = wait_end(source)
    prove_answers(source, destination)
    info = source.info()
    if status == "completed":
        texts = info.get("x-warnings", [])
        check(any(ONE_LINK in text and why in text for text in texts), f"warnings: {texts}")
        same(len([link for link in info["x-link-stats"] if not link["lost"]]), 1, "links in use")
        destination.wait_status("completed")
        lift(source)
        lift(destination)
        prove_arrived(source, destination)
        return status
    same(status, "failed", "status")
    check(why in info["error-desc"], info["error-desc"])
    lift(source)
    lift(destination)
    prove_runs_at(source, destination)
    prove_next_works(lab, source)
    return status


def start(lab, source, destination, transport):
    """The migration begins, or a command says at once that it cannot; then the guest runs."""
    ask_for_links(source)
    ask_for_links(destination)
    source.migrate(destination.listen(lab.address(transport)))


def files(limit, side, transport, expected):
    with Lab(memory="32M", workload="ws=8M,rate=2000") as lab:
        limit_files(lab, side, limit)
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        start(lab, source, destination, transport)
        same(prove_good_end(lab, source, destination, FILES), expected, "the end")


def no_file(side):
    """No descriptor is left: the command that needs one says so."""
    with Lab(memory="32M", workload="ws=8M,rate=2000") as lab:
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        poor = source if side == "source" else destination
        n_files = poor.holds()[0]
        uri = None if poor is destination else destination.listen(lab.address("tcp"))
        for more in range(8):
            set_limit(poor, resource.RLIMIT_NOFILE, n_files + more)
            if poor is destination:
                try:
                    uri = destination.listen(lab.address("tcp"))
                    break
                except Exception as error:  # pylint: disable=broad-except
                    check(FILES in str(error), error)
            else:
                try:
                    source.migrate(uri)
                except Exception as error:  # pylint: disable=broad-except
                    check(FILES in str(error), error)
                    continue
                if wait_end(source) == "completed":
                    break
                check(FILES in source.info()["error-desc"], source.info())
            prove_answers(source, destination)
        lift(poor)
        if poor is destination:
            source.migrate(uri)
            wait_completed(source, destination)
        prove_arrived(source, destination)


def threads(more, side, transport, expected):
    with Lab(memory="32M", workload="ws=8M,rate=2000") as lab:
        big_stacks(lab, side)
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        ask_for_links(source)
        ask_for_links(destination)
        uri = destination.listen(lab.address(transport))
        limit_threads(source if side == "source" else destination, more)
        source.migrate(uri)
        same(prove_good_end(lab, source, destination, THREADS), expected, "the end")


def connect(uri):
    transport, _, address = uri.partition(":")
    if transport == "unix":
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(address)
        return stranger
    host, port = address.split(":")
    return socket.create_connection((host, int(port)))


def rush(uri, number, wrong):
    """Connect again and again: one in three goes at once, others speak nonsense, or stay."""
    held = []
    try:
        for i in range(1000):
            stranger = connect(uri)
            if (i + number) % 3 == 0:
                stranger.close()
                continue
            if (i + number) % 3 == 1:
                stranger.send(b"GET / HTTP/1.1\r\n" + b"x" * 64)
            held.append(stranger)
            if len(held) > 200:
                held.pop(0).close()
    except OSError as error:
        wrong.append(str(error))
    for stranger in held:
        stranger.close()


def three_strangers():
    with Lab(memory="32M", workload="ws=8M,rate=2000") as lab:
        limit_files(lab, "destination", 1024)
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        before = destination.holds()
        uri = destination.listen(lab.address("tcp"))
        wrong = []
        crowd = [threading.Thread(target=rush, args=(uri, i, wrong)) for i in range(3)]
        for stranger in crowd:
            stranger.start()
        while any(stranger.is_alive() for stranger in crowd):
            prove_answers(destination)
            check(destination.holds()[0] < before[0] + 100, f"it holds {destination.holds()}")
        same(wrong, [], "what the strangers saw")
        source.migrate(uri)
        wait_completed(source, destination)
        prove_arrived(source, destination)


def all_links_join(transport):
    """Silent strangers are there before them, more than there are places."""
    with Lab(memory="32M", workload="ws=8M,rate=2000") as lab:
        for side in "source", "destination":
            limit_files(lab, side, 1024)
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        ask_for_links(source)
        uri = destination.listen(lab.address(transport))
        silent = [connect(uri) for _ in range(40)]
        source.migrate(uri)
        wait_completed(source, destination)
        info = source.info()
        same((info["x-links"], info.get("x-warnings")), (LINKS, None), "links and warnings")
        for stranger in silent:
            stranger.close()
        prove_arrived(source, destination)


def held_connections():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with open("/proc/sys/net/core/somaxconn", encoding="ascii") as file:
        backlog = int(file.read())
    if hard < HELD + 100 or backlog < HELD + 100:
        raise Skip(f"{hard} descriptors, and a backlog of {backlog}: less than {HELD}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (HELD + 100, hard))
    with Lab(memory="32M", workload="ws=8M,rate=2000") as lab:
        limit_files(lab, "destination", 1024)
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        before = destination.holds()
        uri = destination.listen(lab.address("tcp"))
        held = [connect(uri) for _ in range(HELD)]
        prove_answers(destination)
        check(destination.holds()[0] < before[0] + 100, f"it holds {destination.holds()}")
        for stranger in held[:HELD * 3 // 4]:
            stranger.close()
        source.migrate(uri)
        wait_completed(source, destination)
        for stranger in held[HELD * 3 // 4:]:
            stranger.close()
        prove_arrived(source, destination)


def main():
    tests = Tests()
    for transport in "tcp", "unix":
        for limit in 20, 64, 256:
            tests.add(f"source, {limit} files, {transport}", files, limit, "source", transport,
                      "completed")
            tests.add(f"destination, {limit} files, {transport}", files, limit, "destination",
                      transport, "failed")
        for more, expected in (2, "failed"), (5, "completed"), (9, "completed"):
            tests.add(f"source, {more} more threads, {transport}", threads, more, "source",
                      transport, expected)
            tests.add(f"destination, {more} more threads, {transport}", threads, more,
                      "destination", transport, "failed")
    for side in "source", "destination":
        tests.add(f"{side}, no file", no_file, side)
    for transport in "tcp", "unix":
        tests.add(f"all links join, {transport}", all_links_join, transport)
    tests.add("three strangers", three_strangers)
    tests.add("held connections", held_connections)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
