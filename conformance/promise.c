/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "promise.h"

#include <stdio.h>
#include <unistd.h>

#include "runner.h"

void
note (const char *format, ...)
{
  va_list values;

  va_start (values, format);
  vfprintf (stderr, format, values);
  va_end (values);
  fputc ('\n', stderr);
}

void
broken (Promise promise, const char *format, ...)
{
  va_list values;

  fprintf (stderr, "expected: %s\npromised: godwit/%s:%u\nhappened: ", promise.words,
           promise.header, promise_line (promise));
  va_start (values, format);
  vfprintf (stderr, format, values);
  va_end (values);
  fputc ('\n', stderr);
  fflush (stderr);
  _exit (RUN_FAILED);
}

void
expect_result (const char *callback, gboolean ok, const GError *error, Promise promise)
{
  EXPECT (!ok || !error, promise, "%s succeeded and set an error: %s", callback,
          error->message);
  EXPECT (ok || error, promise, "%s failed and set no error", callback);
}
