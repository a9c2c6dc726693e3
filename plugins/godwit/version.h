/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The version of these headers; gdw_version returns that of the loaded library. */
#define GDW_MAJOR_VERSION 0
#define GDW_MINOR_VERSION 2
#define GDW_MICRO_VERSION 0

/* TRUE if these headers have that version or a later one; works in #if, too. */
#define GDW_CHECK_VERSION(major, minor, micro)                                                 \
  (GDW_MAJOR_VERSION > (major) ||                                                              \
   (GDW_MAJOR_VERSION == (major) && GDW_MINOR_VERSION > (minor)) ||                            \
   (GDW_MAJOR_VERSION == (major) && GDW_MINOR_VERSION == (minor) &&                            \
    GDW_MICRO_VERSION >= (micro)))

/**
 * gdw_version:
 *
 * Returns: "MAJOR.MINOR.MICRO" of the library
 */
const char *gdw_version (void);

G_END_DECLS
