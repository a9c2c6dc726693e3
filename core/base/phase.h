/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/migration.h>

/* One phase of an attempt: a row in the table of its side.  docs/states.md is generated from
 * both tables. */
typedef struct {
  const char *name;
  const char *waits_for;
  GdwStatus status;    /* shown; NONE: the one before goes on */
  GdwStatus cancelled; /* instead, if the attempt was cancelled; NONE: no other */
  GdwStatus moved;     /* instead, if the guest has moved; NONE: no other */
  guint32 next;        /* a bit for each phase that may follow */
  guint32 traits;      /* for the predicates of the side */
  gboolean reclaim;    /* the source may take the guest back */
} GdwPhase;

/* FALSE with an error that names both phases if @to may not follow @from. */
gboolean gdw_phase_check_move (const GdwPhase *table, const char *side, guint from, guint to,
                               GError **error);

gboolean gdw_phase_has (const GdwPhase *phase, guint32 trait);
GdwStatus gdw_phase_status (const GdwPhase *phase, gboolean cancelled, gboolean moved);
