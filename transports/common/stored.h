/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/transport.h>

/* A link that is a file: it writes bytes to a descriptor, or reads them from it. */
typedef struct {
  const char *transport; /* for messages */
  int fd;
  char *name;           /* the name of the file, for messages */
  char *path, *partial; /* of a writer, or NULL: publishing renames @partial to @path */
  guint64 bytes;        /* bytes so far */
  gboolean replaced;    /* publishing has replaced a file */
} Stored;

/* Takes @fd. */
Stored *stored_new (const char *transport, int fd, const char *name);

/* Callbacks of a transport's link. */
gssize stored_read (gpointer link, const struct iovec *iov, guint n, GCancellable *cancellable,
                    GError **error);
gssize stored_write (gpointer link, const struct iovec *iov, guint n, GCancellable *cancellable,
                     GError **error);
gboolean stored_sync (gpointer link, GCancellable *cancellable, GError **error);
gboolean stored_publish (gpointer link, GCancellable *cancellable, GError **error);
char *stored_remark (gpointer link);
void stored_close (gpointer link);

/* What stood behind the last byte that was written is gone. */
gboolean stored_cut (Stored *link, GError **error);
