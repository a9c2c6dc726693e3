#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""What QMP gives as an address is taken literally, and what it tells can be given back."""

import os
import socket
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from moves import prove_arrived, prove_runs_at, wait_completed
from tap import Tests, check, same
from vmm import Lab

BACKSLASH = "\\"
HARD = "a,b|c" + BACKSLASH


def channels(transport, **members):
    return {"channels": [{"channel-type": "main", "addr": {"transport": transport, **members}}]}


def unix(path, **members):
    return {"type": "unix", "path": path, **members}


def inet(host, port):
    return {"type": "inet", "host": host, "port": port}


def escaped(text, more=""):
    """Return TEXT as it is written in an address with MORE behind it."""
    out = ""
    for character in text + more[:1]:
        if character in "|,":
            run = len(out) - len(out.rstrip(BACKSLASH))
            out += BACKSLASH * (run + 1)
        out += character
    # The last one, of MORE, is a mark and not saved.
    return out[:-2] + more if more else out


def as_text(address):
    """Return the text that a user types for a SocketAddress."""
    if address["type"] == "inet":
        host = address["host"]
        return f"tcp:[{host}]:{address['port']}" if ":" in host else f"tcp:{host}:{address['port']}"
    path = escaped(address["path"])
    mark = "@" if address.get("abstract") else "./" if path.startswith("@") else ""
    return "unix:" + mark + path


def listen(destination, arguments):
    """The socket-address that it tells."""
    destination.execute("migrate-incoming", {**arguments, "exit-on-error": False})
    return destination.info()["socket-address"]


def pair(lab):
    return lab.source(), lab.destination("destination", "--paused")


def move(lab, asked, text, told=None):
    """Both sides get the address in parts; the source, the one that the destination told of.  TEXT:
    the source gets that one as text."""
    source, destination = pair(lab)
    addresses = listen(destination, channels("socket", **asked))
    same(len(addresses), 1, "number of socket-address")
    if told:
        same(addresses[0], told, "socket-address")
    source.execute("migrate", {"uri": as_text(addresses[0])} if text
                   else channels("socket", **addresses[0]))
    wait_completed(source, destination)
    prove_arrived(source, destination)
    return addresses[0]


class Folder:
    """The processes that are started in here have it for their working folder."""

    def __init__(self, lab):
        self.path = lab.directory

    def __enter__(self):
        self.before = os.getcwd()
        os.chdir(self.path)

    def __exit__(self, kind, error, trace):
        os.chdir(self.before)


def at_sign(text, abstract):
    """A file whose name begins with @ is no abstract name."""
    name = f"@godwit-{os.getpid()}"
    with Lab("soft", "16M", workload="ws=4M,rate=1000") as lab, Folder(lab), \
            socket.socket(socket.AF_UNIX) as other:
        # Where it would go if it were one.
        other.bind("\0" + name[1:])
        other.listen(1)
        seen = []
        source, destination = pair(lab)
        addresses = listen(destination, channels("socket", **unix(name, **abstract)))
        same(addresses, [unix(name)], "socket-address")
        check(stat.S_ISSOCK(os.stat(name).st_mode), "there is no socket")
        other.setblocking(False)
        source.execute("migrate", {"uri": as_text(addresses[0])} if text
                       else channels("socket", **addresses[0]))
        wait_completed(source, destination)
        prove_arrived(source, destination)
        try:
            seen.append(other.accept())
        except BlockingIOError:
            pass
        check(not seen, "the abstract name was connected to")


def written_out():
    """The option of the text says the same as QMP."""
    name = f"@godwit-{os.getpid()}"
    with Lab("soft", "16M", workload="ws=4M,rate=1000") as lab, Folder(lab):
        source, destination = pair(lab)
        same(listen(destination, {"uri": f"unix:{name},literal=on"}), [unix(name)], "socket-address")
        source.execute("migrate", {"uri": f"unix:{name},literal=on"})
        wait_completed(source, destination)
        prove_arrived(source, destination)


def unix_path(text, name):
    with Lab("soft", "16M", workload="ws=4M,rate=1000") as lab:
        asked = unix(lab.path(name))
        move(lab, asked, text, asked)


def abstract_name(text, begin, end):
    with Lab("soft", "16M", workload="ws=4M,rate=1000") as lab:
        asked = unix(f"{begin}godwit-{os.getpid()}{end}", abstract=True)
        move(lab, asked, text, asked)


def tcp(text, host, multifd):
    with Lab("soft", "16M", workload="ws=4M,rate=1000") as lab:
        source, destination = pair(lab)
        for vmm in source, destination:
            vmm.capability("multifd", multifd)
        address = listen(destination, channels("socket", **inet(host, "0")))[0]
        same((address["type"], address["host"]), ("inet", host), "socket-address")
        check(0 < int(address["port"]) < 65536, f"port of {address}")
        source.execute("migrate", {"uri": as_text(address)} if text
                       else channels("socket", **address))
        wait_completed(source, destination)
        same(source.info()["x-transport"], "multi-tcp" if multifd else "tcp", "x-transport")
        prove_arrived(source, destination)


def listens_again(text):
    """The address that one destination shows makes the next one listen."""
    with Lab("soft", "16M", workload="ws=4M,rate=1000") as lab:
        first = lab.destination("first", "--paused")
        address = listen(first, channels("socket", **inet("127.0.0.1", "0")))[0]
        first.execute("quit")
        check(first.wait_end(30), "the first is still there")
        source, second = pair(lab)
        arguments = {"uri": as_text(address)} if text else channels("socket", **address)
        same(listen(second, arguments), [address], "socket-address")
        source.execute("migrate", arguments)
        wait_completed(source, second)
        prove_arrived(source, second)


def file(name, offset):
    """Parts lead into the file of that very name, and text out of it."""
    with Lab("soft", "16M", workload="ws=4M,rate=1000") as lab:
        source, path = lab.source(), lab.path(name)
        before = set(os.listdir(lab.directory))
        source.execute("migrate", channels("file", filename=path, offset=offset))
        source.wait_status("completed")
        same(set(os.listdir(lab.directory)) - before, {name}, "new files")
        destination = lab.destination("destination", "--paused")
        uri = f"file:{escaped(path, ',')}offset={offset}"
        destination.execute("migrate-incoming", {"uri": uri, "exit-on-error": False})
        destination.wait_status("completed")
        prove_arrived(source, destination)


def descriptor():
    """A name that getfd gave, with all in it that means something in a text."""
    with Lab("soft", "16M", workload="ws=4M,rate=1000") as lab:
        source, destination = pair(lab)
        for vmm, end in zip((source, destination), socket.socketpair()):
            vmm.qmp.along = [end.fileno()]
            vmm.execute("getfd", fdname=HARD)
            end.close()
        destination.execute("migrate-incoming", {**channels("socket", type="fd", str=HARD),
                                                 "exit-on-error": False})
        source.execute("migrate", {"uri": "fd:" + escaped(HARD)})
        wait_completed(source, destination)
        prove_arrived(source, destination)


def refused():
    """What QEMU does not take either is an error, and nothing else is tried."""
    with Lab("soft", "16M", workload="ws=4M,rate=1000") as lab:
        source = lab.source()
        for host, port in ("[::1]", "1"), ("a:b", "1"), ("127.0.0.1", "1,ipv4=off"), ("h", "1|log"), ("h", ""):
            source.refuses("migrate", channels("socket", **inet(host, port)), "transport 'tcp': ", host, port)
        source.refuses("migrate", channels("socket", **unix("")), "a path has 1 to 107 bytes")
        source.refuses("migrate", channels("socket", type="fd", str="9|log"), "'9|log'", "no descriptor")
        source.refuses("migrate", channels("file", filename="", offset=0), "it names no file")
        same(source.info().get("status"), None, "status")
        prove_runs_at(source)


def main():
    tests = Tests()
    for text in False, True:
        form = "as text" if text else "in parts"
        tests.add(f"a path that begins with @, {form}", at_sign, text, {})
        tests.add(f"a path that begins with @ and is said not to be abstract, {form}", at_sign, text,
                  {"abstract": False})
        for name in "a" + BACKSLASH, HARD, BACKSLASH * 2 + ",":
            tests.add(f"the path {name}, {form}", unix_path, text, name)
            tests.add(f"the abstract name {name}, {form}", abstract_name, text, "", name)
        tests.add(f"an abstract name that begins with @, {form}", abstract_name, text, "@", "")
        for host in "127.0.0.1", "::1":
            for multifd in False, True:
                tests.add(f"host {host}{', multifd' * multifd}, {form}", tcp, text, host, multifd)
        tests.add(f"listens again, {form}", listens_again, text)
    tests.add("a path that begins with @, by the option", written_out)
    for name in "a" + BACKSLASH, HARD, BACKSLASH + ",", "@a":
        for offset in 0, 4096:
            tests.add(f"the file {name} from {offset} on", file, name, offset)
    tests.add("the name of a descriptor", descriptor)
    tests.add("what is refused", refused)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
