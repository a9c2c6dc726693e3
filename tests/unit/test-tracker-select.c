/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The tracker that is taken. */
#include "core/memory/tracker-select.h"

#include <string.h>
#include <sys/resource.h>

#include "tests/support/fake-tracker.h"
#include "tests/support/suite.h"

static FakeTracker *fake; /* for its regions, and the log whose modes a tracker looks at */
static GdwPlugins *plugins;

static void
setup (void)
{
  fake = fake_tracker_new (64, 0, FALSE);
  plugins = gdw_plugins_new (NULL);
}

static void
teardown (void)
{
  gdw_plugins_free (plugins);
  fake_tracker_free (fake);
}

static void
expect_chosen (const char *name, guint32 modes, const char *chosen)
{
  g_autoptr (GError) error = NULL;
  GdwTracking *tracking;

  fake->log.modes = modes;
  tracking = gdw_tracker_select (plugins, name, fake->regions, &fake->log, &error);
  ck_assert_msg (tracking != NULL, "%s", error ? error->message : "");
  ck_assert_str_eq (gdw_tracking_name (tracking), chosen);
  gdw_tracking_close (tracking);
}

static void
expect_refused (const char *name, const GdwDirtyLog *log, const char *why)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (gdw_tracker_select (plugins, name, fake->regions, log, &error));
  ck_assert_msg (strstr (error->message, why) != NULL, "%s", error->message);
}

START_TEST (auto_takes_the_best_that_works)
{
  expect_chosen ("auto", GDW_DIRTY_LOG_PLAIN, "bitmap");
  expect_chosen ("auto", GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL, "manual-protect");
  expect_chosen ("auto", GDW_DIRTY_LOG_MANUAL, "manual-protect");
  expect_chosen ("auto", GDW_DIRTY_LOG_RING, "dirty-ring");
}
END_TEST

START_TEST (a_name_is_taken_by_its_word)
{
  expect_chosen ("bitmap", GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL, "bitmap");
  expect_chosen ("manual-protect", GDW_DIRTY_LOG_MANUAL, "manual-protect");
  expect_chosen ("dirty-ring", GDW_DIRTY_LOG_RING, "dirty-ring");
}
END_TEST

START_TEST (what_is_missing_is_named)
{
  fake->log.modes = GDW_DIRTY_LOG_PLAIN;
  expect_refused ("manual-protect", &fake->log, "tracker 'manual-protect': open failed");
  expect_refused ("dirty-ring", &fake->log, "start the VM with --dirty-ring-size");
  fake->log.modes = GDW_DIRTY_LOG_RING;
  expect_refused ("manual-protect", &fake->log, "use tracker 'dirty-ring'");
  expect_refused ("bitmap", &fake->log, "use tracker 'dirty-ring'");
  expect_refused ("bitmap", NULL, "tracker 'bitmap': open failed");
  expect_refused ("crystal-ball", &fake->log, "crystal-ball");
  expect_refused ("auto", NULL, "tracker 'auto': no tracker works on this VM: tracker '");
}
END_TEST

/* Not "none is installed". */
START_TEST (without_a_descriptor_that_is_the_reason)
{
  struct rlimit limit, few;

  fake->log.modes = GDW_DIRTY_LOG_PLAIN;
  ck_assert_int_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
  few = limit;
  few.rlim_cur = 3;
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &few), 0);
  expect_refused ("auto", &fake->log, "no descriptor is left: Too many open files; raise");
  expect_refused ("bitmap", &fake->log, "failed: Too many open files; raise the limit of open");
  /* The search for leaks needs descriptors. */
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("choice");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, auto_takes_the_best_that_works);
  tcase_add_test (tc, a_name_is_taken_by_its_word);
  tcase_add_test (tc, what_is_missing_is_named);
  tcase_add_test (tc, without_a_descriptor_that_is_the_reason);
  return suite_run ("tracker-select", tc, NULL);
}
