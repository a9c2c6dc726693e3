#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""VMs with dirty rings, from the smallest to the largest, whose guest writes as fast as it can."""

import fcntl
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import (BUSY_STORY, CANCELLED_STORY, prove_arrived, prove_next_works, prove_runs_at,
                   prove_story, wait_completed)
from qmp import DEADLINE
from tap import Tests, check, diag, same
from vmm import Lab, best_accel, have_kvm

MIB = 1 << 20
WRITERS = 4


KVM_CREATE_VM = 0xAE01
KVM_ENABLE_CAP = 0x4068AEA3
KVM_CAP_DIRTY_LOG_RING_ACQ_REL = 223


def can_have(entries):
    kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    vm = fcntl.ioctl(kvm, KVM_CREATE_VM)
    try:
        fcntl.ioctl(vm, KVM_ENABLE_CAP,
                    struct.pack("IIQ24x64x", KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 0, entries * 16))
        return True
    except OSError:
        return False
    finally:
        os.close(vm)
        os.close(kvm)


def smallest(accel):
    """256 entries, or more on processors that log pages by themselves."""
    if accel == "soft" or not have_kvm():
        return 256
    return next((size for size in (256, 512, 1024, 2048) if can_have(size)), 256)


def lab_of(accel, vcpus=WRITERS):
    return Lab(accel, vcpus=vcpus, workload=f"ws=16M,writers={vcpus}")


def ring(size):
    return "--dirty-ring-size", str(size)


def begin_slowly(lab, size):
    """A migration that goes on and on, with vCPUs that wait for room again and again."""
    source = lab.source(*ring(size))
    source.parameters(max_bandwidth=64 * MIB, downtime_limit=1)
    destination = lab.destination("destination", "--paused")
    since = len(source.qmp.events)
    source.migrate(destination.listen(lab.address("tcp")))
    source.qmp.wait("MIGRATION_PASS", **{"pass": 2})
    return source, destination, since


def release(source, destination):
    source.parameters(max_bandwidth=0, downtime_limit=2000)
    wait_completed(source, destination)


def move(accel, size):
    with lab_of(accel) as lab:
        source = lab.source(*ring(size))
        destination = lab.destination("destination", "--paused", *ring(size))
        since = len(source.qmp.events)
        source.migrate(destination.listen(lab.address("tcp")))
        wait_completed(source, destination)
        prove_story(source, since, BUSY_STORY)
        info = source.info()
        same(info["x-tracker"], "dirty-ring", "x-tracker")
        check("x-warnings" not in info, f"warnings: {info.get('x-warnings')}")
        diag(f"{info['total-time']} ms, downtime {info['downtime']} ms")
        prove_arrived(source, destination)


def many_rounds(accel, size):
    with lab_of(accel) as lab:
        source, destination, _since = begin_slowly(lab, size)
        source.qmp.wait("MIGRATION_PASS", **{"pass": 4})
        release(source, destination)
        prove_arrived(source, destination)


def there_and_back(accel, size):
    """The guest comes home to a process whose rings are not new."""
    with lab_of(accel) as lab:
        one = lab.source(*ring(size))
        other = lab.destination("other", *ring(size))
        for source, destination in (one, other), (other, one), (one, other):
            source.migrate(destination.listen(lab.address("tcp")))
            wait_completed(source, destination)
            same(source.info()["x-tracker"], "dirty-ring", "x-tracker")
            prove_runs_at(destination, source)


def cancel(accel, size):
    with lab_of(accel) as lab:
        source, destination, since = begin_slowly(lab, size)
        source.execute("migrate_cancel")
        source.wait_status("cancelled")
        prove_story(source, since, CANCELLED_STORY)
        destination.wait_status("failed")
        prove_runs_at(source, destination)
        prove_next_works(lab, source)


def stop_and_cont(accel, size):
    with lab_of(accel) as lab:
        source, destination, _since = begin_slowly(lab, size)
        for _ in range(5):
            source.execute("stop")
            same(source.running(), False, "running after `stop`")
            source.execute("cont")
            same(source.running(), True, "running after `cont`")
        source.guest_check()
        source.execute("stop")
        release(source, destination)
        prove_arrived(source, destination)


def held(accel, size):
    """The hold before the switchover, and the guest taken back from there."""
    with lab_of(accel) as lab:
        source = lab.source(*ring(size))
        source.capability("pause-before-switchover")
        destination = lab.destination()
        source.migrate(destination.listen(lab.address("tcp")))
        source.wait_status("pre-switchover")
        source.execute("migrate_cancel")
        source.wait_status("cancelled")
        prove_runs_at(source, destination)
        source.capability("pause-before-switchover", False)
        prove_next_works(lab, source)


def quit_in_the_middle(accel, size):
    """The process ends cleanly with vCPUs at the gate."""
    with lab_of(accel) as lab:
        source, destination, _since = begin_slowly(lab, size)
        source.execute("quit")
        check(source.wait_end(DEADLINE), "the source has ended")
        destination.wait_status("failed")


def rates(accel):
    with lab_of(accel) as lab:
        source, destination, _since = begin_slowly(lab, 4096)
        deadline = time.monotonic() + DEADLINE
        while "x-vcpu-dirty-rates" not in source.info() and time.monotonic() < deadline:
            pass
        told = source.info()["x-vcpu-dirty-rates"]
        same([one["id"] for one in told], list(range(WRITERS)), "ids of the vCPUs")
        check(any(one["dirty-pages-rate"] for one in told), f"nobody writes: {told}")
        release(source, destination)
        check("x-vcpu-dirty-rates" in source.info(), "rates of a migration that has completed")
        prove_arrived(source, destination)


def prove_refused(source, tracker, text):
    source.parameters(tracker=tracker)
    source.refuses("migrate", {"uri": "tcp:127.0.0.1:1"}, text)
    same(source.info(), {}, "query-migrate after a refusal")
    plugin = [one for one in source.execute("query-plugins")
              if (one["kind"], one["name"]) == ("tracker", tracker)][0]
    same(plugin["usable"], False, f"{tracker} usable")
    same(plugin["why"], text, f"why {tracker} is not usable")


def wrong_tracker():
    with Lab() as lab:
        source = lab.source(*ring(4096))
        for tracker in "bitmap", "manual-protect":
            prove_refused(source, tracker,
                          f"tracker '{tracker}': open failed: this VM has dirty rings and so no "
                          "dirty bitmap; use tracker 'dirty-ring', or start the VM without "
                          "--dirty-ring-size")
        destination = lab.destination("destination", "--paused")
        source.parameters(tracker="auto")
        source.migrate(destination.listen(lab.address("tcp")))
        wait_completed(source, destination)
        same(source.info()["x-tracker"], "dirty-ring", "what auto took")
        prove_arrived(source, destination)
    with Lab() as lab:
        prove_refused(lab.source(), "dirty-ring",
                      "tracker 'dirty-ring': open failed: this VM has no dirty rings; start the "
                      "VM with --dirty-ring-size, or use tracker 'auto'")


def main():
    tests = Tests()
    for accel in "kvm", "soft":
        small = smallest(accel)
        for size in small, 65536:
            tests.add(f"{accel} {size} entries", move, accel, size)
            tests.add(f"{accel} {size} entries, many rounds", many_rounds, accel, size)
            tests.add(f"{accel} {size} entries, there and back", there_and_back, accel, size)
        tests.add(f"{accel} cancel", cancel, accel, small)
        tests.add(f"{accel} stop and cont", stop_and_cont, accel, small)
        tests.add(f"{accel} cancel in pre-switchover", held, accel, small)
        tests.add(f"{accel} quit", quit_in_the_middle, accel, small)
        tests.add(f"{accel} rates of the vCPUs", rates, accel)
    tests.add(f"{best_accel()} another tracker", wrong_tracker)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
