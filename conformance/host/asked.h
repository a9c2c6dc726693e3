/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/reply.h>

#include "try.h"

/* A callback of a host that was called, and what it answered.  It stays until the end of the
 * run, so that an answer too many is seen whenever it comes. */
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

/* Let the main loop run until it is answered. */
gboolean asked_wait (Asked *asked);

/* The same, and it has not failed. */
gboolean asked_succeeds (Asked *asked, Promise promise);
