/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/regions.h"

#include <string.h>

static gboolean
check_region (const GdwRegion *region, GError **error)
{
  const char *why = NULL;

  if (!region->name || !*region->name || strlen (region->name) > GDW_NAME_MAX)
    why = "its name is empty or longer than 63 bytes";
  else if (!region->host_addr)
    why = "it is not mapped";
  else if (region->size == 0 || region->size % GDW_PAGE_SIZE)
    why = "its size is not a multiple of 4096 bytes";
  else if (region->page_size < GDW_PAGE_SIZE || region->page_size > GDW_PAGE_SIZE_MAX ||
           region->page_size & (region->page_size - 1))
    why = "its page size is no power of two from 4096 bytes to 1 GiB";
  else if (region->size % region->page_size)
    why = "its size is not a multiple of its page size";
  else if (region->guest_addr % GDW_PAGE_SIZE)
    why = "its guest address is not a multiple of 4096";
  else if (region->size > G_MAXUINT64 - region->guest_addr)
    why = "it ends past the last address";
  else if ((region->flags & GDW_REGION_PINNED) && !(region->flags & GDW_REGION_NO_DISCARD))
    why = "it is pinned but not marked GDW_REGION_NO_DISCARD";
  if (!why)
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
               "region '%s': it cannot be migrated: %s; correct the host's region table",
               region->name ? region->name : "", why);
  return FALSE;
}

gboolean
gdw_regions_check_host_pages (guint64 size, GError **error)
{
  if (size == GDW_PAGE_SIZE)
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
               "host: it cannot migrate: this kernel has pages of %" G_GUINT64_FORMAT
               " bytes, and only pages of %" G_GUINT64_FORMAT
               " work so far; boot a kernel with those",
               size, GDW_PAGE_SIZE);
  return FALSE;
}

GdwRegions *
gdw_regions_copy (const GdwRegion *list, guint n, GError **error)
{
  g_autofree GdwMapping *mappings = NULL;
  GdwRegions *regions;

  if (n == 0 || n > GDW_REGIONS_MAX) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
                 "host: it has %u regions of memory: 1 to %u can be migrated; "
                 "correct the host's region table",
                 n, GDW_REGIONS_MAX);
    return NULL;
  }
  for (guint i = 0; i < n; i++)
    if (!check_region (&list[i], error))
      return NULL;
  mappings = g_new (GdwMapping, n);
  if (!gdw_mappings_find (list, n, mappings, error))
    return NULL;
  regions = g_new0 (GdwRegions, 1);
  regions->n = n;
  regions->list = g_memdup2 (list, n * sizeof *list);
  regions->table = g_new (const GdwRegion *, n);
  regions->pages = g_new (guint64, n);
  regions->mappings = g_steal_pointer (&mappings);
  for (guint i = 0; i < n; i++) {
    regions->list[i].name = g_strdup (list[i].name);
    regions->table[i] = &regions->list[i];
    regions->pages[i] = gdw_region_pages (&list[i]);
    regions->total_pages += regions->pages[i];
  }
  return regions;
}

void
gdw_regions_free (GdwRegions *regions)
{
  if (!regions)
    return;
  for (guint i = 0; i < regions->n; i++)
    g_free ((char *) regions->list[i].name);
  g_free (regions->list);
  g_free (regions->table);
  g_free (regions->pages);
  g_free (regions->mappings);
  g_free (regions);
}

gboolean
gdw_regions_clip (const GdwRegions *regions, guint region, guint64 addr, guint64 size,
                  guint64 *first, guint64 *n)
{
  const GdwRegion *r = &regions->list[region];
  guint64 begin = MAX (addr, r->guest_addr), last;

  if (size == 0)
    return FALSE;
  last = MIN (addr + MIN (size - 1, G_MAXUINT64 - addr), r->guest_addr + (r->size - 1));
  if (begin > last)
    return FALSE;
  *first = (begin - r->guest_addr) >> GDW_PAGE_SHIFT;
  *n = ((last - r->guest_addr) >> GDW_PAGE_SHIFT) - *first + 1;
  return TRUE;
}

gboolean
gdw_regions_match (const GdwRegions *regions, const GdwHello *hello, GError **error)
{
  if (hello->n_regions != regions->n) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
                 "destination: the guests differ: the source has %u regions of memory, the "
                 "destination %u; start the destination with the same memory",
                 hello->n_regions, regions->n);
    return FALSE;
  }
  for (guint i = 0; i < regions->n; i++) {
    const GdwRegion *here = &regions->list[i];
    const GdwRegionInfo *there = &hello->regions[i];

    if (strcmp (here->name, there->name) == 0 && here->size == there->size &&
        here->guest_addr == there->guest_addr)
      continue;
    g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
                 "destination: the guests differ: region %u is '%s', %" G_GUINT64_FORMAT
                 " bytes at 0x%" G_GINT64_MODIFIER
                 "x, at the source and '%s', %" G_GUINT64_FORMAT
                 " bytes at 0x%" G_GINT64_MODIFIER
                 "x, at the destination; start the destination with the same memory",
                 i, there->name, there->size, there->guest_addr, here->name, here->size,
                 here->guest_addr);
    return FALSE;
  }
  return TRUE;
}
