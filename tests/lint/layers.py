#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Who may include whom."""

import os
import re
import sys

from tree import run, sources

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)

# Folder: what of the project it may include, as prefixes of the resolved path.
MAY = {
    "plugins/godwit/": ("plugins/godwit/",),
    "plugins/template/": ("plugins/godwit/",),
    "plugins/": ("plugins/",),
    "qapi/": ("qapi/",),
    "trackers/": ("plugins/godwit/", "trackers/"),
    "transports/": ("plugins/godwit/", "transports/"),
    "core/": ("plugins/", "qapi/", "core/"),
    "vmm/": ("plugins/godwit/godwit.h", "vmm/"),
    "examples/": ("plugins/godwit/godwit.h",),
    "ctl/": ("ctl/",),
    "tools/": ("plugins/godwit/godwit.h", "tools/"),
}

# A library outside: who may use it.
LIBRARIES = {
    "json-glib/": ("qapi/", "core/", "ctl/", "tools/", "tests/"),
    "libsoup/": ("core/control-http", "ctl/http.c", "tests/"),
}

# Core, from the top down: a family includes only families of lower lines.
RANKS = [["control"], ["migration"], ["source", "destination"],
         ["handover", "round", "postcopy"], ["channel"], ["stream"], ["wire"]]
RANK = {name: len(RANKS) - level for level, names in enumerate(RANKS) for name in names}


def includes(tree, path):
    """(line, "<" or '"', name, resolved path or None) of each include."""
    for match in INCLUDE.finditer(tree[path]):
        line = tree[path].count("\n", 0, match.start()) + 1
        yield line, match[1], match[2], resolve(tree, path, match[1], match[2])


def resolve(tree, path, bracket, name):
    """Where in the project an include leads."""
    if bracket == "<":
        return "plugins/" + name if name.startswith("godwit/") else None
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    if beside in tree:
        return beside
    if name.startswith("qapi-"):
        return "qapi/" + name  # generated there
    if "/" not in name:
        return beside
    return name


def folder_of(path):
    return next((folder for folder in MAY if path.startswith(folder)), None)


def folders(tree):
    out = []
    for path in sources(tree):
        folder = folder_of(path)
        if not folder:
            continue
        for line, _bracket, name, leads in includes(tree, path):
            if leads and not leads.startswith(MAY[folder]):
                out.append(f"{path}:{line}: {folder} may not include {name}")
    return out


def libraries(tree):
    out = []
    for path in sources(tree):
        for line, _bracket, name, _leads in includes(tree, path):
            for library, users in LIBRARIES.items():
                if name.startswith(library) and not path.startswith(users):
                    out.append(f"{path}:{line}: {library} may not be used here")
    return out


def family(path):
    """core/link/messages.c belongs to stream."""
    stem = os.path.splitext(os.path.basename(path))[0]
    first = stem.split("-")[0]
    return first if first in RANK else stem


def core_graph(tree):
    """{family: {family: "path:line"}} of the includes within core."""
    graph = {}
    for path in sources(tree, under=["core/"]):
        edges = graph.setdefault(family(path), {})
        for line, _bracket, _name, leads in includes(tree, path):
            if leads and leads.startswith("core/") and family(leads) != family(path):
                edges.setdefault(family(leads), f"{path}:{line}")
    return graph


def downward(tree):
    """No way of includes leads from a family to one that is not below it."""
    graph = core_graph(tree)
    out = []
    for start in sorted(set(graph) & set(RANK)):
        for end, way in reachable(graph, start).items():
            if RANK.get(end, 0) >= RANK[start] and end != start:
                out.append(f"{start} is not above {end}: " + " > ".join(way))
    return out


def reachable(graph, start):
    """{family: the places of the includes that lead there}."""
    found = {}
    todo = [(start, [])]
    while todo:
        name, way = todo.pop(0)
        for other, place in graph.get(name, {}).items():
            if other not in found:
                found[other] = way + [place]
                todo.append((other, way + [place]))
    return found


def mutual(tree):
    """No two files include each other, nor in a circle."""
    graph = {path: {leads for _l, _b, _n, leads in includes(tree, path) if leads in tree}
             for path in sources(tree)}
    out = []
    for path in graph:
        for other in sorted(graph[path]):
            if path <= other and path in closure(graph, other):
                out.append(f"{path} and {other} include each other")
    return out


def closure(graph, start):
    found, todo = set(), [start]
    while todo:
        for other in graph.get(todo.pop(), ()):
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


RULES = [
    ("each folder includes only what it may", folders, [
        {"trackers/bitmap.c": '#include "core/link/wire.h"\n'},
        {"transports/tcp.c": '#include "plugins/tracking.h"\n'},
        {"plugins/godwit/host.h": '#include "qapi-types.h"\n'},
        {"plugins/loader.c": '#include "qapi-types.h"\n'},
        {"plugins/template/filter.c": '#include "plugins/tracking.h"\n'},
        {"vmm/main.c": "#include <godwit/host.h>\n"},
        {"core/kvm/dirty-bitmap.c": '#include "vmm/kvm.h"\n'},
        {"ctl/main.c": '#include "qapi/json.h"\n'},
    ]),
    ("libraries stay in their places", libraries, [
        {"control/control.c": "#include <libsoup/soup.h>\n"},
        {"plugins/godwit/types.h": "#include <json-glib/json-glib.h>\n"},
    ]),
    ("core includes downward only", downward, [
        {"core/link/wire.c": '#include "core/link/frame.h"\n'},
        {"core/source/source.c": '#include "core/destination/destination.h"\n'},
        {"core/link/channel-read.c": '#include "core/memory/regions.h"\n',
         "core/memory/regions.h": '#include "core/migration/migration-private.h"\n'},
    ]),
    ("no two files include each other", mutual, [
        {"core/a.h": '#include "core/b.h"\n', "core/b.h": '#include "core/a.h"\n'},
        {"vmm/a.h": '#include "b.h"\n', "vmm/b.h": '#include "c.h"\n',
         "vmm/c.h": '#include "a.h"\n'},
    ]),
]

if __name__ == "__main__":
    sys.exit(run(RULES))
