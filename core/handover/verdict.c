/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/handover/verdict.h"

#include <string.h>

void
gdw_verdict_clear (GdwVerdict *verdict)
{
  g_clear_pointer (&verdict->why, g_free);
}

gboolean
gdw_verdict_commit (GdwVerdict *verdict, const guint8 id[GDW_ID_BYTES], GError **error)
{
  const char *why = NULL;

  if (!verdict->known || memcmp (id, verdict->id, GDW_ID_BYTES) != 0)
    why = "it is of another migration";
  else if (verdict->decision == GDW_ABORTED)
    why = verdict->why;
  else if (!verdict->prepared || verdict->decision != GDW_UNDECIDED)
    why = "it was not expected now";
  if (!why) {
    verdict->decision = GDW_COMMITTED;
    return TRUE;
  }
  g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
               "destination: COMMIT is refused: %s; the guest does not run here", why);
  return FALSE;
}

void
gdw_verdict_abort (GdwVerdict *verdict, const char *why)
{
  if (verdict->decision != GDW_UNDECIDED)
    return;
  verdict->decision = GDW_ABORTED;
  g_free (verdict->why);
  verdict->why = g_strdup (why);
}

void
gdw_verdict_answer (GdwVerdict *verdict, const GdwJoin *query, GdwOutcomeMsg *answer)
{
  *answer = (GdwOutcomeMsg){ .answer = GDW_ANSWER_UNKNOWN_ID, .text = (char *) "" };
  if (!verdict->known || memcmp (query->id, verdict->id, GDW_ID_BYTES) != 0 ||
      memcmp (query->token, verdict->token, GDW_TOKEN_BYTES) != 0)
    return;
  gdw_verdict_abort (verdict, "the source asked for the outcome before COMMIT arrived");
  if (verdict->decision == GDW_COMMITTED) {
    answer->answer = GDW_ANSWER_COMMITTED;
    answer->resume_us = verdict->resume_us;
  } else {
    answer->answer = GDW_ANSWER_ABORTED;
    answer->text = verdict->why;
  }
}
