/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/migration/blockers.h"

typedef struct {
  guint number;
  char *reason;
} Blocker;

struct GdwBlockers {
  GArray *list; /* of Blocker, oldest first */
  guint last;   /* number given */
};

static void
clear_blocker (gpointer data)
{
  g_free (((Blocker *) data)->reason);
}

GdwBlockers *
gdw_blockers_new (void)
{
  GdwBlockers *blockers = g_new0 (GdwBlockers, 1);

  blockers->list = g_array_new (FALSE, FALSE, sizeof (Blocker));
  g_array_set_clear_func (blockers->list, clear_blocker);
  return blockers;
}

void
gdw_blockers_free (GdwBlockers *blockers)
{
  g_array_unref (blockers->list);
  g_free (blockers);
}

guint
gdw_blockers_add (GdwBlockers *blockers, const char *reason)
{
  const Blocker blocker = { ++blockers->last, g_strdup (reason) };

  g_array_append_val (blockers->list, blocker);
  return blocker.number;
}

void
gdw_blockers_remove (GdwBlockers *blockers, guint number)
{
  for (guint i = 0; i < blockers->list->len; i++) {
    if (g_array_index (blockers->list, Blocker, i).number != number)
      continue;
    g_array_remove_index (blockers->list, i);
    return;
  }
}

GPtrArray *
gdw_blockers_reasons (GdwBlockers *blockers)
{
  GPtrArray *reasons = g_ptr_array_new ();

  for (guint i = 0; i < blockers->list->len; i++)
    g_ptr_array_add (reasons, g_array_index (blockers->list, Blocker, i).reason);
  return reasons;
}
