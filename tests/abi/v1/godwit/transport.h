/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>
#include <sys/uio.h>

#include <godwit/plugin.h>
#include <godwit/types.h>

G_BEGIN_DECLS

/* A transport answers: how do bytes travel?
 *
 *   open -> listen -> accept ...  -> close     (destination)
 *   open -> connect ...           -> close     (source)
 *   a link:  read, write ... -> close_link
 *
 * Every call but open and close may block, takes a cancellable (may be NULL) and
 * returns within 100 ms after it fires.  open, close, listen and local_address
 * run on one thread at a time.  accept and connect run on worker threads, one of
 * each at a time.  For one link, one read and one write may run at the same
 * time on two threads; shutdown runs on any thread; close_link after the others have
 * returned, and before close.
 *
 * The process may run out of descriptors and threads at any time, and its guest must not end
 * with it.  g_cancellable_make_pollfd and g_cancellable_get_fd end the process when they
 * find none, and so does all that uses them: the calls of GSocket and GIO that take a
 * cancellable, and g_main_context_new, g_thread_new.  What a blocked call is to be woken by is
 * made in listen, accept and connect, where it may fail, with GDW_ERROR_EXHAUSTED; the
 * cancellable's signal "cancelled", with g_cancellable_connect, writes to it.  After that error
 * of connect a migration goes on with one link; after that of accept the peer is still there
 * when it is called again.
 *
 * A call that waits sleeps.  A signal handler that runs meanwhile changes nothing, and
 * no call raises a signal: a peer that is gone is an error.  No cancellable is kept
 * after its call.  What one link or instance does never shows on another.  The text of
 * an error begins with  transport 'NAME':  as error.h says. */

/* Traits */
/* Both sides read and write on a link.  Without it the source only writes, the destination
 * only reads, to the end, and one link is all there is: a file, a pipe. */
#define GDW_TRANSPORT_TWO_WAY (1u << 0)
#define GDW_TRANSPORT_SAME_HOST (1u << 1) /* reaches only processes of this host */
#define GDW_TRANSPORT_MANY_LINKS                                                               \
  (1u << 2) /* made for several links: has them without capability multifd, too */

typedef struct {
  gsize size;
  const char
      *address; /* what stands between "NAME:" and the first option, unescaped; until close */
  const GdwValue *options; /* in the order of declaration; until close */
} GdwTransportConfig;

typedef struct {
  GdwPlugin plugin;
  guint32 traits;    /* GDW_TRANSPORT_* */
  guint32 max_links; /* connections one migration may use, 1..255 */

  /* Required.  Parse the address; touch nothing outside.  NULL with an error for
   * an address that can never work. */
  gpointer (*open) (const GdwTransportConfig *config, GError **error);

  /* Required.  All links are closed; undo listen.  Nothing is left: no file
   * descriptor, thread, memory, or file that listen made. */
  void (*close) (gpointer self);

  /* Required.  Begin to listen at the address.  Where somebody listens it is an
   * error, and the other one goes on undisturbed. */
  gboolean (*listen) (gpointer self, GCancellable *cancellable, GError **error);

  /* Required.  Wait for a peer; gives a link. */
  gpointer (*accept) (gpointer self, GCancellable *cancellable, GError **error);

  /* Required.  Connect to the address; gives a link.  Nobody there is an error, not
   * a wait. */
  gpointer (*connect) (gpointer self, GCancellable *cancellable, GError **error);

  /* Required.  Read what there is, at least one byte, into @iov (@n vectors,
   * 1..IOV_MAX, not empty, of any size); nothing else is touched.  0: the peer has shut
   * down its end.  -1: error.  A peer process that ends also ends a read that waits, with 0
   * or an error. */
  gssize (*read) (gpointer link, const struct iovec *iov, guint n, GCancellable *cancellable,
                  GError **error);

  /* Required.  Write some of @iov, at least one byte; the number of bytes
   * written, or -1.  Bytes of one link arrive in order, whole and once, and without
   * a further call.  @iov and its bytes stay as they are.  While the peer does not read,
   * write waits: at most 64 MiB of a direction are kept.  A peer process that ends also ends a
   * write that waits, with an error. */
  gssize (*write) (gpointer link, const struct iovec *iov, guint n, GCancellable *cancellable,
                   GError **error);

  /* Required.  Close and free the link; nothing is left of it.  What was written
   * before still arrives, if the peer reads. */
  void (*close_link) (gpointer link);

  /* Optional.  No more writes from this side: the peer reads what is under way
   * and then 0. */
  gboolean (*shutdown) (gpointer link, GError **error);

  /* Optional.  After listen: the address a peer connects to, with the real port
   * where 0 was asked for, without "NAME:".  Free with g_free. */
  char *(*local_address) (gpointer self);

  /* Optional.  The name of the transport that takes the same addresses and options and
   * stands in for this one where a migration is to have several links. */
  const char *many_links;

  /* Optional.  Which of the declared traits hold at this address; absent: all.  After open,
   * any thread. */
  guint32 (*address_traits) (gpointer self);

  /* Optional, without TWO_WAY.  What was written on @link survives the crash of this host.
   * On the writing thread. */
  gboolean (*sync) (gpointer link, GCancellable *cancellable, GError **error);

  /* Optional, without TWO_WAY.  Nothing more is written on @link: give the whole its name, so
   * that it survives a crash of this host.  After FALSE nothing of it is left, as after
   * a close_link without publish; where that is not certain the error is
   * GDW_ERROR_IN_DOUBT.  On the writing thread. */
  gboolean (*publish) (gpointer link, GCancellable *cancellable, GError **error);
} GdwTransport;

#define GDW_DEFINE_TRANSPORT(...)                                                              \
  GDW_EXPORT extern const GdwTransport gdw_plugin;                                             \
  const GdwTransport gdw_plugin = { GDW_PLUGIN_HEAD (GdwTransport, GDW_PLUGIN_TRANSPORT),      \
                                    __VA_ARGS__ }

G_END_DECLS
