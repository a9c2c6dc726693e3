#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""pictures.py FOLDER: the pictures of the dashboard that are in the docs."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

# pylint: disable=wrong-import-position
from browser import Browser
from vmm import Lab


def main():
    folder = sys.argv[1]
    with Lab("soft", "512M", vcpus=2, workload="ws=96M,rate=18000,writers=2") as lab, \
            Browser() as page:
        source = lab.source("--http", "127.0.0.1:0")
        url = source.wait_said("http at").rsplit(" ", 1)[1]
        destination = lab.destination("destination", "--paused")
        source.parameters(max_bandwidth=90 << 20, downtime_limit=1, multifd_channels=4)
        page.size(1920, 1060)
        page.colors("dark")
        page.open(url)
        page.wait("document.body.dataset.link === 'live'")
        source.migrate(destination.listen("multi-tcp:127.0.0.1:0"))
        page.wait("document.querySelectorAll('#rounds tr').length >= 3")
        page.picture(os.path.join(folder, "dashboard-active.png"))
        source.parameters(downtime_limit=300)
        page.wait("document.querySelector('#blackout').checkVisibility()")
        page.colors("light")
        page.wait("document.querySelector('#downtime-limit').innerText === 'limit 300 ms'")
        page.run("Promise.all(document.getAnimations({subtree: true}).map((one) => one.finished))")
        page.picture(os.path.join(folder, "dashboard-completed.png"))


if __name__ == "__main__":
    main()
