/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* What a header promises: the file below <godwit/> and its words, which the build looks up:
 * words that are not there do not build.  Only literals. */
typedef struct {
  const char *header, *words;
} Promise;

#define PROMISE(header, words) ((Promise){ header, words })

/* The line of the header that says so. */
guint promise_line (Promise promise);

/* Unless @condition: say what was expected (the promise, and its line), what happened instead,
 * and end the test. */
#define EXPECT(condition, promise, ...)                                                        \
  do {                                                                                         \
    if (!(condition))                                                                          \
      broken (promise, __VA_ARGS__);                                                           \
  } while (0)

void broken (Promise promise, const char *format, ...) G_GNUC_PRINTF (2, 3) G_GNUC_NORETURN;

/* Further words for the diagnostics of a test that fails later. */
void note (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* A callback has given @ok: TRUE or a result, without an error; FALSE or none, with one. */
void expect_result (const char *callback, gboolean ok, const GError *error, Promise promise);
