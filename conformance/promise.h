/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* A promise of a header: the file below <godwit/> and its words.  The build looks them up, and
 * fails if the header lacks them.  Only literals. */
typedef struct {
  const char *header, *words;
} Promise;

#define PROMISE(header, words) ((Promise){ header, words })

/* Returns the line of the header with these words. */
guint promise_line (Promise promise);

/* Unless @condition holds, reports the promise with its line and what happened instead, and
 * ends the test. */
#define EXPECT(condition, promise, ...)                                                        \
  do {                                                                                         \
    if (!(condition))                                                                          \
      broken (promise, __VA_ARGS__);                                                           \
  } while (0)

void broken (Promise promise, const char *format, ...) G_GNUC_PRINTF (2, 3) G_GNUC_NORETURN;

/* Adds words to the diagnostics of a test that fails later. */
void note (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Checks that a callback returned @ok, TRUE or a result, without an error, or FALSE or none
 * with one. */
void expect_result (const char *callback, gboolean ok, const GError *error, Promise promise);
