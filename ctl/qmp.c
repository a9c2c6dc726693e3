/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "commands.h"

#include "error.h"

#include <stdio.h>

int
command_qmp (Session *session, char **args, GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autoptr (JsonNode) node = json_parse (args[0], &why);
  g_autofree char *request = g_strdelimit (g_strdup (args[0]), "\r\n", ' ');
  g_autofree char *answer = NULL;
  g_autofree char *name = NULL;

  if (!node) {
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
                 "qmp: the command is not JSON: %s; write for example '{\"execute\": "
                 "\"query-migrate\"}'",
                 why->message);
    return EXIT_USAGE;
  }
  answer = client_exchange (session->client, request, error);
  if (!answer)
    return EXIT_FAILED;
  printf ("%s\n", answer);
  name = json_text (json_node_get_object (node), "execute");
  return client_is_refusal (*name ? name : "qmp", answer, error) ? EXIT_FAILED : EXIT_DONE;
}
