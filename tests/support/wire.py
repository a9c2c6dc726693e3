# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Two network namespaces with a wire between them that delays and loses packets.

The wire is this process: it reads the packets of a tun device in each namespace and writes them
to the other, so that what happens to each is up to the test, also where the kernel has no netem."""

import collections
import contextlib
import fcntl
import functools
import os
import random
import re
import select
import struct
import subprocess
import threading
import time

from qmp import DEADLINE
from tap import Skip

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
MTU = 9000
QUEUE = 10000
SOURCE, DESTINATION = 0, 1
FIN, SYN, RST, ACK = 1, 2, 4, 16


@functools.cache
def what_misses():
    """Why this user, or this kernel, can make no wire; None if it can.  Tried once, in full."""
    if os.geteuid() != 0:
        return "not root"
    if not os.path.exists("/proc/self/ns/net"):
        return "there is no /proc"  # where `ip netns add` fails, and leaves a mount behind
    try:
        with End(f"godwit-{os.getpid()}-try", f"gdw{os.getpid()}-try", "10.83.0.3") as end:
            run(*end.through(), "true")
    except (AssertionError, OSError) as error:
        return str(error)
    return None


def need_namespaces():
    missing = what_misses()
    if missing:
        raise Skip(f"no network namespaces: {missing}")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")


def remove_left_over():
    """Namespaces of tests that were killed."""
    names = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    for name in names:
        owner = re.fullmatch(r"godwit-(\d+)-\w+", name)
        if owner and not os.path.exists(f"/proc/{owner[1]}"):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


class End:
    """A network namespace NAME, with a tun device that this process reads and writes."""

    def __init__(self, name, device, address):
        self.name, self.device, self.address = name, device, address
        self.fd, self.made = -1, False

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        run("ip", "netns", "add", self.name)
        self.made = True
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(self.fd, TUNSETIFF,
                    struct.pack("16sH22x", self.device.encode(), IFF_TUN | IFF_NO_PI))
        run("ip", "link", "set", self.device, "netns", self.name)
        inside = *self.through(), "ip"  # `ip -n` mounts /sys anew, which not every root allows
        run(*inside, "address", "add", self.address + "/24", "dev", self.device)
        run(*inside, "link", "set", self.device, "mtu", str(MTU), "txqueuelen", str(QUEUE), "up")
        run(*inside, "link", "set", "lo", "up")

    def through(self):
        """Return the words that start a command inside."""
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    def __exit__(self, *_error):
        if self.fd >= 0:
            os.close(self.fd)
        if self.made:
            run("ip", "netns", "delete", self.name)


class Packet:
    """An IPv4 packet, as far as it is looked at."""

    def __init__(self, data):
        self.data = data
        head = (data[0] & 15) * 4
        self.is_tcp = data[0] >> 4 == 4 and data[9] == 6
        if self.is_tcp:
            (self.ports, self.seq, self.ack, self.offset,
             self.flags) = struct.unpack_from("!4sLLBB", data, head)

    def port(self, end):
        """The port at the source's end; END: who sent the packet."""
        return self.ports[:2] if end == SOURCE else self.ports[2:]

    def answer_reset(self):
        """Return the answer of a host that knows nothing of the connection."""
        source, destination = self.data[12:16], self.data[16:20]
        segment = (self.ports[2:] + self.ports[:2] +
                   struct.pack("!LLBBHHH", self.ack, 0, 5 << 4, RST, 0, 0, 0))
        pseudo = destination + source + struct.pack("!BBH", 0, 6, len(segment))
        segment = segment[:16] + checksum(pseudo + segment) + segment[18:]
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0)
        head += destination + source
        return head[:10] + checksum(head) + head[12:] + segment


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


class Connection:
    def __init__(self):
        self.carried = 0  # bytes of packets, from the source
        self.how = None   # None, "reject" or "swallow", from now on


class Wire:
    """DELAY in seconds, and LOSS of 1, for each direction.  Connections are numbered in the order
    in which the source began them."""

    def __init__(self, delay=0.0, loss=0.0, seed=1):
        self.delay, self.loss = delay, loss
        self.random = random.Random(seed)
        self.addresses = ["10.83.0.1", "10.83.0.2"]
        self.ends = [End(f"godwit-{os.getpid()}-{side}", f"gdw{os.getpid()}-{number}", address)
                     for number, (side, address) in enumerate(zip(("source", "destination"),
                                                                  self.addresses))]
        self.fds = []
        self.stack = contextlib.ExitStack()
        self.under_way = collections.deque()  # (when it is due, fd, data)
        self.ports = {}                       # port at the source: Connection
        self.connections = []
        self.lock = threading.Lock()          # guards connections and wanted
        self.wanted = {}                      # number: (bytes, how)
        self.hole = False
        self.harmed = threading.Event()
        self.stop = self.stopper = None  # a pipe
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        need_namespaces()
        remove_left_over()
        with contextlib.ExitStack() as stack:  # takes down what there is if one cannot be made
            self.fds = [stack.enter_context(end).fd for end in self.ends]
            self.stack = stack.pop_all()
        self.stop, self.stopper = os.pipe()
        self.thread.start()
        return self

    def __exit__(self, *_error):
        os.write(self.stopper, b"x")
        self.thread.join(DEADLINE)
        os.close(self.stop)
        os.close(self.stopper)
        self.stack.close()

    def through(self, end):
        """Return the words that start a command in the namespace of END."""
        return self.ends[end].through()

    def cut(self):
        """A black hole from now on."""
        self.hole = True

    def mend(self):
        self.hole = False

    def harm(self, number, how, after=0):
        """Once it has carried AFTER bytes, "reject" the packets of a connection with a reset to
        each side, or "swallow" them."""
        with self.lock:
            self.wanted[number] = after, how

    def wait_harmed(self):
        if not self.harmed.wait(DEADLINE):
            raise TimeoutError(f"wire: no harm was done in {DEADLINE:g} s")

    def run(self):
        poll = select.poll()
        for fd in [*self.fds, self.stop]:
            poll.register(fd, select.POLLIN)
        while True:
            left = self.under_way[0][0] - time.monotonic() if self.under_way else None
            for fd, _mask in poll.poll(None if left is None else max(0, left * 1000)):
                if fd == self.stop:
                    return
                self.take(self.fds.index(fd))
            self.give()

    def take(self, end):
        for _ in range(64):
            try:
                data = os.read(self.fds[end], MTU + 100)
            except BlockingIOError:
                return
            if not self.hole and not self.random.random() < self.loss:
                self.pass_on(end, Packet(data))

    def pass_on(self, end, packet):
        how = self.count(end, packet) if packet.is_tcp else None
        due = time.monotonic() + self.delay
        if how is None:
            self.under_way.append((due, self.fds[1 - end], packet.data))
        elif how == "reject" and packet.flags & ACK and not packet.flags & RST:
            self.under_way.append((due, self.fds[end], packet.answer_reset()))

    def count(self, end, packet):
        """Decide about a packet of the connection."""
        port = packet.port(end)
        with self.lock:
            if end == SOURCE and packet.flags & (SYN | ACK) == SYN and port not in self.ports:
                self.ports[port] = Connection()
                self.connections.append(self.ports[port])
            connection = self.ports.get(port)
            if not connection:
                return None
            connection.carried += len(packet.data) if end == SOURCE else 0
            number = self.connections.index(connection)
            after, how = self.wanted.get(number, (None, None))
            if how and not connection.how and connection.carried >= after:
                connection.how = how
                self.harmed.set()
            return connection.how

    def give(self):
        now = time.monotonic()
        while self.under_way and self.under_way[0][0] <= now:
            _due, fd, data = self.under_way.popleft()
            try:
                os.write(fd, data)
            except OSError:
                pass  # as a full queue of a router would
