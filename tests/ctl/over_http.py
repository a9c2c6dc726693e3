#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The same over HTTP: commands, events, tokens, and what can go wrong."""

import functools
import json
import signal
import subprocess
import sys

from ctl import CANCELLED, DONE, FAILED, Background, Terminal, ctl, refused

from moves import prove_arrived, prove_runs_at
from tap import Skip, Tests, check, same, with_http
from vmm import PROGRAM as VMM
from vmm import Lab

TOKEN = "a-token-of-more-than-16-characters"


@functools.lru_cache
def has_http():
    return "--http=" in subprocess.run([VMM, "--help"], capture_output=True, encoding="utf-8",
                                       check=True).stdout


def source_of(lab, *options):
    """A source, and its http://."""
    if not has_http():
        raise Skip("godwit-vmm has no --http")
    source = lab.source("--http", "127.0.0.1:0", *options)
    return source, source.wait_said("http at ").split(" at ")[1].rstrip("/")


def write_token(lab, text):
    path = lab.path("token")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    return path


def migrate():
    with Lab("soft", workload="ws=16M") as lab:
        source, url = source_of(lab)
        destination = lab.destination("destination", "--paused")
        same(ctl("-s", url, "status")[0], "guest: runs\nmigration: none\n", "status before")
        ctl("-s", url + "/", "set", "max-bandwidth=18446744073709551615", "multifd=on")
        check("18446744073709551615" in ctl("-s", url, "set", "--json")[0], "a digit is lost")
        check(" 0 bad" in ctl("-s", url, "check")[0], "check")
        check("tracker   bitmap " in ctl("-s", url, "plugins")[0], "plugins")
        out, err = ctl("-s", url, "migrate", destination.listen("tcp:127.0.0.1:0"), "--follow")
        check("completed in " in out and "\n  blackout " in out, out)
        same(err, "", "stderr")
        destination.wait_status("completed")
        prove_arrived(source, destination)
        same(json.loads(ctl("-s", url, "status", "--json")[0]), source.info(), "status --json")


def refusals():
    """Errors of QMP are told as over the socket, whatever status they come with."""
    with Lab("soft") as lab:
        source, url = source_of(lab)
        out, err = ctl("-s", url, "qmp", '{"execute": "no-such", "id": 7}', status=FAILED)
        same(json.loads(out), {"error": {"class": "CommandNotFound", "desc": "The command no-such "
                                         "has not been found"}, "id": 7}, "answer")
        same(err, "godwitctl: no-such: refused: The command no-such has not been found\n", "stderr")
        over_socket = ctl("-s", source.prefix + ".qmp", "migrate", "no:1", status=FAILED)
        same(ctl("-s", url, "migrate", "no:1", status=FAILED), over_socket, "a refusal")


def token():
    with Lab("soft") as lab:
        path = write_token(lab, TOKEN)
        _, url = source_of(lab, "--http-token", path)
        same(ctl("-s", url, "--token", path, "status")[0], "guest: runs\nmigration: none\n", "status")
        refused(f"server '{url}': refuses: it needs a token; give the file that holds its token "
                "with --token", "-s", url, "status")
        write_token(lab, TOKEN + "x")
        refused(f"server '{url}': refuses: the token is wrong; give the file that holds its "
                "token with --token", "-s", url, "--token", path, "status")


def follow_and_cancel():
    """Events come while a command is waited for, and none are missed."""
    with Lab("soft", workload="ws=16M") as lab:
        source, url = source_of(lab)
        destination = lab.destination()
        uri = destination.listen("tcp:127.0.0.1:0") + "|fault:at=STATE,kind=stall"
        with Background("-s", url, "migrate", uri, "--follow") as following:
            source.wait_held("STATE")
            ctl("-s", url, "cancel")
            out, _ = following.end(CANCELLED)
        check("\ncancelled" in out, out)
        prove_runs_at(source, destination)


def dies_meanwhile():
    with Lab("soft") as lab:
        source, url = source_of(lab)
        uri = lab.destination().listen("tcp:127.0.0.1:0") + "|fault:at=STATE,kind=stall"
        with Background("-s", url, "migrate", uri, "--follow") as following:
            source.wait_held("STATE")
            source.kill()
            _, err = following.end(FAILED)
        check(err.startswith(f"godwitctl: server '{url}': "), err)
        check("the connection was lost: " in err or "cannot be asked: " in err, err)


def hangs():
    """A signal ends the wait for an answer."""
    with Lab("soft") as lab:
        source, url = source_of(lab)
        uri = lab.destination().listen("tcp:127.0.0.1:0") + "|fault:at=STATE,kind=stall"
        with Background("-s", url, "migrate", uri, "--follow") as following:
            source.wait_held("STATE")
            following.line()  # it follows: before, a signal just ends it
            source.freeze()
            following.signal(signal.SIGINT)
            _, err = following.end(FAILED)
            source.thaw()
        check("interrupted; it continues" in err, err)


def watch():
    with Lab("soft", workload="ws=16M") as lab:
        source, url = source_of(lab)
        destination = lab.destination("destination", "--paused")
        source.parameters(max_bandwidth=100 << 20)
        with Terminal("-s", url, "watch") as terminal:
            terminal.wait("guest     running", "migration none")
            source.migrate(destination.listen("tcp:127.0.0.1:0"))
            terminal.wait("migration active", "migration completed")
            terminal.type("q")
            terminal.end(DONE)
        destination.wait_status("completed")
        prove_arrived(source, destination)


def shell():
    """Events are shown, statistics are not."""
    with Lab("soft") as lab:
        source, url = source_of(lab)
        with Terminal("-s", url, "shell") as terminal:
            terminal.wait("godwit> ")
            terminal.type("query-stat\t\n")
            terminal.wait('"status": "running"', "godwit> ")
            source.execute("stop")
            terminal.wait("* STOP", "godwit> ")
            terminal.type("exit\n")
            check("x-statistics" not in terminal.end(DONE), "statistics in the shell")


def main():
    tests = Tests()
    for name, case in (("migrate", migrate), ("refusals", refusals), ("token", token),
                       ("follow, and cancel", follow_and_cancel),
                       ("the VMM dies meanwhile", dies_meanwhile), ("the VMM hangs", hangs),
                       ("watch", watch), ("shell", shell)):
        tests.add(name, with_http(case))
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
