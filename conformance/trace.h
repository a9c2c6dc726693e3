/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Records the events of a race, to show how a write was lost. */
typedef struct Trace Trace;

#define TRACE_NO_PAGE G_MAXUINT64

/* Actor 0 harvests, the next @channels copy, the others are vCPUs. */
Trace *trace_new (guint channels);
void trace_free (Trace *trace);

/* @what must stay valid. */
void trace_add (Trace *trace, int actor, const char *what, guint region, guint64 page);

/* Prints the events of the page around its last store. */
void trace_print (Trace *trace, guint region, guint64 page);
