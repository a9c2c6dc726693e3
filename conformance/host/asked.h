/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/reply.h>

#include "try.h"

/* A call of a host's callback, and the answer.  It lives until the end of the run, so that a
 * second answer shows whenever it comes. */
struct Asked {
  Try *run;
  const char *callback;
  GdwReply *reply;
  GCancellable *cancellable; /* of the callback */
  GdwSection *list;          /* given to load_state, or NULL */

  GMutex lock; /* of the rest */
  guint answers;
  gboolean failed;
  GError *error;
  GPtrArray *sections; /* of GdwSection, as they were added */
  guint added_late;    /* after the answer */
  guint64 passes, pages_checked, pages_bad;
};

Asked *asked_new (Try *t, const char *callback);
void asked_free (gpointer asked);

guint asked_answers (Asked *asked);

/* Runs the main loop until the call is answered. */
gboolean asked_wait (Asked *asked);

/* Does the same, and requires success. */
gboolean asked_succeeds (Asked *asked, Promise promise);
