#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The run log on a full disk: no guest runs without its line, and from COMMIT on it runs."""

import contextlib
import os
import resource
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from disk import SmallDisk, append_all
from moves import prove_arrived, prove_next_works, prove_runs_at, wait_completed
from tap import Tests, check, same
from vmm import Lab

MIB = 1 << 20
FILLER = b"0" * 4095 + b"\n"


def log_of(lab, name):
    """The lines of a run log as [id, what]."""
    with open(lab.path(name + ".run"), encoding="ascii") as file:
        return [line.split()[1:] for line in file if not line.startswith("0")]


@contextlib.contextmanager
def lab_with_disk(name):
    """A Lab, and a small disk where the run log of NAME is, also when the Lab reads it."""
    with tempfile.TemporaryDirectory(prefix="godwit-") as folder, \
            SmallDisk(folder, MIB) as disk, \
            Lab("soft", memory="16M", workload="ws=4M,rate=2000") as lab:
        os.symlink(disk.path("log"), lab.path(name + ".run"))
        yield lab, disk


def fill_to_the_brim(disk):
    """Also what was reserved for the log: another process writes to it."""
    disk.fill()
    append_all(disk.path("log"), FILLER)


def make_room(disk):
    disk.make_room()
    with open(disk.path("log"), "rb+") as file:
        lines = [line for line in file.read().splitlines(True) if not line.startswith(b"0")]
        file.seek(0)
        file.truncate()
        file.write(b"".join(lines))


def failed_by_name(lab, source, destination, *words):
    """The migration failed before COMMIT, both sides say the root cause, and the source goes on."""
    source.wait_status("failed")
    destination.wait_status("failed")
    for vmm in source, destination:
        for word in "run log", "reserving room for its lines failed", *words:
            check(word in vmm.info()["error-desc"],
                  f"{vmm.name}: {word!r} is not in {vmm.info()['error-desc']!r}")
    same(source.info()["x-outcome"], "source", "x-outcome")
    prove_runs_at(source, destination)
    same(log_of(lab, "destination"), [], "the run log of a destination without a guest")


def full_at_destination():
    with lab_with_disk("destination") as (lab, disk):
        source, destination = lab.source(), lab.destination()
        fill_to_the_brim(disk)
        source.migrate(destination.listen(lab.address("tcp")))
        failed_by_name(lab, source, destination, "No space left on device; make room")
        make_room(disk)
        source.migrate(destination.listen(lab.address("tcp")))
        wait_completed(source, destination)
        prove_runs_at(destination, source)
        same([what for _id, what in log_of(lab, "destination")], ["run"], "lines at the destination")


def full_after_prepared():
    """The place of the line was taken before: it is there, and so is that of the end."""
    with lab_with_disk("destination") as (lab, disk):
        source, destination = lab.source(), lab.destination()
        source.migrate(destination.listen(lab.address("tcp"), "|fault:at=PREPARED,kind=stall,for=1"))
        destination.wait_held("PREPARED")
        source.freeze()  # no COMMIT before the disk is full
        disk.fill()
        source.thaw()
        wait_completed(source, destination)
        prove_runs_at(destination, source)
        moved = [line[0] for line in log_of(lab, "source") if line[1] == "stop"]
        same(log_of(lab, "destination"), [[moved[0], "run"]], "lines at the destination")


def full_at_source():
    """Its log goes on saying that the guest runs, and it does."""
    with lab_with_disk("source") as (lab, disk):
        source, destination = lab.source(), lab.destination()
        fill_to_the_brim(disk)
        source.migrate(destination.listen(lab.address("tcp")))
        failed_by_name(lab, source, destination, "No space left on device; make room")
        same([what for _id, what in log_of(lab, "source")], ["run"], "lines at the source")
        make_room(disk)
        prove_next_works(lab, source)
        same([what for _id, what in log_of(lab, "source")], ["run", "stop"], "lines at the source")


def given_back_on_a_full_disk():
    """A VMM that writes stop has room for run, also where that begins a block of the disk."""
    with lab_with_disk("source") as (lab, disk):
        with open(disk.path("log"), "wb") as file:
            file.write(FILLER[95:])
        source, destination = lab.source(), lab.destination()
        source.capability("pause-before-switchover")
        source.migrate(destination.listen(lab.address("tcp")))
        source.wait_status("pre-switchover")
        disk.fill()
        source.execute("migrate_cancel")
        source.wait_status("cancelled")
        prove_runs_at(source, destination)
        same([what for _id, what in log_of(lab, "source")], ["run", "stop", "run"],
             "lines at the source")
        make_room(disk)
        source.capability("pause-before-switchover", False)
        prove_next_works(lab, source)


def stopped_on_a_full_disk():
    """The operator's word is obeyed; a log that cannot say so says that the guest runs."""
    with lab_with_disk("source") as (lab, disk):
        source = lab.source()
        fill_to_the_brim(disk)
        source.execute("stop")
        same(source.running(), False, "running after stop")
        source.wait_said("reserving room for its lines failed", "a line is missing")
        same([what for _id, what in log_of(lab, "source")], ["run"], "lines at the source")
        source.execute("cont")
        prove_runs_at(source)
        make_room(disk)
        prove_next_works(lab, source)


def full_at_start():
    with lab_with_disk("source") as (lab, disk):
        disk.fill()
        said = lab.failing("--run-log", disk.path("log"))
        for text in ("run log", "reserving room for its lines failed", "No space left on device",
                     "make room"):
            check(text in said, f"{text!r} is not in {said!r}")


def limit_file_size(vmm, size):
    """Limit as ulimit -f does, for a process that runs."""
    hard = resource.prlimit(vmm.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(vmm.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def limit_at(which):
    with Lab("soft", memory="16M", workload="ws=4M,rate=2000") as lab:
        source, destination = lab.source(), lab.destination()
        at = {"source": source, "destination": destination}[which]
        limit_file_size(at, os.stat(lab.path(which + ".run")).st_size + 100)
        source.migrate(destination.listen(lab.address("tcp")))
        failed_by_name(lab, source, destination, "File too large; raise ulimit -f")
        limit_file_size(at, resource.RLIM_INFINITY)
        prove_next_works(lab, source)


def line_is_cut():
    """When it is too late to fail the guest runs, and what is missing is said."""
    with Lab("soft", memory="16M", workload="ws=4M,rate=2000") as lab:
        source, destination = lab.source(), lab.destination()
        source.migrate(destination.listen(lab.address("tcp"), "|fault:at=PREPARED,kind=stall,for=1"))
        destination.wait_held("PREPARED")
        source.freeze()
        limit_file_size(destination, 20)
        source.thaw()
        wait_completed(source, destination)
        prove_runs_at(destination, source)
        destination.wait_said("run log", "writing more than a part of a line", "a line is missing")
        limit_file_size(destination, resource.RLIM_INFINITY)
        with open(lab.path("destination.run"), "r+", encoding="ascii") as file:
            same(len(file.read()), 20, "length of the line that is cut")
            file.truncate(0)  # nothing that intervals() could read


def no_regular_file(path):
    with Lab("soft", memory="16M", workload="ws=4M,rate=2000") as lab:
        for name in "source", "destination":
            os.symlink(path, lab.path(name + ".run"))
        source = lab.source()
        destination = lab.destination("destination", "--paused")
        source.migrate(destination.listen(lab.address("tcp")))
        wait_completed(source, destination)
        for name in "source", "destination":
            os.unlink(lab.path(name + ".run"))
        prove_arrived(source, destination)
        if path == "/dev/full":
            source.wait_said("writing a line failed: No space left", "a line is missing")


def main():
    tests = Tests()
    tests.add("full at the destination", full_at_destination)
    tests.add("full after PREPARED", full_after_prepared)
    tests.add("full at the source", full_at_source)
    tests.add("full while the source is paused, and given back", given_back_on_a_full_disk)
    tests.add("full at an operator's stop", stopped_on_a_full_disk)
    tests.add("full at the start", full_at_start)
    for which in "source", "destination":
        tests.add(f"a limit of the file's size, {which}", limit_at, which)
    tests.add("a line is cut", line_is_cut)
    for path in "/dev/null", "/dev/full":
        tests.add(path, no_regular_file, path)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
