/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "link-cases.h"

/* X (name, slow, function), in the order in which they run. */
#define TRANSPORT_CASES(X)                                                                     \
  X ("declares-what-makes-sense", FALSE, plugin_declares_what_makes_sense)                     \
  X ("open-touches-nothing", FALSE, transport_open_touches_nothing)                            \
  X ("bad-addresses-are-refused", FALSE, transport_bad_addresses_are_refused)                  \
  X ("local-address-is-where-peers-connect", FALSE,                                            \
     transport_local_address_is_where_peers_connect)                                           \
  X ("a-second-listener-disturbs-nobody", FALSE, transport_a_second_listener_disturbs_nobody)  \
  X ("connect-to-nobody-fails", FALSE, transport_connect_to_nobody_fails)                      \
  X ("what-is-published-comes-back", FALSE, one_way_what_is_published_comes_back)              \
  X ("what-is-not-published-is-gone", FALSE, one_way_what_is_not_published_is_gone)            \
  X ("what-took-its-place-is-not-published", FALSE, one_way_what_took_its_place_is_no_guest)   \
  X ("a-fifo-holds-nobody", FALSE, one_way_a_fifo_holds_nobody)                                \
  X ("nothing-is-left-of-one-way", FALSE, one_way_nothing_is_left_after_close)                 \
  LINK_CASES (X)
