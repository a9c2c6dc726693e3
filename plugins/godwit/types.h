/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The unit of tracking, of transfer and of every count in "pages", whatever
 * the size of the pages that back the memory. */
#define GDW_PAGE_SHIFT 12
#define GDW_PAGE_SIZE (G_GUINT64_CONSTANT (1) << GDW_PAGE_SHIFT) /* 64 bits, for masks */

/* Bitmaps hold one bit a page, least significant bit first, in 64-bit words;
 * bits past the end of a region are zero. */
#define GDW_BITMAP_WORDS(pages) (((guint64) (pages) + 63) / 64)

/* GdwRegion.flags */
#define GDW_REGION_ZERO                                                                        \
  (1u << 0) /* every byte is known to be zero now; asked when a destination starts */
/* Its pages are pinned for a device, or a handler of userfaultfd fills the missing ones: godwit
 * gives none back to the host, and takes none for zero without reading it. */
#define GDW_REGION_NO_DISCARD (1u << 1)
/* Its pages are pinned: a device or the kernel (VFIO, registered buffers of io_uring) writes to
 * them past the page tables of this process, where no tracker of page tables sees it.  Set only
 * together with NO_DISCARD.  Core refuses features that cannot work with such a region, by
 * name, and uses the flag for nothing else.  Every such write is reported with
 * gdw_migration_mark_dirty. */
#define GDW_REGION_PINNED (1u << 2)

/* One piece of guest memory.  The set of regions is frozen while a migration
 * runs; name, size and order are the same on both sides.
 *
 * It may be mapped in any way, in one piece or several; godwit finds out how when an attempt
 * begins.  A destination gives runs of zeros back to the host where that is certain to leave
 * zeros, and writes them elsewhere; a source skips untouched pages where they are certain to be
 * zero.  godwit refuses by name memory that is not fully mapped, and an fd that does not back
 * all of it, shared, from fd_offset on. */
typedef struct {
  const char *name;   /* stable between source and destination, unique, at most 63 bytes */
  guint64 guest_addr; /* guest-physical address, bytes */
  guint64 size;       /* bytes, a multiple of page_size */
  guint8 *host_addr;  /* where it is mapped in this process, writable */
  guint32 page_size;  /* backing: 4096, 2 MiB or 1 GiB, bytes */
  guint32 flags;      /* GDW_REGION_* */
  int fd;             /* the file behind shared memory, open for reading, or -1; without it
                       * godwit cannot find holes */
  guint64 fd_offset;  /* where in that file the region begins, bytes */
} GdwRegion;

static inline guint64
gdw_region_pages (const GdwRegion *region)
{
  return region->size >> GDW_PAGE_SHIFT;
}

G_END_DECLS
