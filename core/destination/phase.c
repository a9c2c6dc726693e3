/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/destination/phase.h"

#define TO(phase) (1u << GDW_DESTINATION_##phase)

enum { BEFORE_COMMIT = 1, BEFORE_PREPARE = 2, LINKS_IN_USE = 4, DONE = 8 };

const GdwPhase gdw_destination_phases[GDW_DESTINATION_N_PHASES] = {
  [GDW_DESTINATION_LISTENING] = { .name = "LISTENING",
                                  .waits_for = "HELLO with a matching region table",
                                  .status = GDW_STATUS_SETUP,
                                  .next = TO (RECEIVING) | TO (FAILING),
                                  .traits = BEFORE_COMMIT | BEFORE_PREPARE,
                                  .reclaim = TRUE },
  [GDW_DESTINATION_RECEIVING] = { .name = "RECEIVING",
                                  .waits_for =
                                      "pages on all links, sections on link 0, PREPARE",
                                  .status = GDW_STATUS_ACTIVE,
                                  .next = TO (LOADING) | TO (FAILING),
                                  .traits = BEFORE_COMMIT | BEFORE_PREPARE | LINKS_IN_USE,
                                  .reclaim = TRUE },
  [GDW_DESTINATION_LOADING] = { .name = "LOADING",
                                .waits_for = "the host's `load_state`",
                                .status = GDW_STATUS_ACTIVE,
                                .next = TO (PREPARED) | TO (FAILING),
                                .traits = BEFORE_COMMIT | LINKS_IN_USE,
                                .reclaim = TRUE },
  [GDW_DESTINATION_PREPARED] = { .name = "PREPARED",
                                 .waits_for = "COMMIT, or a question, or the end",
                                 .status = GDW_STATUS_ACTIVE,
                                 .next = TO (RESUMING) | TO (FAILING),
                                 .traits = BEFORE_COMMIT | LINKS_IN_USE,
                                 .reclaim = TRUE },
  [GDW_DESTINATION_RESUMING] = { .name = "RESUMING",
                                 .waits_for = "the host's `resume`, if the guest shall run",
                                 .status = GDW_STATUS_ACTIVE,
                                 .next = TO (ARRIVED) },
  [GDW_DESTINATION_ARRIVED] = { .name = "ARRIVED",
                                .waits_for = "CONFIRM; it answers questions until then",
                                .status = GDW_STATUS_COMPLETED,
                                .next = TO (OVER),
                                .traits = DONE },
  [GDW_DESTINATION_FAILING] = { .name = "FAILING",
                                .waits_for = "links to close; after PREPARED it answers the "
                                             "question that may come",
                                .status = GDW_STATUS_FAILED,
                                .next = TO (OVER),
                                .traits = DONE,
                                .reclaim = TRUE },
  [GDW_DESTINATION_OVER] = { .name = "OVER", .waits_for = "nothing", .traits = DONE },
};

gboolean
gdw_destination_phase_is_before_commit (GdwDestinationPhase phase)
{
  return gdw_phase_has (&gdw_destination_phases[phase], BEFORE_COMMIT);
}

gboolean
gdw_destination_phase_is_before_prepare (GdwDestinationPhase phase)
{
  return gdw_phase_has (&gdw_destination_phases[phase], BEFORE_PREPARE);
}

gboolean
gdw_destination_phase_links_are_in_use (GdwDestinationPhase phase)
{
  return gdw_phase_has (&gdw_destination_phases[phase], LINKS_IN_USE);
}

gboolean
gdw_destination_phase_is_done (GdwDestinationPhase phase)
{
  return gdw_phase_has (&gdw_destination_phases[phase], DONE);
}
