/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/holes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Linux 6.7's PAGEMAP_SCAN, which older headers lack. */
struct scan_region {
  guint64 start, end, categories;
};
struct scan_arg {
  guint64 size, flags, start, end, walk_end, vec, vec_len, max_pages, category_inverted,
      category_mask, category_anyof_mask, return_mask;
};
#define SCAN_IOCTL _IOWR ('f', 16, struct scan_arg)
#define SCAN_PRESENT (1u << 3)
#define SCAN_SWAPPED (1u << 4)
#define SCAN_ZERO_PAGE (1u << 5)

#define ENTRY_PRESENT (G_GUINT64_CONSTANT (1) << 63)
#define ENTRY_SWAPPED (G_GUINT64_CONSTANT (1) << 62)

static void
set_bits (guint64 *bits, guint64 first, guint64 end)
{
  for (guint64 page = first; page < end;) {
    if (page % 64 == 0 && end - page >= 64) {
      bits[page / 64] = ~G_GUINT64_CONSTANT (0);
      page += 64;
    } else {
      bits[page / 64] |= G_GUINT64_CONSTANT (1) << (page % 64);
      page++;
    }
  }
}

/* Bit 0 is page @first of the region.  A finding may reach outside the window. */
typedef struct {
  guint64 first, end;
  guint64 *bits;
} Window;

static void
set_found (const Window *window, guint64 first, guint64 end)
{
  first = MAX (first, window->first);
  end = MIN (end, window->end);
  if (first < end)
    set_bits (window->bits, first - window->first, end - window->first);
}

/* Opens the file anew: SEEK_DATA moves the offset, which all users of the region's fd share. */
static gboolean
find_in_file (const GdwRegion *region, const Window *window)
{
  off_t base = (off_t) region->fd_offset;
  off_t at = base + (off_t) (window->first << GDW_PAGE_SHIFT);
  off_t limit = base + (off_t) (window->end << GDW_PAGE_SHIFT);
  gboolean ok = TRUE;
  char path[64];
  int fd;

  g_snprintf (path, sizeof path, "/proc/self/fd/%d", region->fd);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return FALSE;
  while (ok && at < limit) {
    off_t data = lseek (fd, at, SEEK_DATA);
    off_t hole;

    if (data < 0) {
      ok = errno == ENXIO; /* a hole up to the end of the file */
      break;
    }
    hole = data < limit ? lseek (fd, data, SEEK_HOLE) : limit;
    ok = data >= at && hole > at; /* a device answers 0 to everything */
    at = MIN (hole, limit);
    if (ok && data < limit)
      set_found (window, (guint64) (data - base) >> GDW_PAGE_SHIFT,
                 (guint64) (at - base + GDW_PAGE_SIZE - 1) >> GDW_PAGE_SHIFT);
  }
  close (fd);
  return ok;
}

static gboolean
scan (int pagemap, guintptr base, const Window *window)
{
  struct scan_region found[256];
  struct scan_arg arg = {
    .size = sizeof arg,
    .start = base + (window->first << GDW_PAGE_SHIFT),
    .end = base + (window->end << GDW_PAGE_SHIFT),
    .vec = (guintptr) found,
    .vec_len = G_N_ELEMENTS (found),
    .category_inverted = SCAN_ZERO_PAGE,
    .category_mask = SCAN_ZERO_PAGE,
    .category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
    .return_mask = SCAN_PRESENT,
  };

  while (arg.start < arg.end) {
    int n = ioctl (pagemap, SCAN_IOCTL, &arg);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 || arg.walk_end <= arg.start)
      return FALSE;
    for (int i = 0; i < n; i++)
      set_found (window, (found[i].start - base) >> GDW_PAGE_SHIFT,
                 (found[i].end - base) >> GDW_PAGE_SHIFT);
    arg.start = arg.walk_end;
  }
  return TRUE;
}

static gboolean
read_entries (int pagemap, guintptr base, const Window *window)
{
  guint64 entries[512], first = window->first;

  while (first < window->end) {
    guint64 n = MIN (G_N_ELEMENTS (entries), window->end - first);
    off_t at = (off_t) (((base >> GDW_PAGE_SHIFT) + first) * sizeof *entries);
    ssize_t size = pread (pagemap, entries, n * sizeof *entries, at);

    if (size < (ssize_t) sizeof *entries)
      return FALSE;
    n = (guint64) size / sizeof *entries;
    for (guint64 i = 0; i < n; i++)
      if (entries[i] & (ENTRY_PRESENT | ENTRY_SWAPPED))
        set_found (window, first + i, first + i + 1);
    first += n;
  }
  return TRUE;
}

static gboolean
find_in_pagemap (const GdwRegion *region, const Window *window)
{
  guintptr base = (guintptr) region->host_addr;
  int pagemap = open ("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  gboolean ok;

  if (pagemap < 0)
    return FALSE;
  ok = scan (pagemap, base, window) || read_entries (pagemap, base, window);
  close (pagemap);
  return ok;
}

void
gdw_holes_find_populated (const GdwRegion *region, GdwMapping mapping, guint64 first, guint64 n,
                          guint64 *bits)
{
  Window window = { first, first + n, bits };
  gboolean ok = FALSE;

  if (mapping == GDW_MAPPING_PRIVATE)
    ok = find_in_pagemap (region, &window);
  else if (mapping == GDW_MAPPING_SHARED && region->fd >= 0)
    ok = find_in_file (region, &window);
  if (!ok)
    set_bits (bits, 0, n);
}
