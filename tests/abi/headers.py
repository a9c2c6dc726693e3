#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The installed files for C and C++: each header compiles alone, and libgodwit shows what symbols.txt
lists."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ["GODWIT_SOURCE"], os.environ["GODWIT_BUILD"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))

from tap import Skip, Tests, check, same  # pylint: disable=wrong-import-position

HEADERS = os.path.join(SOURCE, "plugins", "godwit")
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"]
# Both lack the names that only _GNU_SOURCE shows; g++ defines it by itself.
LANGUAGES = {"C11": ["gcc", "-xc", "-std=c11", "-U_GNU_SOURCE", "-Wstrict-prototypes"],
             "C++17": ["g++", "-xc++", "-std=c++17", "-U_GNU_SOURCE"]}
USES = """
#include <godwit/godwit.h>
#ifdef _GNU_SOURCE
#error "a header defines _GNU_SOURCE"
#endif
#if !GDW_CHECK_VERSION (GDW_MAJOR_VERSION, GDW_MINOR_VERSION, GDW_MICRO_VERSION) || \
    GDW_CHECK_VERSION (GDW_MAJOR_VERSION, GDW_MINOR_VERSION, GDW_MICRO_VERSION + 1) || \
    GDW_CHECK_VERSION (GDW_MAJOR_VERSION + 1, 0, 0) || !GDW_CHECK_VERSION (0, 0, 99)
#error "GDW_CHECK_VERSION"
#endif
G_STATIC_ASSERT (GDW_PAGE_SIZE == 4096 && sizeof (GDW_PAGE_SIZE) == 8);
G_STATIC_ASSERT (~(GDW_PAGE_SIZE - 1) == G_MAXUINT64 - 4095);
G_STATIC_ASSERT (GDW_BITMAP_WORDS (65) == 2 && GDW_ERROR_EXHAUSTED == 13);
static inline guint64 pages (const GdwRegion *region) { return gdw_region_pages (region); }
guint64 use (const GdwRegion *region);
guint64 use (const GdwRegion *region) { return pages (region) + GDW_ERROR + sizeof (GdwHost); }
"""


def glib():
    """GLib's own headers need not be as clean as ours."""
    said = subprocess.run(["pkg-config", "--cflags", "gio-2.0"], capture_output=True, text=True,
                          check=True).stdout
    return said.replace("-I", "-isystem").split()


def compiles(language, text, *more):
    command = [*LANGUAGES[language], *STRICT, *more, "-I", os.path.dirname(HEADERS), *glib(), "-"]
    if not shutil.which(command[0]):
        raise Skip(f"no {command[0]}")
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"{' '.join(command)}:\n{text}\n{done.stderr}")


def alone(language, header):
    compiles(language, f"#include <godwit/{header}>\n", "-fsyntax-only")


def twice(language):
    """All of them, from the last to the first, and again."""
    lines = [f"#include <godwit/{header}>\n" for header in sorted(os.listdir(HEADERS))]
    compiles(language, "".join(lines[::-1] + lines), "-fsyntax-only")


def strict(language):
    """The macros and inline functions, too."""
    compiles(language, USES, "-fsyntax-only")


def version():
    """The headers, the library and the build say the same."""
    with open(os.path.join(SOURCE, "meson.build"), encoding="utf-8") as file:
        built = re.search(r"^  version: '([0-9.]+)'", file.read(), re.M)[1]
    with open(os.path.join(HEADERS, "version.h"), encoding="utf-8") as file:
        macros = dict(re.findall(r"^#define GDW_(M[A-Z]+)_VERSION (\d+)$", file.read(), re.M))
    same(".".join(macros[name] for name in ("MAJOR", "MINOR", "MICRO")), built, "version.h")
    library = ctypes.CDLL(os.path.join(BUILD, "core", "libgodwit.so"))
    library.gdw_version.restype = ctypes.c_char_p
    same(library.gdw_version().decode(), built, "gdw_version")


def template(name):
    """The macros are for C of any strictness."""
    with open(os.path.join(SOURCE, "plugins", "template", name), encoding="utf-8") as file:
        compiles("C11", file.read(), "-fsyntax-only")


def plugin_in_cxx():
    """A plugin in C++ fills the struct by itself; it loads, and bytes pass through it."""
    with tempfile.TemporaryDirectory(prefix="godwit-abi-") as folder:
        module = os.path.join(folder, "gdw-filter-cxx.so")
        with open(os.path.join(SOURCE, "tests", "abi", "plugin.cc"), encoding="utf-8") as file:
            compiles("C++17", file.read(), "-shared", "-fPIC", "-fvisibility=hidden", "-o", module)
        program = os.path.join(BUILD, "conformance", "godwit-conformance")
        done = subprocess.run([program, "--quick", "--only", "*-arrive", module],
                              capture_output=True, text=True, check=False)
        same(done.returncode, 0, f"exit status; {done.stdout}{done.stderr}")


def symbols(name, folder, page):
    """A symbol more is a promise; one less breaks a VMM."""
    with open(os.path.join(SOURCE, "tests", "abi", page), encoding="utf-8") as file:
        listed = [line.strip() for line in file if not line.startswith("#")]
    library = os.path.join(BUILD, folder, name + ".so")
    said = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", library],
                          capture_output=True, text=True, check=True).stdout
    shown = [line.split()[0] for line in said.splitlines()]
    check(listed, "nothing is listed")
    check(not set(shown) - set(listed), f"not in {page}: {sorted(set(shown) - set(listed))}")
    check(not set(listed) - set(shown), f"not in {name}: {sorted(set(listed) - set(shown))}")
    same(listed, sorted(listed), f"the order of {page}")


def main():
    tests = Tests()
    for language in LANGUAGES:
        for header in sorted(os.listdir(HEADERS)):
            tests.add(f"{header} alone is {language}", alone, language, header)
        tests.add(f"all headers are {language}, in any order", twice, language)
        tests.add(f"what they define is {language} without _GNU_SOURCE", strict, language)
    for name in "tracker.c", "transport.c", "filter.c":
        tests.add(f"the template {name} is C11", template, name)
    tests.add("a plugin may be C++17", plugin_in_cxx)
    tests.add("the version is that of the build", version)
    tests.add("libgodwit shows what symbols.txt lists", symbols, "libgodwit", "core", "symbols.txt")
    tests.add("libgodwit-control shows what symbols-control.txt lists", symbols,
              "libgodwit-control", "control", "symbols-control.txt")
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
