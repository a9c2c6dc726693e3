/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* A tracker that loads; with one of the macros below replaced, one that does not. */

#include <godwit/error.h>
#include <godwit/tracker.h>

#ifndef ABI
#define ABI GDW_ABI
#endif
#ifndef SIZE
#define SIZE sizeof (GdwTracker)
#endif
#ifndef OPTION_SIZE
#define OPTION_SIZE sizeof (GdwOption)
#endif
#ifndef KIND
#define KIND GDW_PLUGIN_TRACKER
#endif
#ifndef TRAITS
#define TRAITS GDW_TRACKER_REARMS_AT_COLLECT
#endif
#ifndef COLLECT
#define COLLECT wrong_collect
#endif
#ifndef OPTIONS
#define OPTIONS                                                                                \
  {                                                                                            \
    0                                                                                          \
  }
#endif

static gpointer
wrong_open (const GdwTrackerConfig *config, GError **error)
{
  return g_new0 (int, 1);
}

static void
wrong_close (gpointer self)
{
  g_free (self);
}

static gboolean
wrong_start (gpointer self, GError **error)
{
  return TRUE;
}

/* Fails with the code of a link that fails. */
static gboolean G_GNUC_UNUSED
wrong_rearm (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
             GError **error)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_IO,
               "tracker '" NAME "': rearm failed: the test wants it; do not");
  return FALSE;
}

static gboolean G_GNUC_UNUSED
wrong_protect (gpointer self, const GdwPageRange *range, GError **error)
{
  return TRUE;
}

static gboolean G_GNUC_UNUSED
wrong_next_fault (gpointer self, GdwPageRange *page, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static gboolean G_GNUC_UNUSED
wrong_collect_runs (gpointer self,
                    void (*add) (gpointer core, const GdwPageRange *ranges, guint n),
                    gpointer core, GError **error)
{
  return TRUE;
}

#ifdef UNDEFINED
extern void UNDEFINED (void);
#else
#define UNDEFINED()
#endif

static gboolean G_GNUC_UNUSED
wrong_collect (gpointer self, guint64 *const *bits, GError **error)
{
  UNDEFINED ();
  return TRUE;
}

static const GdwOption wrong_options[] = { OPTIONS, { 0 } };

GDW_EXPORT extern const GdwTracker gdw_plugin;

const GdwTracker gdw_plugin = {
  .plugin = { .size = SIZE,
              .abi = ABI,
              .kind = KIND,
              .option_size = OPTION_SIZE,
              .name = NAME,
              .summary = "for the tests of the loader",
              .options = wrong_options },
  .traits = TRAITS,
  .open = wrong_open,
  .close = wrong_close,
  .start = wrong_start,
  .collect = COLLECT,
  .stop = wrong_start,
#ifdef MORE
  MORE,
#endif
};
