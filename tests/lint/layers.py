#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The layers: which files may include and call which."""

import os
import re
import sys

from tree import blank, run, sources

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)

# The headers for a VMM: one of each library.
EMBEDDER = ("plugins/godwit/godwit.h", "plugins/godwit/control.h")

# Folder: what of the project it may include, as prefixes of the resolved path.  The longest
# folder that a path begins with counts.
MAY = {
    "plugins/godwit/": ("plugins/godwit/",),
    "plugins/template/": ("plugins/godwit/",),
    "plugins/": ("plugins/",),
    "qapi/": ("qapi/",),
    "trackers/": ("plugins/godwit/", "trackers/"),
    "transports/": ("plugins/godwit/", "transports/"),
    "filters/": ("plugins/godwit/", "filters/", "transports/common/"),
    "core/": ("plugins/", "core/"),
    "control/": ("plugins/godwit/", "qapi/", "control/"),
    "vmm/": (*EMBEDDER, "vmm/"),
    "examples/": EMBEDDER,
    "ctl/": ("ctl/", "qapi/json.h", "qapi/number.h"),
    "conformance/host/": ("plugins/godwit/", "conformance/host/", "conformance/promise.h"),
    "conformance/": ("plugins/godwit/", "plugins/loader.h", "plugins/module.h",
                     "plugins/options.h", "vmm/machine.h", "conformance/"),
}

# A library outside: who may use it.
LIBRARIES = {
    "json-glib/": ("qapi/", "control/", "ctl/", "tests/"),
    "libsoup/": ("control/http/", "ctl/http.c", "tests/"),
}

# The rooms of core, from the top down: a room includes only rooms of lower lines.
RANKS = [["migration"], ["source", "destination"], ["handover"], ["memory"], ["link"],
         ["guest", "kvm"], ["base"]]
RANK = {name: len(RANKS) - level for level, names in enumerate(RANKS) for name in names}
# The description of an attempt stands between its two sides and the rooms below them.
BETWEEN = {"core/attempt.h": RANK["source"] - 0.5}


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
    if name == "parameters.h":
        return "core/" + name  # generated there, of GLib alone
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


def rank(path):
    """How high in core a file stands; None outside of its rooms."""
    if path in BETWEEN:
        return BETWEEN[path]
    room = path.split("/")[1] if path.startswith("core/") else ""
    return RANK.get(room)


def downward(tree):
    """Every file of core is in a room, and none includes one of a room beside or above its own."""
    out = []
    for path in sources(tree, under=["core/"]):
        if rank(path) is None:
            out.append(f"{path}:1: is in no room of core")
            continue
        for line, _bracket, name, leads in includes(tree, path):
            other = leads and leads.startswith("core/") and rank(leads)
            if other and os.path.dirname(leads) != os.path.dirname(path) and other >= rank(path):
                out.append(f"{path}:{line}: {name} is not below")
    return out


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


DEFINED = re.compile(r"^([^\n;{}]*)\n([a-z_]\w+) \([^;{}]*?\)\n\{", re.M)
TABLE = re.compile(r"^const \w+ (gdw_\w+)(?:\[\w*\])? = ", re.M)


def defined(tree):
    """{name: {paths}} of the functions and tables that a file shows to others."""
    out = {}
    for path in sources(tree, ".c", but=["tests/", "examples/"]):
        text = blank(tree[path])
        names = [match[2] for match in DEFINED.finditer(text) if "static" not in match[1].split()]
        for name in names + TABLE.findall(text):
            out.setdefault(name, set()).add(path)
    return out


def calls(tree):
    """{path: {path: name}}: which file calls which, by one of the names."""
    where = defined(tree)
    graph = {}
    for path in sources(tree, ".c", but=["tests/", "examples/"]):
        edges = graph.setdefault(path, {})
        for name in sorted(set(re.findall(r"\b[a-z_]\w+\b", blank(tree[path])))):
            for other in where.get(name, ()):
                near = path.split("/")[0] == other.split("/")[0]
                if other != path and path not in where[name] and (near or name.startswith("gdw_")):
                    edges.setdefault(other, name)
    return graph


# The files of the two sides, from the bottom up: a file calls only files of its own line or lower.
SIDES = {
    "core/source/": [["phase"], ["links"], ["outcome"], ["switchover"], ["memory", "loss"],
                     ["frames"], ["source"]],
    "core/destination/": [["phase"], ["memory", "peers"], ["outcome"], ["switchover"],
                          ["loss", "accept"], ["frames"], ["destination"]],
}


def sides(tree):
    out = []
    graph = calls(tree)
    for folder, lines in SIDES.items():
        height = {f"{folder}{name}.c": level for level, names in enumerate(lines)
                  for name in names}
        for path in set(height) & set(graph):
            out += [f"{path}:1: calls {name} of {other}, which is above"
                    for other, name in graph[path].items()
                    if height.get(other, 0) > height[path]]
    return sorted(out)


def circles(tree):
    """No two files call each other, nor in a circle: data flows one way."""
    graph = calls(tree)
    out = []
    for path in sorted(graph):
        for other in sorted(graph[path]):
            if path in closure(graph, other):
                out.append(f"{path}:1: calls {graph[path][other]} of {other}, which leads back")
    return out


def pure(tree):
    """<godwit/godwit.h> has nothing of libgodwit-control."""
    graph = {path: {leads for _l, _b, _n, leads in includes(tree, path) if leads in tree}
             for path in sources(tree, ".h", under=["plugins/godwit/"])}
    return [f"{path}: includes godwit/control.h" for path in graph
            if "plugins/godwit/control.h" in closure(graph, path)]


RULES = [
    ("each folder includes only what it may", folders, [
        {"trackers/bitmap.c": '#include "core/link/wire.h"\n'},
        {"transports/tcp.c": '#include "plugins/tracking.h"\n'},
        {"filters/log.c": '#include "transports/unix.h"\n'},
        {"plugins/godwit/host.h": '#include "qapi-types.h"\n'},
        {"plugins/loader.c": '#include "qapi-types.h"\n'},
        {"plugins/template/filter.c": '#include "plugins/tracking.h"\n'},
        {"vmm/main.c": "#include <godwit/host.h>\n"},
        {"control/metrics.c": '#include "core/migration/migration.h"\n'},
        {"control/query-plugins.c": '#include "plugins/loader.h"\n'},
        {"control/address.c": '#include "plugins/address-private.h"\n'},
        {"core/kvm/dirty-ring.c": '#include "vmm/kvm.h"\n'},
        {"core/migration/migration.c": '#include "control/control.h"\n'},
        {"ctl/main.c": '#include "qapi/visit.h"\n'},
        {"core/attempt.h": '#include "qapi-types.h"\n'},
        {"conformance/over.c": '#include "core/link/frame.h"\n'},
        {"conformance/over.c": '#include "tests/conformance/bad/bugs.h"\n'},
        {"conformance/host/try.c": '#include "plugins/loader.h"\n'},
    ]),
    ("libraries stay in their places", libraries, [
        {"control/control.c": "#include <libsoup/soup.h>\n"},
        {"core/migration/log.c": "#include <json-glib/json-glib.h>\n"},
        {"plugins/godwit/types.h": "#include <json-glib/json-glib.h>\n"},
    ]),
    ("no header of libgodwit needs libgodwit-control", pure, [
        {"plugins/godwit/host.h": "#include <godwit/control.h>\n", "plugins/godwit/control.h": ""},
    ]),
    ("core includes downward only", downward, [
        {"core/link/wire.c": '#include "core/memory/round.h"\n'},
        {"core/source/source.c": '#include "core/destination/destination.h"\n'},
        {"core/memory/round.c": '#include "core/attempt.h"\n', "core/attempt.h": ""},
        {"core/loose.c": ""},
    ]),
    ("no two files include each other", mutual, [
        {"core/a.h": '#include "core/b.h"\n', "core/b.h": '#include "core/a.h"\n'},
        {"vmm/a.h": '#include "b.h"\n', "vmm/b.h": '#include "c.h"\n',
         "vmm/c.h": '#include "a.h"\n'},
    ]),
    ("the files of a side call downward only", sides, [
        {"core/source/links.c": "void\ngdw_a (void)\n{\n  gdw_b ();\n}\n",
         "core/source/outcome.c": "void\ngdw_b (void)\n{\n}\n"},
        {"core/destination/peers.c": "void\ngdw_a (void)\n{\n  gdw_b ();\n}\n",
         "core/destination/accept.c": "void\ngdw_b (void)\n{\n}\n"},
    ]),
    ("no two files call each other", circles, [
        {"core/a/a.c": "void\ngdw_a (void)\n{\n  gdw_b ();\n}\n",
         "core/b/b.c": "void\ngdw_b (void)\n{\n  gdw_a ();\n}\n"},
        {"vmm/a.c": "int\na_do (int x)\n{\n  return b_do (x);\n}\n",
         "vmm/b.c": "int\nb_do (int x)\n{\n  return c_do (x);\n}\n",
         "vmm/c.c": "int\nc_do (int x)\n{\n  return a_do (x);\n}\n"},
    ]),
]

if __name__ == "__main__":
    sys.exit(run(RULES))
