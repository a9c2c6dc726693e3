/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/base/setting.h"

#include <godwit/error.h>
#include <string.h>

const GdwSetting *
gdw_settings_find (const GdwSetting *settings, const char *name)
{
  for (; settings->name; settings++)
    if (strcmp (settings->name, name) == 0)
      return settings;
  return NULL;
}

static void
store_number (const GdwSetting *setting, gpointer at, guint64 number)
{
  if (setting->size == sizeof (guint8))
    *(guint8 *) at = (guint8) number;
  else if (setting->size == sizeof (guint16))
    *(guint16 *) at = (guint16) number;
  else if (setting->size == sizeof (guint32))
    *(guint32 *) at = (guint32) number;
  else
    *(guint64 *) at = number;
}

static guint64
load_number (const GdwSetting *setting, gconstpointer at)
{
  if (setting->size == sizeof (guint8))
    return *(const guint8 *) at;
  if (setting->size == sizeof (guint16))
    return *(const guint16 *) at;
  if (setting->size == sizeof (guint32))
    return *(const guint32 *) at;
  return *(const guint64 *) at;
}

G_GNUC_PRINTF (2, 3)
static gboolean
refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, GDW_ERROR, GDW_ERROR_INVALID, text);
  return FALSE;
}

static gboolean
out_of_range (const GdwSetting *setting, GError **error)
{
  /* QEMU writes the name this way in this message alone. */
  g_autofree char *name = g_strdelimit (g_strdup (setting->name), "-", '_');

  if (setting->unit)
    return refuse (error,
                   "Parameter '%s' expects an integer in the range of %" G_GUINT64_FORMAT
                   " to %" G_GUINT64_FORMAT " %s",
                   name, setting->min, setting->max, setting->unit);
  return refuse (error,
                 "Parameter '%s' expects a value between %" G_GUINT64_FORMAT
                 " and %" G_GUINT64_FORMAT,
                 name, setting->min, setting->max);
}

static gboolean
set_number (const GdwSetting *setting, gpointer at, const char *text, GError **error)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &number, NULL))
    return refuse (error, "Parameter '%s' expects uint64", setting->name);
  if (setting->size < sizeof number && number >> (8 * setting->size))
    return refuse (error, "Parameter '%s' expects uint%u_t", setting->name,
                   (guint) (8 * setting->size));
  if (setting->ranged && (number < setting->min || number > setting->max))
    return out_of_range (setting, error);
  store_number (setting, at, number);
  return TRUE;
}

static gboolean
set_bool (const GdwSetting *setting, gboolean *at, const char *text, GError **error)
{
  gboolean on = strcmp (text, "on") == 0 || strcmp (text, "true") == 0;

  if (!on && strcmp (text, "off") != 0 && strcmp (text, "false") != 0)
    return refuse (error, "Invalid parameter type for '%s', expected: boolean", setting->name);
  *at = on;
  return TRUE;
}

gboolean
gdw_settings_set (const GdwSetting *settings, gpointer values, const char *name,
                  const char *text, GError **error)
{
  const GdwSetting *setting = gdw_settings_find (settings, name);
  gpointer at = setting ? G_STRUCT_MEMBER_P (values, setting->offset) : NULL;

  if (!setting)
    return refuse (error, "Parameter '%s' is unexpected", name);
  if (setting->kind == GDW_SETTING_UINT)
    return set_number (setting, at, text, error);
  if (setting->kind == GDW_SETTING_BOOL)
    return set_bool (setting, at, text, error);
  g_free (*(char **) at);
  *(char **) at = g_strdup (text);
  return TRUE;
}

char *
gdw_setting_get (const GdwSetting *setting, gconstpointer values)
{
  gconstpointer at = G_STRUCT_MEMBER_P (values, setting->offset);

  if (setting->kind == GDW_SETTING_STRING)
    return g_strdup (*(char *const *) at);
  if (setting->kind == GDW_SETTING_BOOL)
    return g_strdup (*(const gboolean *) at ? "true" : "false");
  return g_strdup_printf ("%" G_GUINT64_FORMAT, load_number (setting, at));
}

void
gdw_settings_copy (const GdwSetting *settings, gpointer to, gconstpointer from)
{
  for (; settings->name; settings++) {
    gpointer at = G_STRUCT_MEMBER_P (to, settings->offset);
    gconstpointer source = G_STRUCT_MEMBER_P (from, settings->offset);

    if (settings->kind == GDW_SETTING_STRING)
      *(char **) at = g_strdup (*(char *const *) source);
    else
      memcpy (at, source, settings->size);
  }
}

void
gdw_settings_init (const GdwSetting *settings, gpointer values)
{
  for (const GdwSetting *setting = settings; setting->name; setting++) {
    memset (G_STRUCT_MEMBER_P (values, setting->offset), 0, setting->size);
    /* The generator has checked it. */
    gdw_settings_set (setting, values, setting->name, setting->default_text, NULL);
  }
}

void
gdw_settings_clear (const GdwSetting *settings, gpointer values)
{
  for (; settings->name; settings++)
    if (settings->kind == GDW_SETTING_STRING)
      g_clear_pointer ((char **) G_STRUCT_MEMBER_P (values, settings->offset), g_free);
}
