/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/host.h>

G_BEGIN_DECLS

/* The other end of a GdwReply, for code that calls the callbacks of a GdwHost without a
 * GdwMigration, such as a test of a host.  A VMM needs only host.h. */
typedef struct {
  gsize size; /* sizeof (GdwReplyEnd) */

  /* All are required.  Each gets the arguments that the host gave to the function of host.h
   * with its name, on the host's thread, as often as the host calls.  fail takes @error, which
   * is NULL if the host gave none. */
  void (*done) (gpointer data);
  void (*fail) (gpointer data, GError *error);
  void (*add_section) (gpointer data, const char *name, guint32 version, GBytes *bytes);
  void (*set_check) (gpointer data, guint64 passes, guint64 pages_checked, guint64 pages_bad);
} GdwReplyEnd;

/* Any thread.  @end and @data must stay until the free.  Answers do not free the reply. */
GdwReply *gdw_reply_new (const GdwReplyEnd *end, gpointer data);

/* Any thread, once the host cannot answer any more. */
void gdw_reply_free (GdwReply *reply);

G_END_DECLS
