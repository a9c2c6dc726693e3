/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/source/phase.h"

#define TO(phase) (1u << GDW_SOURCE_##phase)

enum { BEFORE_COMMIT = 1, LINKS_IN_USE = 2, HELD = 4, PREPARED = 8, TIDYING = 16, DONE = 32 };

const GdwPhase gdw_source_phases[GDW_SOURCE_N_PHASES] = {
  [GDW_SOURCE_LINKING] = { .name = "LINKING",
                           .waits_for =
                               "HELLO-ACK on link 0, then each further link, one after "
                               "the other",
                           .status = GDW_STATUS_SETUP,
                           .next = TO (STARTING) | TO (ENDING),
                           .traits = BEFORE_COMMIT | LINKS_IN_USE,
                           .reclaim = TRUE },
  [GDW_SOURCE_STARTING] = { .name = "STARTING",
                            .waits_for = "the tracker to start: no page is read before writes "
                                         "are logged",
                            .status = GDW_STATUS_SETUP,
                            .next = TO (SENDING) | TO (ENDING),
                            .traits = BEFORE_COMMIT | LINKS_IN_USE,
                            .reclaim = TRUE },
  [GDW_SOURCE_SENDING] = { .name = "SENDING",
                           .waits_for = "a dirty sync whose rest fits into `downtime-limit`, "
                                        "once a round at least",
                           .status = GDW_STATUS_ACTIVE,
                           .next = TO (PAUSING) | TO (ENDING),
                           .traits = BEFORE_COMMIT | LINKS_IN_USE,
                           .reclaim = TRUE },
  [GDW_SOURCE_PAUSING] = { .name = "PAUSING",
                           .waits_for = "the host's `pause`",
                           .status = GDW_STATUS_ACTIVE,
                           .next = TO (HOLDING) | TO (SAVING) | TO (ENDING),
                           .traits = BEFORE_COMMIT | LINKS_IN_USE | HELD,
                           .reclaim = TRUE },
  [GDW_SOURCE_HOLDING] = { .name = "HOLDING",
                           .waits_for =
                               "`migrate-continue`, if `pause-before-switchover` is on",
                           .status = GDW_STATUS_PRE_SWITCHOVER,
                           .next = TO (SAVING) | TO (ENDING),
                           .traits = BEFORE_COMMIT | LINKS_IN_USE | HELD,
                           .reclaim = TRUE },
  [GDW_SOURCE_SAVING] = { .name = "SAVING",
                          .waits_for = "the host's `save_state`; known pages travel meanwhile, "
                                       "without a limit of bandwidth",
                          .status = GDW_STATUS_DEVICE,
                          .next = TO (DRAINING) | TO (RETURNING) | TO (ENDING),
                          .traits = BEFORE_COMMIT | LINKS_IN_USE | HELD,
                          .reclaim = TRUE },
  [GDW_SOURCE_DRAINING] = { .name = "DRAINING",
                            .waits_for = "the last dirty sync, then the acknowledgement of "
                                         "every page",
                            .status = GDW_STATUS_DEVICE,
                            .next = TO (PREPARING) | TO (RETURNING) | TO (ENDING),
                            .traits = BEFORE_COMMIT | LINKS_IN_USE | HELD,
                            .reclaim = TRUE },
  /* The blackout took longer than `x-max-downtime`. */
  [GDW_SOURCE_RETURNING] = { .name = "RETURNING",
                             .waits_for = "the end of `save_state` and of the last dirty sync, "
                                          "then the host's `resume`",
                             .status = GDW_STATUS_DEVICE,
                             .next = TO (SENDING) | TO (ENDING),
                             .traits = BEFORE_COMMIT | LINKS_IN_USE | HELD,
                             .reclaim = TRUE },
  /* Returns to DRAINING when the main link dies, to repeat PREPARE on another. */
  [GDW_SOURCE_PREPARING] = { .name = "PREPARING",
                             .waits_for = "PREPARED",
                             .status = GDW_STATUS_DEVICE,
                             .next = TO (FENCING) | TO (DRAINING) | TO (ENDING),
                             .traits = BEFORE_COMMIT | LINKS_IN_USE | HELD | PREPARED,
                             .reclaim = TRUE },
  [GDW_SOURCE_FENCING] = { .name = "FENCING",
                           .waits_for = "the host's `fence`, if it has one",
                           .status = GDW_STATUS_DEVICE,
                           .next = TO (COMMITTING) | TO (ENDING),
                           .traits = BEFORE_COMMIT | LINKS_IN_USE | HELD | PREPARED,
                           .reclaim = TRUE },
  [GDW_SOURCE_COMMITTING] = { .name = "COMMITTING",
                              .waits_for = "COMMITTED",
                              .status = GDW_STATUS_DEVICE,
                              .next = TO (LEAVING) | TO (COMMIT_LOST),
                              .traits = LINKS_IN_USE | HELD | PREPARED },
  [GDW_SOURCE_COMMIT_LOST] = { .name = "COMMIT_LOST",
                               .waits_for = "the end of all links, which tells whether "
                                            "COMMIT was handed to `write()`",
                               .status = GDW_STATUS_DEVICE,
                               .next = TO (ASKING) | TO (LEAVING) | TO (IN_DOUBT) | TO (ENDING),
                               .traits = HELD | PREPARED },
  [GDW_SOURCE_ASKING] = { .name = "ASKING",
                          .waits_for = "OUTCOME, on a new link, for 5 s",
                          .status = GDW_STATUS_DEVICE,
                          .next = TO (LEAVING) | TO (IN_DOUBT) | TO (ENDING),
                          .traits = HELD | PREPARED },
  [GDW_SOURCE_LEAVING] = { .name = "LEAVING",
                           .waits_for = "CONFIRM on its way, the links closed, the log off",
                           .status = GDW_STATUS_DEVICE,
                           .next = TO (OVER),
                           .traits = HELD | PREPARED | TIDYING },
  [GDW_SOURCE_IN_DOUBT] = { .name = "IN_DOUBT",
                            .waits_for = "the log off",
                            .status = GDW_STATUS_DEVICE,
                            .next = TO (UNRESOLVED),
                            .traits = HELD | PREPARED | TIDYING },
  /* A link of one way leaves nobody to ask. */
  [GDW_SOURCE_UNRESOLVED] = { .name = "UNRESOLVED",
                              .waits_for = "OUTCOME, asked for slower and slower, or the "
                                           "operator: the first decides",
                              .status = GDW_STATUS_FAILED,
                              .next = TO (OVER),
                              .traits = PREPARED | DONE },
  [GDW_SOURCE_ENDING] = { .name = "ENDING",
                          .waits_for = "the guest back, the links closed, the log off",
                          .cancelled = GDW_STATUS_CANCELLING,
                          .next = TO (OVER),
                          .traits = HELD | PREPARED | TIDYING,
                          .reclaim = TRUE },
  [GDW_SOURCE_OVER] = { .name = "OVER",
                        .waits_for = "nothing",
                        .status = GDW_STATUS_FAILED,
                        .cancelled = GDW_STATUS_CANCELLED,
                        .moved = GDW_STATUS_COMPLETED,
                        .traits = PREPARED | DONE },
};

gboolean
gdw_source_phase_is_before_commit (GdwSourcePhase phase)
{
  return gdw_phase_has (&gdw_source_phases[phase], BEFORE_COMMIT);
}

gboolean
gdw_source_phase_links_are_in_use (GdwSourcePhase phase)
{
  return gdw_phase_has (&gdw_source_phases[phase], LINKS_IN_USE);
}

gboolean
gdw_source_phase_guest_is_held (GdwSourcePhase phase)
{
  return gdw_phase_has (&gdw_source_phases[phase], HELD);
}

gboolean
gdw_source_phase_is_prepared (GdwSourcePhase phase)
{
  return gdw_phase_has (&gdw_source_phases[phase], PREPARED);
}

gboolean
gdw_source_phase_is_tidying (GdwSourcePhase phase)
{
  return gdw_phase_has (&gdw_source_phases[phase], TIDYING);
}

gboolean
gdw_source_phase_is_done (GdwSourcePhase phase)
{
  return gdw_phase_has (&gdw_source_phases[phase], DONE);
}

gboolean
gdw_source_phase_may_reclaim (GdwSourcePhase phase)
{
  return gdw_source_phases[phase].reclaim;
}
