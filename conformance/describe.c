/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "describe.h"

#include <stdio.h>
#include <unistd.h>

#include <godwit/query.h>
#include "plugins/loader.h"
#include "plugins/module.h"
#include "runner.h"

typedef struct {
  gsize offset;
  const char *name;
} Optional;

#define OPTIONAL(type, member)                                                                 \
  {                                                                                            \
    G_STRUCT_OFFSET (type, member), #member                                                    \
  }

static const Optional tracker_optional[] = { OPTIONAL (GdwTracker, rearm),
                                             OPTIONAL (GdwTracker, vcpu_pages),
                                             OPTIONAL (GdwTracker, protect),
                                             OPTIONAL (GdwTracker, next_fault),
                                             OPTIONAL (GdwTracker, release),
                                             OPTIONAL (GdwTracker, collect_runs),
                                             { 0, NULL } };
static const Optional transport_optional[] = { OPTIONAL (GdwTransport, shutdown),
                                               OPTIONAL (GdwTransport, local_address),
                                               OPTIONAL (GdwTransport, many_links),
                                               OPTIONAL (GdwTransport, address_traits),
                                               OPTIONAL (GdwTransport, sync),
                                               OPTIONAL (GdwTransport, publish),
                                               OPTIONAL (GdwTransport, send_fds),
                                               OPTIONAL (GdwTransport, receive_fds),
                                               { 0, NULL } };
static const Optional filter_optional[] = { OPTIONAL (GdwFilter, read),
                                            OPTIONAL (GdwFilter, write),
                                            OPTIONAL (GdwFilter, shutdown),
                                            OPTIONAL (GdwFilter, handshake),
                                            { 0, NULL } };
static const Optional *const optional[] = { tracker_optional, transport_optional,
                                            filter_optional };

static const char *
type_name (guint32 type)
{
  static const char *const names[] = { "?", "string", "uint", "size", "bool", "enum" };

  return names[type < G_N_ELEMENTS (names) ? type : 0];
}

/* One plugin, printed in one of two forms. */
typedef struct {
  gboolean json;
  const char *file;
} Form;

static void
print_string (const char *text)
{
  putchar ('"');
  for (const char *p = text ? text : ""; *p; p++) {
    if (*p == '"' || *p == '\\')
      printf ("\\%c", *p);
    else if ((guchar) *p < ' ')
      printf ("\\u%04x", *p);
    else
      putchar (*p);
  }
  putchar ('"');
}

static void
print_member (const char *before, const char *name, const char *value)
{
  printf ("%s\"%s\": ", before, name);
  print_string (value);
}

static void
print_words (const Form *form, const char *name, const char *const *words)
{
  printf (form->json ? ",\n  \"%s\": [" : "  %-10s", name);
  for (guint i = 0; words[i]; i++) {
    printf (form->json && i ? ", " : form->json ? "" : " ");
    if (form->json)
      print_string (words[i]);
    else
      printf ("%s", words[i]);
  }
  printf (form->json ? "]" : *words ? "\n" : " none\n");
}

static void
print_option (const Form *form, const GdwOption *option, gboolean first)
{
  static const char *const none[] = { NULL };
  const char *const *choices = option->choices ? option->choices : none;

  if (!form->json) {
    printf ("  option     %s=%s", option->name, type_name (option->type));
    if (option->min || option->max)
      printf (" %" G_GUINT64_FORMAT "..%" G_GUINT64_FORMAT, option->min, option->max);
    for (guint i = 0; choices[i]; i++)
      printf ("%c%s", i ? '|' : ' ', choices[i]);
    if (option->default_value)
      printf (", default %s", option->default_value);
    printf (": %s\n", option->help);
    return;
  }
  print_member (first ? "\n    {" : ",\n    {", "name", option->name);
  print_member (", ", "type", type_name (option->type));
  if (option->default_value)
    print_member (", ", "default", option->default_value);
  if (option->min || option->max)
    printf (", \"min\": %" G_GUINT64_FORMAT ", \"max\": %" G_GUINT64_FORMAT, option->min,
            option->max);
  if (option->choices)
    print_words (form, "choices", choices);
  print_member (", ", "help", option->help);
  putchar ('}');
}

static void
print_head (const Form *form, const GdwPlugin *plugin)
{
  const char *kind = gdw_plugin_kind (plugin->kind);

  if (form->json) {
    print_member ("{\n  ", "file", form->file);
    print_member (",\n  ", "kind", kind);
    print_member (",\n  ", "name", plugin->name);
    print_member (",\n  ", "summary", plugin->summary);
    printf (",\n  \"abi\": %u,\n  \"size\": %" G_GSIZE_FORMAT, plugin->abi, plugin->size);
  } else {
    printf ("%s '%s': %s\n  file       %s\n  ABI        %u, %" G_GSIZE_FORMAT " bytes\n", kind,
            plugin->name, plugin->summary, form->file, plugin->abi, plugin->size);
  }
  if (plugin->kind == GDW_PLUGIN_TRANSPORT)
    printf (form->json ? ",\n  \"max-links\": %u" : "  links      at most %u\n",
            ((const GdwTransport *) plugin)->max_links);
}

static void
print_plugin (const Form *form, const GdwPlugin *plugin)
{
  g_autofree const char **traits = gdw_plugin_traits (plugin);
  const char *callbacks[8] = { NULL };
  guint n = 0;

  for (const Optional *o = optional[plugin->kind - 1]; o->name; o++)
    if (G_STRUCT_MEMBER (gpointer, plugin, o->offset))
      callbacks[n++] = o->name;
  print_head (form, plugin);
  print_words (form, "traits", traits);
  print_words (form, "callbacks", callbacks);
  if (form->json)
    printf (",\n  \"options\": [");
  for (const GdwOption *o = plugin->options; o && o->name; o++)
    print_option (form, o, o == plugin->options);
  if (form->json)
    printf ("]\n}");
}

static void
describe (gconstpointer data)
{
  const Form *form = data;
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;
  guint32 kind = runner_kind (form->file, &name);
  GdwPlugin *plugin = kind ? gdw_module_load (form->file, kind, name, &error) : NULL;

  if (plugin) {
    print_plugin (form, plugin);
    return;
  }
  printf ("%s", kind ? error->message : "its name has no kind; give gdw-KIND-NAME.so files");
  fflush (stdout);
  _exit (RUN_FAILED);
}

gboolean
describe_files (char **files, gboolean json)
{
  gboolean ok = TRUE, first = TRUE;

  printf (json ? "[" : "%s", "");
  for (char **file = files; *file; file++) {
    Form form = { json, *file };
    g_autoptr (GString) said = g_string_new (NULL);
    gboolean skipped;
    /* Runs in its own process, because a plugin may do anything when it is loaded. */
    g_autofree char *why = runner_isolate (describe, &form, LOAD_DEADLINE_S, said, &skipped);

    if (why) {
      fprintf (stderr, "godwit-conformance: %s: %s\n", *file, said->len ? said->str : why);
      ok = FALSE;
      continue;
    }
    printf ("%s%s", json && !first ? ",\n" : "", said->str);
    first = FALSE;
  }
  printf (json ? "]\n" : "%s", "");
  return ok;
}
