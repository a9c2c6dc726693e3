/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "soft-ring.h"

/* Both count entries since the beginning and wrap with their type. */
typedef struct {
  guint32 pushed; /* the vCPU's own */
  guint32 reset;  /* atomic */
} Ends;

struct SoftRings {
  guint n;
  GdwDirtyRing *seam;
  Ends *ends;
};

SoftRings *
soft_rings_new (guint n_rings, guint32 n_entries)
{
  SoftRings *rings = g_new0 (SoftRings, 1);

  rings->n = n_rings;
  rings->seam = g_new0 (GdwDirtyRing, n_rings);
  rings->ends = g_new0 (Ends, n_rings);
  for (guint i = 0; i < n_rings; i++) {
    rings->seam[i].entries = g_new0 (GdwDirtyEntry, n_entries);
    rings->seam[i].n_entries = n_entries;
  }
  return rings;
}

void
soft_rings_free (SoftRings *rings)
{
  if (!rings)
    return;
  for (guint i = 0; i < rings->n; i++)
    g_free (rings->seam[i].entries);
  g_free (rings->seam);
  g_free (rings->ends);
  g_free (rings);
}

GdwDirtyRing *
soft_rings_seam (SoftRings *rings)
{
  return rings->seam;
}

static guint32
used (const Ends *ends)
{
  return ends->pushed - __atomic_load_n (&ends->reset, __ATOMIC_ACQUIRE);
}

void
soft_rings_push (SoftRings *rings, guint ring, guint32 slot, guint64 offset)
{
  const GdwDirtyRing *seam = &rings->seam[ring];
  Ends *ends = &rings->ends[ring];
  GdwDirtyEntry *entry = &seam->entries[ends->pushed & (seam->n_entries - 1)];

  g_assert (used (ends) < seam->n_entries); /* or a write would be lost */
  entry->slot = slot;
  entry->offset = offset;
  __atomic_store_n (&entry->flags, GDW_DIRTY_ENTRY_DIRTY, __ATOMIC_RELEASE);
  ends->pushed++;
}

gboolean
soft_rings_full (SoftRings *rings, guint ring)
{
  return used (&rings->ends[ring]) >= rings->seam[ring].n_entries - SOFT_RING_RESERVED;
}

guint64
soft_rings_reset (SoftRings *rings, void (*clean) (gpointer data, guint32 slot, guint64 offset),
                  gpointer data)
{
  guint64 n = 0;

  for (guint i = 0; i < rings->n; i++) {
    const GdwDirtyRing *seam = &rings->seam[i];
    Ends *ends = &rings->ends[i];

    for (;;) {
      GdwDirtyEntry *entry = &seam->entries[ends->reset & (seam->n_entries - 1)];

      if (!(__atomic_load_n (&entry->flags, __ATOMIC_ACQUIRE) & GDW_DIRTY_ENTRY_RESET))
        break;
      clean (data, entry->slot, entry->offset);
      __atomic_store_n (&entry->flags, 0, __ATOMIC_RELAXED);
      __atomic_store_n (&ends->reset, ends->reset + 1, __ATOMIC_RELEASE);
      n++;
    }
  }
  return n;
}
