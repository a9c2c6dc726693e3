/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/frame.h>

#include <stdlib.h>
#include <string.h>

/* Golden streams: tests/golden/NAME.hex, one frame each, "xx xx*count # type field = value".
 * The environment variable GODWIT_SOURCE has the top of the source tree. */

static inline void
golden_parse_line (char *line, GByteArray *out)
{
  line[strcspn (line, "#\n")] = '\0';
  for (char *save, *word = strtok_r (line, " ", &save); word;
       word = strtok_r (NULL, " ", &save)) {
    guint8 byte = strtoul (word, NULL, 16);
    guint count = word[2] == '*' ? strtoul (word + 3, NULL, 10) : 1;

    while (count-- > 0)
      g_byte_array_append (out, &byte, 1);
  }
}

/* The whole frame; aborts with a text if it cannot be read. */
static inline GByteArray *
golden_load (const char *frame_name)
{
  g_autofree char *name = g_ascii_strdown (frame_name, -1);
  const char *root = g_getenv ("GODWIT_SOURCE");
  g_autofree char *file = g_strdup_printf ("%s/tests/golden/%s.hex", root ? root : ".", name);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  GByteArray *out = g_byte_array_new ();

  if (!g_file_get_contents (file, &text, NULL, &error))
    g_error ("golden stream: %s", error->message);
  for (char *line = text, *next; line; line = next) {
    next = strchr (line, '\n');
    if (next)
      *next++ = '\0';
    golden_parse_line (line, out);
  }
  return out;
}
