/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "progress.h"

/* Renders a migration as text.  Transfer full; @columns: the width available. */

/* Draws a bar of @width that is filled to @fraction. */
char *render_bar (double fraction, guint width);
/* Returns 100 only when the migration has completed. */
guint render_percent (const Progress *p);
/* For a running migration: two lines for a terminal, or one plain line. */
char *render_live (const Progress *p, guint columns);
char *render_plain (const Progress *p);
/* Draws the parts of the blackout: a bar, and a line that names them. */
char *render_blackout (const Progress *p, guint columns, const char *indent);
/* One line with the bytes of each link; NULL if there is only one, or the server does not
 * report them. */
char *render_links (const Progress *p);
/* Explains a status that has no numbers; else returns NULL. */
const char *render_meaning (const Progress *p);
/* Breaks @text into lines of @columns; all but the first are indented by @indent spaces. */
char *render_paragraph (const char *text, guint columns, guint indent);
/* A table of the last @rows rounds. */
char *render_rounds (const Progress *p, guint rows);
/* Describes how the migration ended.  @predicted_us: the downtime that was expected last, 0 if
 * unknown. */
char *render_summary (const Progress *p, guint64 predicted_us, guint columns);
/* Draws the last @width of @values (guint64) as bars, each in proportion to the largest value
 * or to @scale, whichever is larger. */
char *render_history (const GArray *values, guint width, guint64 scale);
