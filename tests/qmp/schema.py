#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""query-qmp-schema has QEMU's form, is true of what is executed, and has QEMU's names."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from qmp import QmpError
from tap import Tests, check, same
from vmm import Lab

# As in QEMU: members that an entry must have, and that it may have.
COMMON = {"name", "meta-type"}
FORMS = {"builtin": ({"json-type"}, set()),
         "enum": ({"members", "values"}, set()),
         "array": ({"element-type"}, set()),
         "object": ({"members"}, {"tag", "variants"}),
         "alternate": ({"members"}, set()),
         "command": ({"arg-type", "ret-type"}, {"allow-oob"}),
         "event": ({"arg-type"}, set())}
BUILTINS = {"str": "string", "int": "int", "number": "number", "bool": "boolean",
            "any": "value", "null": "null"}
# Of QEMU 10, those that are here: members of the arguments, * for an optional one, with what
# they are in JSON; and what is returned.
QEMU = {
    "qmp_capabilities": ({"*enable": ["enum"]}, {}),
    "query-version": ({}, {"qemu": {"major": "int", "minor": "int", "micro": "int"},
                           "package": "string"}),
    "query-commands": ({}, [{"name": "string"}]),
    "query-status": ({}, {"running": "boolean", "status": "enum"}),
    "query-uuid": ({}, {"UUID": "string"}),
    "quit": ({}, {}), "stop": ({}, {}), "cont": ({}, {}), "migrate_cancel": ({}, {}),
    "migrate-continue": ({"state": "enum"}, {}),
    "migrate-set-capabilities": ({"capabilities": [{"capability": "enum", "state": "boolean"}]},
                                 {}),
    "query-migrate-capabilities": ({}, [{"capability": "enum", "state": "boolean"}]),
    "query-migrationthreads": ({}, [{"name": "string", "thread-id": "int"}]),
    "getfd": ({"fdname": "string"}, {}), "closefd": ({"fdname": "string"}, {}),
    "yank": ({"instances": [{"type": "enum"}]}, {}), "query-yank": ({}, [{"type": "enum"}]),
    "MIGRATION": ({"status": "enum"}, None), "MIGRATION_PASS": ({"pass": "int"}, None),
    "STOP": ({}, None), "RESUME": ({}, None),
    "SHUTDOWN": ({"guest": "boolean", "reason": "enum"}, None),
}
OUT_OF_BAND = ["query-yank", "yank"]
# A value of another type than this one.
WRONG = {"string": 1, "int": "1", "number": "1", "boolean": 1, "enum": 1, "array": {}, "object": []}
EXPECTED = {"string": "string", "enum": "string", "boolean": "boolean", "array": "array",
            "object": "object", "number": "number", "int": "integer"}


class Schema:
    def __init__(self, entries):
        self.entries = entries
        self.by_name = {entry["name"]: entry for entry in entries}

    def of(self, *kinds):
        return [entry for entry in self.entries if entry["meta-type"] in kinds]

    def kind(self, name):
        """Return the kind of a value of this type in JSON; an enum by that word."""
        entry = self.by_name[name]
        return entry.get("json-type", entry["meta-type"])

    def shape(self, name):
        entry = self.by_name[name]
        if entry["meta-type"] == "array":
            return [self.shape(entry["element-type"])]
        if entry["meta-type"] == "object":
            return {("*" if "default" in member else "") + member["name"]:
                    self.shape(member["type"]) for member in entry["members"]}
        return self.kind(name)


def ask(vmm):
    return Schema(vmm.execute("query-qmp-schema"))


def references(entry):
    yield from (entry[key] for key in ("element-type", "arg-type", "ret-type") if key in entry)
    if entry["meta-type"] != "enum":
        for part in entry.get("members", []) + entry.get("variants", []):
            yield part["type"]


def form():
    with Lab(memory="16M") as lab:
        schema = ask(lab.vmm("vmm", "--paused"))
    same(len(schema.by_name), len(schema.entries), "each name once")
    for entry in schema.entries:
        must, may = FORMS[entry["meta-type"]]
        check(COMMON | must <= set(entry) <= COMMON | must | may | {"features"}, entry)
        for name in references(entry):
            check(name in schema.by_name, f"{entry['name']} refers to {name}, which is not there")
        check(set(entry.get("features", [])) <= {"unstable", "deprecated"}, entry)
    used = {name for entry in schema.entries for name in references(entry)}
    idle = [entry["name"] for entry in schema.of("enum", "array", "object")
            if entry["name"] not in used]
    same(idle, [], "types that nothing uses")


def types():
    with Lab(memory="16M") as lab:
        schema = ask(lab.vmm("vmm", "--paused"))
    for entry in schema.of("builtin"):
        same(entry["json-type"], BUILTINS[entry["name"]], entry["name"])
    for entry in schema.of("array"):
        same(entry["name"], f"[{entry['element-type']}]", "name of an array")
    for entry in schema.of("enum"):
        same([member["name"] for member in entry["members"]], entry["values"], entry["name"])
    for entry in schema.of("object"):
        for member in entry["members"]:
            check(set(member) <= {"name", "type", "default", "features"}, member)
            same(member.get("default"), None, "a default")
            same("features" in member, member["name"].startswith("x-"), f"unstable: {member}")
        same("tag" in entry, "variants" in entry, entry["name"])
        if "tag" in entry:
            tag = [m["type"] for m in entry["members"] if m["name"] == entry["tag"]]
            same([variant["case"] for variant in entry["variants"]],
                 schema.by_name[tag[0]]["values"], "cases of " + entry["name"])
    for entry in schema.of("command"):
        same(schema.kind(entry["arg-type"]), "object", entry["name"])
        same(entry.get("features", []), ["unstable"] * entry["name"].startswith("x-"),
             entry["name"])


def names():
    with Lab(memory="16M") as lab:
        vmm = lab.vmm("vmm", "--paused")
        schema = ask(vmm)
        commands = [command["name"] for command in vmm.execute("query-commands")]
    same(sorted(entry["name"] for entry in schema.of("command")), sorted(commands), "commands")
    same(sorted(entry["name"] for entry in schema.of("command") if entry.get("allow-oob")),
         OUT_OF_BAND, "commands that may be out of band")
    for name, (arguments, returns) in QEMU.items():
        entry = schema.by_name[name]
        same(schema.shape(entry["arg-type"]), arguments, name)
        if returns is not None:
            same(schema.shape(entry["ret-type"]), returns, name)


def refused(vmm, command, arguments, text):
    try:
        got = vmm.execute(command, arguments)
    except QmpError as error:
        same(error.error_class, "GenericError", f"{command} {arguments}")
        check(text in error.desc, f"{command} {arguments}: {error.desc}")
        return
    raise AssertionError(f"{command} {arguments} was not refused: {got}")


def sample(schema, name):
    """A value of this type."""
    entry = schema.by_name[name]
    if entry["meta-type"] == "enum":
        return entry["values"][0]
    if entry["meta-type"] == "array":
        return []
    if entry["meta-type"] == "object":
        out = {member["name"]: sample(schema, member["type"])
               for member in entry["members"] if "default" not in member}
        for variant in entry.get("variants", []):
            if variant["case"] == out[entry["tag"]]:
                out.update(sample(schema, variant["type"]))
        return out
    return {"string": "a", "int": 1, "number": 1.5, "boolean": True, "value": None}[
        entry["json-type"]]


def prove_arguments(vmm, schema, command):
    """Too many, too few, of another type: none of these is executed."""
    members = schema.by_name[command["arg-type"]]["members"]
    good = sample(schema, command["arg-type"])
    refused(vmm, command["name"], {**good, "bogus": 1}, "Parameter 'bogus' is unexpected")
    for member in members:
        name, kind = member["name"], schema.kind(member["type"])
        if "default" not in member:
            less = {key: value for key, value in good.items() if key != name}
            # Without any argument left QEMU's word is the same.
            refused(vmm, command["name"], less, f"Parameter '{name}' is missing")
        text = (f"Invalid parameter type for '{name}', expected: {EXPECTED[kind]}"
                if kind != "int" else f"Parameter '{name}' expects")
        refused(vmm, command["name"], {**good, name: WRONG[kind]}, text)
        if kind == "enum":
            refused(vmm, command["name"], {**good, name: "nope"},
                    f"Parameter '{name}' does not accept value 'nope'")


def arguments():
    with Lab(memory="16M") as lab:
        vmm = lab.vmm("vmm", "--paused")
        schema = ask(vmm)
        before = vmm.execute("query-migrate-parameters")
        for command in schema.of("command"):
            if command["name"] != "qmp_capabilities":
                prove_arguments(vmm, schema, command)
        same(vmm.execute("query-migrate-parameters"), before, "parameters afterwards")
        same(vmm.execute("query-status"), {"running": False, "status": "prelaunch"}, "status")
        same(vmm.info(), {}, "query-migrate")


def main():
    tests = Tests()
    tests.add("entries have QEMU's form", form)
    tests.add("types are as QEMU's", types)
    tests.add("names are QEMU's", names)
    tests.add("arguments are checked as it says", arguments)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
