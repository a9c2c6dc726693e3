/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "schema.h"

/* The words that can continue a line of the shell. */
typedef struct {
  guint typed;      /* bytes of the unfinished word at the end of the line */
  GPtrArray *words; /* of char *, sorted: the words that begin with it */
} Completion;

/* @line: up to the cursor. */
Completion *completion_new (Schema *schema, const char *line);
void completion_free (Completion *completion);
/* Returns what all words have in common after the typed part, with the space or '=' that
 * follows a single one; transfer full. */
char *completion_common (const Completion *completion);
