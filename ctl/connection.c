/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "connection.h"

#include "error.h"

void
connection_init (Connection *connection, const char *address)
{
  connection->address = g_strdup (address);
  g_queue_init (&connection->events);
}

void
connection_clear (Connection *connection)
{
  g_free (connection->address);
  g_queue_clear_full (&connection->events, g_free);
  g_clear_error (&connection->lost);
}

void
connection_lose (Connection *connection, const char *why)
{
  if (!connection->lost)
    connection->lost = g_error_new (
        CTL_ERROR, CTL_ERROR_SERVER,
        "server '%s': the connection was lost: %s; see whether the VMM still runs, and its "
        "last messages",
        connection->address, why);
}

gboolean
connection_wait (Connection *connection, GError **error)
{
  if (!connection->lost && !connection->interrupted)
    g_main_context_iteration (NULL, TRUE);
  if (connection->interrupted) {
    connection->interrupted = FALSE;
    g_set_error (
        error, CTL_ERROR, CTL_ERROR_INTERRUPTED,
        "server '%s': did not wait for the answer: interrupted; see 'godwitctl status'",
        connection->address);
    return FALSE;
  }
  if (connection->lost && error)
    *error = g_error_copy (connection->lost);
  return !connection->lost;
}
