/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The module of trackers/bitmap.c over a log that is two arrays: what the guest wrote, and
 * what happened. */

#include <godwit/error.h>
#include <godwit/tracker.h>

#include <check.h>
#include <gmodule.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

/* 100 pages and 64. */
static const GdwRegion low = { .name = "low", .size = 100 * GDW_PAGE_SIZE };
static const GdwRegion high = { .name = "high", .size = 64 * GDW_PAGE_SIZE };
static const GdwRegion *const regions[] = { &low, &high };
static const gsize words[] = { 2, 1 };

typedef struct {
  GdwDirtyLog log;
  guint32 mode; /* 0: disabled */
  guint64 dirty[2][2];
  guint n_disabled;
  int fails_at; /* region whose get fails, or -1 */
} FakeLog;

static gboolean
fake_enable (gpointer self, guint32 mode, GError **error)
{
  FakeLog *fake = self;

  if (fake->fails_at >= 2) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST, "dirty log 'fake': enable failed");
    return FALSE;
  }
  ck_assert_uint_eq (fake->mode, 0);
  fake->mode = mode;
  return TRUE;
}

static gboolean
fake_disable (gpointer self, GError **error)
{
  FakeLog *fake = self;

  ck_assert_uint_ne (fake->mode, 0);
  fake->mode = 0;
  fake->n_disabled++;
  memset (fake->dirty, 0, sizeof fake->dirty);
  return TRUE;
}

static gboolean
fake_get (gpointer self, guint region, guint64 *bits, GError **error)
{
  FakeLog *fake = self;

  ck_assert_uint_eq (fake->mode, GDW_DIRTY_LOG_PLAIN);
  if ((guint) fake->fails_at == region) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST, "dirty log 'fake': get failed");
    return FALSE;
  }
  memcpy (bits, fake->dirty[region], words[region] * sizeof *bits);
  memset (fake->dirty[region], 0, words[region] * sizeof *bits);
  return TRUE;
}

static void
guest_writes (FakeLog *fake, guint region, guint64 page)
{
  if (fake->mode != 0)
    fake->dirty[region][page / 64] |= G_GUINT64_CONSTANT (1) << (page % 64);
}

static FakeLog *fake;
static gpointer tracker;
static guint64 low_bits[2], high_bits[1];
static guint64 *const bits[] = { low_bits, high_bits };
static const GdwTracker *plugin;

static gpointer
open_over (const GdwDirtyLog *log, GError **error)
{
  GdwTrackerConfig config = {
    .size = sizeof config, .regions = regions, .n_regions = 2, .dirty_log = log
  };

  return plugin->open (&config, error);
}

static void
load (void)
{
  gpointer symbol = NULL;
  g_autofree char *path = NULL;
  GModule *module;

  ck_assert_ptr_nonnull (g_getenv ("GODWIT_BUILD"));
  path = g_build_filename (g_getenv ("GODWIT_BUILD"), "trackers", "gdw-tracker-bitmap.so",
                           NULL);
  module = g_module_open (path, G_MODULE_BIND_LOCAL);
  ck_assert_msg (module != NULL, "%s", g_module_error ());
  g_module_make_resident (module);
  ck_assert (g_module_symbol (module, "gdw_plugin", &symbol));
  plugin = symbol;
}

static void
setup (void)
{
  load ();
  fake = g_new0 (FakeLog, 1);
  fake->fails_at = -1;
  fake->log = (GdwDirtyLog){ .size = sizeof fake->log,
                             .self = fake,
                             .modes = GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL,
                             .enable = fake_enable,
                             .disable = fake_disable,
                             .get = fake_get };
  tracker = open_over (&fake->log, NULL);
  ck_assert_ptr_nonnull (tracker);
}

static void
teardown (void)
{
  plugin->close (tracker);
  g_free (fake);
}

static void
collect_expecting (guint64 low_0, guint64 low_1, guint64 high_0)
{
  g_autoptr (GError) error = NULL;

  ck_assert (plugin->collect (tracker, bits, &error));
  ck_assert_ptr_null (error);
  ck_assert_uint_eq (low_bits[0], low_0);
  ck_assert_uint_eq (low_bits[1], low_1);
  ck_assert_uint_eq (high_bits[0], high_0);
  memset (low_bits, 0, sizeof low_bits);
  memset (high_bits, 0, sizeof high_bits);
}

START_TEST (declares_what_it_does)
{
  ck_assert_str_eq (plugin->plugin.name, "bitmap");
  ck_assert_uint_eq (plugin->plugin.kind, GDW_PLUGIN_TRACKER);
  ck_assert (plugin->traits & GDW_TRACKER_REARMS_AT_COLLECT);
  ck_assert (!(plugin->traits & GDW_TRACKER_REARMS_AT_REARM));
  ck_assert (!(plugin->traits & GDW_TRACKER_SEES_VMM_WRITES));
  ck_assert (plugin->rearm == NULL);
}
END_TEST

START_TEST (a_host_without_a_plain_log_is_refused_by_name)
{
  g_autoptr (GError) none = NULL, manual = NULL, ring = NULL;

  ck_assert_ptr_null (open_over (NULL, &none));
  ck_assert (g_error_matches (none, GDW_ERROR, GDW_ERROR_UNSUPPORTED));
  ck_assert (
      g_str_has_prefix (none->message, "tracker 'bitmap': open failed: this host keeps "));
  fake->log.modes = GDW_DIRTY_LOG_MANUAL;
  ck_assert_ptr_null (open_over (&fake->log, &manual));
  ck_assert (g_error_matches (manual, GDW_ERROR, GDW_ERROR_UNSUPPORTED));
  ck_assert (strstr (manual->message, "no plain mode") != NULL);
  fake->log.modes = GDW_DIRTY_LOG_RING;
  ck_assert_ptr_null (open_over (&fake->log, &ring));
  ck_assert_str_eq (ring->message,
                    "tracker 'bitmap': open failed: this VM has dirty rings and so no dirty "
                    "bitmap; use tracker 'dirty-ring', or start the VM without "
                    "--dirty-ring-size");
}
END_TEST

START_TEST (a_write_is_reported_once_and_again_when_repeated)
{
  ck_assert (plugin->start (tracker, NULL));
  ck_assert_uint_eq (fake->mode, GDW_DIRTY_LOG_PLAIN);
  collect_expecting (0, 0, 0);
  guest_writes (fake, 0, 3);
  guest_writes (fake, 0, 99);
  guest_writes (fake, 1, 63);
  collect_expecting (8, G_GUINT64_CONSTANT (1) << 35, G_GUINT64_CONSTANT (1) << 63);
  collect_expecting (0, 0, 0);
  guest_writes (fake, 0, 3);
  collect_expecting (8, 0, 0);
  ck_assert (plugin->stop (tracker, NULL));
}
END_TEST

START_TEST (collect_leaves_other_bits_alone)
{
  ck_assert (plugin->start (tracker, NULL));
  low_bits[0] = 0xf0;
  high_bits[0] = 1;
  guest_writes (fake, 0, 0);
  collect_expecting (0xf1, 0, 1);
  ck_assert (plugin->stop (tracker, NULL));
}
END_TEST

START_TEST (nothing_from_before_a_stop_is_left)
{
  ck_assert (plugin->start (tracker, NULL));
  guest_writes (fake, 0, 1);
  collect_expecting (2, 0, 0);
  guest_writes (fake, 0, 2);
  ck_assert (plugin->stop (tracker, NULL));
  ck_assert_uint_eq (fake->mode, 0);
  ck_assert (plugin->start (tracker, NULL));
  collect_expecting (0, 0, 0);
  ck_assert (plugin->stop (tracker, NULL));
}
END_TEST

START_TEST (errors_of_the_log_are_passed_on)
{
  g_autoptr (GError) error = NULL;

  ck_assert (plugin->start (tracker, NULL));
  fake->fails_at = _i;
  ck_assert (!plugin->collect (tracker, bits, &error));
  ck_assert_str_eq (error->message, "dirty log 'fake': get failed");
  ck_assert (plugin->stop (tracker, NULL));
}
END_TEST

START_TEST (stop_after_a_failed_start_stops_nothing)
{
  g_autoptr (GError) error = NULL;

  fake->fails_at = 2;
  ck_assert (!plugin->start (tracker, &error));
  ck_assert_str_eq (error->message, "dirty log 'fake': enable failed");
  ck_assert (plugin->stop (tracker, NULL));
  ck_assert_uint_eq (fake->n_disabled, 0);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("bitmap");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, declares_what_it_does);
  tcase_add_test (tc, a_host_without_a_plain_log_is_refused_by_name);
  tcase_add_test (tc, a_write_is_reported_once_and_again_when_repeated);
  tcase_add_test (tc, collect_leaves_other_bits_alone);
  tcase_add_test (tc, nothing_from_before_a_stop_is_left);
  tcase_add_loop_test (tc, errors_of_the_log_are_passed_on, 0, 2);
  tcase_add_test (tc, stop_after_a_failed_start_stops_nothing);
  return suite_run ("bitmap", tc, NULL);
}
