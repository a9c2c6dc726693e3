/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>
#include <sys/uio.h>

#include <godwit/plugin.h>
#include <godwit/types.h>

G_BEGIN_DECLS

/* A filter wraps any transport: tcp:HOST:PORT|delay:ms=20|fault:at=COMMIT.  The leftmost is
 * nearest the wire.  It has one instance per address and one state per link, and passes bytes
 * on through @next, the filter or transport to its left.
 *
 *   open -> link_open -> handshake -> read, write, shutdown ... -> link_close -> close
 *
 * The rules of transport.h on threads, cancellables, read, write and shutdown hold here, too.
 * An absent callback passes through.  Bytes that write has taken are passed on without another
 * call, at the latest by shutdown or link_close.  Errors and ends from @next are handed on.
 *
 *   call               may block                    is ended by
 *   open, close        no                           -
 *   link_open          no: other peers wait for it  -
 *   handshake          yes                          its cancellable
 *   read, write        yes                          its cancellable
 *   shutdown           no                           -
 *   link_close         for what it still hands on   itself: it waits 1 s for a peer that takes
 *                                                   nothing, and the delay that it adds */

/* The layer nearer the wire; valid until link_close returns.  Same rules as the
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

  /* Required.  The state of one link.  @incoming: after accept, on the accepting thread; else
   * before connect.  It does not wait for the peer: leave that to handshake. */
  gpointer (*link_open) (gpointer self, gboolean incoming, GCancellable *cancellable,
                         GError **error);

  /* Required.  Pass on the bytes that the filter has kept and free the state; nothing is left
   * of it. */
  void (*link_close) (gpointer link);

  /* Optional.  As a transport's read, write and shutdown. */
  gssize (*read) (gpointer link, const GdwNext *next, const struct iovec *iov, guint n,
                  GCancellable *cancellable, GError **error);
  gssize (*write) (gpointer link, const GdwNext *next, const struct iovec *iov, guint n,
                   GCancellable *cancellable, GError **error);
  gboolean (*shutdown) (gpointer link, const GdwNext *next, GError **error);

  /* TRUE: bytes that write has accepted may stay in the filter for a while.  Such a filter is
   * refused over a transport without TWO_WAY, where written bytes must be kept. */
  gboolean keeps_bytes;

  /* Optional; since ABI 2.  Absent: nothing is exchanged.  Agree with the same filter of the
   * peer before the first frame, or refuse the peer: TLS, authentication.  Called once a link
   * and on both sides, after connect or accept and the handshakes of the filters to the left;
   * no other callback of the link runs meanwhile.  It runs on the link's own thread: while it
   * waits, other links and new peers continue.
   *
   * The link is read and written through @next only.  All that the peer needs for its own
   * handshake is written before the return.  What the peer writes after its handshake belongs
   * to read: if the handshake has read too far, read returns those bytes first.  An end from
   * @next is an error, because the peer has not agreed.  On FALSE the link is closed and
   * nothing else of it is called but link_close; the error reaches the user of this side.
   *
   * @cancellable is never NULL.  It fires when the migration ends, and at the deadline:
   * x-peer-timeout after the link was begun, or sooner at a destination where others wait.
   * The handshake returns within 100 ms after that, with G_IO_ERROR_CANCELLED.
   *
   * A filter that has one is refused at open over a transport without TWO_WAY. */
  gboolean (*handshake) (gpointer link, const GdwNext *next, GCancellable *cancellable,
                         GError **error);
} GdwFilter;

#define GDW_DEFINE_FILTER(...)                                                                 \
  GDW_EXPORT extern const GdwFilter gdw_plugin;                                                \
  const GdwFilter gdw_plugin = { GDW_PLUGIN_HEAD (GdwFilter, GDW_PLUGIN_FILTER), __VA_ARGS__ }

G_END_DECLS
