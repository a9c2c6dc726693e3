#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""soak.py N [SEED]: N migrations, to and fro between two processes, of guests that write, over
every transport, with faults, cancels and operators in between.  Nothing may be lost or leak."""

import os
import random
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from qmp import DEADLINE, LONG_S, QmpError
from vmm import ENDS, Lab, have_kvm

WARM_UP = 10  # migrations of a pair, at least, before it is measured
MEMORY_PERCENT = 2
# Of two processes without the guest's memory: stacks that the C library keeps are used a little
# deeper now and then.
MEMORY_SLACK_KIB = 256
PEER_TIMEOUT_MS = 1500
LOG_TRACKERS = "bitmap", "manual-protect"
FRAMES = ("CONNECT", "HELLO", "HELLO-ACK", "JOIN", "JOIN-ACK", "MEM", "ACK", "ROUND-END", "STATE",
          "PREPARE", "PREPARED", "COMMIT", "COMMITTED")
KINDS = "reset", "stall", "short", "flip", "drop", "duplicate"


class Unexpected(AssertionError):
    pass


def usage(vmm):
    """(descriptors, threads, KiB of its own memory: the guest's is shared)"""
    folder = f"/proc/{vmm.process.pid}"
    with open(folder + "/status", encoding="ascii") as file:
        own = [int(line.split()[1]) for line in file if line.startswith("RssAnon:")]
    return len(os.listdir(folder + "/fd")), len(os.listdir(folder + "/task")), own[0]


def is_held(vmm):
    """Whether the kernel holds a thread of it (state D), as KVM does for many seconds on a busy
    machine when a dirty log is switched on or off."""
    folder = f"/proc/{vmm.process.pid}/task"
    for task in os.listdir(folder):
        try:
            with open(f"{folder}/{task}/stat", encoding="utf-8") as file:
                if file.read().rpartition(") ")[2].startswith("D"):
                    return True
        except OSError:
            pass  # it has ended
    return False


def until(what, condition, held_by=()):
    """What CONDITION gives, once it gives something.  Time does not count while the kernel holds
    one of HELD_BY."""
    begin = time.monotonic()
    end = begin + DEADLINE
    while time.monotonic() < end:
        if got := condition():
            return got
        time.sleep(0.005)
        if any(is_held(vmm) for vmm in held_by):
            end = min(time.monotonic() + DEADLINE, begin + LONG_S)
    raise Unexpected(f"{what}: not within {DEADLINE:g} s")


class Pair:
    """Two processes that have one guest between them."""

    def __init__(self, rand, accel, ring, warm_up=WARM_UP):
        self.rand = rand
        self.warm_up = warm_up
        self.ring = ring
        self.name = f"{accel} {'ring' if ring else 'log'}"
        writers = rand.choice((1, 2))
        self.lab = Lab(accel, memory="64M", vcpus=2, backend="memfd",
                       workload=f"ws={rand.choice((2, 8, 24))}M,writers={writers},"
                                f"rate={rand.choice((2000, 20000, 60000))}")
        self.lab.__enter__()
        size = ("--dirty-ring-size", str(rand.choice((256, 1024, 4096)))) if ring else ()
        self.here = self.lab.vmm("a", *self.lab.workload, *size)
        self.here.wait_filled()
        self.there = self.lab.destination("b", *size)
        self.listens = None  # an address where the other one waits already
        self.done = 0
        self.first = None
        self.bad_pages = 0
        self.outcomes = {}

    def vmms(self):
        return self.here, self.there

    def end(self):
        """P1 is held against both run logs."""
        self.lab.__exit__(None, None, None)

    def count(self, what):
        self.outcomes[what] = self.outcomes.get(what, 0) + 1

    def plan(self):
        """Return the plan as text that repeats it."""
        rand = self.rand
        plan = {"tracker": "dirty-ring" if self.ring else rand.choice(LOG_TRACKERS),
                "transport": rand.choice(("tcp", "multi-tcp", "unix", "file", "tcp")),
                "links": rand.randint(1, 8), "multifd": rand.random() < 0.5,
                "bandwidth": rand.choice((0, 0, 0, 100, 300)) << 20, "way": "plain",
                "here": "", "there": ""}
        if self.listens:
            plan["transport"] = self.listens[0]
        chance = rand.random()
        if chance < 0.25:
            fault = (f"|fault:at={rand.choice(FRAMES)},kind={rand.choice(KINDS)},"
                     f"n={rand.choice((1, 1, 1, 2, 9))},seed={rand.randint(1, 9)}")
            if "at=CONNECT" in fault and "reset" not in fault:
                fault = "|fault:at=CONNECT,kind=reset"
            if plan["transport"] == "file" and "stall" in fault:
                fault += ",for=300"  # a disk is waited for
            plan["here" if rand.random() < 0.5 or self.listens else "there"] = fault
            plan["way"] = "fault"
        elif chance < 0.4:
            plan["way"] = "cancel"
            plan["after"] = rand.random() * 0.05
        elif chance < 0.47:
            plan["way"] = "hold"
        elif chance < 0.55:
            plan["way"] = "stop"
        elif chance < 0.62 and plan["transport"] != "file":
            plan["here"] = f"|delay:ms={rand.randint(1, 5)}"
        return plan

    def listen(self, plan):
        """The address to migrate to."""
        if self.listens:
            address, self.listens = self.listens[1], None
            return address
        address = self.lab.address(plan["transport"], f"link{self.done}")
        if plan["transport"] == "file":
            return address
        until("migrate-incoming", lambda: self.take(address + plan["there"]))
        self.listening = plan["transport"]
        text = self.there.info().get("socket-address")
        if not address.partition(":")[0].endswith("tcp"):
            return address
        return f"{plan['transport']}:{text[0]['host']}:{text[0]['port']}"

    def take(self, uri):
        """Whether it listens; the last attempt may be tidying up still."""
        try:
            self.there.execute("migrate-incoming", {"uri": uri, "exit-on-error": False})
        except QmpError:
            return False
        return True

    def operate(self, plan):
        if plan["way"] == "cancel":
            time.sleep(plan["after"])
            try:
                self.here.execute("migrate_cancel")
            except QmpError as error:
                if "COMMIT was sent" not in error.desc:
                    raise
        elif plan["way"] == "hold":
            until("pre-switchover", lambda: self.here.info()["status"] in
                  ("pre-switchover", *ENDS))
            if self.here.info()["status"] == "pre-switchover":
                self.here.execute("migrate-continue", {"state": "pre-switchover"})
        elif plan["way"] == "stop":
            for command in "stop", "cont":
                try:
                    self.here.execute(command)
                except QmpError:
                    return  # it has left meanwhile

    def set_up(self, plan):
        """Whether it can be; not while the last attempt is tidying up."""
        try:
            self.here.parameters(x_peer_timeout=PEER_TIMEOUT_MS, downtime_limit=500,
                                 tracker=plan["tracker"], multifd_channels=plan["links"],
                                 max_bandwidth=plan["bandwidth"])
            self.here.capability("multifd", plan["multifd"])
            self.here.capability("pause-before-switchover", plan["way"] == "hold")
        except QmpError:
            return False
        return True

    def migrate(self, plan):
        self.there.parameters(x_peer_timeout=PEER_TIMEOUT_MS)
        until("setting up", lambda: self.set_up(plan))
        address = self.listen(plan)
        self.here.migrate(address + plan["here"])
        self.operate(plan)
        status = until("the end", lambda: (status := self.here.info()["status"]) in ENDS and status,
                       [self.here])
        if status == "failed" and self.here.info()["x-outcome"] == "unknown":
            self.resolve()
            status = "completed" if self.here.run_state() == "postmigrate" else "resolved"
        self.count(status)
        if status == "completed":
            self.arrive(plan, address)
        else:
            self.stay(plan, status, address)

    def resolve(self):
        """Resolve as an operator does who looks at both."""
        arrived = self.there.info().get("status") == "completed"
        self.here.execute("x-migrate-resolve", {"run": "there" if arrived else "here"})

    def arrive(self, plan, address):
        if plan["transport"] == "file" and not self.load(plan, address):
            return
        until("completed at the destination",
              lambda: self.there.info().get("status") == "completed")
        if self.here.running():
            raise Unexpected("the source runs what it has given away")
        self.here, self.there = self.there, self.here
        self.look()

    def load(self, plan, address):
        """FALSE: what a fault did to the file was found, and the guest goes on where it was."""
        until("migrate-incoming", lambda: self.take(address))
        status = until("the end of the load",
                       lambda: (status := self.there.info()["status"]) in ENDS and status)
        os.unlink(address.partition(":")[2])
        if status == "completed":
            return True
        if plan["way"] != "fault":
            raise Unexpected(f"a file is refused: {self.there.info()['error-desc']}")
        self.count("bad file refused")
        self.here.execute("x-migrate-resolve", {"run": "here"})
        until("the guest runs again", lambda: self.here.running() or self.here.execute("cont"))
        self.look()
        return False

    def stay(self, plan, status, address):
        if plan["way"] in ("plain", "hold"):
            raise Unexpected(f"{status}: {self.here.info().get('error-desc')}")
        self.look()
        if plan["transport"] == "file":
            if os.path.exists(address.partition(":")[2] + ".partial"):
                raise Unexpected("a partial file is left")
            return
        state = until("the end of the destination", self.settled)
        if state == "setup":
            self.listens = plan["transport"], address
        elif state == "completed":
            raise Unexpected("both sides have the guest")

    def settled(self):
        """A destination that nobody reached goes on waiting."""
        status = self.there.info().get("status")
        return status if status in ("setup", *ENDS) else None

    def look(self):
        """The guest runs here and in no other place, and all its pages are right."""
        until("the guest runs", self.here.running)
        if self.there.running():
            raise Unexpected("both sides run the guest")
        result = self.here.execute("x-guest-check")
        self.bad_pages += result["pages-bad"]
        if result["pages-bad"]:
            raise Unexpected(f"{result['pages-bad']} bad pages")

    def step(self):
        plan = self.plan()
        self.last = plan
        self.done += 1
        self.migrate(plan)
        if self.done >= self.warm_up and not self.first:
            self.first = self.measure()

    def idle(self):
        """The last attempt of both has been tidied up: plain migrations there and back."""
        for links in 8, 8, 1, 1:
            plan = {"tracker": "auto", "transport": "unix", "links": links, "multifd": True,
                    "bandwidth": 0, "way": "plain", "here": "", "there": ""}
            if self.listens:
                plan["transport"] = self.listens[0]
            self.done += 1
            self.migrate(plan)
        time.sleep(0.3)

    def measure(self):
        self.idle()
        return [sum(column) for column in zip(*(usage(vmm) for vmm in self.vmms()))]


def report(pairs, failures, count):
    good = not failures
    bad = sum(pair.bad_pages for pair in pairs)
    print(f"{count} migrations, {len(failures)} failures, {bad} bad pages")
    for pair in pairs:
        outcomes = ", ".join(f"{n} {what}" for what, n in sorted(pair.outcomes.items()))
        print(f"{pair.name:<9} {outcomes}")
        if not pair.first or pair.broken:
            continue
        try:
            last = pair.measure()
        except (AssertionError, QmpError, TimeoutError) as error:
            print(f"FAILED: {pair.name}: {error}")
            good = False
            continue
        flat = (last[:2] == pair.first[:2] and
                last[2] <= max(pair.first[2] * (100 + MEMORY_PERCENT) / 100,
                               pair.first[2] + MEMORY_SLACK_KIB))
        print(f"{'':<9} descriptors {pair.first[0]} -> {last[0]}, threads {pair.first[1]} -> "
              f"{last[1]}, memory {pair.first[2]} -> {last[2]} KiB{'' if flat else ': NOT FLAT'}")
        good = good and flat
    return good


def main():
    # Free memory goes back to the system at once, so that growth is memory in use.
    os.environ.update(MALLOC_ARENA_MAX="1", MALLOC_TRIM_THRESHOLD_="65536",
                      MALLOC_MMAP_THRESHOLD_="4096")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    print(f"soak: {count} migrations, seed {seed}", flush=True)
    accels = ("kvm", "soft") if have_kvm() else ("soft",)
    rand = random.Random(seed)
    # Each new mixture may take a little more, once: half of them come before the measure.
    warm_up = max(WARM_UP, count // (2 * 2 * len(accels)))
    pairs = [Pair(rand, accel, ring, warm_up) for accel in accels for ring in (False, True)]
    failures = []
    for pair in pairs:
        pair.broken = False
    for number in range(count):
        alive = [pair for pair in pairs if not pair.broken]
        if not alive:
            break
        pair = alive[number % len(alive)]
        try:
            pair.step()
        except Exception as error:  # whatever it is, it is a failure with a place
            pair.broken = True
            failures.append(error)
            print(f"FAILED: migration {number} of seed {seed}, {pair.name}: {pair.last}\n"
                  f"{''.join(traceback.format_exception(error))}", flush=True)
            for vmm in pair.vmms():
                print(f"  {vmm.name}: {vmm.stderr()}")
    good = report(pairs, failures, count)
    for pair in pairs:
        try:
            pair.end()
        except AssertionError as error:
            print(f"FAILED: {pair.name}: {error}")
            good = False
    print("all right" if good else f"wrong; again: ./run soak {count} {seed}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
