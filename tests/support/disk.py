# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A small disk that can be filled to the brim, where this user may mount one."""

import ctypes
import errno
import os
import subprocess

from tap import Skip

CLONE_NEWNS = 0x20000


def run(*command):
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise Skip(f"no right to mount a small disk: {done.stderr.strip()}")


def leave_the_mounts_of_others():
    """Mounts from now on are seen by this process and its children alone, and go with them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        raise Skip(f"no right to mount a small disk: {os.strerror(ctypes.get_errno())}")
    if os.path.ismount("/"):  # the root of a chroot often is no mount
        run("mount", "--make-rprivate", "/")


class SmallDisk:
    """A disk of SIZE bytes, mounted at a folder that exists."""

    def __init__(self, folder, size):
        self.folder, self.size = folder, size

    def __enter__(self):
        leave_the_mounts_of_others()
        run("mount", "-t", "tmpfs", "-o", f"size={self.size}", "none", self.folder)
        return self

    def __exit__(self, kind, error, trace):
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def fill(self):
        """Nothing more fits; what others have reserved is theirs."""
        append_all(self.path("filler"), b"x" * 4096)

    def make_room(self):
        os.unlink(self.path("filler"))


def append_all(path, data):
    """Until no byte more can be written."""
    with open(path, "ab", buffering=0) as file:
        while data:
            try:
                while file.write(data) == len(data):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            data = data[:len(data) // 2]
