/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A plugin is a module gdw-KIND-NAME.so that exports one symbol, gdw_plugin:
 * a constant struct that begins with a GdwPlugin and is filled with
 * GDW_DEFINE_TRACKER, GDW_DEFINE_TRANSPORT or GDW_DEFINE_FILTER.
 *
 * The loader copies as many bytes as the plugin declares in @size and zeroes the rest, so a
 * plugin built with an older, shorter struct still loads.  New members come only at the end.  A
 * module is made resident and never unloaded. A plugin keeps the data of an instance in the
 * instance, never in a file-scope variable: two migrations may run in one process.
 *
 * An optional callback that is absent is not offered.  The header says so if core does not use
 * one yet; a plugin that offers it is loaded, and the callback is not called.
 *
 * GDW_ABI goes up when a plugin may rely on something that an older core does not do: an older
 * core would silently skip handshake, so it has to refuse the plugin.  Core loads every number
 * from GDW_ABI_OLDEST to GDW_ABI. */
#define GDW_ABI 2
#define GDW_ABI_OLDEST 1

#define GDW_PLUGIN_TRACKER 1u
#define GDW_PLUGIN_TRANSPORT 2u
#define GDW_PLUGIN_FILTER 3u

/* GdwOption.type, and the GdwValue for it */
#define GDW_OPTION_STRING 1u /* string */
#define GDW_OPTION_UINT 2u   /* number, min..max */
#define GDW_OPTION_SIZE 3u   /* number in bytes, suffixes K M G T (1024), min..max */
#define GDW_OPTION_BOOL 4u   /* number 0 or 1, from on|off|true|false|yes|no|1|0 */
#define GDW_OPTION_ENUM 5u   /* number: index into @choices; string: the choice */

/* An option as the plugin declares it; the list ends with a NULL name. */
typedef struct {
  const char *name;
  guint32 type;
  const char *default_value;  /* as a user would type it; NULL: required unless a string */
  guint64 min, max;           /* of a number; both 0: no limit */
  const char *const *choices; /* NULL-terminated, for GDW_OPTION_ENUM */
  const char *help;           /* one line */
} GdwOption;

/* An option as core has parsed and checked it, in the order of declaration. */
typedef struct {
  gboolean set;       /* TRUE if the user gave it, FALSE for the default */
  const char *string; /* as typed, or NULL; lives until close */
  guint64 number;
} GdwValue;

typedef struct {
  gsize size;               /* of the whole struct, set by the macro */
  guint32 abi;              /* GDW_ABI of the headers it was built with, set by the macro */
  guint32 kind;             /* GDW_PLUGIN_*, set by the macro */
  gsize option_size;        /* sizeof (GdwOption), set by the macro */
  const char *name;         /* [a-z0-9-]+, the NAME of the file */
  const char *summary;      /* one line for people */
  const GdwOption *options; /* or NULL */
} GdwPlugin;

#define GDW_PLUGIN_HEAD(type, plugin_kind)                                                     \
  .plugin.size = sizeof (type), .plugin.abi = GDW_ABI, .plugin.kind = plugin_kind,             \
  .plugin.option_size = sizeof (GdwOption)

#if defined(__GNUC__)
#define GDW_EXPORT __attribute__ ((visibility ("default")))
#else
#define GDW_EXPORT
#endif

G_END_DECLS
