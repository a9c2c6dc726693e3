/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "plugins/options.h"

#include <godwit/error.h>
#include <string.h>

#include <godwit/query.h>

static guint
count (const GdwPlugin *plugin)
{
  guint n = 0;

  while (plugin->options && plugin->options[n].name)
    n++;
  return n;
}

static gboolean
parse_number (const char *text, gboolean size, guint64 *number)
{
  static const char suffixes[] = "KMGT";
  char *end = NULL;
  guint shift = 0;

  if (!g_ascii_isdigit (text[0]))
    return FALSE;
  errno = 0;
  *number = g_ascii_strtoull (text, &end, 10);
  if (errno != 0)
    return FALSE;
  if (size && *end) {
    const char *suffix = strchr (suffixes, g_ascii_toupper (*end));

    if (!suffix)
      return FALSE;
    shift = 10 * (guint) (suffix - suffixes + 1);
    end++;
  }
  if (*end || *number > G_MAXUINT64 >> shift)
    return FALSE;
  *number <<= shift;
  return TRUE;
}

static gboolean
parse_bool (const char *text, guint64 *number)
{
  static const char *const words[] = { "off", "on", "false", "true", "no", "yes", "0", "1" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    if (strcmp (text, words[i]) == 0) {
      *number = i % 2;
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
parse_choice (const GdwOption *option, const char *text, guint64 *number)
{
  for (guint i = 0; option->choices[i]; i++) {
    if (strcmp (text, option->choices[i]) == 0) {
      *number = i;
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
in_range (const GdwOption *option, guint64 number)
{
  return (option->min == 0 && option->max == 0) ||
         (number >= option->min && number <= option->max);
}

/* Describes the accepted values, for messages; free with g_free. */
static char *
wanted (const GdwOption *option)
{
  const char *what = option->type == GDW_OPTION_SIZE
                         ? "a number of bytes, optionally with K, M, G or T"
                         : "a whole number";
  g_autofree char *list = NULL;

  if (option->type == GDW_OPTION_BOOL)
    return g_strdup ("on or off");
  if (option->type == GDW_OPTION_ENUM) {
    list = g_strjoinv (", ", (char **) option->choices);
    return g_strdup_printf ("one of %s", list);
  }
  if (option->min == 0 && option->max == 0)
    return g_strdup (what);
  return g_strdup_printf ("%s, %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, what, option->min,
                          option->max);
}

static gboolean
parse_value (const GdwOption *option, const char *text, guint64 *number)
{
  switch (option->type) {
  case GDW_OPTION_STRING:
    return TRUE;
  case GDW_OPTION_UINT:
  case GDW_OPTION_SIZE:
    return parse_number (text, option->type == GDW_OPTION_SIZE, number) &&
           in_range (option, *number);
  case GDW_OPTION_BOOL:
    return parse_bool (text, number);
  default:
    return parse_choice (option, text, number);
  }
}

static gboolean
unknown_key (const GdwPlugin *plugin, const char *key, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);

  for (guint i = 0; i < count (plugin); i++)
    g_string_append_printf (known, "%s%s", i ? ", " : "", plugin->options[i].name);
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "%s '%s': option '%s' failed: there is no such option; %s%s",
               gdw_plugin_kind (plugin->kind), plugin->name, key,
               known->len ? "it has " : "it takes no options", known->str);
  return FALSE;
}

static gboolean
set_value (const GdwPlugin *plugin, guint i, const char *text, GdwValue *value, GError **error)
{
  const GdwOption *option = &plugin->options[i];
  g_autofree char *want = NULL;

  if (!parse_value (option, text, &value->number)) {
    want = wanted (option);
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "%s '%s': option '%s=%s' failed: the value is not accepted; give %s",
                 gdw_plugin_kind (plugin->kind), plugin->name, option->name, text, want);
    return FALSE;
  }
  value->string = g_strdup (text);
  return TRUE;
}

static gboolean
take_pair (const GdwPlugin *plugin, const GdwPair *pair, GdwValue *values, GError **error)
{
  guint n = count (plugin), i = 0;

  if (!pair->value) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "%s '%s': option '%s' failed: it has no value; write key=value",
                 gdw_plugin_kind (plugin->kind), plugin->name, pair->key);
    return FALSE;
  }
  while (i < n && strcmp (plugin->options[i].name, pair->key) != 0)
    i++;
  if (i == n)
    return unknown_key (plugin, pair->key, error);
  if (values[i].set) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "%s '%s': option '%s' failed: it is given twice; give it once",
                 gdw_plugin_kind (plugin->kind), plugin->name, pair->key);
    return FALSE;
  }
  values[i].set = TRUE;
  return set_value (plugin, i, pair->value, &values[i], error);
}

static gboolean
fill_defaults (const GdwPlugin *plugin, GdwValue *values, GError **error)
{
  for (guint i = 0; i < count (plugin); i++) {
    const GdwOption *option = &plugin->options[i];

    if (values[i].set)
      continue;
    if (option->default_value) {
      if (!set_value (plugin, i, option->default_value, &values[i], error))
        return FALSE;
    } else if (option->type != GDW_OPTION_STRING) {
      g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                   "%s '%s': option '%s' failed: it is missing and has no default; add %s=...",
                   gdw_plugin_kind (plugin->kind), plugin->name, option->name, option->name);
      return FALSE;
    }
  }
  return TRUE;
}

GdwValue *
gdw_options_take (const GdwPlugin *plugin, const GPtrArray *pairs, GError **error)
{
  GdwValue *values = g_new0 (GdwValue, count (plugin) + 1);
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < pairs->len; i++)
    ok = take_pair (plugin, pairs->pdata[i], values, error);
  if (ok && fill_defaults (plugin, values, error))
    return values;
  gdw_options_free (plugin, values);
  return NULL;
}

GdwValue *
gdw_options_parse (const GdwPlugin *plugin, const char *text, GError **error)
{
  g_autoptr (GPtrArray) pairs = text ? gdw_pairs_read (&text, ",") : gdw_pairs_new ();

  return gdw_options_take (plugin, pairs, error);
}

void
gdw_options_free (const GdwPlugin *plugin, GdwValue *values)
{
  for (guint i = 0; values && i < count (plugin); i++)
    g_free ((char *) values[i].string);
  g_free (values);
}

static const char *
flaw (const GdwPlugin *plugin, guint i)
{
  const GdwOption *option = &plugin->options[i];
  guint64 number;

  if (!*option->name || strpbrk (option->name, "=,|\\ "))
    return "its name is empty, or has a space or one of = , | \\";
  for (guint j = 0; j < i; j++) {
    if (strcmp (plugin->options[j].name, option->name) == 0)
      return "it is declared twice";
  }
  if (option->type < GDW_OPTION_STRING || option->type > GDW_OPTION_ENUM)
    return "its type is unknown";
  if (option->type == GDW_OPTION_ENUM && (!option->choices || !option->choices[0]))
    return "it has no choices";
  if (option->min > option->max)
    return "its range is empty";
  if (option->default_value && !parse_value (option, option->default_value, &number))
    return "its default is not accepted";
  return NULL;
}

gboolean
gdw_options_check (const GdwPlugin *plugin, GError **error)
{
  for (guint i = 0; i < count (plugin); i++) {
    const char *why = flaw (plugin, i);

    if (why) {
      g_set_error (error, GDW_ERROR, GDW_ERROR_PLUGIN, "option '%s' is wrong: %s",
                   plugin->options[i].name, why);
      return FALSE;
    }
  }
  return TRUE;
}
