/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/memory/mapping.h"

/* Which of the pages [first, first + n) of a region were ever written: set their bits
 * in @bits (bit 0 is page @first), and leave all others alone.  A page whose bit
 * is not set reads as zero at that moment; re-arm a page before it is looked up, or a
 * later first write to it is lost.
 *
 * Shared memory with an fd: SEEK_DATA and SEEK_HOLE of the file (whose offset is not
 * moved).  Private anonymous memory: pagemap, by PAGEMAP_SCAN where the kernel has it.
 * Where that cannot be told (another kind of mapping, hugetlbfs, no /proc) every page
 * counts as written; so does one that is swapped out.
 *
 * Any thread, also several at once. */
void gdw_holes_find_populated (const GdwRegion *region, GdwMapping mapping, guint64 first,
                               guint64 n, guint64 *bits);
