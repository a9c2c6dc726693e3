/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A filter in C++, which has no nested designators. */

#include <godwit/filter.h>

static gpointer
cxx_open (const GdwFilterConfig *, GError **)
{
  return g_malloc0 (1);
}

static gpointer
cxx_link_open (gpointer, gboolean, GCancellable *, GError **)
{
  return g_malloc0 (1);
}

static constexpr GdwFilter
cxx_filter ()
{
  GdwFilter filter{};

  filter.plugin.size = sizeof filter;
  filter.plugin.abi = GDW_ABI;
  filter.plugin.kind = GDW_PLUGIN_FILTER;
  filter.plugin.option_size = sizeof (GdwOption);
  filter.plugin.name = "cxx";
  filter.plugin.summary = "does nothing, in C++";
  filter.open = cxx_open;
  filter.close = g_free;
  filter.link_open = cxx_link_open;
  filter.link_close = g_free;
  return filter;
}

extern "C" {
GDW_EXPORT extern const GdwFilter gdw_plugin;
constexpr GdwFilter gdw_plugin = cxx_filter ();
}
