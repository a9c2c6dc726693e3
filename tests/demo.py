#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The demo: a guest that writes memory moves, live, from one process to another."""

import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

from vmm import ENDS, Lab, have_kvm

MIB, GIB = 1 << 20, 1 << 30
TRACKERS = "bitmap", "manual-protect", "dirty-ring"
TRANSPORTS = "tcp", "multi-tcp", "unix", "file"
HEAD = ("tracker", "transport", "total time", "downtime", "rounds", "GiB sent", "pages checked",
        "verdict")


def free_memory():
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":") for line in file)
    return int(fields["MemAvailable"].split()[0]) * 1024


class Progress:
    """One line, drawn over and over on a terminal; elsewhere one line a round."""

    def __init__(self, what):
        self.what = what
        self.terminal = sys.stdout.isatty()
        self.round = None

    def show(self, info):
        if "ram" not in info:
            return
        ram = info["ram"]
        sweep = ram["dirty-sync-count"]
        line = (f"  {self.what:<19} {bar(1 - ram['remaining'] / ram['total'])} "
                f"{info['status']:<10} round {sweep:<3} {ram['transferred'] / GIB:6.2f} GiB sent "
                f"{ram['remaining'] / MIB:7.0f} MiB left "
                f"{ram['transferred'] / 1e6 / max(1, info['total-time']):6.2f} GB/s")
        if self.terminal:
            print("\r" + line, end="", flush=True)
        elif (sweep, info["status"]) != self.round:
            print(line, flush=True)
        self.round = sweep, info["status"]

    def end(self):
        if self.terminal:
            print()


def bar(share, width=24):
    done = max(0, min(width, int(share * width)))
    return "[" + "#" * done + "." * (width - done) + "]"


def follow(source, progress):
    """Until the migration has ended; query-migrate of then."""
    while True:
        info = source.info()
        progress.show(info)
        if info["status"] in ENDS:
            return info
        source.qmp.listen_for(0.1)


def what_is_wrong(info, checked, source, destination):
    if checked["pages-bad"]:
        return f"{checked['pages-bad']} bad pages"
    if not destination.running():
        return "the guest does not run"
    if source.running() or info["x-outcome"] != "destination":
        return "the source was not let go"
    return None


def move(accel, tracker, transport, memory):
    """One row of the table, and whether it is right."""
    progress = Progress(f"{tracker} {transport}")
    size = f"{memory // MIB}M"
    with Lab(accel, memory=size, workload=f"ws={memory // MIB // 4}M,rate=50000") as lab:
        source = lab.source(*(("--dirty-ring-size", "65536") if tracker == "dirty-ring" else ()))
        destination = lab.destination()
        source.parameters(tracker=tracker, multifd_channels=2)
        address = lab.address(transport)
        source.migrate(address if transport == "file" else destination.listen(address))
        info = follow(source, progress)
        progress.end()
        if info["status"] != "completed":
            return [tracker, transport, *["-"] * 5,
                    f"{info['status']}: {info.get('error-desc', 'no reason given')}"], False
        if transport == "file":
            destination.listen(address)
        destination.wait_status("completed")
        checked = destination.execute("x-guest-check")
        wrong = what_is_wrong(info, checked, source, destination)
    return [info["x-tracker"], info["x-transport"], f"{info['total-time'] / 1000:.2f} s",
            f"{info['downtime']} ms", str(info["ram"]["dirty-sync-count"]),
            f"{info['ram']['transferred'] / GIB:.2f}", str(checked["pages-checked"]),
            "wrong: " + wrong if wrong else "right"], not wrong


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) if column in (0, 1, len(HEAD) - 1) else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "  ".join(cells).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))


def main():
    accel = "kvm" if have_kvm() else "soft"
    memory = GIB if free_memory() > 5 * GIB else 256 * MIB
    print(("godwit demo: a KVM guest" if accel == "kvm" else
           "godwit demo: no /dev/kvm here, so a guest of the software host")
          + f" of {memory // MIB} MiB writes {memory // MIB // 4} MiB over and over, and moves"
          " from one process to another")
    rows, good = [list(HEAD)], True
    for tracker, transport in itertools.product(TRACKERS, TRANSPORTS):
        try:
            row, right = move(accel, tracker, transport, memory)
        except (AssertionError, TimeoutError, OSError) as error:
            row, right = [tracker, transport, *["-"] * 5, f"wrong: {error}"], False
        rows.append(row)
        good = good and right
    print()
    table(rows)
    print()
    print("Every page was checked by the guest itself, after it had moved." if good
          else "The demo failed.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
