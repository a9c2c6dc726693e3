/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <stdio.h>
#include <unistd.h>

#include "runner.h"

void
skip (const char *format, ...)
{
  va_list values;

  va_start (values, format);
  vfprintf (stderr, format, values);
  va_end (values);
  fflush (stderr);
  _exit (RUN_SKIPPED);
}
