/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/memory/mapping.h"

/* Finds the pages [first, first + n) of a region that were ever written: sets their bits in
 * @bits (bit 0 is page @first) and leaves all others alone.  A page whose bit is not set reads
 * as zero at that moment.  Re-arm a page before you look it up, or a later first write to it is
 * lost.
 *
 * For shared memory with an fd it uses SEEK_DATA and SEEK_HOLE of the file (and does not move
 * the fd's offset); for private anonymous memory pagemap, by PAGEMAP_SCAN where the kernel has
 * it.  Where neither can tell (another kind of mapping, hugetlbfs, no /proc) every page counts
 * as written.  A page that is swapped out also counts as written.
 *
 * Any thread; several threads may call it at once. */
void gdw_holes_find_populated (const GdwRegion *region, GdwMapping mapping, guint64 first,
                               guint64 n, guint64 *bits);
