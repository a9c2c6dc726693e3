/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "schema.h"

/* The words that may follow on a line of the shell. */
typedef struct {
  guint typed;      /* bytes at the end of the line that are the beginning of a word */
  GPtrArray *words; /* of char *, in order: those that begin like it */
} Completion;

/* @line: up to the cursor. */
Completion *completion_new (Schema *schema, const char *line);
void completion_free (Completion *completion);
/* What all words have in common behind what was typed, with the space or '=' that comes after
 * the only one; transfer full. */
char *completion_common (const Completion *completion);
