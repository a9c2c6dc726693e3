/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/base/phase.h"

#include <godwit/error.h>

gboolean
gdw_phase_check_move (const GdwPhase *table, const char *side, guint from, guint to,
                      GError **error)
{
  if (table[from].next & (1u << to))
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_FAILED,
               "%s: phase %s cannot become %s: an attempt makes no such move; report this",
               side, table[from].name, table[to].name);
  return FALSE;
}

gboolean
gdw_phase_has (const GdwPhase *phase, guint32 trait)
{
  return (phase->traits & trait) != 0;
}

GdwStatus
gdw_phase_status (const GdwPhase *phase, gboolean cancelled, gboolean moved)
{
  if (moved && phase->moved != GDW_STATUS_NONE)
    return phase->moved;
  if (cancelled && phase->cancelled != GDW_STATUS_NONE)
    return phase->cancelled;
  return phase->status;
}
