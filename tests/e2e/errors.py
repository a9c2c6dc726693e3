#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Errors on purpose: class and text of each, and nothing has changed afterwards."""

import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_next_works, prove_runs_at
from processes import MORTAL
from qmp import DEADLINE, Qmp, QmpError
from tap import Tests, check, same
from vmm import BUILD, PLUGINS, Lab

GENERIC = "GenericError"
MAIN = {"channel-type": "main",
        "addr": {"transport": "socket", "type": "inet", "host": "127.0.0.1", "port": "1"}}

# Refused at once: who, command, arguments, class, words that the text has, in this order.
AT_ONCE = [
    ("source", "nope", None, "CommandNotFound", ["The command nope has not been found"]),
    ("source", "qmp_capabilities", None, "CommandNotFound",
     ["Capabilities negotiation is already complete, command ignored"]),
    ("source", "migrate", {}, GENERIC, ["need either 'uri' or 'channels' argument"]),
    ("source", "migrate", {"uri": "tcp:127.0.0.1:1", "channels": [MAIN]}, GENERIC,
     ["need either 'uri' or 'channels' argument"]),
    ("source", "migrate", {"uri": 5}, GENERIC,
     ["Invalid parameter type for 'uri', expected: string"]),
    ("source", "migrate", {"uri": "tcp:127.0.0.1:1", "bogus": 1}, GENERIC,
     ["Parameter 'bogus' is unexpected"]),
    ("source", "migrate", {"uri": "pigeon:roof"}, GENERIC, ["transport 'pigeon': "]),
    ("source", "migrate", {"uri": "127.0.0.1:7000"}, GENERIC,
     ["transport '127.0.0.1': load failed: ",
      "; use one of fd, file, multi-tcp, tcp, unix, or check the plugin path"]),
    ("source", "migrate", {"uri": "no-colon"}, GENERIC, ["no-colon"]),
    ("source", "migrate", {"uri": "tcp:127.0.0.1"}, GENERIC, ["transport 'tcp': ", "127.0.0.1"]),
    ("source", "migrate", {"uri": "tcp:127.0.0.1:port"}, GENERIC, ["transport 'tcp': ", "port"]),
    ("source", "migrate", {"uri": "unix:"}, GENERIC, ["transport 'unix': "]),
    ("source", "migrate", {"uri": "tcp:127.0.0.1:1,colour=red"}, GENERIC,
     ["transport 'tcp': ", "colour"]),
    ("source", "migrate", {"uri": "tcp:127.0.0.1:1|pigeon"}, GENERIC, ["filter 'pigeon': "]),
    ("source", "migrate", {"uri": "tcp:127.0.0.1:1|fault:at=NOWHERE,kind=stall"}, GENERIC,
     ["filter 'fault': ", "NOWHERE"]),
    ("source", "migrate", {"uri": "tcp:127.0.0.1:1|fault:at=MEM,kind=tickle"}, GENERIC,
     ["filter 'fault': ", "tickle"]),
    ("source", "migrate", {"uri": "tcp:127.0.0.1:1|delay:ms=soon"}, GENERIC,
     ["filter 'delay': ", "soon"]),
    ("source", "migrate-incoming", {"uri": "tcp:127.0.0.1:0"}, GENERIC, ["incoming"]),
    ("source", "migrate-continue", {"state": "pre-switchover"}, GENERIC,
     ["Migration not in expected state: none"]),
    ("source", "migrate-continue", {"state": "nope"}, GENERIC,
     ["Parameter 'state' does not accept value 'nope'"]),
    ("source", "migrate-set-capabilities",
     {"capabilities": [{"capability": "nope", "state": True}]}, GENERIC,
     ["Parameter 'capability' does not accept value 'nope'"]),
    ("source", "migrate-set-parameters", {"multifd-channels": 0}, GENERIC, ["multifd"]),
    ("source", "migrate-set-parameters", {"max-bandwidth": -1}, GENERIC,
     ["Parameter 'max-bandwidth' expects uint64"]),
    ("source", "migrate-set-parameters", {"downtime-limit": 2000001}, GENERIC, ["downtime"]),
    ("source", "x-memory-digest", None, GENERIC, ["stop"]),
    ("source", "x-migrate-resolve", {"run": "here"}, GENERIC, ["x-migrate-resolve"]),
    ("destination", "migrate", {"uri": "tcp:127.0.0.1:1"}, GENERIC, ["incoming"]),
]


def refused(vmm, command, arguments, error_class, words):
    try:
        answer = vmm.execute(command, arguments)
    except QmpError as error:
        same(error.error_class, error_class, "class")
        at = 0
        for word in words:
            found = error.desc.find(word, at)
            check(found >= 0, f"{word!r} is not in {error.desc!r}")
            at = found + len(word)
        check(error.desc[-1] not in ".\n", f"full stop in {error.desc!r}")
        return
    raise AssertionError(f"not refused: {answer}")


def at_once(who, command, arguments, error_class, words):
    with Lab() as lab:
        vmm = lab.source() if who == "source" else lab.destination()
        before = vmm.info(), vmm.execute("query-migrate-parameters"), vmm.run_state()
        refused(vmm, command, arguments, error_class, words)
        same((vmm.info(), vmm.execute("query-migrate-parameters"), vmm.run_state()), before,
             "what did not change")


def fails(source, uri, *words):
    """`migrate` answers at once, then the status is failed."""
    source.migrate(uri)
    source.wait_status("failed")
    info = source.info()
    for word in words:
        check(word in info["error-desc"], f"{word!r} is not in {info['error-desc']!r}")
    same(info["x-outcome"], "source", "x-outcome")
    prove_runs_at(source)


def connection_refused():
    with Lab() as lab, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        source = lab.source()
        fails(source, f"tcp:127.0.0.1:{port}", "transport 'tcp'", str(port),
              "Connection refused")
        fails(source, "unix:" + lab.path("nobody"), "transport 'unix'", "nobody")
        prove_next_works(lab, source)


def port_in_use():
    with Lab() as lab, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        destination = lab.destination()
        refused(destination, "migrate-incoming", {"uri": f"tcp:127.0.0.1:{port}"}, GENERIC,
                ["transport 'tcp': ", str(port)])
        destination.listen("tcp:127.0.0.1:0")
        refused(destination, "migrate-incoming", {"uri": "tcp:127.0.0.1:0"}, GENERIC, [""])


def unknown_tracker():
    with Lab() as lab:
        source = lab.source()
        source.parameters(tracker="crystal-ball")
        refused(source, "migrate", {"uri": "tcp:127.0.0.1:1"}, GENERIC,
                ["tracker 'crystal-ball': "])
        source.parameters(tracker="bitmap")
        prove_next_works(lab, source)


def migration_in_progress():
    with Lab(workload="ws=16M") as lab:
        source = lab.source()
        source.parameters(max_bandwidth=64 << 20, downtime_limit=1)
        destination = lab.destination()
        uri = destination.listen(lab.address("tcp"))
        source.migrate(uri)
        source.wait_status("active")
        progress = ["There's a migration process in progress"]
        refused(source, "migrate", {"uri": uri}, GENERIC, progress)
        refused(source, "migrate-set-capabilities",
                {"capabilities": [{"capability": "multifd", "state": True}]}, GENERIC, progress)
        source.parameters(max_bandwidth=0, downtime_limit=2000)
        source.wait_status("completed")
        destination.wait_status("completed")
        prove_runs_at(destination, source)


def different_memory():
    """P10: the reason is the same text on both sides."""
    with Lab() as lab:
        source = lab.source()
        destination = lab.vmm("destination", "--memory", "32M", "--incoming", "defer")
        uri = destination.listen(lab.address("tcp"))
        fails(source, uri, "region")
        same(destination.info()["x-warnings"], [source.info()["error-desc"]], "x-warnings")
        same(destination.info()["status"], "setup", "status of the destination")
        prove_next_works(lab, source)


def exit_on_error():
    """QEMU's default: a destination that failed ends, with a status that says so."""
    with Lab() as lab:
        source = lab.source()
        destination = lab.destination("destination", "--uuid",
                                      "550e8400-e29b-41d4-a716-446655440000")
        destination.capability("validate-uuid")
        destination.execute("migrate-incoming", {"uri": "unix:" + lab.path("link")})
        fails(source, "unix:" + lab.path("link"), "validate-uuid")
        check(destination.wait_end(DEADLINE), "the destination is still there")
        check(destination.kill(0) != 0, "it ended with success")


def tracker_fails(links):
    """Its error has the code of a link that fails, but no link has failed."""
    with Lab() as lab:
        source = lab.source("--plugin-path", f"{PLUGINS}:{BUILD}/tests/plugins")
        destination = lab.destination("destination", "--paused")
        for vmm in source, destination:
            vmm.capability("multifd", links > 1)
            vmm.parameters(multifd_channels=links)
        source.parameters(tracker="no-rearming")
        fails(source, destination.listen(lab.address("tcp")),
              "tracker 'no-rearming': rearm failed: the test wants it; do not")
        destination.wait_status("failed")
        same(destination.info()["error-desc"], source.info()["error-desc"], "error-desc")
        check("x-warnings" not in source.info(), "the source warns of a link")
        check(not destination.runs(), "the destination ran")
        source.parameters(tracker="auto")
        prove_next_works(lab, source)


def negotiation():
    with Lab() as lab:
        destination = lab.destination()
        client = Qmp(destination.prefix + ".qmp", negotiate=False)
        same(client.greeting["QMP"]["version"]["qemu"], {"major": 10, "minor": 0, "micro": 0},
             "version")
        try:
            client.execute("query-status")
        except QmpError as error:
            same(error.error_class, "CommandNotFound", "class")
            same(error.desc, "Expecting capabilities negotiation with 'qmp_capabilities'", "text")
        else:
            raise AssertionError("a command before qmp_capabilities was not refused")
        client.close()


def command_line(arguments, word):
    done = subprocess.run([*MORTAL, os.path.join(BUILD, "vmm", "godwit-vmm"), *arguments], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE,
                          check=False)
    check(done.returncode > 0, f"status {done.returncode} of {arguments}")
    check(word in done.stderr, f"{word!r} is not in {done.stderr!r}")


def main():
    tests = Tests()
    for row in AT_ONCE:
        who, command, arguments = row[:3]
        given = " ".join(str(word) for word in (command, arguments) if word is not None)
        tests.add(f"{given}, at the {who}", at_once, *row)
    tests.add("connection refused", connection_refused)
    tests.add("port in use", port_in_use)
    tests.add("unknown tracker", unknown_tracker)
    tests.add("a migration is in progress", migration_in_progress)
    tests.add("different memory", different_memory)
    for links in 1, 4:
        tests.add(f"a tracker that fails, {links} links", tracker_fails, links)
    tests.add("exit-on-error", exit_on_error)
    tests.add("negotiation", negotiation)
    for arguments, word in [(["--nope"], "command line: is not understood: Unknown option --nope; "
                             "see --help"),
                            (["stray"], "'stray' belongs to no option; see --help"),
                            (["--memory", "lots"], "lots"),
                            (["--memory", "512"], "512 bytes are not possible; --memory must be"),
                            (["--vcpus", "two"], "option '--vcpus': cannot be used: 'two'"),
                            (["--vcpus", "-1"], "'-1' is not possible; write a number"),
                            (["--qmp", "/no/such/folder/x"],
                             "there is no such folder; make it, or use another path"),
                            (["--http-token", "/dev/null"],
                             "give --http too, or leave it out"),
                            (["--accel", "magic"], "magic"), (["--vcpus", "0"], "vcpus"),
                            (["--mem-backend", "paper"], "paper"),
                            (["--dirty-ring-size", "300"], "--dirty-ring-size"),
                            (["--dirty-ring-size", "many"], "many"),
                            (["--workload", "ws=1T"], "ws"), (["--workload", "x=1"], "x"),
                            (["--guest", "/nonexistent"], "/nonexistent")]:
        tests.add("godwit-vmm " + " ".join(arguments), command_line, arguments, word)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
