# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A TCP proxy between a source and a destination, which harms the connection that a test
chooses, once it has carried so many bytes."""

import collections
import queue
import select
import socket
import struct
import threading
import time

from qmp import DEADLINE

READ_BYTES = 1 << 18


class Way:
    """One direction of a connection."""

    def __init__(self, origin, sink):
        self.origin, self.sink = origin, sink
        self.pending = b""
        self.carried = 0
        self.rate = 0  # bytes per second, 0: all there is
        self.resume = 0.0
        self.ended = False  # nothing comes any more
        self.lost = False   # what comes is thrown away

    def wants(self, now):
        """(socket, poll mask), or None."""
        if self.pending:
            return (self.sink, select.POLLOUT) if now >= self.resume else None
        return None if self.ended else (self.origin, select.POLLIN)

    def move(self):
        """Carry on after the poll."""
        try:
            if self.pending:
                self.give()
            else:
                self.take()
        except BlockingIOError:
            pass
        except OSError:
            self.ended, self.pending = True, b""

    def take(self):
        self.pending = self.origin.recv(READ_BYTES)
        self.ended = not self.pending
        if self.lost:
            self.pending = b""
        elif self.ended:
            self.sink.shutdown(socket.SHUT_WR)

    def give(self):
        most = min(len(self.pending), self.rate // 20) if self.rate else len(self.pending)
        count = self.sink.send(self.pending[:most])
        self.pending = self.pending[count:]
        self.carried += count
        if self.rate:
            self.resume = time.monotonic() + count / self.rate


class Connection:
    def __init__(self, near, far):
        self.near, self.far = near, far
        self.there, self.back = Way(near, far), Way(far, near)
        self.frozen = False
        self.closed = False

    def reset(self):
        """Both sides see a reset."""
        for end in self.near, self.far:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()
        self.closed = True

    def freeze(self):
        """Nothing passes any more, and nothing ends."""
        self.frozen = True

    def half_close(self):
        """The destination sees the end; what it answers still passes."""
        self.there.lost = True
        self.there.pending = b""
        self.far.shutdown(socket.SHUT_WR)

    def slow(self, rate):
        self.there.rate = rate

    def close(self):
        if not self.closed:
            self.near.close()
            self.far.close()
        self.closed = True


class Proxy:
    """Listens on loopback for connections to TARGET, (host, port); connections: in the order
    in which they came; after MOST of them nobody listens."""

    def __init__(self, target, most=256):
        self.target, self.most = target, most
        self.connections = []
        self.harms = collections.defaultdict(list)  # number: (bytes, method, arguments)
        self.harmed = threading.Event()
        self.orders = queue.SimpleQueue()
        self.bell, self.hear = socket.socketpair()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.listener.setblocking(False)
        self.ends = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.ends = True
        self.bell.send(b"x")
        self.thread.join(DEADLINE)
        for connection in self.connections:
            connection.close()
        for end in self.listener, self.bell, self.hear:
            end.close()

    def uri(self, transport="tcp"):
        return f"{transport}:127.0.0.1:{self.port}"

    def harm(self, number, how, *arguments, after=0):
        """Call the method HOW of a connection once AFTER bytes went to the destination."""
        self.orders.put((number, (after, how, arguments)))
        self.bell.send(b"x")

    def wait_harmed(self):
        if not self.harmed.wait(DEADLINE):
            raise TimeoutError(f"proxy: no harm was done in {DEADLINE:g} s")

    def carried(self, number):
        """Bytes that went to the destination."""
        return self.connections[number].there.carried

    def run(self):
        while not self.ends:
            self.step()

    def step(self):
        now = time.monotonic()
        waiting = {self.hear.fileno(): self.obey}
        if len(self.connections) < self.most:
            waiting[self.listener.fileno()] = self.accept
        poll = select.poll()
        for fd in waiting:
            poll.register(fd, select.POLLIN)
        masks, calls = collections.Counter(), collections.defaultdict(list)
        late = []
        for way in self.open_ways():
            wanted = way.wants(now)
            if wanted:
                masks[wanted[0].fileno()] |= wanted[1]
                calls[wanted[0].fileno()].append((wanted[1], way))
            elif way.pending:
                late.append(way.resume - now)
        for fd, mask in masks.items():
            poll.register(fd, mask)
        for fd, ready in poll.poll(max(1, min(late) * 1000) if late else None):
            if fd in waiting:
                waiting[fd]()
            for mask, way in calls[fd]:
                if ready & (mask | select.POLLERR | select.POLLHUP):
                    way.move()
        self.do_harm()

    def open_ways(self):
        for connection in self.connections:
            if not connection.closed and not connection.frozen:
                yield connection.there
                yield connection.back

    def accept(self):
        near, _ = self.listener.accept()
        far = socket.create_connection(self.target)
        for end in near, far:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setblocking(False)
        self.connections.append(Connection(near, far))
        if len(self.connections) == self.most:
            self.listener.close()

    def obey(self):
        self.hear.recv(64)
        while not self.orders.empty():
            number, harm = self.orders.get()
            self.harms[number].append(harm)

    def do_harm(self):
        for number, harms in self.harms.items():
            while harms and number < len(self.connections):
                connection, (after, how, arguments) = self.connections[number], harms[0]
                if connection.closed or connection.there.carried < after:
                    break
                harms.pop(0)
                getattr(connection, how)(*arguments)
                self.harmed.set()
