# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""HTTP by hand, so that a request can be as wrong as a test wants it; server-sent events and
WebSocket."""

import base64
import json
import os
import socket
import struct
import time

from qmp import DEADLINE


class Connection:
    """One connection to 'http://HOST:PORT/' or a UNIX socket's path."""

    def __init__(self, address):
        if address.startswith("http://"):
            host, _, port = address[len("http://"):].rstrip("/").rpartition(":")
            self.host = f"{host}:{port}"
            self.socket = socket.create_connection((host.strip("[]"), int(port)), DEADLINE)
        else:
            self.host = "localhost"
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address)
        self.socket.settimeout(DEADLINE)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, method, path, body=None, **headers):
        """HEADERS: names with _ for -; None leaves one out."""
        lines = {"Host": self.host}
        if body is not None:
            lines["Content-Length"] = str(len(body))
        lines.update({name.replace("_", "-"): value for name, value in headers.items()})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items()
                       if value is not None)
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + (body or b""))

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the server has closed")
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode().rstrip("\r")

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def head(self):
        """(status, headers) of an answer."""
        status = int(self.line().split()[1])
        headers = {}
        while line := self.line():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return status, headers

    def answer(self):
        """(status, headers, body)"""
        status, headers = self.head()
        return status, headers, self.take(int(headers.get("content-length", 0)))

    def rest(self):
        """Read until the server closes."""
        while data := self.socket.recv(65536):
            self.buffer += data
        return self.buffer

    def so_far(self):
        """Read what is there without waiting."""
        self.socket.setblocking(False)
        try:
            return self.rest()
        except BlockingIOError:
            return self.buffer
        finally:
            self.socket.settimeout(DEADLINE)

    def is_closed(self):
        """Waits for the end."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        return True


def ask(address, method, path, body=None, **headers):
    with Connection(address) as connection:
        connection.send(method, path, body, **headers)
        return connection.answer()


def command(address, name, arguments=None, **headers):
    """(status, answer) of POST /qmp."""
    body = {"execute": name}
    if arguments is not None:
        body["arguments"] = arguments
    status, _, text = ask(address, "POST", "/qmp", json.dumps(body).encode(),
                          Content_Type="application/json", **headers)
    return status, json.loads(text)


class Events:
    """Server-sent events."""

    def __init__(self, address, **headers):
        self.connection = Connection(address)
        self.connection.send("GET", "/events", **headers)
        self.status, self.headers = self.connection.head()
        self.text = ""

    def next(self):
        while "\n\n" not in self.text:
            size = int(self.connection.line(), 16)
            self.text += self.connection.take(size).decode()
            self.connection.line()
        event, self.text = self.text.split("\n\n", 1)
        return json.loads(event[len("data: "):])

    def wait(self, matches):
        """The first event that MATCHES."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            event = self.next()
            if matches(event):
                return event
        raise TimeoutError("the event did not come")


def frame(first, data=b""):
    """Send a frame of a WebSocket, masked, as a client has to; FIRST: the flags and the kind."""
    mask = os.urandom(4)
    size = (struct.pack(">BB", first, 0x80 | len(data)) if len(data) < 126 else
            struct.pack(">BBH", first, 0xfe, len(data)) if len(data) < 65536 else
            struct.pack(">BBQ", first, 0xff, len(data)))
    return size + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


class WebSocket:
    """Opened as a browser does, or with other HEADERS."""

    def __init__(self, address, path="/events", **headers):
        self.connection = Connection(address)
        key = base64.b64encode(os.urandom(16)).decode()
        self.connection.send("GET", path, Upgrade="websocket", Connection="Upgrade",
                             Sec_WebSocket_Key=key, Sec_WebSocket_Version="13", **headers)
        self.status, self.headers = self.connection.head()

    def next(self):
        while True:
            first, second = self.connection.take(2)
            size = second & 0x7f
            if size == 126:
                size, = struct.unpack(">H", self.connection.take(2))
            elif size == 127:
                size, = struct.unpack(">Q", self.connection.take(8))
            data = self.connection.take(size)
            if first & 0xf == 1:
                return json.loads(data)
            if first & 0xf == 8:
                raise EOFError("closed")

    def send(self, message):
        """Send a text in one frame."""
        self.connection.socket.sendall(frame(0x81, json.dumps(message).encode()))
