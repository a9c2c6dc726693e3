/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* An address that blocks, as a disk or a server of names does that is gone, blocks its own
 * thread alone. */
#include "pair.h"

#include <gmodule.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static gint asked, released; /* atomic */

/* The transport file finds this one, through GLib: at a dead disk nothing ends it. */
G_MODULE_EXPORT ssize_t readlink (const char *path, char *buffer, size_t size);

ssize_t
readlink (const char *path, char *buffer, size_t size)
{
  if (g_str_has_suffix (path, "/dead")) {
    g_atomic_int_set (&asked, TRUE);
    while (!g_atomic_int_get (&released))
      g_usleep (1000);
  }
  return syscall (SYS_readlink, path, buffer, size);
}

static Side *
listen_at_a_dead_disk (Pair *pair)
{
  g_autofree char *uri = g_strdup_printf ("file:%s/dead", pair->folder);
  g_autoptr (GError) error = NULL;

  ck_assert_msg (gdw_migration_incoming (pair->destination.migration, uri, &error), "%s",
                 error ? error->message : "");
  WAIT_UNTIL (g_atomic_int_get (&asked));
  return &pair->destination;
}

static gboolean
works (Side *side)
{
  g_autoptr (GArray) threads = gdw_migration_list_threads (side->migration);

  for (guint i = 0; i < threads->len; i++)
    if (strcmp (g_array_index (threads, GdwThreadInfo, i).name, "mig/dst/listen") == 0)
      return TRUE;
  return FALSE;
}

static void
release (Side *side)
{
  ck_assert (works (side));
  g_atomic_int_set (&released, TRUE);
  WAIT_UNTIL (!works (side));
}

START_TEST (a_dead_disk_holds_nobody)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 10000 });
  Side *side = listen_at_a_dead_disk (pair);
  g_autoptr (GError) error = NULL;

  ck_assert_uint_eq (side_status (side), GDW_STATUS_NONE);
  ck_assert (!gdw_migration_incoming (side->migration, "unix:/x", &error));
  ck_assert (strstr (error->message, "in progress") != NULL);
  ck_assert (gdw_migration_cancel (side->migration, NULL));
  WAIT_UNTIL (side->ended);
  ck_assert_uint_eq (side_status (side), GDW_STATUS_FAILED);
  ck_assert (strstr (side_error (side), "was cancelled") != NULL);
  side->ended = 0;
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  release (side);
  pair_free (pair);
}
END_TEST

START_TEST (what_comes_too_late_is_dropped)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });
  g_autofree char *path = g_build_filename (pair->folder, "dead", NULL);
  Side *side;

  ck_assert (g_file_set_contents (path, "a guest", -1, NULL));
  side = listen_at_a_dead_disk (pair);
  ck_assert (gdw_migration_cancel (side->migration, NULL));
  WAIT_UNTIL (side->ended);
  release (side);
  ck_assert_uint_eq (side_status (side), GDW_STATUS_FAILED);
  pair_listen (pair, "");
  pair_free (pair);
}
END_TEST

static void
on_closed (GdwMigration *migration, const GError *error, gpointer closed)
{
  *(gboolean *) closed = TRUE;
}

START_TEST (a_dead_disk_does_not_hold_the_end_of_the_vmm)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });
  Side *side = listen_at_a_dead_disk (pair);
  gboolean closed = FALSE;

  gdw_migration_close (side->migration, on_closed, &closed);
  WAIT_UNTIL (closed);
  release (side);
  pair_free (pair);
}
END_TEST

START_TEST (an_address_that_cannot_be_opened_fails_as_a_migration_does)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });
  Side *side = &pair->destination;

  ck_assert (gdw_migration_incoming (side->migration, "file:/none/guest", NULL));
  WAIT_UNTIL (side->ended);
  ck_assert_uint_eq (side_status (side), GDW_STATUS_FAILED);
  ck_assert (strstr (side_error (side), "No such file") != NULL);
  pair_listen (pair, "");
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *tc = add_case (suite, "opening");

  tcase_add_test (tc, a_dead_disk_holds_nobody);
  tcase_add_test (tc, what_comes_too_late_is_dropped);
  tcase_add_test (tc, a_dead_disk_does_not_hold_the_end_of_the_vmm);
  tcase_add_test (tc, an_address_that_cannot_be_opened_fails_as_a_migration_does);
}

int
main (void)
{
  return engine_main ("opening", add);
}
