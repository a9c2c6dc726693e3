#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A migration on the terminal, character by character, from answers that never change."""

import sys

from ctl import FAILED, UNKNOWN, Terminal, ctl
from fake_server import FakeQmp

from tap import Tests, same

RAM = {"transferred": 3 << 30, "remaining": 1 << 30, "total": 4 << 30, "duplicate": 7, "normal": 9,
       "dirty-pages-rate": 25600, "mbps": 8589.934592, "dirty-sync-count": 2, "page-size": 4096}
ACTIVE = {"status": "active", "ram": RAM, "total-time": 3100, "setup-time": 100,
          "expected-downtime": 40, "x-tracker": "bitmap", "x-transport": "multi-tcp", "x-links": 4,
          "x-rounds": [{"pages": 1 << 20, "bytes": 3 << 30, "ms": 3000, "dirty-pages": 1 << 18}]}
ENDED = {**ACTIVE, "status": "completed", "ram": {**RAM, "remaining": 0}, "downtime": 12,
         "total-time": 65100,
         "x-predicted-downtime": 11500, "x-warnings": ["a plugin has two files"],
         "blackout": {"pause-us": 1000, "state-us": 2000, "harvest-us": 0, "pages-us": 6000,
                      "handover-us": 2500, "resume-us": 500},
         "x-link-stats": [{"id": 0, "bytes": 2 << 30, "lost": False},
                          {"id": 1, "bytes": 1 << 30, "lost": True}]}

SUMMARY = """\
completed in 1 min 5 s: the guest is at the destination
  sent      3.00 GiB in 1 round, 47.3 MiB/s on average; multi-tcp, 4 links, tracker bitmap
  links     0: 2.00 GiB, 1: 1.00 GiB (lost)
  downtime  12 ms, predicted 11.5 ms
  blackout  █████░░░░░░░░░░▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▚▚▚▚▚▚▚▚▚▚▚▚▚▖▖
            █ pause 1.00 ms  ░ state 2.00 ms  ▓ harvest 0 us
            ▒ pages 6.00 ms  ▚ handover 2.50 ms  ▖ resume 500 us
  round      pages        sent       time  left dirty
      1    1048576    3.00 GiB     3.00 s      262144
  warning   a plugin has two files
"""


def server(info, **more):
    return FakeQmp(answers={"query-status": {"return": {"running": True, "status": "running"}},
                            "query-migrate": {"return": info}, **more})


def status(info, expected, **variables):
    with server(info) as fake:
        same(ctl("-s", fake.path, "status", **variables)[0], "guest: runs\nmigration: " + expected,
             "status")


def plain():
    status(ACTIVE, "active: 75 %, sent 3.00 GiB, left 1.00 GiB, 1.00 GiB/s, dirty 100 MiB/s, round 2, "
           "downtime about 40.0 ms\n")
    first = {**ACTIVE, "ram": {**RAM, "dirty-sync-count": 1, "dirty-pages-rate": 0, "mbps": 0,
                               "remaining": 1}}
    del first["expected-downtime"]
    status(first, "active: 99 %, sent 3.00 GiB, left 1 B, 1.00 GiB/s, dirty ?, round 1, downtime "
           "about ?\n")


def ended():
    status(ENDED, SUMMARY)
    with server(ENDED) as fake:
        same(ctl("-s", fake.path, "status", "--follow")[0], SUMMARY, "--follow")


def ascii_only():
    shown = dict(zip("█░▓▒▚▖", "#-=+*."))
    status(ENDED, "".join(shown.get(c, c) for c in SUMMARY), LC_ALL="C")


def one_line_of_parts():
    """Where there is room for it."""
    with server(ENDED) as fake, Terminal("-s", fake.path, "status", columns=120) as terminal:
        terminal.wait("▓ harvest 0 us  ▒ pages 6.00 ms  ▚")
        terminal.end(0)


def other_ends():
    status({"status": "failed", "error-desc": "link 'a': it broke: reset; try again",
            "x-outcome": "source"}, "failed\n  error     link 'a': it broke: reset; try again\n")
    info = {"status": "failed", "error-desc": "it broke", "x-outcome": "unknown"}
    status(info, "outcome unknown\n  error     it broke\n"
           "  the guest may run at the destination: see OUTCOME UNKNOWN in godwitctl(1)\n")
    for outcome, code, word, text in (
            ("source", FAILED, "failed", "migration: failed: it broke"),
            ("unknown", UNKNOWN, "outcome unknown", "migration: outcome unknown: it broke; the guest does not run here, "
             "it may run at the destination: ask there, and decide as godwitctl(1) says under "
             "OUTCOME UNKNOWN")):
        with server({**info, "x-outcome": outcome}) as fake:
            same(ctl("-s", fake.path, "status", "--follow", status=code),
                 (word + "\n", f"godwitctl: {text}\n"), outcome)


def addresses():
    for address, transport, text in (
            ({"type": "inet", "host": "127.0.0.1", "port": "7"}, "tcp", "tcp:127.0.0.1:7"),
            ({"type": "inet", "host": "::1", "port": "7"}, "multi-tcp", "multi-tcp:[::1]:7"),
            ({"type": "unix", "path": "/a"}, "unix", "unix:/a"),
            ({"type": "unix", "path": "a", "abstract": True}, "unix", "unix:@a"),
            ({"type": "unix", "path": "@a"}, "unix", "unix:./@a"),
            ({"type": "unix", "path": "@a", "abstract": True}, "unix", "unix:@@a"),
            ({"type": "unix", "path": "a,b|c\\"}, "unix", "unix:a\\,b\\|c\\"),
            ({"type": "unix", "path": "\\a\\,"}, "unix", "unix:\\a\\\\\\,")):
        status({"status": "setup", "socket-address": [address], "x-transport": transport},
               f"setup: waiting for the source at {text}\n")


def sizes():
    for size, text in ((0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (10240, "10.0 KiB"),
                       (1023 << 10, "1023 KiB"), ((1 << 20) - 1, "1.00 MiB"), (3 << 29, "1.50 GiB"),
                       ((1 << 63) - 1, "8.00 EiB")):
        status({**ACTIVE, "ram": {**RAM, "transferred": size}},
               f"active: 75 %, sent {text}, left 1.00 GiB, 1.00 GiB/s, dirty 100 MiB/s, round 2, "
               "downtime about 40.0 ms\n")


def times():
    for ms, text in ((999, "999 ms"), (1000, "1.00 s"), (59999, "60.0 s"), (60000, "1 min 0 s"),
                     (3600000, "1 h 0 min"), ((1 << 63) - 1, "5124095576 h 1 min")):
        status({"status": "cancelled", "total-time": ms}, f"cancelled in {text}\n")


def bar():
    """The bar as it stands in 70 columns."""
    with server(ACTIVE) as fake, \
            Terminal("-s", fake.path, "status", "--follow", columns=70) as terminal:
        terminal.wait("active  75 % " + "█" * 20 + "░" * 7 + " 3.00 GiB sent, 1.00 GiB left\r\n"
                      "  1.00 GiB/s, dirty 100 MiB/s, round 2, downtime about 40.0 ms")
        fake.answers["query-migrate"] = {"return": {"status": "completed"}}
        terminal.wait("completed: the guest is here")
        terminal.end(0)


def dumb():
    """Plain lines on a terminal that cannot move its cursor."""
    with server(ENDED) as fake, \
            Terminal("-s", fake.path, "status", "--follow", TERM="dumb") as terminal:
        same(terminal.end(0).replace("\r", "").splitlines()[:2], SUMMARY.splitlines()[:2], "--follow")


def main():
    tests = Tests()
    tests.add("while it runs", plain)
    tests.add("at its end", ended)
    tests.add("without UTF-8", ascii_only)
    tests.add("parts of the blackout in one line", one_line_of_parts)
    tests.add("failed and unknown", other_ends)
    tests.add("where it waits", addresses)
    tests.add("sizes", sizes)
    tests.add("times", times)
    tests.add("the bar", bar)
    tests.add("a dumb terminal", dumb)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
