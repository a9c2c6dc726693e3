/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/base/phase.h"

/* The order means nothing: ask the predicates. */
typedef enum {
  GDW_DESTINATION_LISTENING,
  GDW_DESTINATION_RECEIVING,
  GDW_DESTINATION_LOADING,
  GDW_DESTINATION_PREPARED,
  GDW_DESTINATION_RESUMING,
  GDW_DESTINATION_ARRIVED,
  GDW_DESTINATION_FAILING,
  GDW_DESTINATION_OVER,
  GDW_DESTINATION_N_PHASES
} GdwDestinationPhase;

extern const GdwPhase gdw_destination_phases[GDW_DESTINATION_N_PHASES];

/* A failure now ends the attempt, and the guest never runs here. */
gboolean gdw_destination_phase_is_before_commit (GdwDestinationPhase phase);
/* A source sends memory and state, and may still send them. */
gboolean gdw_destination_phase_is_before_prepare (GdwDestinationPhase phase);
/* The end or the silence of a link is a loss. */
gboolean gdw_destination_phase_links_are_in_use (GdwDestinationPhase phase);
/* The last status is shown; what may be left is to answer questions. */
gboolean gdw_destination_phase_is_done (GdwDestinationPhase phase);
