/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "link-cases.h"

/* X (name, slow, function), in order of execution. */
#define FILTER_CASES(X)                                                                        \
  X ("declares-what-makes-sense", FALSE, plugin_declares_what_makes_sense)                     \
  X ("a-short-wire-loses-nothing", FALSE, filter_a_short_wire_loses_nothing)                   \
  X ("an-error-of-the-wire-is-handed-on", FALSE, filter_an_error_of_the_wire_is_handed_on)     \
  X ("a-link-without-bytes-closes", FALSE, filter_a_link_without_bytes_closes)                 \
  X ("what-follows-the-handshake-is-read", FALSE, filter_what_follows_the_handshake_is_read)   \
  X ("handshake-over-a-short-wire", FALSE, filter_handshake_over_a_short_wire)                 \
  X ("handshake-needs-a-peer", FALSE, filter_handshake_needs_a_peer)                           \
  X ("cancel-ends-handshake", FALSE, filter_cancel_ends_handshake)                             \
  LINK_CASES (X)
