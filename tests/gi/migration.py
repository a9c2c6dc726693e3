#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""godwit in Python, through GObject introspection: two VMs in this process, and a guest that moves from
one to the other.  What is C is the host, the reference VMM's software machine."""

import os
import shutil
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SOURCE = os.environ["GODWIT_SOURCE"]
SYSTEM = "/usr/bin/python3"  # Debian's bindings are for Debian's Python
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))

try:
    import gi
except ImportError:
    if not os.path.exists(SYSTEM) or os.path.samefile(sys.executable, SYSTEM):
        print("1..0 # SKIP no python3-gi")
        sys.exit(0)
    os.execv(SYSTEM, [SYSTEM, *sys.argv])

gi.require_version("Godwit", "0.1")
gi.require_version("GodwitControl", "0.1")
gi.require_version("GodwitSoft", "0.1")
from gi.repository import GLib, Godwit, GodwitControl, GodwitSoft

import runlog
from qmp import DEADLINE, Qmp
from tap import Tests, check, same, with_http

CONTEXT = GLib.MainContext.default()
MEMORY = 16 << 20
RunState = Godwit.RunState


def wait(condition, what):
    """Turn the main loop until then."""
    tick = GLib.timeout_add(50, lambda: True)
    deadline = time.monotonic() + DEADLINE
    try:
        while not condition():
            check(time.monotonic() < deadline, f"{what}: not in {DEADLINE:g} s")
            CONTEXT.iteration(True)
    finally:
        GLib.source_remove(tick)


def aside(function, *arguments):
    """The result of a function that blocks while it talks with the main loop."""
    result = []

    def work():
        try:
            result.append((function(*arguments), None))
        except Exception as error:  # given back below
            result.append((None, error))
        CONTEXT.wakeup()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    wait(lambda: result, function)
    thread.join()
    value, error = result[0]
    if error:
        raise error
    return value


def answered(method, *arguments):
    """The error of a call that answers through a GdwDone, or None."""
    told = []
    method(*arguments, lambda migration, error, *data: told.append((migration, error)))
    wait(lambda: told, method)
    return told[0][1]


def refused(function, *arguments):
    """Return the text of the error that it raises."""
    try:
        found = function(*arguments)
    except GLib.Error as error:
        same(error.domain, "gdw-error", "domain of the error")
        return error.message
    raise AssertionError(f"{function} was not refused: {found}")


class Side:
    """One VM, its migration and its QMP, and the signals that came."""

    def __init__(self, folder, name, incoming):
        self.runs = os.path.join(folder, name + ".run")
        self.socket = os.path.join(folder, name + ".qmp")
        self.vm = GodwitSoft.Vm.new(MEMORY, self.runs, incoming)
        self.migration = Godwit.Migration.new(self.vm.get_host(), None, None, incoming)
        self.vm.set_migration(self.migration)
        self.control = GodwitControl.Control.new(self.migration)
        self.control.listen_qmp(self.socket)
        self.signals = {name: [] for name in ("status", "pass", "run-state", "ended")}
        for name, came in self.signals.items():
            self.migration.connect(name, lambda _migration, value, came=came: came.append(value))

    def status(self):
        return [Godwit.status_name(value) for value in self.signals["status"]]

    def ask(self, command, **arguments):
        """Over its QMP."""
        def talk():
            client = Qmp(self.socket)
            try:
                return client.execute(command, arguments)
            finally:
                client.close()
        return aside(talk)

    def in_state(self, state):
        wait(lambda: self.migration.get_run_state() == state, f"run state {state}")

    def close(self):
        """Close the migration, so that it may be freed."""
        same(answered(self.migration.close), None, "error of close")
        gone = []
        self.migration.weak_ref(gone.append, "migration")
        self.vm.weak_ref(gone.append, "VM")
        self.migration = self.control = self.vm = None
        wait(lambda: len(gone) == 2, f"end of migration and VM, not of {gone} alone")


class Pair:
    """A source whose guest runs, and a destination that listens."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="godwit-gi-")
        self.source = Side(self.folder, "source", False)
        self.destination = Side(self.folder, "destination", True)
        same(answered(self.source.migration.cont), None, "error of cont")
        self.source.in_state(RunState.RUNNING)
        # The guest answers when it has filled its memory.
        check(self.source.ask("x-guest-check")["pages-checked"] > 0, "the guest has checked nothing")
        check(self.listen(os.path.join(self.folder, "link")), "it listens")
        return self.source, self.destination, self.link

    def listen(self, path):
        self.link = "unix:" + path
        if not self.destination.migration.incoming(self.link):
            return False
        wait(lambda: self.destination.migration.get_status() == Godwit.Status.SETUP, "a listener")
        return True

    def __exit__(self, error, *_of):
        if error:  # nothing else is to be said
            shutil.rmtree(self.folder)
            return
        runs = {side.runs: runlog.intervals(side.runs, time.monotonic_ns())
                for side in (self.source, self.destination)}
        try:
            self.source.close()
            self.destination.close()
        finally:
            shutil.rmtree(self.folder)
        runlog.assert_disjoint(runs)


def migrates():
    with Pair() as (source, destination, link):
        check(source.migration.set_parameter("downtime-limit", "2000"), "parameter")
        # Slow enough for vCPUs and device to write into what was sent.
        check(source.migration.set_parameter("max-bandwidth", str(2 * MEMORY)), "parameter")
        check(source.migration.set_capability("events", True), "capability")
        same(answered(destination.migration.stop), None, "error of stop")
        check(source.migration.start(link), "it starts")
        for side in source, destination:
            wait(lambda side=side: side.signals["ended"], "the end")
            same(side.signals["ended"], [Godwit.Status.COMPLETED], "how it ended")
            same(side.migration.get_status(), Godwit.Status.COMPLETED, "status")
            same(side.migration.get_error(), None, "error")
        same(source.status(), ["setup", "active", "device", "completed"], "of the source")
        same(destination.status()[-1], "completed", "of the destination")
        passes = source.signals["pass"]
        same(passes, list(range(1, len(passes) + 1)), "numbers of the rounds")
        check(len(passes) >= 2, passes)
        same(source.migration.get_id(), destination.migration.get_id(), "ids")
        same(source.migration.get_outcome(), Godwit.Outcome.DESTINATION, "who has the guest")
        prove_moved(source, destination)


def prove_moved(source, destination):
    same(source.signals["run-state"],
         [RunState.RUNNING, RunState.FINISH_MIGRATE, RunState.POSTMIGRATE], "run states")
    destination.in_state(RunState.PAUSED)
    same(source.ask("x-memory-digest"), destination.ask("x-memory-digest"), "memory")
    found = destination.ask("x-guest-check")
    check(found["pages-bad"] == 0 and found["pages-checked"] > 0, found)
    same(answered(destination.migration.cont), None, "error of cont")
    destination.in_state(RunState.RUNNING)
    error = answered(source.migration.cont)
    same(error.domain, "gdw-error", "domain")
    check("it was migrated and runs at the destination" in error.message, error.message)
    same(source.ask("query-status")["status"], "postmigrate", "query-status at the source")
    same(destination.ask("query-status")["status"], "running", "query-status at the destination")
    same(destination.ask("x-guest-check")["pages-bad"], 0, "bad pages while it runs")


class InParts(Pair):
    """The same at an address in parts; what is in them means nothing."""

    def listen(self, path):
        self.link = Godwit.Address.new("unix", path + ",a|b\\")
        self.link.add_option("literal", "on")
        if not self.destination.migration.incoming_at(self.link):
            return False
        wait(lambda: self.destination.migration.get_status() == Godwit.Status.SETUP, "a listener")
        return True


def migrates_to_an_address():
    with InParts() as (source, destination, link):
        check(os.path.exists(link.get_location()), "there is no socket of that very name")
        check(source.migration.set_parameter("downtime-limit", "2000"), "parameter")
        same(answered(destination.migration.stop), None, "error of stop")
        address = Godwit.Address.parse(link.to_string())
        same((address.get_transport(), address.get_location()), ("unix", link.get_location()), "parsed")
        address.add_filter("rate")
        address.add_option("bytes-per-second", str(16 * MEMORY))
        check(source.migration.start_to(address), "it starts")
        for side in source, destination:
            wait(lambda side=side: side.signals["ended"], "the end")
            same(side.signals["ended"], [Godwit.Status.COMPLETED], "how it ended")
        prove_moved(source, destination)
        error = refused(Godwit.Address.parse, "unix")
        check("there is no ':' after the name of the transport" in error, error)


def fails():
    """Nobody there: the error is an object that Python can read, the guest runs on."""
    with Pair() as (source, _destination, link):
        check(source.migration.start(link + "-none"), "it starts")
        wait(lambda: source.signals["ended"], "the end")
        same(source.status(), ["setup", "failed"], "statuses")
        error = source.migration.get_error()
        same((error.domain, link.removeprefix("unix:") in error.message), ("gdw-error", True),
             f"error {error}")
        same(Godwit.run_state_name(source.migration.get_run_state()), "running", "run state")


def refuses():
    with Pair() as (source, destination, link):
        says = refused(source.migration.start, "none:x")
        check("'none'" in says, says)
        says = refused(source.migration.set_parameter, "downtime-limit", "long")
        same(says, "Parameter 'downtime-limit' expects uint64", "set_parameter")
        says = refused(source.migration.continue_, Godwit.Status.PRE_SWITCHOVER)
        same(says, "Migration not in expected state: none", "continue")
        number = source.migration.block("a device: it has no state")
        check("a device: it has no state" in refused(source.migration.start, link), "blocked")
        source.migration.unblock(number)
        check(source.migration.cancel(), "nothing to cancel is no error")
        says = refused(GodwitControl.ControlHttp.new, destination.control, "0.0.0.0:0", None)
        none = os.environ.get("GODWIT_HTTP") == "no"
        check(("built without HTTP" if none else "there is no token") in says, says)


def get(address):
    with urllib.request.urlopen(address, timeout=DEADLINE) as answer:
        return answer.read()


def serves_http():
    """Until Python lets it go; it keeps its control as long."""
    with Pair() as (source, _destination, _link):
        http = GodwitControl.ControlHttp.new(source.control, "127.0.0.1:0", None)
        source.control = None
        address = http.get_address()
        same(aside(get, address + "healthz"), b'{"status":"ok"}', "healthz")
        same(source.ask("query-status")["status"], "running", "query-status")
        del http
        try:
            raise AssertionError(f"it answers: {aside(get, address + 'healthz')}")
        except urllib.error.URLError:
            pass
        check(not os.path.exists(source.socket), "its control is freed too")


TESTS = Tests()
TESTS.add("a guest migrates between two VMs in Python", migrates)
TESTS.add("a guest migrates to an address in parts", migrates_to_an_address)
TESTS.add("a migration that fails says why", fails)
TESTS.add("what is refused is raised", refuses)
TESTS.add("HTTP lives as long as its object", with_http(serves_http))
sys.exit(TESTS.run())
