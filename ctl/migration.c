/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "commands.h"

#include "error.h"
#include "follow.h"
#include "render.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

/* Runs a command whose answer says nothing.  FALSE: an error. */
static gboolean
tell (Session *session, const char *command, const char *arguments, GError **error)
{
  g_autoptr (JsonNode) node = client_execute (session->client, command, arguments, error);

  if (node && session->json && !session->follow)
    printf ("%s\n", client_last_text (session->client));
  return node != NULL;
}

/* Without the capability there are no events of a migration.  Setting it fails while a
 * migration runs, or if the server lacks it; then changes show a moment later. */
static gboolean
want_events (Session *session, GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autoptr (JsonNode) node = client_execute (
      session->client, "migrate-set-capabilities",
      "{\"capabilities\": [{\"capability\": \"events\", \"state\": true}]}", &why);

  if (node || g_error_matches (why, CTL_ERROR, CTL_ERROR_REFUSED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&why));
  return FALSE;
}

int
command_migrate (Session *session, char **args, GError **error)
{
  g_autofree char *uri = json_quote (args[0]);
  g_autofree char *arguments = g_strdup_printf ("{\"uri\": %s}", uri);

  if ((session->follow && !want_events (session, error)) ||
      !tell (session, "migrate", arguments, error))
    return EXIT_FAILED;
  if (session->follow)
    return follow (session, error);
  if (!session->json)
    printf ("started; 'godwitctl -s %s status --follow' shows how far it is\n",
            session->address);
  return EXIT_DONE;
}

int
command_incoming (Session *session, char **args, GError **error)
{
  g_autofree char *uri = json_quote (args[0]);
  /* A process that stays can report the error, and try again. */
  g_autofree char *arguments = g_strdup_printf ("{\"uri\": %s, \"exit-on-error\": false}", uri);
  g_autoptr (Progress) p = NULL;

  if ((session->follow && !want_events (session, error)) ||
      !tell (session, "migrate-incoming", arguments, error))
    return EXIT_FAILED;
  if (session->follow)
    return follow (session, error);
  if (session->json)
    return EXIT_DONE;
  p = progress_query (session->client, error);
  if (!p)
    return EXIT_FAILED;
  printf ("waits at %s\n", p->address ? p->address : args[0]);
  return EXIT_DONE;
}

static gboolean
print_guest (Session *session, GError **error)
{
  g_autoptr (JsonNode) node = client_execute (session->client, "query-status", NULL, error);
  JsonObject *object = node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node)
                                                             : NULL;
  g_autofree char *status = json_text (object, "status");

  if (!node)
    return FALSE;
  printf ("guest: %s%s\n", json_bool (object, "running") ? "runs" : "does not run: ",
          json_bool (object, "running") ? "" : status);
  return TRUE;
}

int
command_status (Session *session, char **args, GError **error)
{
  g_autoptr (Progress) p = NULL;
  g_autofree char *text = NULL;

  if (session->follow)
    return follow (session, error);
  if (!session->json && !print_guest (session, error))
    return EXIT_FAILED;
  p = progress_query (session->client, error);
  if (!p)
    return EXIT_FAILED;
  if (session->json) {
    printf ("%s\n", client_last_text (session->client));
    return EXIT_DONE;
  }
  text = progress_has_ended (p) ? render_summary (p, 0, terminal_columns ()) : render_plain (p);
  printf ("migration: %s\n", text);
  if (*p->error)
    printf ("  error     %s\n", p->error);
  if (g_strcmp0 (p->outcome, "unknown") == 0)
    printf ("  the guest may run at the destination: see OUTCOME UNKNOWN in godwitctl(1)\n");
  return EXIT_DONE;
}

/* A destination accepts the command, and continues. */
static gboolean
may_be_cancelled (Session *session, GError **error)
{
  g_autoptr (JsonNode) node = client_execute (session->client, "query-status", NULL, error);
  JsonObject *object = node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node)
                                                             : NULL;

  if (node && g_strcmp0 (json_string (object, "status"), "inmigrate") != 0)
    return TRUE;
  if (node)
    g_set_error (error, CTL_ERROR, CTL_ERROR_REFUSED,
                 "cancel: nothing was cancelled: this VM is the destination; cancel at the "
                 "source, or end this VMM");
  return FALSE;
}

int
command_cancel (Session *session, char **args, GError **error)
{
  g_autoptr (Progress) p = NULL;

  if (!tell (session, "migrate_cancel", NULL, error))
    return EXIT_FAILED;
  if (session->json)
    return EXIT_DONE;
  p = progress_query (session->client, error);
  if (!p)
    return EXIT_FAILED;
  if (progress_is (p, "none"))
    printf ("nothing to cancel: there was no migration\n");
  else if (progress_has_ended (p) && !progress_is (p, "cancelled"))
    printf ("nothing to cancel: the migration has %s\n", p->status);
  else if (!may_be_cancelled (session, error))
    return EXIT_FAILED;
  else
    printf ("%s\n", p->status);
  return EXIT_DONE;
}

int
command_continue (Session *session, char **args, GError **error)
{
  if (!tell (session, "migrate-continue", "{\"state\": \"pre-switchover\"}", error))
    return EXIT_FAILED;
  if (session->follow)
    return follow (session, error);
  if (!session->json)
    printf ("continues\n");
  return EXIT_DONE;
}
