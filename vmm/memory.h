/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/godwit.h>

typedef enum { MEMORY_ANON, MEMORY_MEMFD, MEMORY_HUGETLB } MemoryBackend;

/* Guest memory: "ram-low" from 0 up to 3 GiB, "rom" just below 4 GiB, which the
 * guest cannot write, and the rest of the RAM as "ram-high" from 4 GiB on. */
enum { MEMORY_LOW, MEMORY_ROM, MEMORY_HIGH, MEMORY_REGIONS };

typedef struct {
  GdwRegion regions[MEMORY_REGIONS];
  guint n_regions; /* without "ram-high" if there is none */
  int fd;          /* of shared memory, or -1 */
} Memory;

/* Huge pages are all taken here: a guest that runs never lacks one. */
gboolean memory_init (Memory *memory, guint64 bytes, MemoryBackend backend, GError **error);
void memory_clear (Memory *memory);

/* All bytes become zero; host pages are given back, but for huge ones, which stay
 * reserved.  Takes time for big memory; any thread. */
gboolean memory_zero (Memory *memory, GError **error);

/* No byte of it is known to be zero any more. */
void memory_is_used (Memory *memory);

/* NULL if there is none. */
const GdwRegion *memory_high (const Memory *memory);

/* [GPA, GPA + SIZE) in host memory, or NULL if it is not all in one region. */
gpointer memory_at (const Memory *memory, guint64 gpa, guint64 size);
