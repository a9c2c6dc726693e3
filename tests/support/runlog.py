# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""When a guest ran, from the run logs of its VMMs: lines of monotonic ns, migration id, run|stop."""

import os


def intervals(path, end):
    """The (start, end) of each run in ns; one that never stopped lasts until END."""
    out = []
    start = None
    if not os.path.exists(path):
        return out
    with open(path, encoding="ascii") as file:
        for line in file:
            when, _id, what = line.split()
            if what == "run" and start is None:
                start = int(when)
            elif what == "stop" and start is not None:
                out.append((start, int(when)))
                start = None
            else:
                raise AssertionError(f"{path}: {what} twice: {line}")
    if start is not None:
        out.append((start, end))
    return out


def assert_disjoint(named):
    """NAMED: {VM: intervals}; fails if two VMs ran at one instant."""
    every = sorted((start, end, name) for name, runs in named.items() for start, end in runs)
    for (_s, end, name), (start, _e, other) in zip(every, every[1:]):
        if start < end:
            raise AssertionError(f"both ran: {name} until {end}, {other} from {start}: {named}")
