/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "progress.h"

/* A migration in text.  Transfer full; @columns: what there is room for. */

/* @fraction of @width, filled. */
char *render_bar (double fraction, guint width);
/* 100 only when it has completed. */
guint render_percent (const Progress *p);
/* While it runs: two lines for a terminal, which go together, or one that is plain. */
char *render_live (const Progress *p, guint columns);
char *render_plain (const Progress *p);
/* The parts of the blackout: a bar, and a line that names them. */
char *render_blackout (const Progress *p, guint columns, const char *indent);
/* One line of what each link carried; NULL: there is one, or the server does not tell. */
char *render_links (const Progress *p);
/* The meaning of a status that has no numbers; or NULL. */
const char *render_meaning (const Progress *p);
/* @text in lines of @columns, all but the first after @indent spaces. */
char *render_paragraph (const char *text, guint columns, guint indent);
/* A table, the last @rows of them. */
char *render_rounds (const Progress *p, guint rows);
/* How it ended.  @predicted_us: the downtime that was expected last, 0: not known. */
char *render_summary (const Progress *p, guint64 predicted_us, guint columns);
/* The last @width of @values (guint64), each as high as its share of the largest, which is at
 * least @scale. */
char *render_history (const GArray *values, guint width, guint64 scale);
