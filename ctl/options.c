/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "options.h"

#include "error.h"

#include <string.h>

#define SOCKET_VARIABLE "GODWIT_SOCKET"

static char *
describe (void)
{
  GString *out = g_string_new ("Commands:\n");

  for (const Command *command = commands; command->name; command++) {
    g_autofree char *usage = g_strconcat (command->name, *command->arguments ? " " : "",
                                          command->arguments,
                                          command->follows ? " [--follow]" : "", NULL);

    g_string_append_printf (out, "  %-26s %s\n", usage, command->summary);
  }
  g_string_append (out,
                   "\nExamples:\n"
                   "  godwitctl -s b.sock incoming tcp:0.0.0.0:7000\n"
                   "  godwitctl -s a.sock set max-bandwidth=1G downtime-limit=100ms\n"
                   "  godwitctl -s a.sock migrate tcp:host-b:7000 --follow\n"
                   "  godwitctl -s http://127.0.0.1:8080 watch\n"
                   "  godwitctl -s a.sock qmp '{\"execute\": \"query-status\"}'\n"
                   "\nThe environment variable " SOCKET_VARIABLE " gives the default of -s.\n"
                   "Exit status: 0 done, 1 failed, 2 usage, 3 cancelled, 4 outcome unknown.\n");
  return g_string_free (out, FALSE);
}

gboolean
options_parse (Options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "socket", 's', 0, G_OPTION_ARG_FILENAME, &options->socket,
      "The VMM's QMP socket, or its HTTP", "SOCKET|http://HOST:PORT" },
    { "token", 0, 0, G_OPTION_ARG_FILENAME, &options->token, "A file with the token for HTTP",
      "FILE" },
    { "follow", 0, 0, G_OPTION_ARG_NONE, &options->follow,
      "Stay and show the migration until it has ended", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print answers unchanged", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->words, NULL,
      "COMMAND [ARGUMENT...]" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autofree char *description = describe ();
  g_autoptr (GError) why = NULL;

  *options = (Options){ 0 };
  g_option_context_set_summary (context, "Drive and watch the migration of a virtual machine.");
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  if (g_option_context_parse (context, argc, argv, &why)) {
    if (!options->socket && g_getenv (SOCKET_VARIABLE))
      options->socket = g_strdup (g_getenv (SOCKET_VARIABLE));
    return TRUE;
  }
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
               "command line: is not understood: %s; see --help", why->message);
  return FALSE;
}

void
options_clear (Options *options)
{
  g_free (options->socket);
  g_free (options->token);
  g_strfreev (options->words);
}

static const Command *
find (const char *name)
{
  for (const Command *command = commands; command->name; command++)
    if (strcmp (command->name, name) == 0)
      return command;
  return NULL;
}

static char *
names (void)
{
  GString *out = g_string_new (NULL);

  for (const Command *command = commands; command->name; command++)
    g_string_append_printf (out, "%s%s", command == commands ? "" : ", ", command->name);
  return g_string_free (out, FALSE);
}

const Command *
options_find (const Options *options, GError **error)
{
  const char *name = options->words ? options->words[0] : NULL;
  guint n = options->words ? g_strv_length (options->words) - 1 : 0;
  const Command *command = name ? find (name) : NULL;
  g_autofree char *all = names ();

  if (!name)
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
                 "command line: has no command; give one of %s", all);
  else if (!command)
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
                 "command '%s': there is no such command; give one of %s", name, all);
  else if (n < command->min || n > command->max)
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
                 "command '%s': has %s arguments: %u; write godwitctl %s%s%s", name,
                 n < command->min ? "too few" : "too many", n, name,
                 *command->arguments ? " " : "", command->arguments);
  else if (options->follow && !command->follows)
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
                 "command '%s': has nothing to follow; leave --follow out", name);
  else if (!options->socket)
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
                 "command '%s': has no server: there is neither -s nor " SOCKET_VARIABLE
                 "; give -s SOCKET, the socket of the VMM's --qmp",
                 name);
  else
    return command;
  return NULL;
}
