# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""A QMP client that blocks on its socket and gives up at a deadline, never earlier."""

import json
import os
import socket
import time

# Seconds until a thing that has to happen counts as a deadlock.
DEADLINE = float(os.environ.get("GODWIT_TEST_DEADLINE", "30"))
# These read all memory, which takes long on a busy machine: what counts is the processor time
# that the other side got for it.
LONG = "x-guest-check", "x-memory-digest"
LONG_S = 10 * DEADLINE


class QmpError(Exception):
    """The answer was an error."""

    def __init__(self, command, error):
        super().__init__(f"{command}: {error['class']}: {error['desc']}")
        self.error_class = error["class"]
        self.desc = error["desc"]


class QmpClosed(Exception):
    """The other side closed the socket."""


class Qmp:
    """One connection.  events: all that came, oldest first."""

    def __init__(self, path, negotiate=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.buffer = b""
        self.events = []
        self.next_event = 0
        self.next_id = 1
        self.along = []  # descriptors that go with the next command
        self.used = None  # or a function: seconds of processor time of the other side
        self.greeting = self.receive(time.monotonic() + DEADLINE)
        if negotiate:
            self.execute("qmp_capabilities")

    def close(self):
        self.socket.close()

    def receive(self, deadline):
        """The next message as a dict."""
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"QMP: nothing came in {DEADLINE:g} s")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError as error:
                raise QmpClosed(str(error)) from error
            if not data:
                raise QmpClosed("end of stream")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def receive_event(self, deadline):
        message = self.receive(deadline)
        if "event" not in message:
            raise AssertionError(f"not an event: {message}")
        self.events.append(message)

    def send(self, message):
        along, self.along = self.along, []
        try:
            socket.send_fds(self.socket, [json.dumps(message).encode() + b"\n"], along)
        except ConnectionError as error:
            raise QmpClosed(str(error)) from error

    def execute(self, command, arguments=None, **members):
        """The "return" of a command; dashes of ARGUMENTS may be underscores in MEMBERS."""
        arguments = dict(arguments or {})
        arguments.update((key.replace("_", "-"), value) for key, value in members.items())
        return self.ask("execute", command, arguments)

    def execute_oob(self, command, arguments=None):
        """The same, out of band, when nothing else is under way."""
        return self.ask("exec-oob", command, arguments)

    def ask(self, how, command, arguments):
        request = {how: command, "id": self.next_id}
        if arguments:
            request["arguments"] = arguments
        self.next_id += 1
        self.send(request)
        message = self.long_answer() if command in LONG and self.used else self.answer()
        if message.get("id") != request["id"]:
            raise AssertionError(f"answer to another command: {message}")
        if "error" in message:
            raise QmpError(command, message["error"])
        return message["return"]

    def answer(self):
        """The next message that is no event."""
        deadline = time.monotonic() + DEADLINE
        while True:
            message = self.receive(deadline)
            if "event" not in message:
                return message
            self.events.append(message)

    def long_answer(self):
        """The same, for as long as the other side works on it."""
        first = last = self.used()
        while True:
            try:
                return self.answer()
            except TimeoutError:
                now = self.used()
                if now == last or now - first > LONG_S:
                    raise
                last = now

    def wait(self, name, **data):
        """The first event after the last one waited for with this name and these members."""
        deadline = time.monotonic() + DEADLINE
        while True:
            while self.next_event < len(self.events):
                event = self.events[self.next_event]
                self.next_event += 1
                have = event.get("data", {})
                if event["event"] == name and data.items() <= have.items():
                    return event
            try:
                self.receive_event(deadline)
            except TimeoutError:
                raise TimeoutError(f"QMP: no {name} {data or ''} in {DEADLINE:g} s; came: "
                                   f"{' '.join(self.story()) or 'nothing'}") from None

    def listen_for(self, seconds):
        """Take one event, if it comes in time; whether it did."""
        try:
            self.receive_event(time.monotonic() + seconds)
        except (TimeoutError, QmpClosed):
            return False
        return True

    def story(self, since=0):
        """The events in short: setup PASS1 active STOP device PASS2 completed."""
        out = []
        for event in self.events[since:]:
            data = event.get("data", {})
            if event["event"] == "MIGRATION":
                out.append(data["status"])
            elif event["event"] == "MIGRATION_PASS":
                out.append(f"PASS{data['pass']}")
            else:
                out.append(event["event"])
        return out
