# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A source and a destination with one or several links between them, on a network that fails."""

from moves import prove_arrived, prove_next_works, prove_runs_at, wait_completed
from proxy import Proxy
from tap import check, same


class Pair:
    """A pair of a Lab.  Each end of a migration gives back its files and threads."""

    def __init__(self, lab, links=1, timeout_ms=1500):
        self.source = lab.source()
        self.destination = lab.destination("destination", "--paused")
        self.before = [(vmm, vmm.holds()) for vmm in (self.source, self.destination)]
        for vmm in self.source, self.destination:
            vmm.parameters(x_peer_timeout=timeout_ms)
        self.source.parameters(downtime_limit=2000)
        if links > 1:
            self.source.capability("multifd")
            self.source.parameters(multifd_channels=links)

    def proxy(self, **options):
        """Between the two, on loopback; not too fast to be harmed in the middle."""
        self.source.parameters(max_bandwidth=128 << 20)
        uri = self.destination.listen("tcp:127.0.0.1:0")
        return Proxy(("127.0.0.1", int(uri.rpartition(":")[2])), **options)

    def warnings(self):
        return self.source.info().get("x-warnings", [])

    def prove_lost(self, *links):
        """x-warnings name these links, and nothing else."""
        texts = self.warnings()
        for number in links:
            check(any(f"link {number} was lost: " in text for text in texts),
                  f"x-warnings name link {number}: {texts}")
        same(len(texts), len(links), f"number of the warnings {texts}")
        same([link["id"] for link in self.source.info()["x-link-stats"] if link["lost"]],
             sorted(links), "lost links in x-link-stats")

    def prove_completed(self, listens=False):
        """All of the memory is there.  LISTENS: the destination does not know yet whether the
        source has heard of it, and goes on answering questions."""
        wait_completed(self.source, self.destination)
        for vmm, before in self.before:
            if vmm is self.source or not listens:
                vmm.wait_holds(before)
        prove_arrived(self.source, self.destination)

    def prove_failed(self, lab, *texts):
        """Nothing was lost: the source runs, and its next attempt is complete."""
        self.source.wait_status("failed")
        info = self.source.info()
        same(info["x-outcome"], "source", "x-outcome")
        for text in texts:
            check(text in info["error-desc"], f"{text!r} is not in {info['error-desc']!r}")
        prove_runs_at(self.source, self.destination)
        check(not self.destination.runs(), "the destination ran")
        self.prove_source_is_ready(lab)

    def prove_source_is_ready(self, lab):
        self.source.wait_holds(self.before[0][1])
        self.source.capability("multifd", False)
        self.source.parameters(x_peer_timeout=30000)
        prove_next_works(lab, self.source)
