/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* The written form of addresses and options.  A backslash makes a bar or a comma literal.
 * Backslashes directly before a bar or a comma are written twice; all others are literal. */

/* Returns the text from @at to the first unescaped one of @marks, without escapes, and moves
 * @at to that mark or to the end. */
char *gdw_text_read (const char **at, const char *marks);
/* Appends @plain, escaped so that it reads back the same. */
void gdw_text_append (GString *text, const char *plain);
/* Appends an unescaped mark. */
void gdw_text_append_mark (GString *text, char mark);

/* An option as given. */
typedef struct {
  char *key;
  char *value; /* NULL if there is no '=' */
} GdwPair;

GdwPair *gdw_pair_new (const char *key, const char *value);

/* Arrays of GdwPair that own them. */
GPtrArray *gdw_pairs_new (void);
/* Reads "key=value,key=value" up to the first of @marks other than the comma; an empty text has
 * none. */
GPtrArray *gdw_pairs_read (const char **at, const char *marks);
/* Writes @mark before the first pair; writes nothing if there are none. */
void gdw_pairs_append (GString *text, char mark, const GPtrArray *pairs);
GPtrArray *gdw_pairs_copy (const GPtrArray *pairs);
