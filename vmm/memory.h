/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/godwit.h>

/* Guest memory: "ram-low" from 0 up to 3 GiB, the rest as "ram-high" from
 * 4 GiB on. */
typedef struct {
  GdwRegion regions[2];
  guint n_regions;
  int fd; /* of shared memory, or -1 */
} Memory;

gboolean memory_init (Memory *memory, guint64 bytes, gboolean memfd, GError **error);
void memory_clear (Memory *memory);

/* All bytes become zero and their host pages are given back.  Takes time for
 * big memory; any thread. */
gboolean memory_zero (Memory *memory, GError **error);

/* No byte of it is known to be zero any more. */
void memory_is_used (Memory *memory);

/* [GPA, GPA + SIZE) in host memory, or NULL if it is not all in one region. */
gpointer memory_at (const Memory *memory, guint64 gpa, guint64 size);
