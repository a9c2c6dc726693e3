/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* What happened in a race, so that the way of a lost write can be shown. */
typedef struct Trace Trace;

#define TRACE_NO_PAGE G_MAXUINT64

/* Actor 0 harvests, the next @channels copy, the others are vCPUs. */
Trace *trace_new (guint channels);
void trace_free (Trace *trace);

/* @what must stay. */
void trace_add (Trace *trace, int actor, const char *what, guint region, guint64 page);

/* What has to do with the page, around its last store. */
void trace_print (Trace *trace, guint region, guint64 page);
