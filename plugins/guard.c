/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "plugins/guard.h"

#include <godwit/error.h>

#include <godwit/query.h>

gboolean
gdw_guard_result (const GdwPlugin *plugin, const char *what, gboolean ok, GError *failure,
                  GError **error)
{
  const char *kind = gdw_plugin_kind (plugin->kind);

  if (ok && !failure)
    return TRUE;
  if (!ok && failure) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  if (ok)
    g_set_error (
        error, GDW_ERROR, GDW_ERROR_PLUGIN,
        "%s '%s': %s failed: it reported success together with the error '%s'; this is "
        "a fault of the plugin",
        kind, plugin->name, what, failure->message);
  else
    g_set_error (error, GDW_ERROR, GDW_ERROR_PLUGIN,
                 "%s '%s': %s failed without saying why: it set no error; this is a fault of "
                 "the plugin",
                 kind, plugin->name, what);
  g_clear_error (&failure);
  return FALSE;
}

gboolean
gdw_guard_enter (const GdwPlugin *plugin, const char *what, gint *busy, GError **error)
{
  if (g_atomic_int_compare_and_exchange (busy, 0, 1))
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY,
               "%s '%s': %s failed: another such call is running; wait for its end",
               gdw_plugin_kind (plugin->kind), plugin->name, what);
  return FALSE;
}
