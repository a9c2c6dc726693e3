#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""HTTP: what it offers, and each attack on it."""

import json
import os
import re
import select
import socket
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

# pylint: disable=wrong-import-position
from http_client import Connection, Events, WebSocket, ask, command, frame
import tap
from qmp import DEADLINE
from tap import Tests, check, with_http
from vmm import Lab as AnyLab

TOKEN = "0123456789abcdef-of-a-test"
JSON = "application/json"
MIB = 1 << 20


class Lab(AnyLab):
    def __init__(self):
        super().__init__("soft", "16M", workload="ws=4M,rate=1000")


def same(got, expected, what="answer"):
    tap.same(got, expected, what)


def serve(lab, name="a", *options, http="127.0.0.1:0"):
    """A VMM that serves HTTP, and its address."""
    vmm = lab.vmm(name, "--http", http, *(() if "--incoming" in options else lab.workload),
                  *options)
    return vmm, vmm.wait_said("http at").rsplit(" ", 1)[1]


def reason(text):
    return json.loads(text)["error"]["desc"]


def commands():
    with Lab() as lab:
        _, url = serve(lab)
        same(command(url, "query-status"),
             (200, {"return": {"running": True, "status": "running"}}))
        status, _, text = ask(url, "POST", "/qmp", b'{"execute": "query-version", "id": [1, "x"]}',
                              Content_Type="application/json; charset=utf-8")
        same((status, json.loads(text)["id"]), (200, [1, "x"]))
        status, answer = command(url, "no-such-thing")
        same((status, answer["error"]["class"]), (404, "CommandNotFound"))
        status, answer = command(url, "migrate", {"uri": "nonsense"})
        same((status, answer["error"]["class"]), (400, "GenericError"))
        same(command(url, "stop"), (200, {"return": {}}))
        same(command(url, "query-status")[1]["return"]["status"], "paused")


def wrong_requests():
    with Lab() as lab:
        _, url = serve(lab)
        for body, part in ((b"", "JSON"), (b"{", "JSON"), (b"[]", "must be a JSON object"),
                           (b"{}", "lacks member 'execute'"),
                           (b'{"execute": 1}', "'execute' must be a string"),
                           (b'{"execute": "stop", "x": 1}', "'x' is unexpected"),
                           (b'{"execute": "stop"} {}', "JSON")):
            status, _, text = ask(url, "POST", "/qmp", body, Content_Type=JSON)
            same(status, 400)
            check(part in reason(text), f"{body[:40]}: {text}")
        same(command(url, "query-status")[0], 200)


def deep_bodies():
    with Lab() as lab:
        _, url = serve(lab)
        deep = b"[" * 200000 + b"]" * 200000
        for body in (deep, b'{"a":' * 100000, b'{"execute": "stop", "id": ' + deep + b"}"):
            status, _, text = ask(url, "POST", "/qmp", body, Content_Type=JSON)
            same(status, 400)
            check("nesting depth" in reason(text), text)
        same(command(url, "query-status")[1]["return"]["running"], True)


def methods():
    with Lab() as lab:
        _, url = serve(lab)
        for path, right in (("/qmp", "POST"), ("/events", "GET"), ("/metrics", "GET"),
                            ("/schema", "GET"), ("/healthz", "GET")):
            for method in "GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "XYZZY":
                if method == right:
                    continue
                status, headers, text = ask(url, method, path, b"", Content_Type=JSON)
                allowed = right if path in ("/qmp", "/events") else "GET, HEAD"
                same((status, headers["allow"]), (405, allowed), f"{method} {path}")
                check(f"use {right}" in reason(text), text)
            # A monitor that only watches whether it is up asks for the head alone.
            with Connection(url) as client:
                client.send("HEAD", path)
                status, headers = client.head()
                same(status, 405 if path in ("/qmp", "/events") else 200, f"HEAD {path}")
                check(int(headers["content-length"]) > 0, f"{headers}")
                check(not client.rest(), f"HEAD {path} has a body")
        # A script of another site asks so before it may send anything unusual.
        status, headers, _ = ask(url, "OPTIONS", "/qmp", Origin="http://evil.example",
                                 Access_Control_Request_Method="POST")
        same(status, 403)
        check(not any(name.startswith("access-control") for name in headers), f"{headers}")


def paths():
    """There are a few paths, and no files behind them."""
    with Lab() as lab:
        _, url = serve(lab)
        for path in ("/nowhere", "/qmp/", "/qmp/x", "/events/x", "/metrics/../../etc/passwd",
                     "/../../../../etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "//etc/passwd",
                     "/%2e%2e/%2e%2e/etc/passwd", "/healthz%00", "/metrics;x",
                     "/x" * 4000):
            status, _, text = ask(url, "GET", path)
            check(status in (400, 404) and b"root:" not in text, f"{path[:60]}: {status} {text}")
        same(ask(url, "GET", "/events", Upgrade="websocket", Connection="Upgrade")[0], 400)
        same(WebSocket(url, "/events/x").status, 404)
        same(WebSocket(url, "/qmp").status, 405)
        status, _, text = ask(url, "GET", "/nowhere")
        check("'/nowhere'" in reason(text) and "/metrics" in reason(text), text)


def ranges():
    """There are no ranges: a client that asks for a part gets the whole, once."""
    with Lab() as lab:
        _, url = serve(lab)
        for path in "/schema", "/healthz", "/dashboard.css":
            whole = ask(url, "GET", path)[2]
            for given in ("bytes=0-1", "bytes=-1", "bytes=9-", "bytes=" + "0-," * 4000 + "0-",
                          "bytes=0-3,-1,1-99999", "bytes=0-9223372036854775807", "bytes=5-2",
                          "bytes=-9223372036854775808", "bytes=--1", "bytes=-99999999999999"):
                status, _, text = ask(url, "GET", path, Range=given)
                same((status, text), (200, whole), f"{path} {given[:40]}")


def rebinding():
    with Lab() as lab:
        _, url = serve(lab)
        for host in ("evil.example", "evil.example:80", "localhost.evil.example",
                     "127.0.0.1.x", None):
            for method, path in ("GET", "/metrics"), ("GET", "/events"), ("POST", "/qmp"):
                status, _, text = ask(url, method, path, b"" if method == "POST" else None,
                                      Host=host, Content_Type=JSON)
                check(status in (400, 403), f"{host} {path}: {status} {text}")
        for host in "localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:99":
            same(ask(url, "GET", "/healthz", Host=host)[0], 200)


def other_sites():
    with Lab() as lab:
        _, url = serve(lab)
        body = b'{"execute": "quit"}'
        for origin in "http://evil.example", "null", "https://" + url[7:-1], "http://localhost":
            status, _, text = ask(url, "POST", "/qmp", body, Origin=origin, Content_Type=JSON)
            same(status, 403)
            check("another site" in reason(text), text)
            same(WebSocket(url, Origin=origin).status, 403)
            same(Events(url, Origin=origin).status, 403)
        # A form of another site can send these.
        for kind in "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None:
            same(ask(url, "POST", "/qmp", body, Content_Type=kind)[0], 415)
        same(ask(url, "GET", "/healthz", Origin=url.rstrip("/"))[0], 200)
        same(command(url, "query-status")[1]["return"]["running"], True)


def large_bodies():
    with Lab() as lab:
        vmm, url = serve(lab)
        vmm.wait_filled()
        before = vmm.memory_use()
        with Connection(url) as connection:
            connection.send("POST", "/qmp", None, Content_Type=JSON, Content_Length=str(1 << 40),
                            Expect="100-continue")
            same(connection.head()[0], 413)
        # A client that sends all before it reads has an answer, too.
        for size in MIB + 1, 2 * MIB:
            status, _, text = ask(url, "POST", "/qmp", b" " * size, Content_Type=JSON)
            same(status, 413)
            check("larger than 1048576 bytes" in reason(text), text)
        chunks = b"200000\r\n" + b" " * 2 * MIB + b"\r\n0\r\n\r\n"
        status, _, text = ask(url, "POST", "/qmp", chunks, Content_Type=JSON,
                              Content_Length=None, Transfer_Encoding="chunked")
        same(status, 413)
        # The server does not wait for a client that goes on.
        for headers in {"Transfer_Encoding": "chunked"}, {"Content_Length": str(1 << 40)}:
            with Connection(url) as connection:
                connection.send("POST", "/qmp", None, Content_Type=JSON, **headers)
                check(floods(connection, b"100000\r\n" + b" " * MIB + b"\r\n"), "all was read")
        check(vmm.memory_use() - before < 16 * MIB, "the body was kept")
        same(ask(url, "POST", "/qmp", b'{"execute": "query-status"}'.rjust(MIB),
                 Content_Type=JSON)[0], 200)


def floods(connection, data):
    """Send it until it is not taken any more."""
    try:
        for _ in range(256):
            connection.socket.sendall(data)
    except ConnectionError:
        return True
    return False


def endless_heads():
    with Lab() as lab:
        vmm, url = serve(lab)
        before = vmm.memory_use()
        with Connection(url) as connection:
            try:
                connection.socket.sendall(b"GET / HTTP/1.1\r\n")
                for _ in range(4096):
                    connection.socket.sendall(b"X-Long: " + b"x" * 8192 + b"\r\n")
            except ConnectionError:
                pass
            check(connection.is_closed(), "it is not closed")
        check(vmm.memory_use() - before < 16 * MIB, "the head was kept")
        same(command(url, "query-status")[0], 200)


def many_slow_ones():
    """Heads and bodies that drip are cut off; a byte now and then does not help them."""
    with Lab() as lab:
        vmm, url = serve(lab)
        before = vmm.holds()
        slow = [Connection(url) for _ in range(80)]
        for i, connection in enumerate(slow):
            connection.socket.sendall(b"POST /qmp HTTP/1.1\r\nHost: localhost\r\n" +
                                      (b"Content-Length: 1000\r\n\r\n{" if i % 2 else b""))
        end = time.monotonic() + DEADLINE
        while slow:
            # QMP is served all the time; so is HTTP, once they are timed out.
            vmm.execute("query-status")
            ready, _, _ = select.select([connection.socket for connection in slow], [], [], 0.5)
            slow = [connection for connection in slow if connection.socket not in ready
                    or not connection.is_closed()]
            for connection in slow:
                try:
                    connection.socket.sendall(b" ")
                except ConnectionError:
                    pass
            check(time.monotonic() < end, f"{len(slow)} slow ones are still there")
        same(command(url, "query-status")[0], 200)
        vmm.wait_holds(before)


def tokens():
    with Lab() as lab:
        path = lab.path("token")
        with open(path, "w", encoding="utf-8") as file:
            file.write(TOKEN + "\n")
        _, url = serve(lab, "a", "--http-token", path, http="0.0.0.0:0")
        url = url.replace("0.0.0.0", "127.0.0.1")
        for given in None, "Bearer ", "Bearer " + TOKEN[:-1], "Bearer x" + TOKEN[1:], TOKEN:
            for target in "/metrics", "/events", "/nowhere", "/healthz":
                status, headers, text = ask(url, "GET", target, Authorization=given)
                same((status, headers["www-authenticate"]), (401, "Bearer"))
                check(TOKEN not in text.decode(), "the token is told")
        same(WebSocket(url).status, 401)
        same(ask(url, "POST", "/qmp", b'{"execute": "quit"}', Content_Type=JSON)[0], 401)
        right = "Bearer " + TOKEN
        same(command(url, "query-status", Authorization=right)[0], 200)
        same(ask(url, "GET", "/healthz", Authorization=right, Host="vm7.example")[0], 200)
        same(ask(url, "GET", "/healthz", Authorization=right, Origin="http://evil.example")[0],
             403)


def addresses():
    with Lab() as lab:
        for address, part in (("0.0.0.0:0", "there is no token"), ("[::]:0", "there is no token"),
                              ("localhost", "it is not an address"), ("127.0.0.1:70000", "not an address"),
                              ("host.example:80", "it is not an address"),
                              ("203.0.113.1:80", "there is no token"),
                              ("unix:/no/such/folder/x",
                               "http '/no/such/folder/x': cannot listen: there is no such folder; ")):
            text = lab.failing("--http", address)
            check(part in text, f"{address}: {text}")
        for content, part in ((b"short", "16"), (b"x" * 20 + b" " + b"y", "visible"), (b"", "16"),
                              (b"x" * 15 + b"\xc3\xa9" * 4, "visible"), (None, "No such file")):
            path = lab.path("token")
            if content is None:
                os.unlink(path)
            else:
                with open(path, "wb") as file:
                    file.write(content)
            text = lab.failing("--http", "127.0.0.1:0", "--http-token", path)
            check(part in text, f"{content}: {text}")
        with open(path, "wb") as file:
            file.write(TOKEN.encode())
        text = lab.failing("--http", "203.0.113.1:80", "--http-token", path)  # of nobody's host
        check("; use an address of this host" in text, text)
        path = lab.path("http")
        vmm, _ = serve(lab, "a", http="unix:" + path)
        text = lab.failing("--http", "unix:" + path)
        check(f"http '{path}': cannot listen: another process does; use another path" in text, text)
        _, url = serve(lab, "b", "--incoming", "defer")
        port = url.rstrip("/").rsplit(":", 1)[1]
        text = lab.failing("--http", "127.0.0.1:" + port)
        check("another process does; use another port, or 0 for a free one" in text, text)
        same(os.stat(path).st_mode & 0o777, 0o600)
        same(command(path, "query-status")[0], 200)
        vmm.execute("quit")
        check(vmm.wait_end(30), "it does not end")
        check(not os.path.exists(path), "the socket is left behind")


EXPECTED = re.compile(r"^godwit_migration_expected_downtime_seconds (\S+)$", re.MULTILINE)


def metrics():
    with Lab() as lab:
        _, url = serve(lab)
        status, headers, text = ask(url, "GET", "/metrics")
        same((status, headers["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        told, types = set(), {}
        for line in text.decode().splitlines():
            if line.startswith("# HELP "):
                told.add(line.split()[2])
            elif line.startswith("# TYPE "):
                types[line.split()[2]] = line.split()[3]
            else:
                sample = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[^"]*"\})? [-+0-9.e]+', line)
                check(sample, line)
                name = re.sub("_(bucket|sum|count)$", "", sample[1])
                check(name in told and name in types, f"{line} has no HELP or TYPE")
                check(name.startswith("godwit_"), line)
                same(types[name] == "counter", name.endswith("_total"))
        buckets = [float(n) for n in
                   re.findall(r'blackout_seconds_bucket\{.*\} (\S+)', text.decode())]
        same(buckets, sorted(buckets))
        check(not EXPECTED.search(text.decode()), "a downtime is expected without a migration")


def schema():
    with Lab() as lab:
        vmm, url = serve(lab)
        status, _, text = ask(url, "GET", "/schema")
        same((status, json.loads(text)), (200, vmm.execute("query-qmp-schema")))


PAGES = ["/", "/icon.svg", "/dashboard.css", "/dashboard.js", "/charts.js", "/client.js",
         "/dialogs.js", "/format.js", "/history.js", "/view.js", "/chart.min.js"]


def pages():
    """The dashboard: all of its files, and rules that a browser keeps for it."""
    with Lab() as lab:
        path = lab.path("token")
        with open(path, "w", encoding="utf-8") as file:
            file.write(TOKEN)
        _, url = serve(lab)
        _, closed = serve(lab, "b", "--incoming", "defer", "--http-token", path)
        for page in PAGES:
            # It tells nothing, and is what asks for the token.
            for address in url, closed:
                status, headers, text = ask(address, "GET", page)
                same((status, len(text) > 100), (200, True), page)
            rules = headers["content-security-policy"].split("; ")
            check("default-src 'none'" in rules and "script-src 'self'" in rules and
                  "frame-ancestors 'none'" in rules, f"{rules}")
            check("unsafe" not in str(rules) and "http" not in str(rules), f"{rules}")
            same((headers["x-content-type-options"], headers["x-frame-options"]),
                 ("nosniff", "DENY"))
            same(ask(url, "GET", page, Host="evil.example")[0], 403)
            same(ask(closed, "GET", page, Origin="http://evil.example")[0], 403)
            same(ask(url, "POST", page, b"")[0], 405)
        same(ask(url, "GET", "/embed.py")[0], 404)
        check(b"Released under the MIT License" in ask(url, "GET", "/chart.min.js")[2],
              "chart.js has lost its notice")


def is_statistics(event):
    return event["event"] == "x-statistics"


def events():
    with Lab() as lab:
        vmm, url = serve(lab)
        sse, websocket = Events(url), WebSocket(url)
        same((sse.status, sse.headers["content-type"], websocket.status),
             (200, "text/event-stream", 101))
        for stream in sse, websocket:
            event = stream.next()
            same((event["event"], event["run-state"]), ("x-statistics", "running"))
        vmm.execute("stop")
        for stream in sse, websocket:
            while (event := stream.next())["event"] == "x-statistics":
                pass
            same(event["event"], "STOP")


def events_before_answers():
    """Every stream tells what a command causes.  It is queued before the answer, but each socket
    is written in its own turn; the order on one socket is tests/engine/test-events.c's."""
    with Lab() as lab:
        vmm, url = serve(lab)
        streams = [Events(url), WebSocket(url)]
        uri = {"uri": lab.address("unix", "nobody") + "|fault:at=CONNECT,kind=stall,for=600000"}
        for name, arguments, event in (("stop", None, b'"STOP"'), ("cont", None, b'"RESUME"'),
                                       ("migrate", uri, b'"setup"'),
                                       ("migrate_cancel", None, b'"cancelling"')):
            same(command(url, name, arguments), (200, {"return": {}}), name)
            for stream in streams:
                end = time.monotonic() + DEADLINE
                while event not in (told := stream.connection.so_far()):
                    check(time.monotonic() < end, f"{name}: {event} is not in {told[-500:]}")
                    select.select([stream.connection.socket], [], [], DEADLINE)
        vmm.wait_status("cancelled")


def deaf_watchers():
    """A watcher that does not read is dropped, and costs no memory meanwhile."""
    with Lab() as lab:
        vmm, url = serve(lab)
        vmm.wait_filled()
        files, before = vmm.holds(), vmm.memory_use()
        deaf = [Events(url), WebSocket(url)]
        for stream in deaf:
            stream.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        good = Events(url)
        end = time.monotonic() + 2 * DEADLINE
        while vmm.holds()[0] > files[0] + 1:
            for _ in range(100):
                vmm.execute("stop")
                vmm.execute("cont")
            for name in ("STOP", "RESUME") * 100:
                good.wait(lambda event, name=name: event["event"] == name)
            check(vmm.memory_use() - before < 32 * MIB, "unread events are kept")
            check(time.monotonic() < end, "they are still there")
        good.connection.socket.close()
        vmm.wait_holds(files)


def loud_watchers():
    """A watcher that sends is dropped: pings ask for answers, fragments to be kept."""
    with Lab() as lab:
        vmm, url = serve(lab)
        vmm.wait_filled()
        files, before = vmm.holds(), vmm.memory_use()
        for first, data in ((b"", frame(0x89)), (b"", frame(0x89, b"x" * 125)),
                            (b"", frame(0x81, b"x" * 4000)),
                            (frame(0x01, b"x"), frame(0x00, b"x" * 4000)),
                            (frame(0x01), frame(0x00))):
            loud = WebSocket(url)
            loud.connection.socket.sendall(first)
            check(floods(loud.connection, data * (MIB // len(data))), "all was read")
            vmm.execute("query-status")
            check(vmm.memory_use() - before < 16 * MIB, "what it sent is kept")
        usual = WebSocket(url)
        for _ in range(100):
            usual.connection.socket.sendall(frame(0x89, b"ping"))
        while usual.next()["event"] != "x-statistics":
            pass
        usual.connection.socket.sendall(frame(0x88, b"\x03\xe8"))
        check(usual.connection.is_closed(), "it is not closed")
        vmm.wait_holds(files)


def many_watchers():
    with Lab() as lab:
        vmm, url = serve(lab)
        before = vmm.holds()
        streams = [(WebSocket if i % 2 else Events)(url) for i in range(64)]
        same({stream.status for stream in streams}, {101, 200})
        status, _, text = ask(url, "GET", "/events")
        same((status, WebSocket(url).status), (503, 503))
        check("64 clients watch" in reason(text), text)
        same(command(url, "query-status")[0], 200)
        for stream in streams:
            same(stream.next()["event"], "x-statistics")
            stream.connection.socket.close()
        vmm.wait_holds(before)
        same(Events(url).status, 200)


def quits():
    """It is answered, as over QMP."""
    for _ in range(5):
        with Lab() as lab:
            vmm, url = serve(lab)
            same(command(url, "quit"), (200, {"return": {}}))
            check(vmm.wait_end(DEADLINE), "it does not end")


def ends_meanwhile():
    """End with commands and watchers under way."""
    for _ in range(5):
        with Lab() as lab:
            vmm, url = serve(lab)
            streams = [Events(url), WebSocket(url)]
            asking = [Connection(url) for _ in range(8)]
            for connection in asking:
                connection.send("POST", "/qmp", b'{"execute": "x-guest-check"}',
                                Content_Type=JSON)
            vmm.execute("quit")
            check(vmm.wait_end(DEADLINE), "it does not end")
            for stream in streams:
                check(stream.connection.is_closed(), "it is not closed")


def wait_counted(url):
    """/metrics once the links are closed too, and the attempt is over."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        text = ask(url, "GET", "/metrics")[2].decode()
        if "godwit_blackout_seconds_count 1" in text:
            return text
    raise TimeoutError(text)


def migration():
    """Driven and watched over HTTP alone."""
    with Lab() as lab:
        _, here = serve(lab)
        there, url = serve(lab, "b", "--incoming", "defer", "--paused")
        path = lab.path("move")
        watch = Events(here)
        for address in here, url:
            same(command(address, "migrate-set-capabilities",
                         {"capabilities": [{"capability": "events", "state": True}]})[0], 200)
        same(command(url, "migrate-incoming", {"uri": f"unix:{path}"})[0], 200)
        same(command(here, "migrate", {"uri": f"unix:{path}"})[0], 200)
        watch.wait(lambda event: event["event"] == "MIGRATION" and
                   event["data"]["status"] == "completed")
        done = watch.wait(lambda event: is_statistics(event) and
                          event["data"].get("status") == "completed")
        same((done["run-state"], done["data"]["x-outcome"]), ("postmigrate", "destination"))
        check(done["data"]["blackout"]["pause-us"] > 0, f"{done}")
        same(command(here, "x-memory-digest"), command(url, "x-memory-digest"))
        text = wait_counted(here)
        check('godwit_migrations_total{result="completed"} 1' in text, text)
        check(not EXPECTED.search(text), "a downtime is expected after the migration")
        sent, = re.findall(r'godwit_migration_link_bytes\{link="0"\} (\S+)', text)
        same(int(float(sent)), done["data"]["x-link-stats"][0]["bytes"])
        same(command(url, "cont"), (200, {"return": {}}))
        same(there.execute("x-guest-check")["pages-bad"], 0)


def main():
    # What AddressSanitizer keeps back is not to be taken for memory that is in use.
    os.environ["ASAN_OPTIONS"] = (os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:"
                                  "thread_local_quarantine_size_kb=64").lstrip(":")
    tests = Tests()
    for case in (commands, wrong_requests, ranges, rebinding, other_sites, methods, paths,
                 deep_bodies, large_bodies, endless_heads, many_slow_ones, tokens, addresses, metrics,
                 schema, pages, events, events_before_answers, many_watchers, deaf_watchers, loud_watchers, quits,
                 ends_meanwhile, migration):
        tests.add(case.__name__.replace("_", "-"), with_http(case))
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
