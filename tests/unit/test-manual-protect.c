/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The module of trackers/manual-protect.c: behaviour that trackers/bitmap.c lacks and that the
 * conformance suite does not ask for. */

#include "tests/support/suite.h"

#include <godwit/error.h>
#include <godwit/tracker.h>

#include <check.h>
#include <gmodule.h>
#include <string.h>

static const GdwRegion region = { .name = "low", .size = 64 * GDW_PAGE_SIZE };
static const GdwRegion *const regions[] = { &region };

static const GdwTracker *plugin;
static GdwDirtyLog fake;

static gboolean
fake_enable (gpointer self, guint32 mode, GError **error)
{
  *(guint32 *) self = mode;
  return TRUE;
}

static gboolean
fake_disable (gpointer self, GError **error)
{
  *(guint32 *) self = 0;
  return TRUE;
}

static gpointer
open_over (const GdwDirtyLog *log, GError **error)
{
  GdwTrackerConfig config = {
    .size = sizeof config, .regions = regions, .n_regions = 1, .dirty_log = log
  };

  return plugin->open (&config, error);
}

static void
setup (void)
{
  gpointer symbol = NULL;
  g_autofree char *path = NULL;
  GModule *module;

  ck_assert_ptr_nonnull (g_getenv ("GODWIT_BUILD"));
  path = g_build_filename (g_getenv ("GODWIT_BUILD"), "trackers",
                           "gdw-tracker-manual-protect.so", NULL);
  module = g_module_open (path, G_MODULE_BIND_LOCAL);
  ck_assert_msg (module != NULL, "%s", g_module_error ());
  g_module_make_resident (module);
  ck_assert (g_module_symbol (module, "gdw_plugin", &symbol));
  plugin = symbol;
  fake = (GdwDirtyLog){ .size = sizeof fake, .enable = fake_enable, .disable = fake_disable };
}

START_TEST (it_rearms_what_is_sent)
{
  ck_assert_str_eq (plugin->plugin.name, "manual-protect");
  ck_assert (plugin->traits & GDW_TRACKER_REARMS_AT_REARM);
  ck_assert (plugin->traits & GDW_TRACKER_COLLECT_REPEATS);
}
END_TEST

START_TEST (a_host_without_a_manual_log_is_refused_by_name)
{
  g_autoptr (GError) error = NULL;

  fake.modes = GDW_DIRTY_LOG_PLAIN;
  ck_assert_ptr_null (open_over (&fake, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED));
  ck_assert_str_eq (error->message,
                    "tracker 'manual-protect': open failed: the dirty log of this host has no "
                    "manual mode; use tracker 'bitmap'");
}
END_TEST

/* Nothing is armed at the start, and so everything is reported. */
START_TEST (a_log_that_can_begin_full_does)
{
  guint32 can = _i ? GDW_DIRTY_LOG_INITIALLY_SET : 0, mode = 0;
  gpointer tracker;

  fake.modes = GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL | can;
  fake.self = &mode;
  tracker = open_over (&fake, NULL);
  ck_assert (plugin->start (tracker, NULL));
  ck_assert_uint_eq (mode, GDW_DIRTY_LOG_MANUAL | can);
  ck_assert (plugin->stop (tracker, NULL));
  plugin->close (tracker);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("manual-protect");

  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_test (tc, it_rearms_what_is_sent);
  tcase_add_test (tc, a_host_without_a_manual_log_is_refused_by_name);
  tcase_add_loop_test (tc, a_log_that_can_begin_full_does, 0, 2);
  return suite_run ("manual-protect", tc, NULL);
}
