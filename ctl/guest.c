/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "commands.h"

#include "error.h"

#include <stdio.h>

int
command_check (Session *session, char **args, GError **error)
{
  g_autoptr (JsonNode) node = client_execute (session->client, "x-guest-check", NULL, error);
  JsonObject *check;
  guint64 bad, all;

  if (!node)
    return EXIT_FAILED;
  check = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  bad = json_uint (check, "pages-bad");
  all = json_uint (check, "pages-checked");
  if (session->json)
    printf ("%s\n", client_last_text (session->client));
  else
    printf ("%" G_GUINT64_FORMAT " pages checked by %s, %" G_GUINT64_FORMAT " bad\n", all,
            json_bool (check, "running") ? "the guest" : "the VMM", bad);
  if (bad)
    g_set_error (
        error, CTL_ERROR, CTL_ERROR_REFUSED,
        "check: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
        " pages are bad: they differ from what the guest wrote last; stop the guest, and "
        "do not trust its data",
        bad, all);
  return bad ? EXIT_FAILED : EXIT_DONE;
}
