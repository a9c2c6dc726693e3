#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Guests of every layout move: in huge pages, with a hole in their memory, with a ROM, mostly
empty, with many vCPUs."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from hugepages import HugePages
from moves import prove_arrived, wait_completed
from tap import Skip, Tests, check, diag, same
from vmm import Lab, best_accel

MIB = 1 << 20
GIB = 1 << 30
REGIONS = "ram-low", "rom", "ram-high"


def available():
    with open("/proc/meminfo", encoding="ascii") as file:
        lines = dict(line.split(":") for line in file)
    return int(lines["MemAvailable"].split()[0]) * 1024


def need_memory(size):
    if available() < size:
        raise Skip(f"less than {size // MIB} MiB of memory to be had")


def move(lab, source, *options):
    destination = lab.destination("destination", "--paused", *options)
    source.migrate(destination.listen(lab.address("tcp")))
    wait_completed(source, destination)
    info = source.info()
    diag(f"{info['total-time']} ms, downtime {info['downtime']} ms, "
         f"{info['ram']['dirty-sync-count']} rounds, {info['ram']['transferred'] // MIB} MiB")
    return destination


def huge_pages(accel, here, there):
    """The backing may differ; what is in it may not."""
    size = 64 * MIB
    with HugePages(size * [here, there].count("hugetlb")), \
            Lab(accel, memory="64M", vcpus=2, workload="ws=32M,writers=2,rate=20000", backend=here) as lab:
        source = lab.source()
        destination = move(lab, source, "--mem-backend", there)
        for vmm, backend in (source, here), (destination, there):
            same(vmm.has_huge_pages(), backend == "hugetlb", f"huge pages at the {vmm.name}")
        prove_arrived(source, destination)


def huge_pages_both_ways(accel):
    """A VM in huge pages that was left takes its guest back: none of them was lost."""
    with HugePages(128 * MIB), \
            Lab(accel, memory="64M", workload="ws=16M,rate=20000", backend="hugetlb") as lab:
        source = lab.source()
        destination = move(lab, source)
        prove_arrived(source, destination)
        uri = source.listen(lab.address("tcp"))
        source.wait_status("setup")
        source.execute("stop")  # it is to stay paused when the guest has come
        destination.migrate(uri)
        wait_completed(destination, source)
        prove_arrived(destination, source)


def too_few_huge_pages(accel):
    """However many there are: it asks for two more."""
    with HugePages(0) as pages, Lab(accel, backend="hugetlb") as lab:
        pages.need_an_end()
        free = pages.free()
        said = lab.failing("--memory", f"{(free + 2) * pages.SIZE // MIB}M")
        for text in ("taking huge pages failed", f"{free + 2} of 2 MiB are needed and {free} are free",
                     f"sysctl vm.nr_hugepages={pages.there() + 2}", "--mem-backend memfd"):
            check(text in said, f"{text!r} is not in {said!r}")
        same(pages.free(), free, "huge pages that are free after it failed")


def hole(accel, backend, *options):
    """RAM on both sides of the hole below 4 GiB, and the working set, too."""
    need_memory(8 * GIB if backend == "memfd" else 2 * GIB)
    with Lab(accel, memory="3136M", backend=backend, vcpus=2,
             workload="ws=16M,from=3064M,writers=2,rate=20000,fill=none") as lab:
        source = lab.source(*options)
        destination = move(lab, source, *options)
        digests = source.digest()
        same(tuple(one["region"] for one in digests), REGIONS, "regions")
        empty = [one["region"] for one in digests if one["digest"].startswith("e3b0c442")]
        same(empty, [], "regions with nothing in them")
        prove_arrived(source, destination)


def sparse(accel, backend):
    """Pages that were never written cost the destination no memory."""
    with Lab(accel, memory="1G", backend=backend, workload="ws=32M,rate=20000,fill=none") as lab:
        source = lab.vmm("source", *lab.workload)  # the guest's check would read all of it
        source.wait_filled()
        before = source.memory_use()
        destination = move(lab, source)
        here, there = source.memory_use(), destination.memory_use()
        diag(f"source {before // MIB}, then {here // MIB} MiB, destination {there // MIB} MiB")
        check(here < before + 64 * MIB, "the source has more memory than before")
        check(there < here + 64 * MIB, "the destination has more memory than the source")
        check(there < 256 * MIB, "a guest that is nearly empty fills the destination")
        prove_arrived(source, destination)


def many_vcpus(accel, vcpus):
    with Lab(accel, vcpus=vcpus, workload=f"ws=32M,writers={vcpus},rate=20000") as lab:
        source = lab.source()
        source.parameters(downtime_limit=2000)
        prove_arrived(source, move(lab, source))


def too_many_vcpus(accel, vcpus, text):
    with Lab(accel, vcpus=vcpus) as lab:
        said = lab.failing()
        check(text in said, f"{text!r} is not in {said!r}")


def worth_it(accel, backend):
    """Choose for a run without --all: memory that is mostly not there is the same for both, where its pages
    come from is not."""
    return "GODWIT_TEST_ALL" in os.environ or accel == ("soft" if backend == "memfd" else best_accel())


def main():
    tests = Tests()
    for accel in "kvm", "soft":
        for here, there in (("hugetlb", "hugetlb"), ("memfd", "hugetlb"), ("hugetlb", "anon")):
            tests.add(f"{accel} {here} to {there}", huge_pages, accel, here, there)
        tests.add(f"{accel} hugetlb there and back", huge_pages_both_ways, accel)
        tests.add(f"{accel} too few huge pages", too_few_huge_pages, accel)
        for backend in filter(lambda backend: worth_it(accel, backend), ("anon", "memfd")):
            tests.add(f"{accel} {backend} 3 GiB and more", hole, accel, backend)
            tests.add(f"{accel} {backend} mostly empty", sparse, accel, backend)
        tests.add(f"{accel} dirty-ring 3 GiB and more", hole, accel, "anon", "--dirty-ring-size", "4096")
        tests.add(f"{accel} 16 vCPUs", many_vcpus, accel, 16)
    tests.add("kvm 65 vCPUs", too_many_vcpus, "kvm", 65, "has stacks for 64 vcpus only")
    tests.add("soft 257 vCPUs", too_many_vcpus, "soft", 257, "--vcpus must be between 1 and 256")
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
