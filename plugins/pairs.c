/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "plugins/pairs.h"

#include <string.h>

static gboolean
can_be_mark (char c)
{
  return c == '|' || c == ',';
}

char *
gdw_text_read (const char **at, const char *marks)
{
  GString *plain = g_string_new (NULL);
  const char *p = *at;

  for (;;) {
    gsize n = strspn (p, "\\");
    gboolean counts = can_be_mark (p[n]), saved = counts && n % 2 == 1;

    for (gsize i = 0; i < (counts ? n / 2 : n); i++)
      g_string_append_c (plain, '\\');
    p += n;
    if (!*p || (!saved && strchr (marks, *p)))
      break;
    g_string_append_c (plain, *p++);
  }
  *at = p;
  return g_string_free (plain, FALSE);
}

/* Doubles the backslashes at the end of @text, because a bar or a comma follows. */
static void
double_backslashes (GString *text)
{
  for (gsize i = text->len; i > 0 && text->str[i - 1] == '\\'; i--)
    g_string_append_c (text, '\\');
}

void
gdw_text_append (GString *text, const char *plain)
{
  for (const char *p = plain; *p; p++) {
    if (can_be_mark (*p)) {
      double_backslashes (text);
      g_string_append_c (text, '\\');
    }
    g_string_append_c (text, *p);
  }
}

void
gdw_text_append_mark (GString *text, char mark)
{
  if (can_be_mark (mark))
    double_backslashes (text);
  g_string_append_c (text, mark);
}

GdwPair *
gdw_pair_new (const char *key, const char *value)
{
  GdwPair *pair = g_new0 (GdwPair, 1);

  pair->key = g_strdup (key);
  pair->value = g_strdup (value);
  return pair;
}

static void
free_pair (gpointer data)
{
  GdwPair *pair = data;

  g_free (pair->key);
  g_free (pair->value);
  g_free (pair);
}

GPtrArray *
gdw_pairs_new (void)
{
  return g_ptr_array_new_with_free_func (free_pair);
}

static GdwPair *
read_pair (const char **at, const char *marks)
{
  g_autofree char *text = gdw_text_read (at, marks);
  char *equals = strchr (text, '=');

  if (equals)
    *equals++ = '\0';
  return gdw_pair_new (text, equals);
}

GPtrArray *
gdw_pairs_read (const char **at, const char *marks)
{
  GPtrArray *pairs = gdw_pairs_new ();

  if (!**at || (**at != ',' && strchr (marks, **at)))
    return pairs;
  g_ptr_array_add (pairs, read_pair (at, marks));
  while (**at == ',') {
    (*at)++;
    g_ptr_array_add (pairs, read_pair (at, marks));
  }
  return pairs;
}

void
gdw_pairs_append (GString *text, char mark, const GPtrArray *pairs)
{
  for (guint i = 0; i < pairs->len; i++) {
    const GdwPair *pair = pairs->pdata[i];

    gdw_text_append_mark (text, i ? ',' : mark);
    gdw_text_append (text, pair->key);
    if (pair->value) {
      gdw_text_append_mark (text, '=');
      gdw_text_append (text, pair->value);
    }
  }
}

GPtrArray *
gdw_pairs_copy (const GPtrArray *pairs)
{
  GPtrArray *copy = gdw_pairs_new ();

  for (guint i = 0; i < pairs->len; i++) {
    const GdwPair *pair = pairs->pdata[i];

    g_ptr_array_add (copy, gdw_pair_new (pair->key, pair->value));
  }
  return copy;
}
