/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/types.h>

#include "core/memory/mapping.h"
#include "core/link/frame.h"

/* A checked copy of the host's region table, for one attempt. */
typedef struct {
  guint n;
  GdwRegion *list;
  const GdwRegion **table; /* pointers into list */
  guint64 *pages;          /* of each */
  guint64 total_pages;
  GdwMapping *mappings; /* of each */
} GdwRegions;

/* Memory is tracked, sent and given back in pages of GDW_PAGE_SIZE.  FALSE with an error if
 * those of the host are larger: a hole of one page would be more than that. */
gboolean gdw_regions_check_host_pages (guint64 size, GError **error);

/* NULL with an error that names the region when the table cannot be migrated. */
GdwRegions *gdw_regions_copy (const GdwRegion *list, guint n, GError **error);
void gdw_regions_free (GdwRegions *regions);

/* The pages of @region that [@addr, @addr + @size) touches, in part or in full.  FALSE: none.
 */
gboolean gdw_regions_clip (const GdwRegions *regions, guint region, guint64 addr, guint64 size,
                           guint64 *first, guint64 *n);

/* Compares the source's table, from HELLO, with ours.  The error names the first difference. */
gboolean gdw_regions_match (const GdwRegions *regions, const GdwHello *hello, GError **error);
