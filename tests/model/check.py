#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Check handover.pml with spin, exhaustively.  TAP on stdout."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "handover.pml")

PROMISES = ["p1_never_both", "p3_source_waits", "p4_destination_waits", "paused_stays_paused",
            "sides_agree", "listener_stays", "doubt_waits", "resolved_is_final",
            "nothing_is_stale"]

# The right protocol: what holds in each world.
HOLDS = {
    "": PROMISES,
    "NO_OPERATOR": PROMISES,
    "NO_OPERATOR ONLY_LINK_1_FAILS": ["doubt_ends"],
    "SOURCE_LIVES": ["p2_cancel_resumes"],
    "ONLY_LINK_1_FAILS": PROMISES + ["p2_cancel_resumes", "no_loss"],
}

# Wrong protocols (macros): the promises that each breaks.
BREAKS = {
    "QUERY_DOES_NOT_DECIDE": ["p1_never_both", "sides_agree"],
    "QUERY_DOES_NOT_DECIDE ONLY_LINK_1_FAILS": ["p1_never_both", "no_loss"],
    "LATE_COMMIT_ACCEPTED": ["p1_never_both", "sides_agree"],
    "RESUME_AFTER_COMMIT_WRITE_ERROR": ["p1_never_both", "p3_source_waits"],
    "RETURN_AFTER_PREPARE": ["nothing_is_stale"],
    "RETURN_AFTER_COMMIT": ["p1_never_both", "p3_source_waits", "nothing_is_stale"],
    "CANCEL_AFTER_COMMIT": ["p1_never_both", "p3_source_waits"],
    "OPERATOR_GUESSES": ["p1_never_both"],
    "UNKNOWN_ID_MEANS_ABORTED": ["p3_source_waits"],
    "CONT_WHILE_UNKNOWN": ["p1_never_both", "p3_source_waits", "doubt_waits"],
    "SILENCE_MEANS_ABORTED": ["p1_never_both", "sides_agree"],
    "DOUBT_IS_FINAL NO_OPERATOR ONLY_LINK_1_FAILS": ["doubt_ends", "no_loss"],
    "ANSWER_AFTER_RESOLVE": ["resolved_is_final"],
    "RUN_ON_PREPARED": ["p1_never_both", "p4_destination_waits"],
    "CONT_RUNS_INCOMING": ["p4_destination_waits", "paused_stays_paused"],
    "RUN_STATE_FORGOTTEN": ["paused_stays_paused"],
    "CANCEL_LEAVES_PAUSED SOURCE_LIVES": ["p2_cancel_resumes"],
    "LISTENER_CLOSED_AT_COMMITTED": ["listener_stays"],
    "LISTENER_CLOSED_AT_COMMITTED NO_OPERATOR ONLY_LINK_1_FAILS": ["no_loss", "doubt_ends"],
    "LISTENER_CLOSED_AT_FAILURE": ["listener_stays"],
    "LISTENER_CLOSED_AT_FAILURE NO_OPERATOR ONLY_LINK_1_FAILS": ["no_loss", "doubt_ends"],
    "LISTENER_CLOSED_AT_ANSWER": ["listener_stays"],
}

# Any of these means that the search was cut short, whatever `errors:` says.
TRUNCATED = ["max search depth too small", "out of memory", "memory limit", "MEMLIM",
             "Search not completed", "Bit statespace", "hash-compact"]


def build(directory, macros):
    """Make the verifier of one variant; returns its path."""
    os.mkdir(directory)
    flags = ["-D" + macro for macro in macros.split()]
    # No partial order reduction: the model is small enough to look at every interleaving.
    for command in (["spin", "-a", *flags, MODEL],
                    ["gcc", "-w", "-O0", "-DNOREDUCE", "-DMEMLIM=2048", "-o", "pan", "pan.c"]):
        run = subprocess.run(command, cwd=directory, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode != 0:
            print(f"Bail out! {command[0]} failed\n{run.stdout}")
            sys.exit(1)
    return os.path.join(directory, "pan")


def search(pan, claim):
    """Returns "holds", "refuted" or why the search decides neither; and pan's output."""
    run = subprocess.run([pan, "-a", "-m10000", "-w20", "-N", claim],
                         cwd=os.path.dirname(pan), text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = run.stdout
    errors = re.search(r"errors: (\d+)$", out, re.M)
    if f"ltl formula {claim}\n" not in out or not errors:
        return "pan did not check it", out
    if errors[1] != "0":
        found = re.search(r"assertion violated|acceptance cycle", out)
        return "refuted" if found else "pan stopped for another reason", out
    cut = [text for text in TRUNCATED if text in out]
    if cut or "Full statespace search" not in out:
        return "not a full search: " + ", ".join(cut), out
    return "holds", out


def dead_steps(out):
    """Steps of the protocol that no run ever takes."""
    listed = re.findall(r"^unreached in proctype \w+\n((?:\t.*\n)*)", out, re.M)
    return [line.strip() for block in listed for line in block.splitlines()
            if '"-end-"' not in line and "states)" not in line]


def unchecked():
    """Claims and macros of the model that no table here names."""
    with open(MODEL, encoding="utf-8") as model:
        text = model.read()
    named = set(" ".join([*HOLDS, *BREAKS]).split()) | set(sum(HOLDS.values(), []))
    claims = re.findall(r"^ltl (\w+)", text, re.M)
    macros = re.findall(r"^#ifn?def (\w+)", text, re.M)
    never = [claim for claim in claims if claim.startswith("never_")]
    return sorted((set(claims) | set(macros)) - named - set(never)), never


class Tap:
    def __init__(self, plan):
        self.count = 0
        print(f"1..{plan}", flush=True)

    def test(self, good, name, detail=""):
        self.count += 1
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", flush=True)
        for line in detail.splitlines() if not good else []:
            print("# " + line)


def check(tap, directory, macros, expected):
    """One variant: expected is a list of (claim, "holds" or "refuted")."""
    pan = build(os.path.join(directory, macros.replace(" ", "+") or "godwit"), macros)
    for claim, verdict in expected:
        got, out = search(pan, claim)
        states = re.search(r"(\d+) states, stored", out)
        name = f"{macros or 'godwit'}: {claim} {verdict}"
        if got == "holds" and states:
            name += f" over {states[1]} states"
        tap.test(got == verdict, name, f"got: {got}\n{out}")
        if not macros and claim == PROMISES[0]:
            dead = dead_steps(out)
            tap.test(not dead, "godwit: every step of the model is taken", "\n".join(dead))


def main():
    for tool in "spin", "gcc":
        if not shutil.which(tool):
            print(f"1..0 # SKIP no {tool}")
            return
    forgotten, never = unchecked()
    work = [(macros, [(claim, "holds") for claim in claims])
            for macros, claims in HOLDS.items()]
    work[0][1].extend((claim, "refuted") for claim in never)
    work += [(macros, [(claim, "refuted") for claim in claims])
             for macros, claims in BREAKS.items()]
    tap = Tap(2 + sum(len(expected) for _, expected in work))
    tap.test(not forgotten, "every claim and macro of the model is checked",
             "\n".join(forgotten))
    with tempfile.TemporaryDirectory(prefix="godwit-model-") as directory:
        for macros, expected in work:
            check(tap, directory, macros, expected)


if __name__ == "__main__":
    sys.exit(main())
