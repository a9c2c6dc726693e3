# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""No process outlives its test, however the test ends."""

import contextlib
import ctypes
import os
import select
import signal

PR_SET_CHILD_SUBREAPER = 36
SECONDS_TO_DIE = 5  # for what is being ended anyway
# Before a command: it is killed with the thread that starts it, also when that is killed itself.
MORTAL = "setpriv", "--pdeathsig", "KILL"


def adopt():
    """Children whose parents end become those of this process."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def processes():
    """The numbers of all; none where there is no /proc."""
    names = os.listdir("/proc") if os.path.isdir("/proc/self") else []
    return [int(name) for name in names if name.isdigit()]


def read(pid, name):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()
    return b""


def describe(pid):
    return f"process {pid}: {read(pid, 'cmdline').replace(bytes(1), b' ').decode(errors='replace').rstrip()}"


def parent(pid):
    stat = read(pid, "stat").rpartition(b")")[2].split()
    return int(stat[1]) if stat else 0


def reap():
    """Those that have ended and nobody has asked for."""
    with contextlib.suppress(ChildProcessError):
        while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG):
            pass


def children():
    return [pid for pid in processes() if parent(pid) == os.getpid()]


def end_children():
    """Kill what is left, and its children in turn; the names of those that were alive."""
    said = []
    reap()
    while left := children():
        for pid in left:
            said.append(describe(pid))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
    return said


def outlives(pid):
    """Whether it is there in a while."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        return not select.select([fd], [], [], SECONDS_TO_DIE)[0]
    finally:
        os.close(fd)


def left_behind(builds):
    """The names of the processes that were started by tests of these build folders."""
    marks = {b"GODWIT_BUILD=" + os.path.realpath(build).encode() for build in builds}
    found = []
    for pid in processes():
        told = set(read(pid, "environ").split(bytes(1)))
        of_meson = any(word.startswith(b"MESON_TEST_ITERATION=") for word in told)
        if of_meson and told & marks and pid != os.getpid() and outlives(pid):
            found.append(describe(pid))
    return found
