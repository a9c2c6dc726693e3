/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Plugins that end or stop their process, when they are loaded or when they are opened. */
#include <godwit/error.h>
#include <godwit/filter.h>
#include <stdlib.h>
#include <unistd.h>

static void __attribute__ ((constructor)) loaded (void)
{
  AT_LOAD;
}

static gpointer
loaded_open (const GdwFilterConfig *config, GError **error)
{
  AT_OPEN;
  return g_new0 (int, 1);
}

static gpointer
loaded_link_open (gpointer self, gboolean incoming, GCancellable *cancellable, GError **error)
{
  return g_new0 (int, 1);
}

GDW_DEFINE_FILTER (.plugin.name = NAME, .plugin.summary = "ends its \"process\"",
                   .open = loaded_open, .close = g_free, .link_open = loaded_link_open,
                   .link_close = g_free);
