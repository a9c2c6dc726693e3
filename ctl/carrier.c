/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "carrier.h"

#include "error.h"

void
carrier_init (Carrier *carrier, const char *address)
{
  carrier->address = g_strdup (address);
  g_queue_init (&carrier->events);
}

void
carrier_clear (Carrier *carrier)
{
  g_free (carrier->address);
  g_queue_clear_full (&carrier->events, g_free);
  g_clear_error (&carrier->lost);
}

void
carrier_lose (Carrier *carrier, const char *why)
{
  if (!carrier->lost)
    carrier->lost = g_error_new (
        CTL_ERROR, CTL_ERROR_SERVER,
        "server '%s': the connection was lost: %s; see whether the VMM still runs, and what "
        "it said last",
        carrier->address, why);
}

gboolean
carrier_wait (Carrier *carrier, GError **error)
{
  if (!carrier->lost && !carrier->interrupted)
    g_main_context_iteration (NULL, TRUE);
  if (carrier->interrupted) {
    carrier->interrupted = FALSE;
    g_set_error (error, CTL_ERROR, CTL_ERROR_INTERRUPTED,
                 "server '%s': no answer was waited for: interrupted; see 'godwitctl status'",
                 carrier->address);
    return FALSE;
  }
  if (carrier->lost && error)
    *error = g_error_copy (carrier->lost);
  return !carrier->lost;
}
