/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/error.h>
#include <godwit/reply.h>

/* The engine's end of the answer of a host callback; see host.h. */
typedef struct GdwAnswer GdwAnswer;

struct GdwAnswer {
  GdwReply *reply;
  GMainContext *context;
  void (*answered) (GdwAnswer *answer, gpointer data); /* main thread, once */
  gpointer data;
  GError *error;       /* or NULL */
  GPtrArray *sections; /* of GdwSection */
  guint64 check_passes, check_pages, check_bad;
};

/* @answered runs on @context; the reply and its content are freed after it. */
GdwReply *gdw_answer_new (GMainContext *context,
                          void (*answered) (GdwAnswer *answer, gpointer data), gpointer data);

GdwSection *gdw_section_new (const char *name, guint32 version, GBytes *data);
void gdw_section_free (gpointer section);
