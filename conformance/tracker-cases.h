/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* X (name, slow, function), in order of execution. */
#define TRACKER_CASES(X)                                                                       \
  X ("declares-what-makes-sense", FALSE, plugin_declares_what_makes_sense)                     \
  X ("opens-or-names-what-is-missing", FALSE, opens_or_names_what_is_missing)                  \
  X ("nothing-written-nothing-reported", FALSE, nothing_written_nothing_reported)              \
  X ("every-page-is-reported", FALSE, every_page_is_reported)                                  \
  X ("all-pages-at-once-are-reported", FALSE, all_pages_at_once_are_reported)                  \
  X ("the-last-pages-are-reported", FALSE, the_last_pages_are_reported)                        \
  X ("regions-are-kept-apart", FALSE, regions_are_kept_apart)                                  \
  X ("a-bit-that-is-set-stays", FALSE, a_bit_that_is_set_stays)                                \
  X ("a-write-of-the-same-value-is-reported", FALSE, a_write_of_the_same_value_is_reported)    \
  X ("a-write-before-the-first-collect-is-reported", FALSE,                                    \
     a_write_before_the_first_collect_is_reported)                                             \
  X ("a-write-during-collect-is-reported", FALSE, a_write_during_collect_is_reported)          \
  X ("a-pause-hides-nothing", FALSE, a_pause_hides_nothing)                                    \
  X ("writes-of-the-vmm-are-seen", FALSE, writes_of_the_vmm_are_seen)                          \
  X ("a-write-after-rearm-is-reported", FALSE, a_write_after_rearm_is_reported)                \
  X ("rearm-of-some-leaves-the-others", FALSE, rearm_of_some_leaves_the_others)                \
  X ("rearm-keeps-to-its-range", FALSE, rearm_keeps_to_its_range)                              \
  X ("rearm-is-done-when-it-returns", FALSE, rearm_is_done_when_it_returns)                    \
  X ("holes-are-passed-over", FALSE, holes_are_passed_over)                                    \
  X ("restart-has-nothing-stale", FALSE, restart_has_nothing_stale)                            \
  X ("restart-loses-nothing", FALSE, restart_loses_nothing)                                    \
  X ("stop-stops-logging", FALSE, stop_stops_logging)                                          \
  X ("a-start-that-fails-says-so", FALSE, a_start_that_fails_says_so)                          \
  X ("a-log-that-fails-fails-the-call", FALSE, a_log_that_fails_fails_the_call)                \
  X ("after-a-failure-it-starts-again", FALSE, after_a_failure_it_starts_again)                \
  X ("instances-do-not-meet", FALSE, instances_do_not_meet)                                    \
  X ("nothing-is-left-after-close", FALSE, nothing_is_left_after_close)                        \
  X ("a-tebibyte-costs-bits", FALSE, a_tebibyte_costs_bits)                                    \
  X ("vcpu-pages-add-up", FALSE, vcpu_pages_add_up)                                            \
  X ("rings-wrap", FALSE, rings_wrap)                                                          \
  X ("the-smallest-ring-is-enough", FALSE, the_smallest_ring_is_enough)                        \
  X ("the-largest-ring-is-emptied", FALSE, the_largest_ring_is_emptied)                        \
  X ("each-ring-is-read", FALSE, each_ring_is_read)                                            \
  X ("ring-entries-are-located", FALSE, ring_entries_are_located)                              \
  X ("a-full-ring-goes-on", FALSE, a_full_ring_goes_on)                                        \
  X ("room-in-a-ring-is-told", FALSE, room_in_a_ring_is_told)                                  \
  X ("nobody-need-be-told", FALSE, nobody_need_be_told)                                        \
  X ("race-of-writes-by-seed", FALSE, race_of_writes_by_seed)                                  \
  X ("race-of-rearm-and-collect-by-seed", FALSE, race_of_rearm_and_collect_by_seed)            \
  X ("race-at-restart-by-seed", FALSE, race_at_restart_by_seed)                                \
  X ("race-with-full-rings-by-seed", FALSE, race_with_full_rings_by_seed)                      \
  X ("race-of-writes-runs-free", FALSE, race_of_writes_runs_free)                              \
  X ("race-for-one-word-runs-free", FALSE, race_for_one_word_runs_free)

/* The cases that run over KVM, too. */
#define TRACKER_GUEST_CASES(X)                                                                 \
  X ("race-with-a-guest-runs-free", FALSE, race_with_a_guest_runs_free)                        \
  X ("race-of-a-guest-and-restart-runs-free", FALSE, race_of_a_guest_and_restart_runs_free)    \
  X ("a-paused-guest-reports-nothing", FALSE, a_paused_guest_reports_nothing)
