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

/* NULL with an error that names the region when the table cannot be migrated. */
GdwRegions *gdw_regions_copy (const GdwRegion *list, guint n, GError **error);
void gdw_regions_free (GdwRegions *regions);

/* The page at guest address @addr.  FALSE if it is in no region. */
gboolean gdw_regions_find (const GdwRegions *regions, guint64 addr, guint *region,
                           guint64 *page);

/* Compares the source's table, from HELLO, with ours.  The error names the first difference. */
gboolean gdw_regions_match (const GdwRegions *regions, const GdwHello *hello, GError **error);
