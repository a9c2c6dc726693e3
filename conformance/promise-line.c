/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <string.h>

#include "promise.h"

/* { header, words, line } */
static const struct {
  const char *header, *words;
  guint line;
} lines[] = {
#include "promise-lines.h"
};

guint
promise_line (Promise promise)
{
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    if (strcmp (lines[i].header, promise.header) == 0 &&
        strcmp (lines[i].words, promise.words) == 0)
      return lines[i].line;
  return 0;
}
