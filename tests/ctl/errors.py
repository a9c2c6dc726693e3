#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Each error of godwitctl: its text and its status."""

import os
import signal
import socket
import subprocess
import sys
import tempfile

from ctl import FAILED, PROGRAM, UNKNOWN, USAGE, Background, Terminal, ctl, refused
from fake_server import GREETING, OK, FakeHttp, FakeQmp

from qmp import DEADLINE
from tap import Tests, check, same, with_http
from vmm import Lab

COMMANDS = ("migrate, incoming, status, cancel, continue, set, plugins, check, watch, qmp, shell")
LOST = "; see whether the VMM still runs, and its last messages"
NO_QMP = "; give the socket of the VMM's --qmp"
ESCAPES = "\033[2Jbad\u009b2J\n"


def usage():
    for words, text in (
            ((), f"command line: has no command; give one of {COMMANDS}"),
            (("fly",), f"command 'fly': there is no such command; give one of {COMMANDS}"),
            (("migrate",), "command 'migrate': has too few arguments: 0; write godwitctl migrate URI"),
            (("status", "x", "y"),
             "command 'status': has too many arguments: 2; write godwitctl status"),
            (("cancel", "--follow"),
             "command 'cancel': has nothing to follow; leave --follow out"),
            (("status",), "command 'status': has no server: there is neither -s nor GODWIT_SOCKET; "
             "give -s SOCKET, the socket of the VMM's --qmp"),
            (("--fly",), "command line: is not understood: Unknown option --fly; see --help"),
            (("-s",), "command line: is not understood: Missing argument for -s; see --help")):
        refused(text, *words, status=USAGE)


def no_server():
    with tempfile.TemporaryDirectory(prefix="godwit-") as folder:
        path = os.path.join(folder, "qmp")
        todo = f"start the VMM with --qmp {path}, or give its socket with -s"
        refused(f"server '{path}': cannot connect: No such file or directory; {todo}",
                "-s", path, "status")
        refused(f"server '{folder}': cannot connect: it is not a socket; give the socket of the "
                "VMM's --qmp",
                "-s", folder, "status")
        refused("server '127.0.0.1:1': cannot connect: No such file or directory; write "
                "http://HOST:PORT for HTTP, or give the socket of the VMM's --qmp",
                "-s", "127.0.0.1:1", "status")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
        refused(f"server '{path}': cannot connect: Connection refused; {todo}",
                "-s", path, "status")


def no_qmp(greeting, why):
    with FakeQmp(greeting, {"qmp_capabilities": None}) as server:
        refused(f"server '{server.path}': cannot be used: it is not a QMP server: {why}{NO_QMP}",
                "-s", server.path, "status")


def silent():
    """It is given up after 10 s."""
    with FakeQmp(b"") as server:
        refused(f"server '{server.path}': cannot be used: it is not a QMP server: it sends nothing"
                f"{NO_QMP}", "-s", server.path, "status")


def hangs_up():
    with FakeQmp(answers={"query-status": None}) as server:
        refused(f"server '{server.path}': the connection was lost: the server closed it{LOST}",
                "-s", server.path, "status")


def answers_nonsense():
    with FakeQmp(answers={"query-status": b"[" * 100000 + b"\n"}) as server:
        refused(f"server '{server.path}': the connection was lost: it sent something that is not "
                f"QMP{LOST}", "-s", server.path, "status")


def other_shapes():
    """Answers of other types than the schema's do no harm."""
    for value in [], 1, "x", None, {"status": 1, "ram": [], "x-rounds": [1, {"pages": "x"}],
                                    "x-warnings": [{}], "blackout": {"pause-us": []},
                                    "socket-address": ["x"]}:
        answers = {"query-status": {"return": value}, "query-migrate": {"return": value},
                   "query-plugins": {"return": value}, "x-guest-check": {"return": value}}
        with FakeQmp(answers=answers) as server:
            for command in "status", "plugins", "check":
                same(ctl("-s", server.path, command)[1], "", f"stderr of {command}")
    with FakeQmp(answers={"x-guest-check": {"error": 1}}) as server:
        refused("x-guest-check: refused: the server does not say why; see what it said last",
                "-s", server.path, "check")


def escape_sequences():
    """A server's text does not reach the terminal as a command."""
    answers = {"query-status": {"return": {"running": False, "status": ESCAPES}},
               "query-migrate": {"return": {"status": "failed", "error-desc": ESCAPES,
                                            "x-warnings": [ESCAPES]}},
               "x-guest-check": {"error": {"class": "GenericError", "desc": ESCAPES}}}
    with FakeQmp(answers=answers) as server:
        out = ctl("-s", server.path, "status")[0]
        out += ctl("-s", server.path, "check", status=FAILED)[1]
        out += ctl("-s", server.path, "status", "--follow", status=FAILED)[1]
    raw = b'{"return": {"\033[2Jbad": "\033c"}}\n'
    with FakeQmp(answers={"x": raw}) as server:
        out += ctl("-s", server.path, "qmp", '{"execute": "x"}')[0]
    check(out.count("bad") > 4, out)
    check(not set(out) & {"\033", "\u009b"}, f"escape sequences in {out!r}")


def bad_pages():
    check_answer = {"return": {"passes": 1, "pages-checked": 9, "pages-bad": 2, "running": True}}
    with FakeQmp(answers={"x-guest-check": check_answer}) as server:
        out, err = ctl("-s", server.path, "check", status=FAILED)
    same(out, "9 pages checked by the guest, 2 bad\n", "stdout")
    same(err, "godwitctl: check: 2 of 9 pages are bad: they differ from what the guest wrote last; "
         "stop the guest, and do not trust its data\n", "stderr")


def dies_meanwhile():
    """The VMM dies while somebody follows."""
    with Lab("soft") as lab:
        source, destination = lab.source(), lab.destination()
        uri = destination.listen("tcp:127.0.0.1:0") + "|fault:at=STATE,kind=stall"
        path = source.prefix + ".qmp"
        with Background("-s", path, "migrate", uri, "--follow") as following:
            source.wait_held("STATE")
            source.kill()
            _, err = following.end(FAILED)
    same(err, f"godwitctl: server '{path}': the connection was lost: the server closed it{LOST}\n",
         "stderr")


def left_alone():
    """Without a terminal nobody can be asked: a signal leaves the migration running; also when
    the VMM hangs, and gives no answer."""
    with Lab("soft") as lab:
        source, destination = lab.source(), lab.destination()
        uri = destination.listen("tcp:127.0.0.1:0") + "|fault:at=STATE,kind=stall"
        path = source.prefix + ".qmp"
        told = ("godwitctl: migration: not followed to its end: interrupted; it continues; see "
                f"'godwitctl -s {path} status --follow'\n")
        with Background("-s", path, "migrate", uri, "--follow") as following:
            source.wait_held("STATE")
            following.line()  # it follows: before, a signal just ends it
            following.signal(signal.SIGTERM)
            same(following.end(FAILED)[1], told, "after SIGTERM")
        check(source.info()["status"] in ("active", "device"), "the migration ended")
        with Background("-s", path, "status", "--follow") as following:
            following.line()
            source.freeze()
            following.signal(signal.SIGINT)
            same(following.end(FAILED)[1], told, "after SIGINT")
            source.thaw()


def unread():
    """When the reader of the pipe has gone godwitctl ends, and the migration continues."""
    with Lab("soft") as lab:
        source, destination = lab.source(), lab.destination()
        uri = destination.listen("tcp:127.0.0.1:0") + "|fault:at=STATE,kind=stall"
        path = source.prefix + ".qmp"
        with Background("-s", path, "migrate", uri, "--follow") as following:
            following.line()
            err = following.deaf(FAILED)
        same(err, "godwitctl: stdout: cannot be written: what was printed is not complete; see "
             "where it goes\n", "stderr")
        source.wait_held("STATE")
        check(source.info()["status"] in ("active", "device"), "the migration ended")


def refusals():
    with Lab("soft") as lab:
        here = lab.source().prefix + ".qmp"
        _, err = ctl("-s", here, "migrate", "tcp", status=FAILED)
        check(err.startswith("godwitctl: migrate: refused: "), err)
        _, err = ctl("-s", here, "incoming", "tcp:127.0.0.1:0", status=FAILED)
        check(err.startswith("godwitctl: migrate-incoming: refused: "), err)
        _, err = ctl("-s", here, "migrate", "no:1", "--follow", "--json", status=FAILED)
        check(err.startswith("godwitctl: migrate: refused: "), err)


def values():
    """Each way in which `set` can be misunderstood; nothing is set."""
    rate = "write bytes per second, for example 100M or 1.5G"
    names = "max-bandwidth, avail-switchover-bandwidth, downtime-limit, multifd-channels, tracker"
    with Lab("soft") as lab:
        source = lab.source()
        before = source.execute("query-migrate-parameters")
        for pair, text in (
                ("max-bandwidth=1X", f"max-bandwidth: '1X': it is not understood; {rate}"),
                ("max-bandwidth=-1", f"max-bandwidth: '-1': it is not understood; {rate}"),
                ("max-bandwidth=1s", f"max-bandwidth: '1s': it is not understood; {rate}"),
                ("max-bandwidth=", f"max-bandwidth: '': it is not understood; {rate}"),
                ("max-bandwidth=16777216T", f"max-bandwidth: '16777216T': it is too large; {rate}"),
                ("max-bandwidth=18446744073709551616",
                 f"max-bandwidth: '18446744073709551616': it is too large; {rate}"),
                ("max-bandwidth=0.3", "max-bandwidth: '0.3': it is not a whole number of the "
                 f"parameter's unit; {rate}"),
                ("downtime-limit=1G", "downtime-limit: '1G': it is not understood; write a time, for "
                 "example 300ms or 2s"),
                ("multifd-channels=2K", "multifd-channels: '2K': it is not understood; write a "
                 "number"),
                ("multifd=yes", "multifd: 'yes': it is not a switch; write on or off"),
                ("tracker", "tracker: it has no value; write tracker=VALUE")):
            refused(text, "-s", source.prefix + ".qmp", "set", "downtime-limit=7ms", pair,
                    status=USAGE)
        _, err = ctl("-s", source.prefix + ".qmp", "set", "speed=1", status=USAGE)
        check(err.startswith(f"godwitctl: speed: there is no such name; write {names}"), err)
        check("pause-before-switchover" in err, f"it may have been a capability: {err}")
        same(source.execute("query-migrate-parameters"), before, "parameters")


def not_json():
    with FakeQmp() as server:
        for text in "query-status", "[1]", '{"execute": "x"', "{" * 100:
            _, err = ctl("-s", server.path, "qmp", text, status=USAGE)
            check(err.startswith("godwitctl: qmp: the command is not JSON: ") and
                  err.endswith("; write for example '{\"execute\": \"query-migrate\"}'\n"), err)


def no_terminal():
    text = ("watch: needs a terminal: stdin or stdout is not one, or TERM says that its cursor cannot "
            "be moved; use 'status --follow'")
    with FakeQmp() as server:
        refused(text, "-s", server.path, "watch", status=USAGE)
        with Terminal("-s", server.path, "watch", TERM="dumb") as terminal:
            terminal.wait(text)
            check("\033" not in terminal.end(USAGE), "escape sequences")


def full():
    """Output that could not be printed is an error."""
    with FakeQmp(answers={"query-status": OK, "query-migrate": OK}) as server, \
            open("/dev/full", "w", encoding="utf-8") as out:
        for words in ("status", "--json"), ("status", "--follow"), ("qmp", '{"execute": "query-status"}'):
            done = subprocess.run([PROGRAM, "-s", server.path, *words], stdout=out,
                                  stderr=subprocess.PIPE, encoding="utf-8", check=False,
                                  timeout=DEADLINE)
            same((done.returncode, done.stderr),
                 (FAILED, "godwitctl: stdout: cannot be written: what was printed is not "
                  "complete; see where it goes\n"), f"{words}")


def tokens():
    with tempfile.TemporaryDirectory(prefix="godwit-") as folder, FakeQmp() as server:
        path = os.path.join(folder, "token")
        todo = "; write the server's token into its first line"
        url = "http://127.0.0.1:1"
        _, err = ctl("-s", url, "--token", path, "status", status=USAGE)
        check(err.startswith(f"godwitctl: token '{path}': cannot be read: ") and
              err.endswith(todo + "\n"), err)
        with open(path, "w", encoding="utf-8") as file:
            file.write("\nsecret\n")
        refused(f"token '{path}': cannot be read: there is no text in its first line{todo}",
                "-s", url, "--token", path, "status", status=USAGE)
        fifo = os.path.join(folder, "fifo")
        os.mkfifo(fifo)
        refused(f"token '{fifo}': cannot be read: it is not a regular file{todo}",
                "-s", url, "--token", fifo, "status", status=USAGE)
        refused(f"token '{path}': cannot be used: server '{server.path}' is a socket, which needs "
                "none; leave --token out, or give -s http://HOST:PORT",
                "-s", server.path, "--token", path, "status", status=USAGE)


def http_errors():
    for url in "http://", "http://127.0.0.1:99999", "http://127.0.0.1:80/x", "http://127.0.0.1:80?x":
        _, err = ctl("-s", url, "status", status=USAGE)
        check(err.startswith(f"godwitctl: server '{url}': is not an address: ") and
              err.endswith("; write http://HOST:PORT\n"), err)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        _, err = ctl("-s", url, "status", status=FAILED)
        check(err.startswith(f"godwitctl: server '{url}': cannot be asked: ") and
              "Connection refused; see whether the VMM runs with --http and this address" in err,
              err)
    for status, body, text in (
            (404, b"<html>", "cannot be used: it is not godwit: it answers with status 404 and no "
             "JSON of QMP; give the address of the VMM's --http"),
            (200, b"{}", "cannot be used: it is not godwit: it answers with status 200 and no JSON "
             "of QMP; give the address of the VMM's --http"),
            (403, b'{"error": {"class": "GenericError", "desc": "http: no; use localhost"}}',
             "refuses: http: no; use localhost"),
            (401, b"{}", "refuses: it needs a token; give the file that holds its token with "
             "--token")):
        with FakeHttp(status, body) as server:
            refused(f"server '{server.url}': {text}", "-s", server.url, "status")
    with FakeHttp(200, b" " * (65 << 20)) as server:
        refused(f"server '{server.url}': cannot be asked: its answer has no end, which is not "
                "QMP; see whether the VMM runs with --http and this address",
                "-s", server.url, "status")


def http_hangs():
    """A signal ends the wait for an answer that does not come."""
    with FakeHttp(None, b"") as server:
        with Background("-s", server.url, "status", "--follow") as following:
            check(server.came.wait(DEADLINE), "no request came")
            following.signal(signal.SIGINT)
            _, err = following.end(FAILED)
    same(err, "godwitctl: migration: not followed to its end: interrupted; it continues; see "
         f"'godwitctl -s {server.url} status --follow'\n", "stderr")


def http_token():
    """It is sent; a wrong one is told."""
    with tempfile.NamedTemporaryFile("w", prefix="godwit-") as file, FakeHttp(401, b"") as server:
        file.write("secret \n second line")
        file.flush()
        refused(f"server '{server.url}': refuses: the token is wrong; give the file that "
                "holds its token with --token", "-s", server.url, "--token", file.name, "status")
        path, headers = server.heads[0]
        same((path, headers["Authorization"], headers["Content-Type"]),
             ("/qmp", "Bearer secret", "application/json"), "the request")


def http_redirects():
    """A server cannot send the token elsewhere."""
    with tempfile.NamedTemporaryFile("w", prefix="godwit-") as file, FakeHttp(200, b"{}") as other:
        file.write("secret")
        file.flush()
        for status in 301, 302, 307, 308:
            with FakeHttp(status, b"", Location=f"{other.url}/qmp") as server:
                refused(f"server '{server.url}': cannot be used: it is not godwit: it answers with "
                        f"status {status} and no JSON of QMP; give the address of the VMM's --http",
                        "-s", server.url, "--token", file.name, "status")
        same(other.heads, [], "requests elsewhere")


def unknown_is_kept():
    """Status 4 is for a failure of unknown outcome alone."""
    info = {"status": "failed", "error-desc": "x", "x-outcome": "source"}
    for outcome, status in ("source", FAILED), ("unknown", UNKNOWN), (None, FAILED):
        answers = {"query-migrate": {"return": {**info, "x-outcome": outcome}}}
        with FakeQmp(answers=answers) as server:
            ctl("-s", server.path, "status", "--follow", status=status)


def owed_answers():
    """An event, or an answer in pieces, takes nobody's place."""
    event = b'{"event": "STOP", "timestamp": {"seconds": 0, "microseconds": 0}}\r\n'
    answer = event + b'{"return": {"running": true,' + b' "status": "running"}}\r\n'
    answers = {"query-status": answer, "query-migrate": event + b'{"return": {}}\r\n'}
    with FakeQmp(GREETING + event, answers) as server:
        same(ctl("-s", server.path, "status")[0], "guest: runs\nmigration: none\n", "status")


def main():
    tests = Tests()
    tests.add("command line", usage)
    tests.add("no server", no_server)
    for name, greeting, why in (
            ("text", b"220 mail.example ESMTP\r\n", "it closes the connection, or sends something else"),
            ("other JSON", b'{"hello": 1}\r\n', "its greeting is something else"),
            ("nothing, then closed", b"", "it closes the connection, or sends something else")):
        tests.add(f"no QMP: {name}", no_qmp, greeting, why)
    tests.add("no QMP: silence", silent)
    tests.add("the server hangs up", hangs_up)
    tests.add("the server answers nonsense", answers_nonsense)
    tests.add("answers of other shapes", other_shapes)
    tests.add("escape sequences from a server", escape_sequences)
    tests.add("bad pages", bad_pages)
    tests.add("the VMM dies meanwhile", dies_meanwhile)
    tests.add("interrupted without a terminal", left_alone)
    tests.add("nobody reads", unread)
    tests.add("refusals", refusals)
    tests.add("values", values)
    tests.add("no JSON", not_json)
    tests.add("no terminal", no_terminal)
    tests.add("stdout is full", full)
    tests.add("tokens", tokens)
    tests.add("HTTP", with_http(http_errors))
    tests.add("HTTP: no answer", with_http(http_hangs))
    tests.add("HTTP: token", with_http(http_token))
    tests.add("HTTP: redirects", with_http(http_redirects))
    tests.add("outcomes", unknown_is_kept)
    tests.add("events between answers", owed_answers)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
