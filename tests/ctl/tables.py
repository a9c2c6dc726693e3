#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""--help, the man pages and the completion name what the tables in the code have, and no more."""

import os
import re
import shutil
import subprocess
import sys

from ctl import ctl, environment

from tap import Skip, Tests, check, same
from vmm import BUILD, ROOT

PROGRAMS = {"godwitctl": ("ctl/options.c", "ctl/godwitctl"),
            "godwit-vmm": ("vmm/options.c", "vmm/godwit-vmm"),
            "godwit-conformance": ("conformance/main.c", "conformance/godwit-conformance")}
ENTRY = re.compile(r'\{ "([a-z-]+)", (?:0|\'(\w)\'), ')
COMPLETION = "ctl/godwitctl.bash"


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def options(path):
    """Those of the GOptionEntry table, and GLib's own."""
    found = {"-h", "--help"}
    for name, letter in ENTRY.findall(read(path)):
        found |= {"--" + name} | ({"-" + letter} if letter else set())
    check(len(found) > 4, f"{path} has no table of options")
    return found


def commands():
    """{name: (its arguments, whether it can be followed)} of the table."""
    rows = re.findall(r'^ +\{ "(\w+)", "([^"]*)",\s*"[^"]*",\s*\w+,\s*\w+,\s*(TRUE|FALSE)',
                      read("ctl/commands.c"), re.M)
    same(len(rows), read("ctl/commands.h").count("int command_"), "commands in the table")
    return {name: (arguments, follows == "TRUE") for name, arguments, follows in rows}


def help_of(program):
    path = os.path.join(BUILD, PROGRAMS[program][1])
    return subprocess.run([path, "--help"], capture_output=True, encoding="utf-8", check=True,
                          env=environment()).stdout


def help_options(program):
    found = set()
    for line in re.findall(r"^  (-.*)$", help_of(program), re.M):
        found |= set(re.findall(r"(?:^|, )(--?[a-z-]+)", line))
    same(found, options(PROGRAMS[program][0]), f"options in {program} --help")


def help_commands():
    part = help_of("godwitctl").split("Commands:\n")[1].split("\n\n")[0]
    found = {}
    for line in part.splitlines():
        usage = re.split(r"  +", line.strip())[0]
        name, _, arguments = usage.removesuffix("[--follow]").strip().partition(" ")
        found[name] = arguments, usage.endswith(" [--follow]")
    same(found, commands(), "commands in --help")


def part_of(page, heading):
    return re.search(rf"^\.Sh {heading}\n(.*?)(?=^\.Sh |\Z)", page, re.M | re.S)[1]


def page_options(program):
    page = read(f"docs/man/{program}.1")
    found = set()
    for line in re.findall(r"^\.It (Fl .*)$", part_of(page, "DESCRIPTION"), re.M):
        found |= {"-" + name for name in re.findall(r"(?:Fl|,) (-?[a-z][a-z-]*)", line)}
    same(found, options(PROGRAMS[program][0]), f"options in {program}.1")


def page_commands():
    page = read("docs/man/godwitctl.1")
    listed = re.findall(r"^\.It Cm (\w+)(.*)$", part_of(page, "COMMANDS"), re.M)
    same([name for name, _ in listed], list(commands()), "commands in the man page")
    for name, rest in listed:
        same(bool(rest), bool(commands()[name][0]), f"arguments of {name} in the man page")
    told = re.search(r"^For\n\.Cm (.*)\nand\n\.Cm (\w+) \.", page, re.M)
    same(re.findall(r"\w+", told[1]) + [told[2]],
         [name for name, (_, follows) in commands().items() if follows], "what can be followed")


def page_examples():
    """Those of --help, word by word."""
    for program in "godwitctl", "godwit-conformance":
        shown = [line.strip() for line in help_of(program).split("Examples:\n")[1].splitlines()
                 if line.startswith("  ")]
        page = part_of(read(f"docs/man/{program}.1"), "EXAMPLES")
        same([line for line in page.splitlines() if not line.startswith(".")], shown,
             f"examples in {program}.1")


def page_is_clean(program):
    if not shutil.which("mandoc"):
        raise Skip("no mandoc")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning",
                           os.path.join(ROOT, f"docs/man/{program}.1")],
                          capture_output=True, encoding="utf-8", check=False)
    same((done.stdout, done.returncode), ("", 0), "what mandoc says")


def page_shows(program):
    """A reader gets text with its name."""
    if not shutil.which("man"):
        raise Skip("no man")
    done = subprocess.run(["man", "-l", "-P", "cat", os.path.join(ROOT, f"docs/man/{program}.1")],
                          capture_output=True, encoding="utf-8", check=False, env=environment())
    check(program in done.stdout and "EXIT STATUS" in done.stdout, done.stdout + done.stderr)


def complete(line):
    """Return the words that bash offers at the end of LINE, after a space if it ends with one."""
    words = line.split(" ")
    script = (f'source {os.path.join(ROOT, COMPLETION)}; COMP_WORDS=("$@"); '
              'COMP_CWORD=$(($# - 1)); _godwitctl; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True,
                          encoding="utf-8", check=True, cwd=ROOT)
    same(done.stderr, "", "stderr of the completion")
    return set(done.stdout.split())


def completion():
    same(complete("godwitctl "), set(commands()), "commands that are offered")
    same(complete("godwitctl -"), options("ctl/options.c"), "options that are offered")
    same(complete("godwitctl -s /tmp/x --json c"), {"cancel", "continue", "check"}, "after options")
    same(complete("godwitctl migrate "), set(), "after a command")
    same(complete("godwitctl status --f"), {"--follow"}, "an option after a command")
    same(complete("godwitctl -s ctl/godwitctl.b"), {"ctl/godwitctl.bash"}, "the file of -s")


def version():
    number = re.search(r"version: '([\d.]+)'", read("meson.build"))[1]
    same(ctl("--version"), (f"godwitctl {number}\n", ""), "--version")
    for program in PROGRAMS:
        short = number.rsplit(".", 1)[0]
        check(f".Os godwit {short}\n" in read(f"docs/man/{program}.1"), f"version in {program}.1")


def main():
    tests = Tests()
    for program in PROGRAMS:
        tests.add(f"{program} --help has the options", help_options, program)
        tests.add(f"{program}.1 has the options", page_options, program)
        tests.add(f"{program}.1: mandoc has nothing to say", page_is_clean, program)
        tests.add(f"{program}.1 can be read", page_shows, program)
    tests.add("--help has the commands", help_commands)
    tests.add("godwitctl.1 has the commands", page_commands)
    tests.add("the man pages have the examples of --help", page_examples)
    tests.add("completion of bash", completion)
    tests.add("version", version)
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
