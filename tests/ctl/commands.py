#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Each command of godwitctl: what it does, prints and exits with."""

import json
import sys

from ctl import CANCELLED, DONE, FAILED, UNKNOWN, Background, ctl, refused

from moves import prove_arrived, prove_runs_at
from tap import Tests, check, same
from vmm import Lab


def socket_of(vmm):
    return vmm.prefix + ".qmp"


def wait_at(vmm, address="tcp:127.0.0.1:0"):
    """incoming; the address for the source."""
    out, _ = ctl("-s", socket_of(vmm), "incoming", address)
    check(out.startswith("waits at "), out)
    return out.removeprefix("waits at ").strip()


def has(text, *parts):
    for part in parts:
        check(part in text, f"{part!r} is not in {text!r}")


def prove_moved(source, destination):
    destination.guest_check()
    prove_runs_at(destination, source)


def migrate_and_status():
    with Lab("soft", workload="ws=16M") as lab:
        source, destination = lab.source(), lab.destination()
        here = socket_of(source)
        same(ctl("-s", here, "status")[0], "guest: runs\nmigration: none\n", "status before")
        same(ctl("-s", here, "status", "--follow")[0], "no migration\n", "nothing to follow")
        uri = wait_at(destination)
        has(ctl("-s", socket_of(destination), "status")[0], "guest: does not run: inmigrate",
            f"migration: setup: waiting for the source at {uri}")
        same(ctl("-s", here, "migrate", uri)[0],
             f"started; 'godwitctl -s {here} status --follow' shows how far it is\n", "migrate")
        has(ctl("-s", here, "status", "--follow")[0], "completed in ", "downtime", "blackout")
        has(ctl("-s", here, "status")[0], "guest: does not run: postmigrate", "completed in ",
            ": the guest is at the destination", "pause ", "handover ", "tracker ")
        same(ctl("-s", socket_of(destination), "status")[0].splitlines()[0], "guest: runs",
             "status of the destination")
        has(ctl("-s", socket_of(destination), "status")[0], "completed: the guest is here")
        prove_moved(source, destination)


def migrate_over_unix():
    with Lab("soft") as lab:
        source, destination = lab.source(), lab.destination()
        uri = wait_at(destination, "unix:" + lab.path("link"))
        same(uri, "unix:" + lab.path("link"), "where it waits")
        ctl("-s", socket_of(source), "migrate", uri, "--follow")
        prove_moved(source, destination)


def follow_plain():
    """Plain lines: all states, the rounds, and the summary; the other side follows, too."""
    with Lab("soft", workload="ws=32M,rate=20000") as lab:
        source, destination = lab.source(), lab.destination("destination", "--paused")
        ctl("-s", socket_of(source), "set", "max-bandwidth=200M", "downtime-limit=20ms")
        with Background("-s", socket_of(destination), "incoming", "tcp:127.0.0.1:0",
                        "--follow") as waiting:
            first = waiting.line()
            has(first, "setup: waiting for the source at tcp:127.0.0.1:")
            uri = first.split(" at ")[1].strip()
            out, err = ctl("-s", socket_of(source), "migrate", uri, "--follow")
            there, _ = waiting.end(DONE)
        lines = out.splitlines()
        check("\033" not in out and "\r" not in out, "escape sequences in plain lines")
        has(out, "active: ", " sent ", " left ", "/s, dirty ", "round 1", "round 2",
            "completed in ", "\n  sent ", "\n  downtime ", "\n  blackout ",
            "\n  round ", "\n      1 ")
        check(any(line.startswith("active: ") and "downtime about" in line for line in lines), out)
        has(there, "active: receiving memory", "completed: the guest is here")
        same(err, "", "stderr")
        prove_arrived(source, destination)


def follow_json():
    with Lab("soft", workload="ws=16M") as lab:
        source, destination = lab.source(), lab.destination()
        out, _ = ctl("-s", socket_of(source), "migrate", wait_at(destination), "--follow", "--json")
        answers = [json.loads(line) for line in out.splitlines()]
        same(answers[-1]["status"], "completed", "status in the last line")
        same(answers[-1], source.info(), "the last line")
        prove_moved(source, destination)


def json_is_raw():
    """--json prints what the server returned, to the last digit."""
    with Lab("soft") as lab:
        source = lab.source()
        here = socket_of(source)
        same(ctl("-s", here, "set", "max-bandwidth=18446744073709551615", "--json")[0], "{}\n",
             "answer to set")
        out = ctl("-s", here, "set", "--json")[0].splitlines()
        has(out[0], "18446744073709551615")
        same(json.loads(out[1]), source.execute("query-migrate-capabilities"), "capabilities")
        has(ctl("-s", here, "set")[0], "max-bandwidth=18446744073709551615\n")
        for command, query in ("status", "query-migrate"), ("plugins", "query-plugins"):
            same(json.loads(ctl("-s", here, command, "--json")[0]), source.execute(query), command)
        check(json.loads(ctl("-s", here, "check", "--json")[0])["pages-checked"], "check --json")
        same(json.loads(ctl("-s", here, "cancel", "--json")[0]), {}, "cancel --json")


def cancel():
    """The follower exits with 3, the one who cancels with 0."""
    with Lab("soft", workload="ws=16M") as lab:
        source, destination = lab.source(), lab.destination()
        here = socket_of(source)
        same(ctl("-s", here, "cancel")[0], "nothing to cancel: there was no migration\n", "before")
        with Background("-s", here, "migrate", wait_at(destination) + "|fault:at=PREPARE,kind=stall",
                        "--follow") as following:
            source.wait_held("PREPARE")
            refused("cancel: nothing was cancelled: this VM is the destination; cancel at the "
                    "source, or end this VMM", "-s", socket_of(destination), "cancel")
            has(ctl("-s", here, "cancel")[0], "cancel")
            out, err = following.end(CANCELLED)
        has(out, "cancelled")
        same(err, "godwitctl: migration: cancelled: on request; the guest is at the "
             "source\n", "stderr")
        prove_runs_at(source, destination)
        has(ctl("-s", here, "status")[0], "guest: runs", "migration: cancelled")


def failed():
    """Exit 1, with the server's reason."""
    with Lab("soft") as lab:
        source, destination = lab.source(), lab.destination()
        out, err = ctl("-s", socket_of(source), "migrate",
                       wait_at(destination) + "|fault:at=STATE,kind=reset", "--follow", status=FAILED)
        has(out, "failed")
        same(err, f"godwitctl: migration: failed: {source.info()['error-desc']}\n", "stderr")
        prove_runs_at(source, destination)
        destination.wait_status("failed")
        has(ctl("-s", socket_of(destination), "status")[0], "migration: failed", "error ")


def unknown():
    """Exit 4 when nobody knows who has the guest; status says where to read on."""
    with Lab("soft") as lab:
        source, destination = lab.source(), lab.destination()
        source.parameters(x_peer_timeout=2000)
        with Background("-s", socket_of(source), "migrate",
                        wait_at(destination) + "|fault:at=COMMITTED,kind=stall",
                        "--follow") as following:
            source.wait_held("COMMITTED")
            destination.wait_status("completed")
            destination.guest_check()
            destination.kill()
            _, err = following.end(UNKNOWN)
        has(err, "godwitctl: migration: outcome unknown: ", "; the guest does not run here, it may "
            "run at the destination: ask there, and decide as godwitctl(1) says under OUTCOME "
            "UNKNOWN\n")
        has(ctl("-s", socket_of(source), "status")[0], "OUTCOME UNKNOWN in godwitctl(1)")
        ctl("-s", socket_of(source), "status", "--follow", status=UNKNOWN)


def pause_and_continue():
    with Lab("soft", workload="ws=16M") as lab:
        source, destination = lab.source(), lab.destination()
        here = socket_of(source)
        ctl("-s", here, "set", "pause-before-switchover=on")
        with Background("-s", here, "migrate", wait_at(destination), "--follow") as following:
            source.wait_status("pre-switchover")
            has(ctl("-s", here, "status")[0], "migration: pre-switchover")
            has(ctl("-s", here, "continue", "--follow")[0], "completed in ")
            following.end(DONE)
        prove_moved(source, destination)
        has(ctl("-s", here, "continue", status=FAILED)[1], "godwitctl: migrate-continue: refused: ")


def set_parameters():
    with Lab("soft") as lab:
        source = lab.source()
        here = socket_of(source)
        same(ctl("-s", here, "set", "max-bandwidth=1.5GiB/s", "downtime-limit=0.3s",
                 "multifd-channels=4", "tracker=bitmap", "multifd=on"), ("", ""), "set")
        have = source.execute("query-migrate-parameters")
        same([have[name] for name in ("max-bandwidth", "downtime-limit", "multifd-channels",
                                      "tracker")], [3 << 29, 300, 4, "bitmap"], "parameters")
        has(ctl("-s", here, "set")[0], "max-bandwidth=1536M\n", "downtime-limit=300ms\n",
            "tracker=bitmap\n", "multifd=on\n", "events=on\n")
        ctl("-s", here, "set", "downtime-limit=20")
        same(source.execute("query-migrate-parameters")["downtime-limit"], 20, "without a suffix")


def set_is_all_or_nothing():
    """A parameter that the server refuses takes the capability back, too."""
    with Lab("soft") as lab:
        source = lab.source()
        before = [source.execute("query-migrate-" + what)
                  for what in ("parameters", "capabilities")]
        _, err = ctl("-s", socket_of(source), "set", "multifd=on", "downtime-limit=10ms",
                     "multifd-channels=0", status=FAILED)
        has(err, "godwitctl: migrate-set-parameters: refused: ", "between 1 and 255")
        same([source.execute("query-migrate-" + what) for what in ("parameters", "capabilities")],
             before, "what is set after a refusal")


def plugins():
    with Lab("soft") as lab:
        out, _ = ctl("-s", socket_of(lab.source()), "plugins")
        has(out, "tracker   bitmap ", "transport tcp ", "filter    fault ", "    ms=uint",
            "    cannot be used: tracker 'dirty-ring': ")


def check_guest():
    with Lab("soft") as lab:
        source = lab.source()
        has(ctl("-s", socket_of(source), "check")[0], " pages checked by the guest, 0 bad\n")
        source.execute("stop")
        has(ctl("-s", socket_of(source), "check")[0], " pages checked by the VMM, 0 bad\n")


def qmp():
    with Lab("soft") as lab:
        here = socket_of(lab.source())
        same(json.loads(ctl("-s", here, "qmp", '{"execute": "query-status",\n "id": [1]}')[0]),
             {"return": {"running": True, "status": "running"}, "id": [1]}, "answer")
        out, err = ctl("-s", here, "qmp", '{"execute": "no-such"}', status=FAILED)
        same(json.loads(out)["error"]["class"], "CommandNotFound", "class of the error")
        same(err, "godwitctl: no-such: refused: The command no-such has not been found\n", "stderr")


def main():
    tests = Tests()
    tests.add("migrate, status, incoming", migrate_and_status)
    tests.add("migrate over a UNIX socket", migrate_over_unix)
    tests.add("--follow prints plain lines into a pipe", follow_plain)
    tests.add("--follow --json prints answers", follow_json)
    tests.add("--json prints what came", json_is_raw)
    tests.add("cancel", cancel)
    tests.add("a migration that fails", failed)
    tests.add("an outcome that is unknown", unknown)
    tests.add("continue", pause_and_continue)
    tests.add("set", set_parameters)
    tests.add("set is all or nothing", set_is_all_or_nothing)
    tests.add("plugins", plugins)
    tests.add("check", check_guest)
    tests.add("qmp", qmp)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
