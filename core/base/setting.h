/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* The members of a generated struct, described as data: set and shown by name, as text.  No
 * function keeps anything or is bound to a thread. */

typedef enum {
  GDW_SETTING_BOOL,   /* gboolean: on, off, true, false */
  GDW_SETTING_UINT,   /* guint8 to guint64, by its size */
  GDW_SETTING_STRING, /* char * */
} GdwSettingKind;

/* A table of them ends with one that has no name. */
typedef struct {
  const char *name;
  GdwSettingKind kind;
  gsize offset, size;
  gboolean ranged; /* then from min to max */
  guint64 min, max;
  const char *unit; /* or NULL */
  const char *default_text;
} GdwSetting;

/* Give each member of @values its default. */
void gdw_settings_init (const GdwSetting *settings, gpointer values);

/* Free what is in @values, not itself. */
void gdw_settings_clear (const GdwSetting *settings, gpointer values);

/* A copy in @to, which had nothing to free. */
void gdw_settings_copy (const GdwSetting *settings, gpointer to, gconstpointer from);

/* NULL if there is none of that name. */
const GdwSetting *gdw_settings_find (const GdwSetting *settings, const char *name);

/* FALSE, with a GDW_ERROR_INVALID in QEMU's words, and no change, if @text is not possible. */
gboolean gdw_settings_set (const GdwSetting *settings, gpointer values, const char *name,
                           const char *text, GError **error);

/* As gdw_settings_set takes it; free with g_free. */
char *gdw_setting_get (const GdwSetting *setting, gconstpointer values);
