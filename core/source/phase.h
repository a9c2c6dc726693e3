/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/base/phase.h"

/* The order means nothing: ask the predicates. */
typedef enum {
  GDW_SOURCE_LINKING,
  GDW_SOURCE_STARTING,
  GDW_SOURCE_SENDING,
  GDW_SOURCE_PAUSING,
  GDW_SOURCE_HOLDING,
  GDW_SOURCE_SAVING,
  GDW_SOURCE_DRAINING,
  GDW_SOURCE_RETURNING,
  GDW_SOURCE_PREPARING,
  GDW_SOURCE_FENCING,
  GDW_SOURCE_COMMITTING,
  GDW_SOURCE_COMMIT_LOST,
  GDW_SOURCE_ASKING,
  GDW_SOURCE_LEAVING,
  GDW_SOURCE_IN_DOUBT,
  GDW_SOURCE_UNRESOLVED,
  GDW_SOURCE_ENDING,
  GDW_SOURCE_OVER,
  GDW_SOURCE_N_PHASES
} GdwSourcePhase;

extern const GdwPhase gdw_source_phases[GDW_SOURCE_N_PHASES];

/* A failure now ends the attempt, and the guest is ours without asking the destination. */
gboolean gdw_source_phase_is_before_commit (GdwSourcePhase phase);
/* Frames from the links count, and the end of a link is a loss. */
gboolean gdw_source_phase_links_are_in_use (GdwSourcePhase phase);
/* The engine holds the guest: it is handed over, or taken back. */
gboolean gdw_source_phase_guest_is_held (GdwSourcePhase phase);
/* The destination may know whether the guest ran. */
gboolean gdw_source_phase_is_prepared (GdwSourcePhase phase);
/* The outcome is decided as far as it can be; the rest is to clean up. */
gboolean gdw_source_phase_is_tidying (GdwSourcePhase phase);
/* The last status is shown; what may be left is to ask where the guest is. */
gboolean gdw_source_phase_is_done (GdwSourcePhase phase);
gboolean gdw_source_phase_may_reclaim (GdwSourcePhase phase);
