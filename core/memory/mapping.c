/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/mapping.h"

#include <errno.h>
#include <godwit/error.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* A line of /proc/self/maps.  Anonymous memory has no inode. */
typedef struct {
  unsigned long from, to, offset, inode;
  unsigned int major, minor;
  char share;
} Line;

static gboolean G_GNUC_PRINTF (3, 4)
    refuse (const GdwRegion *region, GError **error, const char *format, ...)
{
  g_autofree char *why = NULL;
  va_list values;

  va_start (values, format);
  why = g_strdup_vprintf (format, values);
  va_end (values);
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
               "region '%s': it cannot be migrated: %s; correct the host's region table",
               region->name, why);
  return FALSE;
}

/* Returns the mappings by address; NULL where there is no /proc. */
static GArray *
read_lines (void)
{
  FILE *maps = fopen ("/proc/self/maps", "re");
  GArray *lines;
  char *text = NULL;
  size_t room = 0;

  if (maps == NULL)
    return NULL;
  lines = g_array_new (FALSE, FALSE, sizeof (Line));
  while (getline (&text, &room, maps) > 0) {
    Line line;

    if (sscanf (text, "%lx-%lx %*c%*c%*c%c %lx %x:%x %lu", &line.from, &line.to, &line.share,
                &line.offset, &line.major, &line.minor, &line.inode) == 7)
      g_array_append_val (lines, line);
  }
  free (text);
  fclose (maps);
  return lines;
}

/* Returns NULL if nothing is mapped there. */
static const Line *
line_at (const GArray *lines, guintptr address)
{
  guint low = 0, high = lines->len;

  while (low < high) {
    guint middle = low + (high - low) / 2;
    const Line *line = &g_array_index (lines, Line, middle);

    if (address < line->from)
      high = middle;
    else if (address >= line->to)
      low = middle + 1;
    else
      return line;
  }
  return NULL;
}

static gboolean
check_file (const GdwRegion *region, GError **error)
{
  struct statfs system;
  struct stat file;

  if (fstat (region->fd, &file) != 0 || fstatfs (region->fd, &system) != 0)
    return refuse (region, error, "its fd %d: %s", region->fd, g_strerror (errno));
  if (system.f_type == HUGETLBFS_MAGIC && (guint64) system.f_bsize != region->page_size)
    return refuse (region, error, "its fd %d has pages of %" G_GUINT64_FORMAT " bytes, not %u",
                   region->fd, (guint64) system.f_bsize, region->page_size);
  if (S_ISREG (file.st_mode) && (region->fd_offset > (guint64) file.st_size ||
                                 region->size > (guint64) file.st_size - region->fd_offset))
    return refuse (region, error,
                   "the file of its fd %d ends before it: it has %" G_GUINT64_FORMAT " bytes",
                   region->fd, (guint64) file.st_size);
  return TRUE;
}

/* The list of mappings shows other device and inode numbers than fstat on some file systems
 * (btrfs, overlayfs).  So map the file once more and compare with that mapping in the list. */
static gboolean
map_probe (const GdwRegion *region, void **probe, GError **error)
{
  *probe = mmap (NULL, region->page_size, PROT_NONE, MAP_SHARED | MAP_NORESERVE, region->fd,
                 (off_t) region->fd_offset);
  return *probe != MAP_FAILED || refuse (region, error, "its fd %d cannot be mapped: %s",
                                         region->fd, g_strerror (errno));
}

/* @file: the mapping of the probe, or NULL if the region has no fd. */
static const char *
judge (const GdwRegion *region, const GArray *lines, const Line *file, GdwMapping *mapping)
{
  guintptr base = (guintptr) region->host_addr, at = base;
  gboolean anonymous = TRUE, shared = TRUE;

  while (at < base + region->size) {
    const Line *line = line_at (lines, at);

    if (line == NULL)
      return "a part of it is not mapped";
    if (file && line->share != 's')
      return "it is private memory, and has an fd: give -1";
    if (file && (line->major != file->major || line->minor != file->minor ||
                 line->inode != file->inode))
      return "another file than that of its fd is mapped there";
    if (file && line->offset + (at - line->from) != region->fd_offset + (at - base))
      return "its fd_offset is not that of what is mapped there";
    anonymous = anonymous && line->share == 'p' && line->inode == 0;
    shared = shared && line->share == 's';
    at = line->to;
  }
  if (!(region->flags & GDW_REGION_NO_DISCARD))
    *mapping = anonymous ? GDW_MAPPING_PRIVATE
                         : (shared ? GDW_MAPPING_SHARED : GDW_MAPPING_OTHER);
  return NULL;
}

static gboolean
judge_all (const GdwRegion *list, guint n, void *const *probes, GdwMapping *mappings,
           GError **error)
{
  g_autoptr (GArray) lines = read_lines ();

  for (guint i = 0; lines && i < n; i++) {
    const Line *file = probes[i] ? line_at (lines, (guintptr) probes[i]) : NULL;
    const char *why = judge (&list[i], lines, file, &mappings[i]);

    if (why)
      return refuse (&list[i], error, "%s", why);
  }
  return TRUE;
}

gboolean
gdw_mappings_find (const GdwRegion *list, guint n, GdwMapping *mappings, GError **error)
{
  g_autofree void **probes = g_new0 (void *, n);
  gboolean ok = TRUE;

  for (guint i = 0; i < n; i++)
    mappings[i] = GDW_MAPPING_OTHER;
  for (guint i = 0; ok && i < n; i++)
    if (list[i].fd >= 0)
      ok = check_file (&list[i], error) && map_probe (&list[i], &probes[i], error);
  ok = ok && judge_all (list, n, probes, mappings, error);
  for (guint i = 0; i < n; i++)
    if (probes[i] && probes[i] != MAP_FAILED)
      munmap (probes[i], list[i].page_size);
  return ok;
}

gboolean
gdw_mapping_punch (GdwMapping mapping, guint8 *start, gsize size)
{
  if (mapping == GDW_MAPPING_OTHER)
    return FALSE;
  return madvise (start, size, mapping == GDW_MAPPING_PRIVATE ? MADV_DONTNEED : MADV_REMOVE) ==
         0;
}
