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
 *   call                           may block                  is ended by
 *   open, address_traits           no                         -
 *   listen                         yes                        its cancellable
 *   local_address                  no: listen has found out   -
 *   accept, connect                yes                        its cancellable
 *   read, write, sync, publish     yes                        its cancellable
 *   send_fds, receive_fds          yes                        its cancellable
 *   shutdown                       no: it waits for no peer   -
 *   close_link, close              no: they wait for no peer  -
 *
 * Each call that may block takes a cancellable (may be NULL) and returns within 100 ms after it
 * fires.  Those that may not block take none.  They use no network and wait for no lock that a
 * blocked call holds; the system finishes what they begin.  open, close, listen and
 * local_address run on one thread at a time.  accept and connect run on worker threads, one of
 * each at a time.  For one link, one read and one write may run at the same time on two
 * threads; shutdown runs on any thread; close_link after the others have returned, and before
 * close.
 *
 * The process may run out of descriptors and threads at any time, and its guest must survive
 * that.  g_cancellable_make_pollfd and g_cancellable_get_fd end the process when no descriptor
 * is left, and so does everything that uses them: the calls of GSocket and GIO that take a
 * cancellable, and g_main_context_new, g_thread_new.  Create what wakes a blocked call in
 * listen, accept and connect, where this may fail with GDW_ERROR_EXHAUSTED, and write to it
 * from the cancellable's signal "cancelled", with g_cancellable_connect.  After that error from
 * connect a migration continues with one link; after that error from accept the next call still
 * finds the peer.
 *
 * A call that waits sleeps.  A signal handler that runs meanwhile changes nothing, and
 * no call raises a signal: a peer that is gone is an error.  No cancellable is kept
 * after its call.  What one link or instance does never shows on another.  The text of
 * an error begins with  transport 'NAME':  as error.h says. */

/* Traits */
/* Both sides read and write on a link.  Without it the source only writes, the destination only
 * reads, to the end, and there is only one link: a file, a pipe. */
#define GDW_TRANSPORT_TWO_WAY (1u << 0)
#define GDW_TRANSPORT_SAME_HOST (1u << 1) /* reaches only processes of this host */
#define GDW_TRANSPORT_MANY_LINKS                                                               \
  (1u << 2) /* made for several links: uses them even without the capability multifd */
/* accept gives one link, ever: if its peer turns out to be no source, no other can come, and
 * the incoming migration fails.  Needless without TWO_WAY. */
#define GDW_TRANSPORT_ONE_PEER (1u << 3)

#define GDW_TRANSPORT_FDS_MAX 64u /* descriptors of one send_fds */

typedef struct {
  gsize size;
  const char
      *address; /* the text between "NAME:" and the first option, unescaped; until close */
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
   * where 0 was asked for, without "NAME:".  Free with g_free.  NULL: there is none. */
  char *(*local_address) (gpointer self);

  /* Optional.  The name of the transport with the same addresses and options that replaces this
   * one when a migration uses several links. */
  const char *many_links;

  /* Optional.  Which of the declared traits hold at this address; absent: all.  After open,
   * any thread. */
  guint32 (*address_traits) (gpointer self);

  /* Optional, without TWO_WAY.  What was written on @link survives the crash of this host.
   * On the writing thread. */
  gboolean (*sync) (gpointer link, GCancellable *cancellable, GError **error);

  /* Optional, without TWO_WAY.  Nothing more is written on @link: give the whole its name, so
   * that it survives a crash of this host.  What others have put in its place meanwhile is
   * not published: that is an error.  After FALSE nothing of it is left, as after
   * a close_link without publish; where that is not certain the error is
   * GDW_ERROR_IN_DOUBT.  On the writing thread. */
  gboolean (*publish) (gpointer link, GCancellable *cancellable, GError **error);

  /* The rest is since ABI 2, and this core does not call it yet.  A plugin that offers it is
   * loaded all the same. */

  /* Optional, both or none, only with TWO_WAY and SAME_HOST.  Absent: descriptors cannot be
   * passed here.
   *
   * send_fds passes @n descriptors, 1..GDW_TRANSPORT_FDS_MAX, at this place among the bytes of
   * @link.  On the writing thread, between two writes.  The descriptors stay the caller's, who
   * may close them after the return.  TRUE: all of them are under way; FALSE: none or some,
   * and the link can only be closed.
   *
   * receive_fds fills @fds with the @n descriptors that the peer has sent at this place.  On
   * the reading thread, when the caller has read all bytes that were written before them and
   * none that were written after.  They are the caller's, and closed on exec.  Another number
   * than @n, or bytes where descriptors should be, is an error: then none is left open and the
   * link can only be closed.  read gives nothing of what carries them, and never a descriptor:
   * those that nobody asked for are closed. */
  gboolean (*send_fds) (gpointer link, const int *fds, guint n, GCancellable *cancellable,
                        GError **error);
  gboolean (*receive_fds) (gpointer link, int *fds, guint n, GCancellable *cancellable,
                           GError **error);

  /* Since ABI 2, and called.  Optional, with publish, after it has returned TRUE, on the same
   * thread.  A text for the operator, who finds it in x-warnings: a file of that name was
   * replaced.  Free with g_free.  NULL: there is nothing to say. */
  char *(*remark) (gpointer link);
} GdwTransport;

#define GDW_DEFINE_TRANSPORT(...)                                                              \
  GDW_EXPORT extern const GdwTransport gdw_plugin;                                             \
  const GdwTransport gdw_plugin = { GDW_PLUGIN_HEAD (GdwTransport, GDW_PLUGIN_TRANSPORT),      \
                                    __VA_ARGS__ }

G_END_DECLS
