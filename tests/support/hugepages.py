# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Huge pages for a test, where this machine lets it have some."""

import os

from tap import Skip

ROOM = "/proc/sys/vm/nr_hugepages"
STATE = "/sys/kernel/mm/hugepages/hugepages-2048kB"


def read(name):
    with open(os.path.join(STATE, name), encoding="ascii") as file:
        return int(file.read())


class HugePages:
    """At least BYTES of them are free inside; as many as before exist after it."""

    SIZE = 2 << 20

    def __init__(self, size):
        self.needed = size // self.SIZE

    @staticmethod
    def free():
        return read("free_hugepages") - read("resv_hugepages")

    @staticmethod
    def there():
        return read("nr_hugepages")

    @staticmethod
    def need_an_end():
        if read("nr_overcommit_hugepages"):
            raise Skip("the kernel makes more huge pages when it is asked for them")

    def __enter__(self):
        if not os.path.isdir(STATE):
            raise Skip("no huge pages")
        self.before = self.there()
        self.set_room(self.before + max(0, self.needed - self.free()))
        if self.free() < self.needed:
            self.set_room(self.before)
            raise Skip("no huge pages")
        return self

    @staticmethod
    def set_room(pages):
        if pages == HugePages.there():
            return
        try:
            with open(ROOM, "w", encoding="ascii") as file:
                file.write(str(pages))
        except OSError:
            raise Skip("no huge pages") from None

    def __exit__(self, kind, error, trace):
        self.set_room(self.before)
