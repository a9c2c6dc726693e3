#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""godwitctl on a terminal: the bar, Ctrl-C, watch, and the shell."""

import signal
import sys

from ctl import CANCELLED, DONE, FAILED, Terminal
from fake_server import FakeQmp, Late

from moves import prove_arrived, prove_runs_at
from tap import Tests, check, same
from vmm import Lab

CTRL_C, CTRL_D = "\x03", "\x04"
ALTERNATE, NORMAL = "\033[?1049h", "\033[?1049l"
HIDDEN, SHOWN = "\033[?25l", "\033[?25h"
QUESTION = "interrupted: leave the migration running, or cancel it? [l/c] "
FRAME = "STATE"  # where a migration is held that is to be looked at


class Held:
    """A migration that is followed, and stalls in the switchover."""

    def __init__(self, lab):
        self.source, self.destination = lab.source(), lab.destination("destination", "--paused")
        self.socket = self.source.prefix + ".qmp"
        self.uri = self.destination.listen("tcp:127.0.0.1:0") + f"|fault:at={FRAME},kind=stall"

    def follow(self, columns=100):
        terminal = Terminal("-s", self.socket, "migrate", self.uri, "--follow", columns=columns)
        self.source.wait_held(FRAME)
        terminal.wait("device ")
        return terminal


def bar(columns):
    """A block of two lines, none of which is too long, is drawn over and over; at the end the
    summary is in its place."""
    with Lab("soft", workload="ws=16M") as lab:
        source, destination = lab.source(), lab.destination("destination", "--paused")
        uri = destination.listen("tcp:127.0.0.1:0")
        source.parameters(max_bandwidth=100 << 20)
        with Terminal("-s", source.prefix + ".qmp", "migrate", uri, "--follow",
                      columns=columns) as terminal:
            terminal.wait("active ", "░", "\r\033[K\033[1A\033[K", "completed in ")
            said = terminal.end(DONE)
        live, summary = said[:said.index("completed in ")], said[said.index("completed in "):]
        check("\033" not in summary, f"escape sequences in the summary: {summary!r}")
        check(columns < 80 or " sent, " in live and " left" in live, live)
        for part in "\n  sent ", "\n  downtime ", "\n  blackout ", "pause ", "\n  round ":
            check(part in summary.replace("\r", ""), f"{part!r} is not in {summary!r}")
        for line in live.replace("\r\033[K\033[1A\033[K", "\n").splitlines():
            check(len(line) < columns, f"{len(line)} columns in a line, of {columns}: {line!r}")
        destination.wait_status("completed")
        prove_arrived(source, destination)


def cancel():
    with Lab("soft") as lab:
        held = Held(lab)
        with held.follow() as terminal:
            terminal.type(CTRL_C)
            terminal.wait(QUESTION)
            terminal.type("what\n")
            terminal.wait("l leaves it running, c cancels it [l/c] ")
            terminal.type("c\n")
            terminal.wait("cancelled", "the guest is at the source")
            terminal.end(CANCELLED)
        prove_runs_at(held.source, held.destination)


def leave(answer):
    """It goes on, to its end."""
    with Lab("soft", workload="ws=16M") as lab:
        source, destination = lab.source(), lab.destination("destination", "--paused")
        source.capability("pause-before-switchover")
        uri = destination.listen("tcp:127.0.0.1:0")
        path = source.prefix + ".qmp"
        with Terminal("-s", path, "migrate", uri, "--follow") as terminal:
            source.wait_status("pre-switchover")
            terminal.wait("pre-switchover")
            terminal.type(CTRL_C)
            terminal.wait(QUESTION)
            terminal.type(answer)
            terminal.wait("not followed to its end: interrupted; it continues")
            terminal.end(FAILED)
        same(source.info()["status"], "pre-switchover", "status of the migration that was left")
        with Terminal("-s", path, "continue", "--follow") as terminal:
            terminal.wait("completed in ")
            terminal.end(DONE)
        destination.wait_status("completed")
        prove_arrived(source, destination)


def ends_while_asking():
    """The question goes away when there is nothing left to decide."""
    with Lab("soft") as lab:
        held = Held(lab)
        with held.follow() as terminal:
            terminal.type(CTRL_C)
            terminal.wait(QUESTION)
            held.source.execute("migrate_cancel")
            terminal.wait("cancelled", "the guest is at the source")
            terminal.end(CANCELLED)
        prove_runs_at(held.source, held.destination)


def too_late():
    """A cancel that is refused does not end the following."""
    answers = {"query-migrate": {"return": {"status": "device"}},
               "migrate_cancel": {"error": {"class": "GenericError", "desc": "too late"}}}
    with FakeQmp(answers=answers) as server, \
            Terminal("-s", server.path, "status", "--follow") as terminal:
        terminal.wait("device")
        terminal.type(CTRL_C)
        terminal.wait(QUESTION)
        terminal.type("c\n")
        terminal.wait("migrate_cancel: refused: too late", "device")
        server.answers["query-migrate"] = {"return": {"status": "completed"}}
        terminal.wait("completed")
        terminal.end(DONE)


def late_answer():
    """The answer that was not waited for is not taken for that of the next command."""
    answers = {"query-migrate": Late({"return": {"status": "device"}}),
               "migrate_cancel": {"error": {"class": "GenericError", "desc": "too late"}}}
    with FakeQmp(answers=answers) as server, \
            Terminal("-s", server.path, "status", "--follow") as terminal:
        server.wait_asked("query-migrate")
        terminal.type(CTRL_C)
        terminal.wait(QUESTION)
        server.wait_asked("query-migrate", 2)
        server.answers["query-migrate"] = {"return": {"status": "completed"}}
        terminal.type("c\n")
        terminal.wait("migrate_cancel: refused: too late", "completed")
        terminal.end(DONE)


def hangs():
    """Ctrl-C asks also when the VMM gives no answer."""
    with Lab("soft") as lab:
        held = Held(lab)
        with held.follow() as terminal:
            held.source.freeze()
            terminal.type(CTRL_C)
            terminal.wait(QUESTION)
            terminal.type("l\n")
            terminal.end(FAILED)
        held.source.thaw()


def prove_restored(terminal, status):
    """It was a full screen, and is none any more."""
    said = terminal.end(status)
    check(said.index(ALTERNATE) < said.index(HIDDEN) < said.rindex(SHOWN) < said.rindex(NORMAL),
          "order of the sequences")
    same((said.count(ALTERNATE), said.count(NORMAL)), (1, 1), "in and out of the screen")
    return said[said.rindex(NORMAL) + len(NORMAL):]


def watch_all():
    """It shows a migration from before it began to its blackout."""
    with Lab("soft", workload="ws=16M") as lab:
        source, destination = lab.source(), lab.destination("destination", "--paused")
        source.parameters(max_bandwidth=100 << 20)
        with Terminal("-s", source.prefix + ".qmp", "watch") as terminal:
            terminal.wait("guest     running", "migration none", "q quit")
            source.migrate(destination.listen("tcp:127.0.0.1:0"))
            terminal.wait("migration active", "░", "sent ", "sends ", "dirty ", "c cancel")
            terminal.wait("guest     postmigrate", "migration completed", "100 %", "downtime ",
                          "pause ", "handover ", "round ")
            terminal.type("q")
            same(prove_restored(terminal, DONE), "", "said after the screen")
        destination.wait_status("completed")
        prove_arrived(source, destination)


def watch_keys():
    """c and a y cancel; any other key does not; g goes on."""
    with Lab("soft") as lab:
        source, destination = lab.source(), lab.destination()
        source.capability("pause-before-switchover")
        source.migrate(destination.listen("tcp:127.0.0.1:0"))
        source.wait_status("pre-switchover")
        with Terminal("-s", source.prefix + ".qmp", "watch") as terminal:
            terminal.wait("migration pre-switchover", "g go on")
            terminal.type("c")
            terminal.wait("cancel the migration? y: yes, any other key: no")
            terminal.type("n")
            terminal.wait("q quit   c cancel   g go on")
            same(source.info()["status"], "pre-switchover", "status after a no")
            terminal.type("cy")
            terminal.wait("migration cancelled")
            prove_runs_at(source, destination)
            other = lab.destination("other", "--paused")
            source.migrate(other.listen("tcp:127.0.0.1:0"))
            terminal.wait("migration pre-switchover")
            terminal.type("g")
            terminal.wait("go on? the guest is paused meanwhile;")
            terminal.type("y")
            terminal.wait("migration completed")
            terminal.type("q")
            prove_restored(terminal, DONE)
        other.wait_status("completed")
        prove_arrived(source, other)


def watch_destination():
    """It says what it waits for; a destination is not cancelled."""
    with Lab("soft") as lab:
        destination = lab.destination()
        uri = destination.listen("tcp:127.0.0.1:0")
        with Terminal("-s", destination.prefix + ".qmp", "watch") as terminal:
            terminal.wait(f"migration setup: waiting for the source at {uri}", "q quit")
            terminal.type("cyq")
            said = terminal.end(DONE)
            check("cancel" not in said, said)
        same(destination.info()["status"], "setup", "status")


def watch_unknown():
    """The reason is whole, however long it is."""
    with Lab("soft") as lab:
        source, destination = lab.source(), lab.destination()
        source.migrate(destination.listen("tcp:127.0.0.1:0") + "|fault:at=COMMIT,kind=stall")
        source.wait_held("COMMIT")
        with Terminal("-s", source.prefix + ".qmp", "watch") as terminal:
            terminal.wait("migration device")
            destination.kill()
            terminal.wait("migration outcome unknown", "It may run at the destination.",
                          "OUTCOME UNKNOWN in godwitctl(1)", "error     source: the outcome",
                          source_reason_end(source))
            source.execute("x-migrate-resolve", {"run": "here"})
            terminal.wait("migration failed", "error     operator: decided that the guest is here;")
            terminal.type("q")
            prove_restored(terminal, DONE)
        prove_runs_at(source)


def source_reason_end(source):
    source.wait_status("failed")
    return source.info()["error-desc"].rsplit(" ", 1)[1]


def watch_signal(number, status):
    with Lab("soft") as lab, Terminal("-s", lab.source().prefix + ".qmp", "watch") as terminal:
        terminal.wait("guest     running")
        terminal.signal(number)
        prove_restored(terminal, status)


def watch_ctrl_c():
    with Lab("soft") as lab, Terminal("-s", lab.source().prefix + ".qmp", "watch") as terminal:
        terminal.wait("guest     running")
        terminal.type(CTRL_C)
        same(prove_restored(terminal, DONE), "", "said after the screen")


def watch_loses():
    """The VMM dies: the screen is given back, then the error is said."""
    with Lab("soft") as lab:
        source = lab.source()
        with Terminal("-s", source.prefix + ".qmp", "watch") as terminal:
            terminal.wait("guest     running")
            source.kill()
            terminal.wait(NORMAL, "godwitctl: server ", ": the connection was lost: ")
            prove_restored(terminal, FAILED)


def watch_hangs():
    """q leaves also when the VMM gives no answer."""
    with Lab("soft") as lab:
        source = lab.source()
        with Terminal("-s", source.prefix + ".qmp", "watch") as terminal:
            terminal.wait("guest     running")
            source.freeze()
            terminal.type("q")
            prove_restored(terminal, DONE)
        source.thaw()


def watch_resized():
    """Nothing is longer than a line, and no more lines than the screen has."""
    with Lab("soft") as lab, Terminal("-s", lab.source().prefix + ".qmp", "watch") as terminal:
        terminal.wait("guest     running")
        terminal.resize(12, 5)
        terminal.wait("\033[J\033[Hgodwit  /tmp\033[K\r\n\033[K\r\nguest     ru\033[K\r\n"
                      "migration no\033[K\r\n\033[K\033[J")
        terminal.type("q")
        prove_restored(terminal, DONE)


def shell():
    """Commands, JSON, help, errors, events; then exit."""
    with Lab("soft") as lab:
        source = lab.source()
        with Terminal("-s", source.prefix + ".qmp", "shell") as terminal:
            for line, *answers in (
                    ("query-status", '{\r\n  "running": true,\r\n  "status": "running"\r\n}'),
                    ('{"execute": "query-status"}', '"running": true'),
                    ("migrate-set-parameters max-bandwidth=1G downtime-limit=50ms", "{}"),
                    ("help", "leave the shell"),
                    ("help migrate", "migrate uri= channels= detach= resume="),
                    ("help no-such", "no-such: the server has no such command"),
                    ("no-such", "godwitctl: no-such: the server has no such command; press Tab "
                     "at an empty line"),
                    ("migrate speed=1", "godwitctl: speed: there is no such name; write uri, "),
                    ("{", "godwitctl: the line is not JSON: "),
                    ("migrate uri='", "godwitctl: the line is not understood: "),
                    ("closefd fdname='a b'", "godwitctl: closefd: refused: "),
                    ("quit", "godwitctl: quit: not sent: it would end the VMM and its guest"),
                    ("stop", "* STOP"), ("cont", "* RESUME")):
                terminal.wait("godwit> ")
                terminal.type(line + "\n")
                terminal.wait(*answers)
            terminal.type("exit\n")
            terminal.end(DONE)
        have = source.execute("query-migrate-parameters")
        same((have["max-bandwidth"], have["downtime-limit"]), (1 << 30, 50), "what was set")
        same(source.run_state(), "running", "run state after `quit` and `exit`")


def complete():
    """Commands, arguments, words; what fits in several ways is listed."""
    with Lab("soft") as lab, Terminal("-s", lab.source().prefix + ".qmp", "shell") as terminal:
        for typed, *said in (
                ("query-stat\t\n", '"running": true'),
                ("migrate-i\tu\tx:1\n", "godwitctl: migrate-incoming: refused: "),
                ("query-migrate-\t\t\x15", "query-migrate-capabilities  query-migrate-parameters"),
                ("x-migrate-resolve \t\t\x15", "here  there"),
                ("x-migrate-resolve run=h\t\n", "godwitctl: x-migrate-resolve: refused: "),
                ("migrate-set-parameters tracker=bitmap \t\t\x15", "multifd-channels="),
                ("help query-vers\t\n", "query-version"),
                ("migrate detach=\t\t\x15", "off  on"),
                ("ex\t\n",)):
            terminal.wait("godwit> ")
            terminal.type(typed)
            terminal.wait(*said)
        said = terminal.end(DONE)
        listed = [line for line in said.splitlines() if "multifd-channels=" in line]
        check(listed and not any("tracker=" in line for line in listed),
              f"an argument that is given is offered again: {listed}")


def shell_keys():
    """Ctrl-C takes the line away, Ctrl-D leaves; what the server tells is shown at once."""
    with Lab("soft") as lab:
        source = lab.source()
        with Terminal("-s", source.prefix + ".qmp", "shell") as terminal:
            terminal.wait("godwit> ")
            terminal.type("abc")
            terminal.wait("abc")
            terminal.type(CTRL_C)
            terminal.wait("^C", "godwit> ")
            terminal.type("quer")
            terminal.wait("quer")
            source.execute("stop")
            terminal.wait("* STOP", "godwit> quer")
            terminal.type("y-status\n")
            terminal.wait('"paused"', "godwit> ")
            terminal.type(CTRL_D)
            terminal.end(DONE)


def shell_loses():
    with Lab("soft") as lab:
        source = lab.source()
        with Terminal("-s", source.prefix + ".qmp", "shell") as terminal:
            terminal.wait("godwit> ")
            source.kill()
            terminal.wait("godwitctl: server ", "the connection was lost")
            terminal.end(FAILED)


def shell_ends():
    with Lab("soft") as lab, Terminal("-s", lab.source().prefix + ".qmp", "shell") as terminal:
        terminal.wait("godwit> ")
        terminal.signal(signal.SIGTERM)
        terminal.end(DONE)


def main():
    tests = Tests()
    for columns in 100, 60, 30:
        tests.add(f"the bar in {columns} columns", bar, columns)
    tests.add("Ctrl-C, cancel", cancel)
    tests.add("Ctrl-C, leave", leave, "l\n")
    tests.add("Ctrl-C twice", leave, CTRL_C)
    tests.add("Ctrl-C and end of input", leave, CTRL_D)
    tests.add("Ctrl-C, and the migration ends", ends_while_asking)
    tests.add("Ctrl-C, and it is too late to cancel", too_late)
    tests.add("Ctrl-C, and an answer comes late", late_answer)
    tests.add("Ctrl-C while the VMM hangs", hangs)
    tests.add("watch", watch_all)
    tests.add("watch: keys", watch_keys)
    tests.add("watch: a destination", watch_destination)
    tests.add("watch: outcome unknown", watch_unknown)
    tests.add("watch: SIGTERM", watch_signal, signal.SIGTERM, DONE)
    tests.add("watch: SIGHUP", watch_signal, signal.SIGHUP, DONE)
    tests.add("watch: Ctrl-C", watch_ctrl_c)
    tests.add("watch: the VMM dies", watch_loses)
    tests.add("watch: the VMM hangs", watch_hangs)
    tests.add("watch: a small screen", watch_resized)
    tests.add("shell", shell)
    tests.add("shell: completion", complete)
    tests.add("shell: keys", shell_keys)
    tests.add("shell: the VMM dies", shell_loses)
    tests.add("shell: SIGTERM", shell_ends)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
