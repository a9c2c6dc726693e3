#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""docs/stream.md against the golden streams: every frame of frame.h is in both, under its number,
with the same fields at the same places; and the golden streams against a second CRC-32C."""

import os
import re
import struct
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tests, check, same  # pylint: disable=wrong-import-position

HEADER = 40
PAGE = 4096


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def frames():
    """{number: name} of frame.h."""
    return {int(number): name for number, name in
            re.findall(r'\bX \((\d+), \w+, "([A-Z-]+)"\)', read("plugins", "godwit", "frame.h"))}


def sections(text):
    """{heading: [(offset or None, type, field)]} of the tables of the page."""
    out = {}
    for part in re.split(r"^##+ ", text, flags=re.M)[1:]:
        rows = re.findall(r"^\| *(\d*) *\| ([^|]+?) \| ([^|]+?) \|", part, re.M)
        out[part.split("\n", 1)[0]] = [(int(at) if at else None, kind, field)
                                       for at, kind, field in rows if kind != "type"]
    return out


def golden(name):
    """[(type, field, bytes)] of a golden stream."""
    fields = []
    for line in read("tests", "golden", name.lower() + ".hex").splitlines():
        words, _, comment = line.partition("#")
        raw = b""
        for word in words.split():
            byte, _, count = word.partition("*")
            raw += bytes.fromhex(byte) * int(count or 1)
        if raw:
            kind, field = comment.split()[:2]
            fields.append((kind, field, raw))
    return fields


def size_is(kind, raw):
    """Is this one field of this type?"""
    if kind == "string":
        return len(raw) == 2 + struct.unpack("<H", raw[:2])[0]
    if kind == "u8[n_data]":
        return True
    base, count = re.fullmatch(r"[ui](\d+)(?:\[(\d+)\])?", kind).groups()
    return len(raw) == int(base) // 8 * int(count or 1)


def first_places(fields, start):
    """[(offset, type, field)] of each field where it first is, without the raw pages."""
    at, out = -start, []
    for kind, field, raw in fields:
        check(size_is(kind, raw), f"{field}: {len(raw)} bytes are no {kind}")
        if at >= 0 and field not in [known for _at, _kind, known in out] and field != "page_data":
            out.append((at, kind, field))
        at += len(raw)
    return out


def prove_same(documented, found):
    same([row[1:] for row in documented], [row[1:] for row in found], "fields")
    for (told, _kind, field), (at, _kind2, _field2) in zip(documented, found):
        check(told is None or told == at, f"{field} is at {at}, not at {told}")


def prove_header(page):
    found = first_places(golden("HELLO"), 0)
    prove_same(page["Header"], [row for row in found if row[0] < HEADER])


def prove_frame(page, number, name):
    heading = f"{number} {name}"
    check(heading in page, f"docs/stream.md has no section '### {heading}'")
    prove_same(page[heading], first_places(golden(name), HEADER))


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _bit in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def prove_crcs(number, name):
    fields = golden(name)
    raw = b"".join(field[2] for field in fields)
    payload, meta = struct.unpack_from("<II", raw, 8)
    same(raw[5], number, "type")
    same(len(raw), HEADER + payload, "length")
    same(struct.unpack_from("<I", raw, 28)[0], crc32c(raw[HEADER:HEADER + meta]), "meta_crc")
    same(struct.unpack_from("<I", raw, 36)[0], crc32c(raw[:36]), "head_crc")
    told = [struct.unpack("<I", field[2])[0] for field in fields if field[1] == "crc"]
    pages = range(HEADER + meta, len(raw), PAGE)
    same(told, [crc32c(raw[at:at + PAGE]) for at in pages], "CRCs of pages")


def prove_no_other(page):
    known = [f"{number} {name}" for number, name in frames().items()]
    check(len(known) > 10, "frame.h was not understood")
    same([heading for heading in page if re.match(r"\d", heading)], known, "sections")
    files = [name for name in os.listdir(os.path.join(ROOT, "tests", "golden"))
             if name.endswith(".hex")]
    same(sorted(files), sorted(name.lower() + ".hex" for name in frames().values()),
         "golden streams")


def main():
    page = sections(read("docs", "stream.md"))
    tests = Tests()
    tests.add("every frame is documented and has a golden stream, and no other", prove_no_other,
              page)
    tests.add("header: the page has the fields of the golden streams", prove_header, page)
    for number, name in frames().items():
        tests.add(f"{name}: the page has the fields of the golden stream", prove_frame, page,
                  number, name)
        tests.add(f"{name}: the CRCs of the golden stream are right", prove_crcs, number, name)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
