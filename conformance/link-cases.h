/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* Cases for a link of a transport, and for one with a filter over it. */
/* X (name, slow, function), in order of execution. */
#define LINK_CASES(X)                                                                          \
  X ("bytes-of-any-size-arrive", FALSE, link_bytes_of_any_size_arrive)                         \
  X ("vectors-of-any-cut-arrive", FALSE, link_vectors_of_any_cut_arrive)                       \
  X ("short-counts-lose-nothing", FALSE, link_short_counts_lose_nothing)                       \
  X ("more-than-2-gib-arrive", TRUE, link_more_than_2_gib_arrive)                              \
  X ("one-call-may-offer-more-than-4-gib", FALSE, link_one_call_may_offer_more_than_4_gib)     \
  X ("read-gives-what-there-is", FALSE, link_read_gives_what_there_is)                         \
  X ("write-leaves-the-bytes-alone", FALSE, link_write_leaves_the_bytes_alone)                 \
  X ("read-and-write-run-at-once", FALSE, link_read_and_write_run_at_once)                     \
  X ("links-do-not-mix", FALSE, link_links_do_not_mix)                                         \
  X ("what-one-link-keeps-is-its-own", FALSE, link_what_one_link_keeps_is_its_own)             \
  X ("instances-do-not-meet", FALSE, link_instances_do_not_meet)                               \
  X ("shutdown-ends-one-way-only", FALSE, link_shutdown_ends_one_way_only)                     \
  X ("shutdown-loses-nothing", FALSE, link_shutdown_loses_nothing)                             \
  X ("shutdown-runs-beside-a-read", FALSE, link_shutdown_runs_beside_a_read)                   \
  X ("close-loses-nothing", FALSE, link_close_loses_nothing)                                   \
  X ("close-of-the-peer-ends-read", FALSE, link_close_of_the_peer_ends_read)                   \
  X ("close-of-the-peer-ends-write", FALSE, link_close_of_the_peer_ends_write)                 \
  X ("death-of-the-peer-ends-read", FALSE, link_death_of_the_peer_ends_read)                   \
  X ("death-of-the-peer-ends-write", FALSE, link_death_of_the_peer_ends_write)                 \
  X ("cancel-ends-accept", FALSE, link_cancel_ends_accept)                                     \
  X ("cancel-ends-connect", FALSE, link_cancel_ends_connect)                                   \
  X ("cancel-ends-read", FALSE, link_cancel_ends_read)                                         \
  X ("cancel-ends-write", FALSE, link_cancel_ends_write)                                       \
  X ("no-cancellable-is-kept", FALSE, link_no_cancellable_is_kept)                             \
  X ("signals-change-nothing", FALSE, link_signals_change_nothing)                             \
  X ("a-reader-that-stops-stops-the-writer", FALSE, link_a_reader_that_stops_stops_the_writer) \
  X ("waiting-burns-no-cpu", FALSE, link_waiting_burns_no_cpu)                                 \
  X ("nothing-is-left-after-close", FALSE, link_nothing_is_left_after_close)                   \
  X ("options-at-their-limits", FALSE, link_options_at_their_limits)
