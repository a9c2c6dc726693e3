/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "try.h"

/* X (name, function), in order of execution. */
#define HOST_CASES(X)                                                                          \
  X ("has-what-is-required", host_has_what_is_required)                                        \
  X ("regions-make-sense", host_regions_make_sense)                                            \
  X ("other-has-the-same-regions", host_other_has_the_same_regions)                            \
  X ("machine-digests-are-equal", host_machine_digests_are_equal)                              \
  X ("zero-memory-is-zero", host_zero_memory_is_zero)                                          \
  X ("resume-runs-the-guest", host_resume_runs_the_guest)                                      \
  X ("pause-stops-every-writer", host_pause_stops_every_writer)                                \
  X ("pause-and-resume-take-turns", host_pause_and_resume_take_turns)                          \
  X ("cancelled-pause-is-answered", host_cancelled_pause_is_answered)                          \
  X ("regions-stay-as-they-are", host_regions_stay_as_they_are)                                \
  X ("sections-have-names", host_sections_have_names)                                          \
  X ("a-second-save-gives-the-same", host_a_second_save_gives_the_same)                        \
  X ("cancelled-calls-are-answered", host_cancelled_calls_are_answered)                        \
  X ("fence-and-reacquire-take-turns", host_fence_and_reacquire_take_turns)                    \
  X ("guest-check-counts-pages", host_guest_check_counts_pages)                                \
  X ("damaged-state-is-refused", host_damaged_state_is_refused)                                \
  X ("state-goes-over-unchanged", host_state_goes_over_unchanged)                              \
  X ("a-loaded-guest-runs-on", host_a_loaded_guest_runs_on)                                    \
  X ("reset-makes-room-for-the-guest", host_reset_makes_room_for_the_guest)                    \
  X ("log-has-what-its-modes-need", host_log_has_what_its_modes_need)                          \
  X ("log-refuses-other-modes", host_log_refuses_other_modes)                                  \
  X ("log-can-be-enabled-again", host_log_can_be_enabled_again)                                \
  X ("log-reports-every-page", host_log_reports_every_page)                                    \
  X ("log-reports-the-last-partial-word", host_log_reports_the_last_partial_word)              \
  X ("get-copies-over-the-bits", host_get_copies_over_the_bits)                                \
  X ("plain-get-re-arms", host_plain_get_re_arms)                                              \
  X ("manual-get-only-copies", host_manual_get_only_copies)                                    \
  X ("clear-re-arms-exactly-those-given", host_clear_re_arms_exactly_those_given)              \
  X ("clear-begins-at-first", host_clear_begins_at_first)                                      \
  X ("initially-set-reports-every-page", host_initially_set_reports_every_page)                \
  X ("disable-forgets", host_disable_forgets)                                                  \
  X ("rings-stand-alone", host_rings_stand_alone)                                              \
  X ("rings-report-every-page", host_rings_report_every_page)                                  \
  X ("rings-keep-the-order", host_rings_keep_the_order)                                        \
  X ("rings-wrap", host_rings_wrap)                                                            \
  X ("rings-go-on-when-enabled-again", host_rings_go_on_when_enabled_again)                    \
  X ("reset-rings-re-arms", host_reset_rings_re_arms)                                          \
  X ("reset-rings-gives-entries-back", host_reset_rings_gives_entries_back)                    \
  X ("rings-keep-what-disable-left", host_rings_keep_what_disable_left)                        \
  X ("migration-copies-every-write", host_migration_copies_every_write)                        \
  X ("device-writes-are-reported", host_device_writes_are_reported)                            \
  X ("failures-say-why", host_failures_say_why)                                                \
  X ("every-call-is-answered-once", host_every_call_is_answered_once)

/* Declares the function of a test, in its file. */
#define DECLARE_HOST_CASE(name, function) gboolean function (Try *t);
