/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/link/frame.h"

/* The right to run the guest once COMMIT is in play.  docs/handover.md has the protocol and
 * tests/model its proof. */

/* The destination's decision.  COMMIT, a question or a failure makes it, whichever comes first,
 * and it never changes. */
typedef enum { GDW_UNDECIDED, GDW_COMMITTED, GDW_ABORTED } GdwDecision;

typedef struct {
  GdwDecision decision;
  gboolean known;    /* a source has said HELLO with this id and token */
  gboolean prepared; /* all memory and state is loaded */
  guint8 id[GDW_ID_BYTES], token[GDW_TOKEN_BYTES];
  guint64 resume_us;
  char *why; /* aborted */
} GdwVerdict;

void gdw_verdict_clear (GdwVerdict *verdict);

/* COMMIT arrived: TRUE if the guest is ours from now on. */
gboolean gdw_verdict_commit (GdwVerdict *verdict, const guint8 id[GDW_ID_BYTES],
                             GError **error);

/* No effect once decided. */
void gdw_verdict_abort (GdwVerdict *verdict, const char *why);

/* QUERY-OUTCOME arrived: an undecided destination aborts for good, then
 * answers.  @answer->text is borrowed. */
void gdw_verdict_answer (GdwVerdict *verdict, const GdwJoin *query, GdwOutcomeMsg *answer);
