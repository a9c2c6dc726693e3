/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/query.h>

#include <godwit/tracker.h>
#include <godwit/transport.h>

static const char *const kinds[] = { NULL, "tracker", "transport", "filter" };

const char *
gdw_plugin_kind (guint kind)
{
  return kind < G_N_ELEMENTS (kinds) ? kinds[kind] : NULL;
}

const char **
gdw_plugin_traits (const GdwPlugin *plugin)
{
  static const char *const tracker[] = { "re-arms-at-collect", "re-arms-at-rearm",
                                         "collect-repeats",    "reports-reads",
                                         "sees-vmm-writes",    "holds-writes" };
  static const char *const transport[] = { "two-way", "same-host", "many-links" };
  GPtrArray *names = g_ptr_array_new ();
  const char *const *table = NULL;
  guint32 traits = 0;
  guint n = 0;

  if (plugin->kind == GDW_PLUGIN_TRACKER) {
    table = tracker;
    n = G_N_ELEMENTS (tracker);
    traits = ((const GdwTracker *) plugin)->traits;
  } else if (plugin->kind == GDW_PLUGIN_TRANSPORT) {
    table = transport;
    n = G_N_ELEMENTS (transport);
    traits = ((const GdwTransport *) plugin)->traits;
  }
  for (guint i = 0; i < n; i++) {
    if (traits & (1u << i))
      g_ptr_array_add (names, (gpointer) table[i]);
  }
  g_ptr_array_add (names, NULL);
  return (const char **) g_ptr_array_free (names, FALSE);
}
