/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "completion.h"

#include <string.h>

/* Words that the shell itself knows. */
static const char *const own[] = { "exit", "help" };

static void
offer (Completion *c, const char *beginning, const char *word, const char *end)
{
  if (word && g_str_has_prefix (word, beginning))
    g_ptr_array_add (c->words, g_strconcat (word, end, NULL));
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
offer_commands (Completion *c, Schema *schema, const char *beginning, gboolean with_own)
{
  g_autoptr (GPtrArray) names = schema_commands (schema);

  for (guint i = 0; i < names->len; i++)
    offer (c, beginning, names->pdata[i], " ");
  for (guint i = 0; with_own && i < G_N_ELEMENTS (own); i++)
    offer (c, beginning, own[i], " ");
}

static gboolean
is_given (char **words, const char *name)
{
  g_autofree char *prefix = g_strconcat (name, "=", NULL);

  for (; *words; words++)
    if (g_str_has_prefix (*words, prefix))
      return TRUE;
  return FALSE;
}

static void
offer_arguments (Completion *c, Schema *schema, char **words, const char *beginning)
{
  const char *value = strchr (beginning, '=');
  g_autofree char *name = value ? g_strndup (beginning, value - beginning) : NULL;
  g_autoptr (GPtrArray) offered = value ? schema_words (schema, words[0], name)
                                        : schema_arguments (schema, words[0]);

  if (value)
    c->typed = strlen (value + 1);
  for (guint i = 0; i < offered->len; i++)
    if (value)
      offer (c, value + 1, offered->pdata[i], " ");
    else if (offered->pdata[i] && !is_given (words, offered->pdata[i]))
      offer (c, beginning, offered->pdata[i], "=");
}

Completion *
completion_new (Schema *schema, const char *line)
{
  Completion *c = g_new0 (Completion, 1);
  g_auto (GStrv) words = NULL;
  const char *beginning = strrchr (line, ' ');
  g_autofree char *before = NULL;

  c->words = g_ptr_array_new_with_free_func (g_free);
  while (*line == ' ')
    line++;
  beginning = beginning && beginning >= line ? beginning + 1 : line;
  before = g_strndup (line, beginning - line);
  words = g_strsplit (before, " ", -1);
  c->typed = strlen (beginning);
  if (beginning == line)
    offer_commands (c, schema, beginning, TRUE);
  else if (strcmp (words[0], "help") == 0)
    offer_commands (c, schema, beginning, FALSE);
  else
    offer_arguments (c, schema, words, beginning);
  g_ptr_array_sort (c->words, compare);
  return c;
}

void
completion_free (Completion *completion)
{
  g_ptr_array_unref (completion->words);
  g_free (completion);
}

char *
completion_common (const Completion *c)
{
  const char *first = c->words->len ? c->words->pdata[0] : "";
  gsize common = strlen (first);

  for (guint i = 1; i < c->words->len; i++) {
    const char *other = c->words->pdata[i];
    gsize same = 0;

    while (same < common && first[same] == other[same])
      same++;
    common = same;
  }
  return common > c->typed ? g_strndup (first + c->typed, common - c->typed) : g_strdup ("");
}
