/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <check.h>
#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* A need of the tests of @name, such as /proc/self/task in a bare chroot; if it is missing
 * the program is skipped, and main returns 0. */
static inline gboolean
suite_has (const char *name, const char *path)
{
  if (access (path, R_OK) == 0)
    return TRUE;
  printf ("1..0 # SKIP %s: there is no %s\n", name, path);
  return FALSE;
}

/* Runs @suite and prints TAP.  Returns what main does: what failed is in the TAP. */
static inline int
suite_print (Suite *suite)
{
  SRunner *runner = srunner_create (suite);

  srunner_set_tap (runner, "-");
  srunner_run_all (runner, CK_SILENT);
  srunner_free (runner);
  return 0;
}

/* The same of these cases, up to NULL. */
static inline int G_GNUC_NULL_TERMINATED
suite_run (const char *name, TCase *first, ...)
{
  Suite *suite = suite_create (name);
  va_list rest;

  va_start (rest, first);
  for (TCase *tc = first; tc; tc = va_arg (rest, TCase *))
    suite_add_tcase (suite, tc);
  va_end (rest);
  return suite_print (suite);
}
