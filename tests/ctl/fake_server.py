# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Servers that say what a test wants: over a UNIX socket, and over HTTP."""

import http.server
import json
import os
import socket
import tempfile
import threading

from qmp import DEADLINE

GREETING = b'{"QMP": {"version": {}, "capabilities": []}}\r\n'
OK = {"return": {}}


def encode(answer):
    return answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\r\n"


class Late:
    """An answer that is said only when the next command has come."""

    def __init__(self, answer):
        self.answer = answer


class FakeQmp:
    """Says GREETING, then to each command what ANSWERS has for its name: an object or bytes, or
    None to hang up; nothing more for what it does not have."""

    def __init__(self, greeting=GREETING, answers=()):
        self.greeting = greeting
        self.answers = {"qmp_capabilities": OK, **dict(answers)}
        self.folder = tempfile.TemporaryDirectory(prefix="godwit-")
        self.path = os.path.join(self.folder.name, "qmp")
        self.told = threading.Condition()  # guards asked
        self.asked = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(4)
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                self.talk(client)

    def talk(self, client):
        client.sendall(self.greeting)
        if not self.greeting and self.answers.get("qmp_capabilities") is None:
            return
        late = b""
        with client.makefile("rb") as lines:
            for line in lines:
                name = json.loads(line)["execute"]
                with self.told:
                    self.asked.append(name)
                    self.told.notify_all()
                answer = self.answers.get(name, b"")
                if answer is None:
                    return
                if isinstance(answer, Late):
                    late += encode(answer.answer)
                else:
                    client.sendall(late + encode(answer))
                    late = b""

    def wait_asked(self, name, times=1):
        """Until the command NAME has come so often."""
        with self.told:
            if not self.told.wait_for(lambda: self.asked.count(name) >= times, DEADLINE):
                raise TimeoutError(f"{name} did not come in {DEADLINE:g} s: {self.asked}")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.folder.cleanup()


class FakeHttp:
    """Answers every request with STATUS and BODY, or, if STATUS is None, not before its end.
    HEADERS are sent, too.  heads: the paths and headers that came."""

    def __init__(self, status, body, **headers):
        heads = self.heads = []
        self.came, self.ends = threading.Event(), threading.Event()
        came, ends = self.came, self.ends

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                heads.append((self.path, dict(self.headers)))
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                came.set()
                if status is None:
                    ends.wait(DEADLINE)
                    return
                self.send_response(status)
                for name, value in {"Content-Length": len(body), **headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *_words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.ends.set()
        self.server.shutdown()
        self.server.server_close()
