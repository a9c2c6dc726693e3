#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A guest goes into a file, or a pipe, and comes out of it in another process."""

import fcntl
import os
import random
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from disk import SmallDisk
from moves import (BUSY_STORY, prove_arrived, prove_next_works, prove_runs_at, prove_story,
                   wait_completed)
from qmp import DEADLINE, Qmp, QmpError
from tap import Tests, check, same
from vmm import PLUGINS, Lab

MIB = 1 << 20
TRACKERS = "bitmap", "manual-protect", "dirty-ring"


def save(source, uri):
    since = len(source.qmp.events)
    source.migrate(uri)
    source.wait_status("completed")
    prove_story(source, since, BUSY_STORY)


def load(lab, uri, name="destination"):
    destination = lab.destination(name, "--paused")
    destination.execute("migrate-incoming", {"uri": uri, "exit-on-error": False})
    destination.wait_status("completed")
    return destination


def round_trip(accel, tracker, backend, writers):
    ring = ("--dirty-ring-size", "4096") if tracker == "dirty-ring" else ()
    with Lab(accel, vcpus=writers, backend=backend, workload=f"ws=16M,writers={writers}") as lab:
        source = lab.source(*ring)
        source.parameters(tracker=tracker)
        path = lab.path("guest")
        save(source, "file:" + path)
        same(source.info()["x-transport"], "file", "x-transport")
        same(os.stat(path).st_mode & 0o777, 0o600, "mode of the file")
        check(not os.path.exists(path + ".partial"), "the partial file is left")
        prove_arrived(source, load(lab, "file:" + path))


def offset():
    """The file keeps what a management tool wrote before the guest."""
    with Lab("soft", workload="ws=8M,rate=5000") as lab:
        source = lab.source()
        path = lab.path("guest")
        head = os.urandom(5 * MIB + 17)
        with open(path, "wb") as file:
            file.write(head + b"an older guest" * 1000)
        save(source, f"file:{path},offset={len(head)}")
        with open(path, "rb") as file:
            check(file.read(len(head)) == head, "the bytes before the offset have changed")
        wrong = lab.destination("wrong")
        refused(wrong, f"file:{path}", "does not speak godwit")
        refused(wrong, f"file:{path},offset={1 << 40}", "give the offset")
        prove_arrived(source, load(lab, f"file:{path},offset={len(head)}"))


def refused(vmm, uri, *texts):
    """The file is refused by name, and the VM waits for another."""
    since = len(vmm.qmp.events)
    try:
        vmm.execute("migrate-incoming", {"uri": uri, "exit-on-error": False})
    except Exception as error:
        text = str(error)
    else:
        while "failed" not in vmm.qmp.story(since):
            vmm.qmp.wait("MIGRATION")
        text = vmm.info()["error-desc"]
        check("cannot be restored from" in text, f"the file is not named: {text}")
    for part in texts:
        check(part in text, f"{part!r} is not in {text!r}")
    check(not vmm.running(), "it runs a guest that it refused")


def wrong_files():
    with Lab("soft", memory="16M", workload="ws=4M,rate=5000") as lab:
        source = lab.source()
        path, bad = lab.path("guest"), lab.path("bad")
        save(source, "file:" + path)
        with open(path, "rb") as file:
            good = file.read()
        wrong = lab.destination("wrong")
        refused(wrong, "file:" + lab.path("none"), "No such file", "check the path")
        refused(wrong, "file:" + lab.directory, "not a regular file")
        refused(wrong, "file:", "it names no file")
        with open(lab.path("x.partial"), "wb") as file:
            file.write(good)
        refused(wrong, "file:" + lab.path("x.partial"), "has not finished")
        refused(wrong, "file:" + lab.path("x"), "writer has not finished")
        rand = random.Random(7)
        ends = {0, 1, 39, 40, 41, 100, len(good) - 1, len(good) - 16, len(good) - 57,
                *(rand.randrange(len(good)) for _ in range(6))}
        for end in sorted(ends):
            with open(bad, "wb") as file:
                file.write(good[:end])
            refused(wrong, "file:" + bad)
        for tail in b"x", b"GDWF" + bytes(36), good[:4000]:
            with open(bad, "wb") as file:
                file.write(good + tail)
            refused(wrong, "file:" + bad)
        for at in [0, 5, 12, 30, 39, 44, 60, 90, len(good) - 1, len(good) - 20, len(good) - 50,
                   *(rand.randrange(len(good)) for _ in range(25))]:
            changed = bytearray(good)
            changed[at] ^= 1 << rand.randrange(8)
            with open(bad, "wb") as file:
                file.write(changed)
            refused(wrong, "file:" + bad)
        other = lab.vmm("other", "--memory", "32M", "--incoming", "defer")
        refused(other, "file:" + path, "region")
        prove_arrived(source, load(lab, "file:" + path))


def failed(lab, source, uri, *texts):
    source.migrate(uri)
    source.wait_status("failed")
    text = source.info()["error-desc"]
    for part in texts:
        check(part in text, f"{part!r} is not in {text!r}")
    same(source.run_state(), "running", "run state of the source")
    source.guest_check()


def full_disk():
    with Lab("soft", workload="ws=8M,rate=5000") as lab:
        folder = lab.path("small")
        os.mkdir(folder)
        with SmallDisk(folder, 20 << 20):
            source = lab.source()
            failed(lab, source, f"file:{folder}/guest", "failed after", "No space left", "make room")
            same(os.listdir(folder), [], "what is left in the folder")
            prove_next_works(lab, source)


def bad_places():
    with Lab("soft", memory="16M", workload="ws=4M,rate=5000") as lab:
        source = lab.source()
        failed(lab, source, "file:/no/such/folder/guest", "No such file", "check the folder")
        failed(lab, source, "file:" + lab.directory, "not a regular file")
        failed(lab, source, "file:/dev/null", "not a regular file")
        source.refuses("migrate", {"uri": f"file:{lab.path('x')}|delay:ms=1"}, "holds back written bytes")
        prove_next_works(lab, source)


def fifos():
    """The VMM waits for nobody: the monitor answers, and the guest runs."""
    with Lab("soft", memory="16M", workload="ws=4M,rate=5000") as lab:
        source = lab.source()
        fifo, partial = lab.path("fifo"), lab.path("guest.partial")
        os.mkfifo(fifo)
        os.mkfifo(partial)
        wrong = lab.destination("wrong")
        refused(wrong, "file:" + fifo, "not a regular file", "use fd:")
        failed(lab, source, "file:" + fifo, "not a regular file")
        failed(lab, source, "file:" + lab.path("guest"), "not a regular file")
        for option in "--serial", "--run-log", "--guest":
            said = lab.failing(option, fifo)
            for text in "file", f"'{fifo}'":
                check(text in said, f"{option}: {text!r} is not in {said!r}")
        said = lab.failing("--http", "127.0.0.1:0", "--http-token", fifo)
        check("not a regular file" in said and fifo in said, said)
        said = lab.failing("--plugin-path", PLUGINS, "--incoming", "file:" + fifo)
        check("not a regular file" in said and fifo in said, said)
        prove_next_works(lab, source)


def given_up():
    """One monitor waits for a listener, another gives it up, and the VM is there for the next."""
    with Lab("soft", memory="16M", workload="ws=4M,rate=5000") as lab:
        source, destination = lab.source(), lab.destination()
        folder = lab.path("locked")
        os.mkdir(folder)
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        other = Qmp(destination.prefix + ".qmp")
        said = []

        def listen():
            try:
                other.execute("migrate-incoming", {"uri": f"unix:{folder}/link"})
            except QmpError as error:
                said.append(error.desc)

        waiting = threading.Thread(target=listen)
        waiting.start()
        destination.execute("query-migrate")
        destination.execute("migrate_cancel")
        waiting.join(DEADLINE)
        os.close(lock)
        # If the machine is slow the lock's own patience was at its end.
        check(said and ("was cancelled" in said[0] or "lock of the folder" in said[0]), f"{said}")
        same(destination.run_state(), "inmigrate", "run state of the destination")
        other.close()
        source.migrate(destination.listen(lab.address("unix")))
        wait_completed(source, destination)
        prove_runs_at(destination, source)


def others_file():
    """A file that took the name of the partial file is another guest's."""
    with Lab("soft", memory="16M", workload="ws=4M,rate=5000") as lab:
        source = lab.source()
        path, other = lab.path("guest"), lab.path("other")
        for name, content in (path, b"what was there"), (other, b"another guest"):
            with open(name, "wb") as file:
                file.write(content)
        source.capability("pause-before-switchover")
        source.migrate("file:" + path)
        source.wait_status("pre-switchover")
        os.rename(other, path + ".partial")
        source.execute("migrate-continue", {"state": "pre-switchover"})
        source.wait_status("failed")
        check("another process has replaced" in source.info()["error-desc"], f"{source.info()}")
        for name, content in (path, b"what was there"), (path + ".partial", b"another guest"):
            with open(name, "rb") as file:
                same(file.read(), content, name)
        same(source.run_state(), "running", "run state of the source")
        os.unlink(path + ".partial")
        source.capability("pause-before-switchover", False)
        source.migrate("file:" + path)
        source.wait_status("completed")
        check(any("has been replaced" in text and path in text
                  for text in source.info()["x-warnings"]), "x-warnings")
        prove_arrived(source, load(lab, "file:" + path))


def two_writers():
    with Lab("soft", memory="16M", workload="ws=4M,rate=5000") as lab:
        source = lab.source()
        path = lab.path("guest")
        with open(path + ".partial", "wb") as stale:
            stale.write(b"of a writer that died")
        source.capability("pause-before-switchover")
        source.migrate("file:" + path)
        source.wait_status("pre-switchover")
        other = lab.vmm("other", "--workload", "ws=4M,rate=5000")
        failed(lab, other, "file:" + path, "another process is writing it")
        other.kill()
        source.execute("migrate-continue", {"state": "pre-switchover"})
        source.wait_status("completed")
        prove_arrived(source, load(lab, "file:" + path))


def cancelled():
    with Lab("soft", workload="ws=16M") as lab:
        source = lab.source()
        path = lab.path("guest")
        with open(path, "wb") as file:
            file.write(b"what was there")
        source.parameters(max_bandwidth=20 * MIB)
        source.migrate("file:" + path)
        source.wait_status("active")
        source.execute("migrate_cancel")
        source.wait_status("cancelled")
        with open(path, "rb") as file:
            same(file.read(), b"what was there", "the file of that name")
        check(not os.path.exists(path + ".partial"), "the partial file is left")
        prove_next_works(lab, source)


def killed(step):
    """No file, or a whole one."""
    with Lab("soft", workload="ws=16M") as lab:
        source = lab.source()
        path = lab.path("guest")
        source.migrate(f"file:{path}|fault:at={step},kind=stall")
        source.wait_held(step)
        source.kill()
        check(not os.path.exists(path), "a file whose writer died has its name")
        refused(lab.destination("wrong"), "file:" + path, "has not finished")


def many_links():
    with Lab("soft", memory="16M", workload="ws=4M,rate=5000") as lab:
        source = lab.source()
        source.capability("multifd")
        save(source, "file:" + lab.path("guest"))
        check(any("carries 1 links" in text for text in source.info()["x-warnings"]), "x-warnings")
        prove_arrived(source, load(lab, "file:" + lab.path("guest")))


def send_fd(vmm, name, fd):
    """getfd"""
    vmm.qmp.along = [fd]
    vmm.execute("getfd", fdname=name)
    os.close(fd)


def open_socket(accel):
    with Lab(accel, workload="ws=8M") as lab:
        source, destination = lab.source(), lab.destination("destination", "--paused")
        here, there = socket.socketpair()
        send_fd(source, "out", here.detach())
        send_fd(destination, "in", there.detach())
        destination.execute("migrate-incoming", {"uri": "fd:in"})
        save(source, "fd:out")
        destination.wait_status("completed")
        source.refuses("closefd", {"fdname": "out"}, "named 'out' not found")
        prove_arrived(source, destination)


def pipe(accel):
    with Lab(accel, workload="ws=8M,rate=5000") as lab:
        source, destination = lab.source(), lab.destination("destination", "--paused")
        there, here = os.pipe()
        send_fd(source, "out", here)
        send_fd(destination, "in", there)
        destination.execute("migrate-incoming", {"uri": "fd:in"})
        source.migrate("fd:out")
        source.wait_status("completed")
        destination.wait_status("completed")
        check(any("nobody has confirmed" in text for text in source.info()["x-warnings"]),
              "x-warnings")
        prove_arrived(source, destination)


def file_descriptor():
    with Lab("soft", memory="16M", workload="ws=4M,rate=5000") as lab:
        source = lab.source()
        path = lab.path("guest")
        with open(path, "wb") as file:
            file.truncate(64 * MIB)  # longer than the guest
        send_fd(source, "out", os.open(path, os.O_RDWR))
        source.migrate("fd:out")
        source.wait_status("completed")
        destination = lab.destination("destination", "--paused")
        send_fd(destination, "in", os.open(path, os.O_RDONLY))
        destination.execute("migrate-incoming", {"uri": "fd:in"})
        destination.wait_status("completed")
        prove_arrived(source, destination)


def monitors():
    """Each has descriptors and names of its own, and takes them along when it leaves."""
    with Lab("soft", memory="16M", workload="ws=4M,rate=5000") as lab:
        source = lab.source()
        folder = f"/proc/{source.process.pid}/fd"
        fds = len(os.listdir(folder))
        paths = lab.path("guest"), lab.path("other")
        files = [os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for path in paths]
        other = Qmp(source.prefix + ".qmp")
        # A descriptor with a command that has no use for it is not left for the next getfd.
        other.along = [files[1]]
        other.execute("query-status")
        source.refuses("getfd", {"fdname": "out"}, "No file descriptor supplied via SCM_RIGHTS")
        for qmp, fd in (other, files[1]), (source.qmp, files[0]):
            qmp.along = [fd]
            qmp.execute("getfd", fdname="out")
        other.along = [files[1]]
        other.execute("getfd", fdname="mine")
        source.refuses("migrate", {"uri": "fd:mine"}, "no descriptor of that name")
        source.refuses("closefd", {"fdname": "mine"}, "named 'mine' not found")
        for fd in os.listdir(folder):
            if os.readlink(os.path.join(folder, fd)) == paths[1]:
                source.refuses("migrate", {"uri": f"fd:{fd}"}, f"'{fd}'", "another monitor")
        source.migrate("fd:out")
        source.wait_status("completed")
        same(os.path.getsize(paths[1]), 0, "bytes in the other file")
        other.execute("closefd", fdname="out")
        other.close()
        deadline = time.monotonic() + DEADLINE
        while len(os.listdir(folder)) != fds and time.monotonic() < deadline:
            source.running()
        same(len(os.listdir(folder)), fds, "descriptors")
        destination = lab.destination("destination", "--paused")
        send_fd(destination, "in", os.open(paths[0], os.O_RDONLY))
        destination.execute("migrate-incoming", {"uri": "fd:in"})
        destination.wait_status("completed")
        prove_arrived(source, destination)
        for fd in files:
            os.close(fd)


def wrong_descriptors():
    with Lab("soft", memory="16M", workload="ws=4M,rate=5000") as lab:
        source = lab.source()
        fds = len(os.listdir(f"/proc/{source.process.pid}/fd"))
        source.refuses("migrate", {"uri": "fd:none"}, "no descriptor of that name", "getfd")
        source.refuses("migrate", {"uri": "fd:999"}, "Bad file descriptor")
        source.refuses("getfd", {"fdname": "x"}, "No file descriptor supplied via SCM_RIGHTS")
        source.refuses("closefd", {"fdname": "x"}, "File descriptor named 'x' not found")
        send_fd(source, "folder", os.open("/", os.O_RDONLY))
        source.refuses("migrate", {"uri": "fd:folder"}, "not a socket, pipe or file")
        there, here = os.pipe()
        send_fd(source, "wrong-end", there)
        source.migrate("fd:wrong-end")
        source.wait_status("failed")
        check("it cannot be written" in source.info()["error-desc"], f"{source.info()}")
        os.close(here)
        source.execute("closefd", {"fdname": "folder"})
        for _ in range(3):
            send_fd(source, "again", os.open("/dev/null", os.O_RDWR))
        source.execute("closefd", {"fdname": "again"})
        same(len(os.listdir(f"/proc/{source.process.pid}/fd")), fds, "descriptors")
        prove_next_works(lab, source)


def main():
    tests = Tests()
    for accel in "kvm", "soft":
        for tracker in TRACKERS:
            tests.add(f"{accel} {tracker} into a file and back", round_trip, accel, tracker,
                      "anon", min(4, os.cpu_count()))
        tests.add(f"{accel} memfd into a file and back", round_trip, accel, "auto", "memfd", 1)
        tests.add(f"{accel} over an open socket", open_socket, accel)
        tests.add(f"{accel} through a pipe", pipe, accel)
    for case in (offset, wrong_files, full_disk, bad_places, fifos, given_up, others_file, two_writers, cancelled, many_links,
                 file_descriptor, monitors, wrong_descriptors):
        tests.add(case.__name__.replace("_", " "), case)
    for step in "HELLO", "MEM", "STATE", "PREPARE", "COMMIT":
        tests.add(f"killed at {step}", killed, step)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
