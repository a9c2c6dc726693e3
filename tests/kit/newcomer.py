#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The pages for newcomers, one after the other, with one installed godwit.  Each file runs by itself,
too."""

import sys

import outside
import small_vmm
import embedded  # the last one: its guest needs another environment
from tap import Tests

TESTS = Tests()
for page in outside, small_vmm, embedded:
    page.add(TESTS)
sys.exit(TESTS.run())
