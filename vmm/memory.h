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

/* Takes all huge pages here: a running guest never lacks one. */
gboolean memory_init (Memory *memory, guint64 bytes, MemoryBackend backend, GError **error);
void memory_clear (Memory *memory);

/* Any thread; takes time for big memory.  All bytes become zero.  Gives host pages back, except
 * huge ones, which stay reserved. */
gboolean memory_zero (Memory *memory, GError **error);

/* After this call no byte counts as known to be zero. */
void memory_is_used (Memory *memory);

/* Returns NULL if there is none. */
const GdwRegion *memory_high (const Memory *memory);

/* [GPA, GPA + SIZE) in host memory, or NULL if it is not all in one region. */
gpointer memory_at (const Memory *memory, guint64 gpa, guint64 size);
