/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "error.h"
#include "options.h"

#include <locale.h>
#include <stdio.h>

static int
status_of (const GError *error, int status)
{
  if (g_error_matches (error, CTL_ERROR, CTL_ERROR_USAGE))
    return EXIT_USAGE;
  return error && status == EXIT_DONE ? EXIT_FAILED : status;
}

static int
run (const Options *options, GError **error)
{
  const Command *command = options_find (options, error);
  Session session = { .address = options->socket,
                      .json = options->json,
                      .follow = options->follow };
  int status;

  if (!command)
    return EXIT_USAGE;
  session.client = client_new (options->socket, options->token, error);
  if (!session.client)
    return EXIT_FAILED;
  status = command->run (&session, options->words + 1, error);
  client_free (session.client);
  return status;
}

int
main (int argc, char **argv)
{
  Options options;
  g_autoptr (GError) error = NULL;
  int status = EXIT_USAGE;

  setlocale (LC_ALL, "");
  /* Numbers look the same everywhere. */
  setlocale (LC_NUMERIC, "C");
  if (!options_parse (&options, &argc, &argv, &error))
    status = EXIT_USAGE;
  else if (options.version)
    status = printf ("godwitctl %s\n", VERSION) < 0;
  else
    status = run (&options, &error);
  if ((fflush (stdout) != 0 || ferror (stdout)) && !error)
    g_set_error (&error, CTL_ERROR, CTL_ERROR_SERVER,
                 "stdout: cannot be written: what was printed is not complete; see where it "
                 "goes");
  if (error)
    fprintf (stderr, "godwitctl: %s\n", error->message);
  options_clear (&options);
  return status_of (error, status);
}
