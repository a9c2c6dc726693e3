/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>
#include <sys/uio.h>

#include <godwit/plugin.h>
#include <godwit/types.h>

G_BEGIN_DECLS

/* A filter wraps any transport: tcp:HOST:PORT|delay:ms=20|fault:at=COMMIT.  The
 * leftmost is nearest the wire.  It has one instance an address and one state a
 * link, and hands bytes on through @next, the filter or transport to its left.
 *
 *   open -> link_open -> read, write, shutdown ... -> link_close -> close
 *
 * Threads, cancellables and all that transport.h says of read, write and shutdown hold
 * here too.  An absent callback passes through.  What write has taken goes on by itself, at
 * the latest with shutdown or link_close.  Errors and ends from @next are handed on. */

/* What lies nearer the wire; valid until link_close returns.  Same rules as the
 * callbacks of a transport's link: 1..IOV_MAX vectors, none empty; it may take or give fewer
 * bytes than it was offered. */
typedef struct GdwNext GdwNext;
struct GdwNext {
  gsize size;
  gssize (*read) (const GdwNext *next, const struct iovec *iov, guint n,
                  GCancellable *cancellable, GError **error);
  gssize (*write) (const GdwNext *next, const struct iovec *iov, guint n,
                   GCancellable *cancellable, GError **error);
  gboolean (*shutdown) (const GdwNext *next, GError **error);
};

typedef struct {
  gsize size;
  const GdwValue *options; /* in the order of declaration; until close */
} GdwFilterConfig;

typedef struct {
  GdwPlugin plugin;

  /* Required.  An instance for one address. */
  gpointer (*open) (const GdwFilterConfig *config, GError **error);

  /* Required.  All links are closed; nothing is left. */
  void (*close) (gpointer self);

  /* Required.  The state of one link.  @incoming: after accept; else before
   * connect.  May block. */
  gpointer (*link_open) (gpointer self, gboolean incoming, GCancellable *cancellable,
                         GError **error);

  /* Required.  Hand on what is kept and free the state; nothing is left of it. */
  void (*link_close) (gpointer link);

  /* Optional.  As a transport's read, write and shutdown. */
  gssize (*read) (gpointer link, const GdwNext *next, const struct iovec *iov, guint n,
                  GCancellable *cancellable, GError **error);
  gssize (*write) (gpointer link, const GdwNext *next, const struct iovec *iov, guint n,
                   GCancellable *cancellable, GError **error);
  gboolean (*shutdown) (gpointer link, const GdwNext *next, GError **error);

  /* TRUE: bytes that write has accepted may stay in the filter for a while.  Such a filter is
   * refused where written means kept, over a transport without TWO_WAY. */
  gboolean keeps_bytes;
} GdwFilter;

#define GDW_DEFINE_FILTER(...)                                                                 \
  GDW_EXPORT extern const GdwFilter gdw_plugin;                                                \
  const GdwFilter gdw_plugin = { GDW_PLUGIN_HEAD (GdwFilter, GDW_PLUGIN_FILTER), __VA_ARGS__ }

G_END_DECLS
