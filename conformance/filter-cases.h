/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "link-cases.h"

/* X (name, slow, function), in the order in which they run. */
#define FILTER_CASES(X)                                                                        \
  X ("declares-what-makes-sense", FALSE, plugin_declares_what_makes_sense)                     \
  X ("a-short-wire-loses-nothing", FALSE, filter_a_short_wire_loses_nothing)                   \
  X ("an-error-of-the-wire-is-handed-on", FALSE, filter_an_error_of_the_wire_is_handed_on)     \
  X ("a-link-without-bytes-closes", FALSE, filter_a_link_without_bytes_closes)                 \
  LINK_CASES (X)
