/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/types.h>

/* The mapping of a region, which tells the content of a page that is not there. */
typedef enum {
  GDW_MAPPING_OTHER,   /* nothing is known: read and write it like any memory */
  GDW_MAPPING_PRIVATE, /* private and anonymous: the page reads as zero */
  GDW_MAPPING_SHARED   /* shared, with a file behind it: a hole in the file reads as zero */
} GdwMapping;

/* Looks up the mapping of each region of @list.  FALSE, with an error that names the region, if
 * one is not mapped whole or its fd is not the file that is mapped there.  Without /proc
 * nothing is known, and only the fd is checked. */
gboolean gdw_mappings_find (const GdwRegion *list, guint n, GdwMapping *mappings,
                            GError **error);

/* Gives back the memory behind [@start, @start + @size) of such a region, so that it reads as
 * zero.  FALSE: it is as it was, or a part of it is zero. */
gboolean gdw_mapping_punch (GdwMapping mapping, guint8 *start, gsize size);
