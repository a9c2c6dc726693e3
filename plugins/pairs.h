/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* The written form of addresses and options.  A backslash saves a bar or a comma from being a
 * mark.  Backslashes directly before a bar or a comma are written twice; all others stand for
 * themselves. */

/* What stands at @at up to the first of @marks that is not saved, without escapes; @at is moved
 * to that mark or to the end. */
char *gdw_text_read (const char **at, const char *marks);
/* So that it is read as @plain. */
void gdw_text_append (GString *text, const char *plain);
/* A mark that counts. */
void gdw_text_append_mark (GString *text, char mark);

/* An option as it is given. */
typedef struct {
  char *key;
  char *value; /* NULL: there is no '=' */
} GdwPair;

GdwPair *gdw_pair_new (const char *key, const char *value);

/* Arrays of GdwPair that own them. */
GPtrArray *gdw_pairs_new (void);
/* "key=value,key=value" up to the first of @marks other than the comma; none where it is empty.
 */
GPtrArray *gdw_pairs_read (const char **at, const char *marks);
/* @mark goes before the first; nothing where there are none. */
void gdw_pairs_append (GString *text, char mark, const GPtrArray *pairs);
GPtrArray *gdw_pairs_copy (const GPtrArray *pairs);
