#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Some things are done in one place only."""

import os
import re
import sys

from tree import blank, grep, line_of, run, sources

LIBRARY = ["core/", "control/", "plugins/", "qapi/", "trackers/", "transports/", "filters/"]

BYTE_ORDER = (r"\b(?:hto[bl]e\d+|[bl]e\d+toh|hton[sl]|ntoh[sl]|__builtin_bswap\d+|bswap_\d+|"
              r"g_(?:hton|ntoh)[sl]|G?U?INT\d+_SWAP\w*|"
              r"G[A-Z]+\d*_(?:TO|FROM)_[LB]E|G_BYTE_ORDER|__BYTE_ORDER__?)\b")

# The guard: trackers, the transports of an address, their links.
GUARDED = ["plugins/tracking.c", "plugins/stack.c", "plugins/link.c"]
CALLBACKS = ("open|close|start|collect|stop|rearm|listen|accept|connect|read|write|close_link|"
             "shutdown|local_address|link_open|link_close|handshake|send_fds|receive_fds|"
             "protect|next_fault|release|collect_runs")


def byte_order(tree):
    """A filter that looks into frames stands outside of core, with <godwit/frame.h> alone."""
    paths = sources(tree, under=LIBRARY, but=["core/link/wire.c", "filters/"])
    return grep(tree, paths, BYTE_ORDER,
                "byte order is core/link/wire.c's")


def callbacks(tree):
    paths = sources(tree, under=["core/", "plugins/"], but=GUARDED + ["plugins/godwit/", "plugins/template/"])
    return grep(tree, paths, rf"(?:->|\.)(?:{CALLBACKS}) \(",
                "plugins are called in " + ", ".join(GUARDED))


def state(tree):
    paths = sources(tree, under=["core/"], but=["core/migration/status.c"])
    return grep(tree, paths, r"\bstate(?:\.|->)status\s*=(?!=)",
                "the state changes in core/migration/status.c")


PHASE_WRITERS = ["core/source/outcome.c", "core/destination/outcome.c"]


def phase_writers(tree):
    """An attempt enters a phase, and shows a status, in one function of each side."""
    paths = sources(tree, under=["core/source/", "core/destination/"], but=PHASE_WRITERS)
    return grep(tree, paths, r"->phase\s*=(?!=)|\bops\s*->\s*status \(",
                "phase and status change in " + ", ".join(PHASE_WRITERS)) + [
        f"{path}: a phase is written {n} times, not once" for path in PHASE_WRITERS
        for n in [len(re.findall(r"->phase\s*=(?!=)", blank(tree.get(path, "x->phase = 0;"))))]
        if n != 1]


def phase_order(tree):
    """What a phase is less than says nothing; phase.h has the questions."""
    paths = sources(tree, under=["core/"])
    name = r"(?:\w+(?:->|\.))*\w*phase\b|GDW_(?:SOURCE|DESTINATION)_(?!N_)[A-Z_]+\b"
    return grep(tree, paths, rf"(?:{name})\s*[<>]=?(?!<)|(?<![-<>])[<>]=?\s*(?:{name})",
                "phases have no order; ask a predicate of phase.h")


def http(tree):
    paths = sources(tree, under=LIBRARY + ["vmm/", "ctl/"],
                    but=["control/http/", "ctl/http.c"])
    return grep(tree, paths, r"\b(?:soup_\w+|Soup[A-Z]\w+)",
                "HTTP is control/http's, and ctl/http.c's")


def pages(tree):
    """The dashboard asks nobody but its server, and texts never become part of the page."""
    paths = sources(tree, ".html", ".css", ".js", ".svg", under=["dashboard/"])
    pattern = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|"
                         r"new Function|\bstyle=|\bon[a-z]+=|"
                         r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[\w-]+\.\w+|@import")
    return [f"{path}:{line_of(tree[path], match.start())}: {match[0]}"
            for path in paths for match in pattern.finditer(tree[path])]


def plugin_names(tree):
    out = set()
    for path in sources(tree, ".md", under=["trackers/", "transports/", "filters/"]):
        out.add(os.path.basename(path).removesuffix(".md"))
    return out


def names(tree):
    """A string in core, or in what loads plugins, that is the name of one or begins an
    address of it.  The addresses of QEMU's `channels` are translated in one place."""
    known = "|".join(sorted(map(re.escape, plugin_names(tree)), key=len, reverse=True))
    pattern = re.compile(rf'"(?:(?:{known})(?:[:|][^"\n]*)?|[^"\n]*\|(?:{known})(?::[^"\n]*)?)"')
    out = []
    for path in sources(tree, ".c", under=["core/", "control/", "plugins/"],
                        but=["control/address.c", "plugins/template/"]):
        text = blank(tree[path], strings=False)
        for match in pattern.finditer(text) if known else ():
            out.append(f"{path}:{line_of(text, match.start())}: names a plugin: {match[0]}")
    return out


RULES = [
    ("byte order is known in core/link/wire.c only", byte_order, [
        {"core/link/frame.c": "x = GUINT32_FROM_LE (y);\n"},
        {"transports/tcp.c": "n = le32toh (n);\n"},
        {"plugins/link.c": "x = __builtin_bswap64 (y);\n"},
    ]),
    ("plugins are called through the guard only", callbacks, [
        {"core/link/channel.c": "  n = transport->read (link, iov, 1, NULL, &error);\n"},
        {"core/memory/dirty-sync.c": "  tracker->collect (self, bits, error);\n"},
    ]),
    ("the state changes in core/migration/status.c only", state, [
        {"core/source/source.c": "  attempt->state.status = GDW_STATUS_FAILED;\n"},
    ]),
    ("phases are entered in one place of each side", phase_writers, [
        {"core/source/frames.c": "  source->phase = GDW_SOURCE_SENDING;\n"},
        {"core/destination/loss.c": "  destination->attempt.ops->status (x, data);\n"},
        {"core/source/outcome.c": "  source->phase = a;\n  source->phase = b;\n"},
    ]),
    ("phases are not compared by their order", phase_order, [
        {"core/source/frames.c": "  if (source->phase >= GDW_SOURCE_SENDING)\n"},
        {"core/source/frames.c": "  if (GDW_SOURCE_SENDING < phase)\n"},
        {"core/destination/loss.c": "  x = limit > destination->phase;\n"},
    ]),
    ("HTTP is in control/http and ctl/http.c only", http, [
        {"control/control.c": "  soup_server_new (NULL);\n"},
        {"ctl/client.c": "  soup_session_new ();\n"},
    ]),
    ("the dashboard is complete, and shows texts as texts", pages, [
        {"dashboard/a.js": "element.innerHTML = text;\n"},
        {"dashboard/a.html": '<script src="//cdn.example/chart.js"></script>\n'},
        {"dashboard/a.html": '<p onclick="f()">\n'},
        {"dashboard/a.css": "@import url(x.css);\n"},
    ]),
    ("core names no plugin", names, [
        {"core/source/source.c": 'f ("tcp:%s");\n', "transports/tcp.md": ""},
        {"core/memory/dirty-sync.c": 'f ("bitmap");\n', "trackers/bitmap.md": ""},
        {"plugins/stack.c": 'f ("x|delay:ms=1");\n', "filters/delay.md": ""},
    ]),
]

if __name__ == "__main__":
    sys.exit(run(RULES))
