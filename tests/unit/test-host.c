/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Callbacks that a host must have, and those that belong together. */
#include <check.h>
#include <godwit/godwit.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/suite.h"

static const GdwRegion *
host_regions (gpointer vm, guint *n)
{
  *n = 0;
  return NULL;
}

static void
host_call (gpointer vm, GdwReply *reply, GCancellable *cancellable)
{
  gdw_reply_done (reply);
}

static void
host_resume (gpointer vm, GdwReply *reply)
{
  gdw_reply_done (reply);
}

static void
host_load (gpointer vm, const GdwSection *sections, guint n, GdwReply *reply,
           GCancellable *cancellable)
{
  gdw_reply_done (reply);
}

static void
host_save_stream (gpointer vm, GOutputStream *stream, GdwReply *reply,
                  GCancellable *cancellable)
{
  gdw_reply_done (reply);
}

static void
host_load_stream (gpointer vm, GInputStream *stream, GdwReply *reply, GCancellable *cancellable)
{
  gdw_reply_done (reply);
}

static gboolean
host_throttle (gpointer vm, guint vcpu, guint percent)
{
  return FALSE;
}

static const GdwHost minimal = { .size = sizeof minimal,
                                 .regions = host_regions,
                                 .pause = host_call,
                                 .resume = host_resume,
                                 .save_state = host_call,
                                 .load_state = host_load };

static void
expect_taken (const GdwHost *host)
{
  g_autoptr (GError) error = NULL;
  GdwMigration *migration = gdw_migration_new (host, NULL, NULL, FALSE, &error);

  ck_assert_msg (migration != NULL, "%s", error ? error->message : "no error");
  g_object_unref (migration);
}

static void
expect_refused (const GdwHost *host, const char *why)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (gdw_migration_new (host, NULL, NULL, FALSE, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_INVALID));
  ck_assert_msg (strstr (error->message, why) != NULL, "%s", error->message);
}

START_TEST (the_required_is_required)
{
  GdwHost host = minimal;

  expect_taken (&host);
  host.load_state = NULL;
  expect_refused (&host, "host: a required callback is missing");
}
END_TEST

/* One that was built before the last members has none of them, whatever lies behind it. */
START_TEST (an_older_host_is_taken)
{
  GdwHost host = minimal;

  host.size = G_STRUCT_OFFSET (GdwHost, save_stream);
  host.save_stream = host_save_stream;
  expect_taken (&host);
}
END_TEST

/* A host may offer what this core does not use yet. */
START_TEST (streams_come_in_pairs)
{
  GdwHost host = minimal;

  host.throttle = host_throttle;
  host.save_stream = host_save_stream;
  expect_refused (&host, "host: it has save_stream and no load_stream");
  host.load_stream = host_load_stream;
  expect_taken (&host);
  host.save_stream = NULL;
  expect_refused (&host, "host: it has load_stream and no save_stream");
}
END_TEST

static long page_size;

long __real_sysconf (int name);
long __wrap_sysconf (int name);

long
__wrap_sysconf (int name)
{
  return name == _SC_PAGESIZE && page_size ? page_size : __real_sysconf (name);
}

static void
expect_page_size_refused (gboolean ok, const GError *error, const char *size)
{
  g_autofree char *text = g_strdup_printf ("host: it cannot migrate: this kernel has pages of "
                                           "%s bytes",
                                           size);

  ck_assert (!ok);
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED));
  ck_assert_msg (g_str_has_prefix (error->message, text), "%s", error->message);
}

/* Either way, by name. */
START_TEST (a_kernel_with_larger_pages_is_refused)
{
  GdwMigration *out = gdw_migration_new (&minimal, NULL, NULL, FALSE, NULL);
  GdwMigration *in = gdw_migration_new (&minimal, NULL, NULL, TRUE, NULL);
  g_autoptr (GError) no_start = NULL, no_incoming = NULL;
  gboolean ok;

  page_size = 16384;
  ok = gdw_migration_start (out, "tcp:127.0.0.1:1", &no_start);
  expect_page_size_refused (ok, no_start, "16384");
  page_size = 65536;
  ok = gdw_migration_incoming (in, "tcp:127.0.0.1:0", &no_incoming);
  expect_page_size_refused (ok, no_incoming, "65536");
  page_size = 0;
  g_object_unref (out);
  g_object_unref (in);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("host");

  tcase_add_test (tc, the_required_is_required);
  tcase_add_test (tc, an_older_host_is_taken);
  tcase_add_test (tc, streams_come_in_pairs);
  tcase_add_test (tc, a_kernel_with_larger_pages_is_refused);
  return suite_run ("host", tc, NULL);
}
