#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""docs/embedding.md, done as a newcomer does it: the pieces of its VMM are put into an empty folder and
built against an installed godwit by the command of the page, and its guest migrates."""

import contextlib
import os
import re
import subprocess
import sys
import time

SOURCE = os.environ["GODWIT_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))

import runlog
from installed import installed, new_folder, run
from processes import MORTAL
from qmp import DEADLINE, Qmp, QmpError
from tap import Skip, Tests, check, same

FOLDER = new_folder("godwit-small-")
MINE = os.path.join(FOLDER, "my-vmm")
PIECE = re.compile(r"^<!-- quote: examples/small-vmm/small-vmm\.c -->\n```c\n(.*?)^```$", re.M | re.S)
HEAD = 3  # lines of licence, which a newcomer does not copy
PYTHON = "/usr/bin/python3"  # Debian's bindings are for Debian's Python
LIBRARIES = {"libgodwit", "libgodwit-control", "libglib-2.0", "libgio-2.0", "libgobject-2.0", "libc"}


def page():
    with open(os.path.join(SOURCE, "docs", "embedding.md"), encoding="utf-8") as file:
        return file.read()


def program():
    """The pieces of the page, one after the other."""
    return "\n".join(PIECE.findall(page()))


def whole():
    """The page has the file from its first line to its last."""
    with open(os.path.join(SOURCE, "examples", "small-vmm", "small-vmm.c"), encoding="utf-8") as file:
        same(program(), "".join(file.readlines()[HEAD:]), "the pieces of the page")


def builds():
    """The command of the page builds it without a warning, and a strict compiler has none either."""
    os.mkdir(MINE)
    with open(os.path.join(MINE, "small-vmm.c"), "w", encoding="utf-8") as file:
        file.write(program())
    command = re.search(r"^    (cc .*)$", page(), re.M)[1]
    strict = command.replace("cc ", "cc -std=gnu11 -Wall -Wextra -Wno-unused-parameter ", 1)
    for line in strict, command:
        same(run("sh", "-ec", line, cwd=MINE, env=installed().environment()), "", line)


def needs_no_more():
    said = run("readelf", "--dynamic", os.path.join(MINE, "my-vmm"))
    libraries = set(re.findall(r"\(NEEDED\).*\[(\w[\w.+-]*?)\.so", said))
    check(libraries <= LIBRARIES, f"it needs {libraries}")


class SmallVmm:
    """A process of it, with the options that the page gives to it."""

    def __init__(self, name, *options):
        self.socket = os.path.join(FOLDER, name + ".sock")
        self.log = os.path.join(FOLDER, name + ".run")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([*MORTAL, "./my-vmm", "--qmp", self.socket, *options], cwd=MINE,
                                            env=installed().environment(), stdout=log,
                                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                            encoding="utf-8")
        try:
            self.qmp = self.connect()
        except BaseException:
            self.process.kill()
            raise
        self.execute = self.qmp.execute

    def connect(self):
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            try:
                return Qmp(self.socket)
            except (FileNotFoundError, ConnectionRefusedError):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    raise AssertionError(f"it has ended: {self.process.wait(0.01)}") from None
        raise TimeoutError(f"{self.socket}: no QMP in {DEADLINE:g} s")

    def has(self, status):
        same(self.execute("query-status"), {"running": status == "running", "status": status},
             f"query-status at {self.socket}")

    def wait_migration(self, status):
        """One that listens from its start on has no events of migrations."""
        deadline = time.monotonic() + DEADLINE
        while True:
            found = self.execute("query-migrate")
            if found.get("status") == status:
                return
            check(time.monotonic() < deadline, f"not {status} after {DEADLINE:g} s: {found}")

    def wait_pages(self, number):
        """Until its guest, stopped in between, has written all memory so many times."""
        deadline = time.monotonic() + DEADLINE
        while True:
            self.execute("stop")
            found = self.execute("x-guest-check")
            same((found["pages-bad"], found["pages-checked"]), (0, 2048), "pages bad, checked")
            if found["passes"] >= number:
                return found["passes"]
            check(time.monotonic() < deadline, f"after {DEADLINE:g} s: {found}")
            self.execute("cont")

    def intervals(self):
        return runlog.intervals(self.log, time.monotonic_ns())

    def end(self):
        """End it by QMP; return its exit status and its output."""
        self.execute("quit")
        _nothing, said = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, said


def both(case):
    """The two processes of section 9, which end well whatever happens."""
    link = "unix:" + os.path.join(FOLDER, case.__name__ + ".link")
    vmms = []
    try:
        vmms.append(SmallVmm(case.__name__ + "-a"))
        vmms.append(SmallVmm(case.__name__ + "-b", "--incoming", link))
        case(*vmms, link)
        runlog.assert_disjoint({vmm.log: vmm.intervals() for vmm in vmms})
        for vmm in vmms:
            same(vmm.end(), (0, ""), "how it ended, and what it said")
    finally:
        for vmm in vmms:
            vmm.process.kill()
            vmm.process.wait()


def migrates(source, destination, link):
    """Stopped at both ends, memory is the same; then the guest goes on where it was."""
    before = source.wait_pages(1)
    source.execute("cont")
    destination.execute("stop")
    check(any(one["usable"] for one in source.execute("query-plugins") if one["kind"] == "tracker"),
          "no tracker can be used")
    source.execute("migrate", uri=link)
    for vmm in source, destination:
        vmm.wait_migration("completed")
    same(source.execute("x-memory-digest"), destination.execute("x-memory-digest"), "memory")
    source.has("postmigrate")
    destination.has("paused")
    destination.wait_pages(before + 2)
    destination.execute("cont")
    source.has("postmigrate")
    destination.has("running")
    check(source.intervals() and destination.intervals(), "each has run")


def runs_on_arrival(source, destination, link):
    """Without a word from anybody, the destination runs and the source does not."""
    source.execute("migrate", uri=link)
    destination.qmp.wait("RESUME")
    source.wait_migration("completed")
    source.has("postmigrate")
    destination.has("running")
    destination.execute("stop")
    same(destination.execute("x-guest-check")["pages-bad"], 0, "bad pages")


def stays(source, destination, link):
    """Nobody listens there: the guest stays, and a check of a running one is refused."""
    source.execute("migrate", uri=link + "-none")
    source.wait_migration("failed")
    source.has("running")
    destination.has("inmigrate")
    try:
        raise AssertionError(f"it was checked: {source.execute('x-guest-check')}")
    except QmpError as error:
        check("host 'small': cannot check: the guest runs; stop it first" in error.desc, error.desc)


def ends_on_its_way(source, destination, link):
    """quit while it migrates: the migration is cancelled, the process ends by itself."""
    source.execute("migrate-set-parameters", {"max-bandwidth": 65536})
    source.execute("migrate", uri=link)
    source.wait_migration("active")


def refuses():
    """Each mistake in a word, and no VM."""
    nowhere = os.path.join(FOLDER, "nowhere", "a.sock")
    long = os.path.join(FOLDER, "x" * 120)
    for options in ["--incoming", "none:x"], ["--qmp", nowhere], ["--qmp", long], ["--what"]:
        done = subprocess.run([*MORTAL, "./my-vmm", "--qmp", os.path.join(FOLDER, "r.sock"), *options],
                              cwd=MINE, env=installed().environment(), capture_output=True,
                              text=True, timeout=DEADLINE, check=False)
        same((done.returncode, done.stdout), (1, ""), f"status and output with {options}")
        check(done.stderr.startswith("small-vmm: ") and options[-1].partition(":")[0] in done.stderr,
              done.stderr)


def python_finds_it():
    """The typelib of the prefix, and the library that it names."""
    folder = os.path.join(installed().prefix, "lib", "girepository-1.0")
    if not os.path.isdir(folder):
        raise Skip("built without gobject-introspection")
    if subprocess.run([PYTHON, "-c", "import gi"], capture_output=True, check=False).returncode:
        raise Skip("no python3-gi")
    code = ("from gi.repository import Godwit, GodwitControl; "
            "print(Godwit.status_name(Godwit.Status.ACTIVE), GodwitControl.Control.__name__)")
    env = installed().environment() | {"GI_TYPELIB_PATH": folder}
    same(run(PYTHON, "-W", "ignore", "-c", code, env=env), "active Control\n", code)


def add(tests):
    tests.add("the page has the whole program", whole)
    tests.add("what the page says builds", builds)
    tests.add("it needs godwit and GLib alone", needs_no_more)
    tests.add("its guest migrates", both, migrates)
    tests.add("its guest runs when it has arrived", both, runs_on_arrival)
    tests.add("its guest stays when nobody waits for it", both, stays)
    tests.add("it ends while it migrates", both, ends_on_its_way)
    tests.add("it says what is wrong", refuses)
    tests.add("another language finds what is installed", python_finds_it)


def main():
    tests = Tests()
    add(tests)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
