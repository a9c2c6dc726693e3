#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""docs/plugins.md, done as a newcomer does it: godwit is installed into a prefix, the files of the
page are put into an empty folder, and its commands are given."""

import functools
import os
import re
import shutil
import subprocess
import sys

SOURCE = os.environ["GODWIT_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))

from installed import installed, new_folder, run
from tap import Tests, check, diag, same

FOLDER = new_folder("godwit-kit-")
MINE = os.path.join(FOLDER, "my-plugins")
PIECE = re.compile(r"^<!-- quote: plugins/template/(\S+) -->\n```\w+\n(.*?)^```$", re.M | re.S)
WRONG = re.compile(r"^\| `([a-z]+)\.c` \| `(.+?)` \| `(.+?)` \| `([a-z0-9-]+)` \|$", re.M)
# The page's name for the place where godwit is.
PREFIX = "/opt/godwit"
HEAD = 2  # lines of licence, which a newcomer does not copy


def page():
    with open(os.path.join(SOURCE, "docs", "plugins.md"), encoding="utf-8") as file:
        return file.read()


def files():
    """{name: text} of the pieces in the page."""
    pieces = {}
    for name, text in PIECE.findall(page()):
        pieces.setdefault(name, []).append(text)
    return {name: "\n".join(texts) for name, texts in pieces.items()}


def shell(line, **options):
    """A command of the page."""
    check(re.search(rf"^    {re.escape(line)}$", page(), re.M), f"the page does not say: {line}")
    exports = re.search(r"^    (export .*)$", page(), re.M)[1].replace(PREFIX, installed().prefix)
    env = dict(installed().environment(), CFLAGS="-Werror")
    for name in "PKG_CONFIG_PATH", "PATH":
        env[name] = os.environ.get(name, "")
    return run("bash", "-ec", f"{exports}\n{line}", env=env, cwd=MINE, **options)


def whole():
    """The page has each file from its first line to its last."""
    said = files()
    template = os.path.join(SOURCE, "plugins", "template")
    same(sorted(said), sorted(os.listdir(template)), "files that the page has")
    for name, text in said.items():
        with open(os.path.join(template, name), encoding="utf-8") as file:
            same(text, "".join(file.readlines()[HEAD:]), name)


def small():
    for name, text in files().items():
        check(text.count("\n") + HEAD < 80, f"{name} has {text.count(chr(10)) + HEAD} lines")


def builds():
    """Without a warning, and each passes."""
    os.mkdir(MINE)
    for name, text in files().items():
        with open(os.path.join(MINE, name), "w", encoding="utf-8") as file:
            file.write(text)
    shell("meson setup build")
    try:
        said = shell("meson test -C build")
    except AssertionError:
        with open(os.path.join(MINE, "build", "meson-logs", "testlog.txt"), encoding="utf-8") as log:
            diag("\n".join(line for line in log.read().splitlines() if not line.startswith("ok ")))
        raise
    same(re.findall(r"^(?:Ok|Fail): +(\d+)", said, re.M), ["3", "0"], f"passed, failed in {said}")


def stands_alone():
    """The build has seen nothing of the source tree, and its programs need no library of godwit."""
    with open(os.path.join(MINE, "build", "compile_commands.json"), encoding="utf-8") as file:
        text = file.read()
    check(SOURCE + "/" not in text, f"the source tree is named in {text}")
    for kind in "tracker", "transport", "filter":
        said = run("readelf", "-d", os.path.join(MINE, "build", f"gdw-{kind}-mine.so"))
        check("libgodwit" not in "".join(re.findall(r"\(NEEDED\).*", said)), said)


def twins():
    """(kind, right, wrong, test)"""
    return [tuple(cell.replace("\\|", "|") for cell in row) for row in WRONG.findall(page())]


@functools.cache
def wrong():
    """The folder of the three, each with one change."""
    folder = os.path.join(FOLDER, "wrong")
    shutil.copytree(MINE, folder, ignore=shutil.ignore_patterns("build"))
    for kind, right, wrong_text, _test in twins():
        text = files()[kind + ".c"]
        same(text.count(right), 1, f"times that {kind}.c has {right}")
        with open(os.path.join(folder, kind + ".c"), "w", encoding="utf-8") as file:
            file.write(text.replace(right, wrong_text))
    env = installed().environment()
    run("meson", "setup", "build", cwd=folder, env=env)
    run("ninja", "-C", "build", cwd=folder, env=env)
    return folder


def twin(kind, test):
    """The suite names the test; with --all it runs every test."""
    which = [] if "GODWIT_TEST_ALL" in os.environ else ["--only", test]
    done = subprocess.run(["godwit-conformance", "--quick", *which, f"build/gdw-{kind}-mine.so"],
                          cwd=wrong(), env=installed().environment(), capture_output=True, text=True,
                          check=False)
    failed = re.findall(r"^not ok \d+ - mine: (?:soft/)?(\S+)", done.stdout, re.M)
    diag(f"failed: {' '.join(failed)}")
    same(done.returncode, 1, f"exit status; {done.stdout}")
    check(test in failed, f"{test} passed; {failed} failed")


def used():
    """Installed, they are found without a word about where they are, and a guest moves."""
    shell("meson install -C build")
    os.makedirs(os.path.join(FOLDER, "as-built", "vmm"))
    os.symlink(os.path.join(installed().prefix, "bin", "godwit-vmm"),
               os.path.join(FOLDER, "as-built", "vmm", "godwit-vmm"))
    script = os.path.join(SOURCE, "tests", "kit", "used.py")
    env = dict(installed().environment(), GODWIT_SOURCE=SOURCE,
               GODWIT_BUILD=os.path.join(FOLDER, "as-built"))
    said = run(sys.executable, script, env=env)
    diag(said)
    check("not ok" not in said, said)


def add(tests):
    tests.add("the page has the whole template", whole)
    tests.add("each file has less than 80 lines", small)
    tests.add("what the page says builds and passes", builds)
    tests.add("it stands alone", stands_alone)
    tests.add("each kind has a wrong twin", same, sorted(one[0] for one in twins()),
              ["filter", "tracker", "transport"], "kinds")
    for kind, _right, _wrong, test in twins():
        tests.add(f"its wrong {kind} fails {test}", twin, kind, test)
    tests.add("installed, it moves a guest", used)


def main():
    tests = Tests()
    add(tests)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
