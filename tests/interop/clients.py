#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Clients that were written for QEMU, by others, migrate a guest between two godwit-vmm."""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

from moves import prove_arrived, wait_completed
from tap import Skip, Tests, check, same
from vmm import Lab

GO_PATH = "/usr/share/gocode"
GO_LIBRARY = os.path.join(GO_PATH, "src", "github.com", "digitalocean", "go-qemu")
NPM_PACKAGES = ["qemu-qmp@0.5.0", "split@1.0.1", "through@2.3.8"]


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300,
                          stdin=subprocess.DEVNULL, **options)


def need(program, package):
    if not shutil.which(program):
        raise Skip(f"no {program}; install {package}")


def go_client(folder):
    need("go", "golang-go")
    if not os.path.isdir(GO_LIBRARY):
        raise Skip("no go-qemu; install golang-github-digitalocean-go-qemu-dev")
    program = os.path.join(folder, "client")
    environment = {**os.environ, "GOPATH": GO_PATH, "GO111MODULE": "off", "GOFLAGS": "",
                   "GOCACHE": os.path.join(folder, "cache")}
    done = run(["go", "build", "-p", "2", "-o", program, os.path.join(HERE, "client.go")],
               env=environment)
    same((done.returncode, done.stderr), (0, ""), "go build")
    return [program]


def npm_client(folder):
    need("npm", "npm")
    done = run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder,
                "--cache", os.path.join(folder, "cache"), *NPM_PACKAGES])
    if done.returncode:
        raise Skip("npm cannot install qemu-qmp: " + done.stderr.strip().replace("\n", "; ")[:200])
    shutil.copy(os.path.join(HERE, "client.js"), folder)
    return ["node", os.path.join(folder, "client.js")]


def migrate(make_client):
    if not os.environ.get("GODWIT_TEST_ALL"):
        raise Skip("only with ./run test --all")
    with tempfile.TemporaryDirectory(prefix="godwit-interop-") as folder:
        client = make_client(folder)
        with Lab(workload="ws=16M,rate=2000") as lab:
            source, destination = lab.source(), lab.destination("destination", "--paused")
            done = run([*client, source.prefix + ".qmp", destination.prefix + ".qmp",
                        lab.address("unix")])
            same(done.returncode, 0, done.stderr)
            check(done.stdout.endswith("completed\n"), done.stdout)
            wait_completed(source, destination)
            prove_arrived(source, destination)


def main():
    tests = Tests()
    tests.add("go-qemu, a Go package of Debian", migrate, go_client)
    tests.add("qemu-qmp, a package of npm", migrate, npm_client)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
