/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "runner.h"

#define EXIT_USAGE 2

typedef struct {
  Settings settings;
  gboolean list, describe, json;
  char *host;
  gint64 seed;
  int repeat;
  char **files;
} Arguments;

static gboolean
parse (Arguments *a, int *argc, char ***argv, GError **error)
{
  Settings *s = &a->settings;
  const GOptionEntry entries[] = {
    { "list", 0, 0, G_OPTION_ARG_NONE, &a->list, "List the tests and run none", NULL },
    { "only", 0, 0, G_OPTION_ARG_STRING, &s->only, "Run only tests whose name matches",
      "GLOB" },
    { "quick", 0, 0, G_OPTION_ARG_NONE, &s->quick, "Skip the long tests", NULL },
    { "host", 0, 0, G_OPTION_ARG_STRING, &a->host, "Test trackers on this host (soft)",
      "soft|kvm|both" },
    { "uri", 0, 0, G_OPTION_ARG_STRING, &s->uri, "Make the transport listen here",
      "LISTEN-URI" },
    { "over", 0, 0, G_OPTION_ARG_STRING, &s->over, "Make the filter wrap this transport",
      "URI" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &a->seed, "Repeat the random choices of an earlier run",
      "N" },
    { "repeat", 0, 0, G_OPTION_ARG_INT, &a->repeat, "Run each test this many times", "N" },
    { "option", 0, 0, G_OPTION_ARG_STRING_ARRAY, &s->options,
      "Set an option of the plugin; repeatable", "K=V" },
    { "describe", 0, 0, G_OPTION_ARG_NONE, &a->describe, "Print what the plugin declares",
      NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &a->json, "Print it as JSON", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &a->files, NULL, "PLUGIN.so..." },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_set_summary (
      context,
      "Test whether plugins keep the promises of <godwit/*.h>, and name each broken one.");
  g_option_context_set_description (
      context, "Examples:\n"
               "  godwit-conformance --quick gdw-tracker-bitmap.so\n"
               "  godwit-conformance --only '*race*' --repeat 100 gdw-tracker-bitmap.so\n"
               "  godwit-conformance --uri mine:127.0.0.1:0 gdw-transport-mine.so\n"
               "Exit status: 0 all passed, 1 a test failed, 2 no plugin or wrong usage.\n");
  g_option_context_add_main_entries (context, entries, NULL);
  return g_option_context_parse (context, argc, argv, error);
}

static gboolean
settle (Arguments *a, GError **error)
{
  Settings *s = &a->settings;

  if (!a->host)
    a->host = g_strdup ("soft");
  s->soft = strcmp (a->host, "kvm") != 0;
  s->kvm = strcmp (a->host, "soft") != 0;
  s->seed = a->seed ? (guint64) a->seed : g_random_int ();
  s->repeat = a->repeat;
  if ((s->soft && s->kvm && strcmp (a->host, "both") != 0) || a->repeat < 1) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--host is soft, kvm or both, and --repeat at least 1");
    return FALSE;
  }
  if (a->files || a->list)
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "there is no plugin to test");
  return FALSE;
}

static void
list (char **files)
{
  for (guint32 kind = GDW_PLUGIN_TRACKER; kind <= GDW_PLUGIN_FILTER; kind++) {
    gboolean wanted = files == NULL;

    for (char **file = files; file && *file; file++) {
      g_autofree char *name = NULL;

      wanted |= runner_kind (*file, &name) == kind;
    }
    for (const Case *test = suite_cases (kind); wanted && test->name; test++)
      printf ("%s\n", test->name);
  }
}

static int
run (const Arguments *a)
{
  Tally tally = { 0, 0 };
  gboolean plugins = TRUE;

  printf ("TAP version 13\n# seed %" G_GUINT64_FORMAT "\n", a->settings.seed);
  for (char **file = a->files; *file; file++)
    plugins &= runner_run (&a->settings, *file, &tally);
  printf ("1..%u\n", tally.n);
  if (plugins && tally.n == 0) {
    fprintf (stderr, "godwit-conformance: there is no such test; see --list\n");
    return EXIT_USAGE;
  }
  return !plugins ? EXIT_USAGE : tally.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void
clear (Arguments *a)
{
  g_free (a->settings.only);
  g_free (a->settings.uri);
  g_free (a->settings.over);
  g_strfreev (a->settings.options);
  g_free (a->host);
  g_strfreev (a->files);
}

static int
do_it (Arguments *a)
{
  if (a->list) {
    list (a->files);
    return EXIT_SUCCESS;
  }
  if (a->describe)
    return describe_files (a->files, a->json) ? EXIT_SUCCESS : EXIT_USAGE;
  return run (a);
}

int
main (int argc, char **argv)
{
  Arguments a = { .repeat = 1 };
  g_autoptr (GError) error = NULL;
  int status = EXIT_USAGE;

  setlocale (LC_ALL, "");
  if (parse (&a, &argc, &argv, &error) && settle (&a, &error))
    status = do_it (&a);
  else
    fprintf (stderr, "godwit-conformance: %s; see --help\n", error->message);
  clear (&a);
  return status;
}
