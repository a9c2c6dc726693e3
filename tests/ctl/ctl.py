# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""godwitctl processes for tests: with pipes, and on a terminal."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from processes import MORTAL
from qmp import DEADLINE
from tap import Skip, same
from vmm import BUILD

PROGRAM = os.path.join(BUILD, "ctl", "godwitctl")
DONE, FAILED, USAGE, CANCELLED, UNKNOWN = range(5)


def environment():
    """Return an environment with UTF-8 and nothing of the user who runs the tests."""
    out = {name: value for name, value in os.environ.items()
           if not name.startswith(("LC_", "LANG", "GODWIT_SOCKET"))}
    return {**out, "LC_ALL": "C.UTF-8", "TERM": "xterm"}


def ctl(*words, status=DONE, stdin=None, **variables):
    """Run godwitctl and return its output: (stdout, stderr)."""
    done = subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, encoding="utf-8",
                          timeout=2 * DEADLINE, check=False,
                          env={**environment(), **variables},
                          stdin=None if stdin is not None else subprocess.DEVNULL)
    if done.returncode != status:
        raise AssertionError(f"godwitctl {' '.join(words)}: status {done.returncode}, not "
                             f"{status}: {done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def refused(text, *words, status=FAILED, stdin=None):
    """It fails with exactly this line, and says nothing else."""
    out, err = ctl(*words, status=status, stdin=stdin)
    same((out, err), ("", "godwitctl: " + text + "\n"), f"godwitctl {' '.join(words)}")


class Background:
    """One with pipes that runs beside the test."""

    def __init__(self, *words):
        self.process = subprocess.Popen([*MORTAL, PROGRAM, *words], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        encoding="utf-8", env=environment())

    def line(self):
        """The next on stdout."""
        if not select.select([self.process.stdout], [], [], DEADLINE)[0]:
            raise TimeoutError(f"no line in {DEADLINE:g} s")
        return self.process.stdout.readline()

    def signal(self, number):
        self.process.send_signal(number)

    def deaf(self, status):
        """Close the reading end of its stdout; return stderr when it has ended."""
        self.process.stdout.close()
        self.process.wait(DEADLINE)
        same(self.process.returncode, status, "status")
        return self.process.stderr.read()

    def end(self, status):
        """The rest of (stdout, stderr)."""
        out, err = self.process.communicate(timeout=DEADLINE)
        same(self.process.returncode, status, f"exit status; it said {out}{err}")
        return out, err

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Terminal:
    """One on a pseudo terminal.  said: all that came, escape sequences too."""

    def __init__(self, *words, columns=100, rows=40, **variables):
        try:
            self.master, slave = pty.openpty()
        except OSError as error:
            raise Skip(f"skipped: no pseudo terminals: {error}") from error
        self.said = ""
        self.seen = 0  # what was waited for ends there
        self.before = termios.tcgetattr(slave)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.slave = slave
        self.process = subprocess.Popen(
            [*MORTAL, PROGRAM, *words], stdin=slave, stdout=slave, stderr=slave,
            env={**environment(), **variables},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))

    def take(self, seconds):
        """Whether something came."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self.said += os.read(self.master, 65536).decode("utf-8", "replace")
        return True

    def wait(self, *texts):
        """Until each of TEXTS was said after what was waited for before, in this order."""
        deadline = time.monotonic() + DEADLINE
        for text in texts:
            while text not in self.said[self.seen:]:
                left = deadline - time.monotonic()
                if left <= 0 or (not self.take(min(left, 0.2)) and self.has_ended()
                                 and not self.take(0) and text not in self.said[self.seen:]):
                    raise AssertionError(f"{text!r} was not said: {self.said[self.seen:][-600:]!r}")
            self.seen = self.said.index(text, self.seen) + len(text)

    def has_ended(self):
        return self.process.poll() is not None

    def type(self, text):
        os.write(self.master, text.encode())

    def signal(self, number):
        self.process.send_signal(number)

    def resize(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.signal(signal.SIGWINCH)

    def end(self, status):
        """Until it has ended; the terminal is as it was."""
        deadline = time.monotonic() + DEADLINE
        while not self.has_ended():
            self.take(0.05)
            if time.monotonic() > deadline:
                raise AssertionError(f"it does not end: {self.said[-500:]!r}")
        while self.take(0):
            pass
        same(self.process.returncode, status, f"exit status; it said {self.said!r}")
        same(termios.tcgetattr(self.slave), self.before, "settings of the terminal")
        return self.said

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        if not self.has_ended():
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)
