# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""godwit-vmm processes for tests: a Lab holds the VMMs that one guest may live in."""

import fcntl
import functools
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import runlog
from processes import MORTAL
from qmp import DEADLINE, Qmp, QmpClosed, QmpError
from tap import Skip, diag, same

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("GODWIT_BUILD", os.path.join(ROOT, "build")))
PLUGINS = ":".join(os.path.join(BUILD, name) for name in ("trackers", "transports", "filters"))

PROGRAM = os.path.join(BUILD, "vmm", "godwit-vmm")

KVM_CREATE_VM = 0xAE01
ENDS = "completed", "failed", "cancelled"


@functools.cache
def have_kvm():
    """Whether a VM can be made: a /dev/kvm that is there need not work."""
    try:
        kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.close(fcntl.ioctl(kvm, KVM_CREATE_VM))
    except OSError:
        return False
    finally:
        os.close(kvm)
    return True


def need_accel(accel):
    if accel == "kvm" and not have_kvm():
        raise Skip("no /dev/kvm")


def best_accel():
    return "kvm" if have_kvm() else "soft"


class Vmm:
    """One process.  Made by Lab.vmm()."""

    def __init__(self, directory, name, options, through=()):
        self.name = name
        self.prefix = os.path.join(directory, name)
        self.ended_ns = None
        self.frozen = False
        self.told = threading.Condition()  # guards said
        self.said = []
        command = [*MORTAL, *through, PROGRAM, "--qmp", self.prefix + ".qmp",
                   "--run-log", self.prefix + ".run", "--serial", self.prefix + ".serial",
                   "--plugin-path", PLUGINS, *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        encoding="utf-8", errors="replace")
        self.pidfd = os.pidfd_open(self.process.pid)
        self.listener = threading.Thread(target=self.hear, daemon=True)
        self.listener.start()
        try:
            self.qmp = self.connect()
            self.qmp.used = self.used
            self.capability("events")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def hear(self):
        """Keep what it says on stderr."""
        for line in self.process.stderr:
            with self.told:
                self.said.append(line.rstrip("\n"))
                self.told.notify_all()

    def wait_said(self, *words):
        """Until a line on stderr has all of WORDS; that line."""
        def found():
            return [line for line in self.said if all(word in line for word in words)]
        with self.told:
            if not self.told.wait_for(found, DEADLINE):
                raise TimeoutError(f"{self.name}: did not say {words} in {DEADLINE:g} s")
            return found()[0]

    def wait_held(self, frame):
        """Until its filter `fault` stalls at FRAME."""
        self.wait_said("filter 'fault'", "stall", f" {frame}")

    def connect(self):
        """A QMP client of the process, which may be still starting."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            try:
                return Qmp(self.prefix + ".qmp")
            except (FileNotFoundError, ConnectionRefusedError):
                if self.wait_end(0.01):
                    raise AssertionError(f"{self.name} ended: {self.stderr()}") from None
        raise TimeoutError(f"{self.name}: no QMP socket in {DEADLINE:g} s")

    def used(self):
        """Seconds of processor time."""
        try:
            return time.clock_gettime(~self.process.pid << 3 | 2)  # clock_getcpuclockid()
        except OSError:
            return 0  # it has ended

    def wait_end(self, seconds):
        """Whether the process has ended."""
        return bool(select.select([self.pidfd], [], [], seconds)[0])

    def stderr(self):
        with self.told:
            return "\n".join(self.said)

    def execute(self, command, arguments=None, **members):
        return self.qmp.execute(command, arguments, **members)

    def refuses(self, command, arguments, *texts):
        """The command fails and says each of TEXTS."""
        try:
            answer = self.execute(command, arguments)
        except QmpError as error:
            for text in texts:
                if text not in error.desc:
                    raise AssertionError(f"{command}: {text!r} is not in {error.desc!r}") from None
            return error
        raise AssertionError(f"{command} was not refused: {answer}")

    def capability(self, name, state=True):
        self.execute("migrate-set-capabilities",
                     {"capabilities": [{"capability": name, "state": state}]})

    def parameters(self, **members):
        self.execute("migrate-set-parameters", **members)

    def listen(self, address, filters=""):
        """migrate-incoming; the URI that a source connects to."""
        self.execute("migrate-incoming", {"uri": address + filters, "exit-on-error": False})
        transport = address.partition(":")[0]
        if not transport.endswith("tcp"):
            return address
        bound = self.execute("query-migrate")["socket-address"][0]
        host = f"[{bound['host']}]" if ":" in bound["host"] else bound["host"]
        return f"{transport}:{host}:{bound['port']}"

    def migrate(self, uri):
        self.execute("migrate", {"uri": uri})

    def wait_status(self, wanted):
        """Until the migration gets there, or to another end, which is a failure."""
        sent = None
        while True:
            try:
                status = self.qmp.wait("MIGRATION")["data"]["status"]
            except TimeoutError:
                before, sent = sent, self.info().get("ram", {}).get("transferred")
                if sent in (None, before):
                    raise
                continue  # a lot of memory, or a busy machine
            if status == wanted:
                return
            if status in ENDS:
                raise AssertionError(f"{self.name}: {status}, not {wanted}: {self.info()}")

    def info(self):
        return self.execute("query-migrate")

    def run_state(self):
        return self.execute("query-status")["status"]

    def wait_run_state(self, wanted):
        deadline = time.monotonic() + DEADLINE
        while self.run_state() != wanted:
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name}: {self.run_state()}, not {wanted}")
            self.wait_end(0.01)

    def running(self):
        return self.execute("query-status")["running"]

    def guest_check(self):
        """Every page is right, says the guest; or the VMM, of a paused one."""
        result = self.execute("x-guest-check")
        same(result["pages-bad"], 0, f"{self.name}: bad pages of {result}")
        same(result["running"], self.running(), f"{self.name}: who checked")
        if not result["pages-checked"]:
            raise AssertionError(f"{self.name}: no page was checked: {result}")
        return result

    def wait_filled(self):
        """Until the guest has filled its memory: a check would read all of it."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            with open(self.prefix + ".serial", "rb") as file:
                if b"!" in file.read():
                    return
            if self.wait_end(0.01):
                raise AssertionError(f"{self.name} ended: {self.stderr()}")
        raise TimeoutError(f"{self.name}: the guest did not fill its memory in {DEADLINE:g} s")

    def memory_use(self):
        """Bytes: private ones, and those of its shared guest memory."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            private = [line.split() for line in file if line.startswith("RssAnon:")]
        folder = f"/proc/{self.process.pid}/fd"
        files = [os.stat(os.path.join(folder, fd)).st_blocks for fd in os.listdir(folder)
                 if "memfd:guest-memory" in os.readlink(os.path.join(folder, fd))]
        return int(private[0][1]) * 1024 + sum(files) * 512

    def has_huge_pages(self):
        """Whether a part of its memory is in hugetlbfs."""
        with open(f"/proc/{self.process.pid}/smaps", encoding="utf-8") as file:
            return any(line.split() == ["KernelPageSize:", "2048", "kB"] for line in file)

    def digest(self):
        return self.execute("x-memory-digest")

    def holds(self):
        """Numbers of its open files and of its threads."""
        process = f"/proc/{self.process.pid}"
        return len(os.listdir(process + "/fd")), len(os.listdir(process + "/task"))

    def wait_holds(self, before):
        """Until it holds what it held BEFORE: what a migration took is given back."""
        deadline = time.monotonic() + DEADLINE
        while self.holds() != before:
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name}: files and threads: before {before}, "
                                     f"now {self.holds()}")
            self.wait_end(0.01)

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        if not self.wait_end(DEADLINE):
            raise TimeoutError(f"{self.name}: still there {DEADLINE:g} s after signal {number}")
        # Not later than the guest's last instruction, by a hair: nothing starts before the kill.
        self.ended_ns = time.monotonic_ns()
        return self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def runs(self):
        return runlog.intervals(self.prefix + ".run", self.ended_ns or time.monotonic_ns())

    def end(self):
        """End it cleanly if it is still there; what is wrong with how it ended, or None."""
        killed = self.ended_ns is not None
        if self.frozen:
            self.thaw()
        if not killed and not self.wait_end(0):
            self.process.terminate()
        if not self.wait_end(DEADLINE):
            self.process.kill()
            self.process.wait()
            return f"did not end {DEADLINE:g} s after SIGTERM"
        status = self.process.wait()
        self.listener.join(DEADLINE)
        os.close(self.pidfd)
        if not killed and status != 0:
            return f"ended with status {status}"
        for mark in "Sanitizer", "runtime error:", "-CRITICAL **", "-WARNING **":
            if mark in self.stderr():
                return f"said {mark}"
        return None


class Lab:
    """A folder and the VMMs of one guest.  At its end: no two of them ever ran at once, and
    each ended cleanly."""

    def __init__(self, accel=None, memory="64M", vcpus=1, backend="anon", workload=None):
        self.accel = accel or best_accel()
        need_accel(self.accel)
        self.options = ["--accel", self.accel, "--memory", memory, "--vcpus", str(vcpus),
                        "--mem-backend", backend]
        self.workload = ["--workload", workload] if workload else []
        self.vmms = []
        self.through = {}  # name of a VMM: the command that starts it

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="godwit-")
        return self

    def vmm(self, name, *options):
        vmm = Vmm(self.directory, name, [*self.options, *options], self.through.get(name, ()))
        self.vmms.append(vmm)
        return vmm

    def source(self, *options):
        """A VM whose guest runs and has filled its memory."""
        vmm = self.vmm("source", *self.workload, *options)
        vmm.guest_check()
        return vmm

    def failing(self, *options):
        """Return the error of a VMM that cannot start."""
        done = subprocess.run([*MORTAL, PROGRAM, *self.options, *options], stdin=subprocess.DEVNULL,
                              capture_output=True, encoding="utf-8", timeout=DEADLINE, check=False)
        same(done.returncode, 1, "exit status of a VMM that cannot start")
        return done.stderr

    def destination(self, name="destination", *options):
        return self.vmm(name, "--incoming", "defer", *options)

    def path(self, name):
        return os.path.join(self.directory, name)

    def address(self, transport, name="link"):
        """Where a destination may listen."""
        return (transport + ":127.0.0.1:0" if transport.endswith("tcp")
                else f"{transport}:{self.path(name)}")

    def __exit__(self, kind, error, trace):
        wrong = []
        failed = kind and not issubclass(kind, Skip)
        try:
            if failed:
                self.tell_status()
            wrong = self.end()
            if wrong or failed:
                self.explain()
        finally:
            self.clear()
        if wrong and not kind:
            raise AssertionError("; ".join(wrong))
        diag("\n".join(wrong))

    def end(self):
        """Return what is wrong with the run logs of all VMMs."""
        wrong = []
        try:
            runlog.assert_disjoint({vmm.name: vmm.runs() for vmm in self.vmms})
        except (AssertionError, ValueError) as overlap:
            wrong.append(str(overlap))
        for vmm in self.vmms:
            how = vmm.end()
            if how:
                wrong.append(f"{vmm.name} {how}")
        return wrong

    def clear(self):
        """Whatever else went wrong: neither a process nor a file is left."""
        for vmm in self.vmms:
            vmm.process.kill()
            vmm.process.wait()
            vmm.qmp.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def tell_status(self):
        """Ask the VMMs that answer; an answer that came too late may be to another question."""
        for vmm in self.vmms:
            if vmm.ended_ns is None and not vmm.frozen:
                try:
                    diag(f"{vmm.name}: {vmm.run_state()}, {vmm.info()}")
                except (QmpClosed, QmpError, TimeoutError, AssertionError) as error:
                    diag(f"{vmm.name}: does not answer: {error}")

    def explain(self):
        for vmm in self.vmms:
            while vmm.qmp.listen_for(0.01):
                pass
            diag(f"{vmm.name}: events: {' '.join(vmm.qmp.story())}")
            diag(vmm.stderr())
