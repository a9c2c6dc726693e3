/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

#include <godwit/dirty-log.h>
#include <godwit/types.h>

G_BEGIN_DECLS

/* A VMM gives this to godwit.  Every callback runs on the thread of the migration's
 * GMainContext and must return at once; lengthy work continues elsewhere and is answered later
 * through a GdwReply. */

/* The answer to one asynchronous callback.  Exactly one call of done or fail, on any thread,
 * frees it.  When the cancellable of the callback fires, the host stops its work as soon as it
 * can and answers, usually with fail; the opposite callback then undoes the work. */
typedef struct GdwReply GdwReply;

void gdw_reply_done (GdwReply *reply);

/**
 * gdw_reply_fail:
 * @error: (transfer full):
 *
 * Takes @error, which says  host 'NAME': what failed: why; what to do .
 */
void gdw_reply_fail (GdwReply *reply, GError *error);

/* In save_state only, before done: add a section.  @name is unique and at most
 * 63 bytes; @data is referenced.  Sections arrive in the order they were added. */
void gdw_reply_add_section (GdwReply *reply, const char *name, guint32 version, GBytes *data);

/* In guest_check only, before done: the result. */
void gdw_reply_set_check (GdwReply *reply, guint64 passes, guint64 pages_checked,
                          guint64 pages_bad);

/* Device and vCPU state, opaque to godwit. */
typedef struct {
  const char *name;
  guint32 version;
  GBytes *data;
} GdwSection;

#define GDW_MACHINE_DIGEST_MAX 255 /* bytes */

typedef struct {
  gsize size;  /* sizeof (GdwHost) */
  gpointer vm; /* first argument of every callback */

  const char *name; /* of the VM, for messages and HELLO; or NULL */
  const char *uuid; /* or NULL */

  /* Required.  The regions of guest memory, in the same order on both sides.  Called when a
   * migration starts; they stay as they are, and owned by the host, until it has ended. */
  const GdwRegion *(*regions) (gpointer vm, guint *n_regions);

  /* Or NULL: this VM can be a destination only, or use trackers that need none. */
  const GdwDirtyLog *dirty_log;

  /* Required.  Answers when no vCPU, no device and no I/O in flight can write
   * guest memory.  Not called while paused. */
  void (*pause) (gpointer vm, GdwReply *reply, GCancellable *cancellable);

  /* Required.  Run the guest from where it was paused or loaded, also after a pause
   * that failed half way.  Only this callback ever starts the guest. */
  void (*resume) (gpointer vm, GdwReply *reply);

  /* Required.  The guest is paused: give its state with gdw_reply_add_section.
   * May still write guest memory. */
  void (*save_state) (gpointer vm, GdwReply *reply, GCancellable *cancellable);

  /* Required.  The guest has never run here: take over @sections, valid until
   * the reply.  The content comes from a peer: check it. */
  void (*load_state) (gpointer vm, const GdwSection *sections, guint n_sections,
                      GdwReply *reply, GCancellable *cancellable);

  /* Optional.  Called on the source between PREPARED and COMMIT, guest paused:
   * give up disk locks and leases.  After a failure or a cancel from here on,
   * reacquire is called before resume. */
  void (*fence) (gpointer vm, GdwReply *reply, GCancellable *cancellable);

  /* Optional, with fence.  Take back what fence gave up.  After a failure the
   * guest stays paused with that error. */
  void (*reacquire) (gpointer vm, GdwReply *reply);

  /* Optional.  Make the VM ready for an incoming migration: the guest is gone,
   * nothing runs, and memory may be replaced (regions is asked again).  Absent:
   * only a VM that was created for it takes an incoming migration. */
  void (*reset) (gpointer vm, GdwReply *reply);

  /* Optional.  Check every page of guest memory, by the guest while @running,
   * else by the VMM over the stopped memory, and answer with
   * gdw_reply_set_check. */
  void (*guest_check) (gpointer vm, gboolean running, GdwReply *reply,
                       GCancellable *cancellable);

  /* Optional.  End the process soon and cleanly, because of the QMP command quit or, with
   * @failed, because an incoming migration with exit-on-error has failed. */
  void (*quit) (gpointer vm, gboolean failed);

  /* The rest came with ABI 2 of the plugins.  This core calls only machine_digest yet; a host
   * that offers more works all the same. */

  /* Optional, both or none.  Absent: the state goes as sections, with save_state and
   * load_state, which stay required: a peer may not know streams.
   *
   * save_stream, called where save_state would be: write the whole state to @stream from a
   * thread of the host's own, then answer.  A write waits until the links have taken it and
   * fails with G_IO_ERROR_CANCELLED when @cancellable fires.  The bytes are the host's: it puts
   * its names and versions in.  The host does not close @stream and keeps no reference after
   * its answer.
   *
   * load_stream, called where load_state would be: read @stream up to its end and take the
   * state over, from a thread of the host's own, then answer.  A read waits for the peer.  done
   * before the end was read is an error of the host.  The content comes from a peer: check it.
   */
  void (*save_stream) (gpointer vm, GOutputStream *stream, GdwReply *reply,
                       GCancellable *cancellable);
  void (*load_stream) (gpointer vm, GInputStream *stream, GdwReply *reply,
                       GCancellable *cancellable);

  /* Optional.  Absent: memory is copied.  On a destination of the same host, before the state
   * is loaded: map the memory of the source instead of one's own.  @theirs has the @n regions
   * in the order of this host's own, equal in name, guest address, size and page size, each
   * with an fd that is open for reading and writing, and its fd_offset; host_addr is NULL.
   * Valid until the reply; a host that keeps an fd duplicates it.  After done the callback
   * regions gives the adopted memory, and @theirs holds the content of the guest once the
   * source has paused; the host does not write to it before resume.  After fail the host has
   * its own memory, as before. */
  void (*adopt_regions) (gpointer vm, const GdwRegion *theirs, guint n, GdwReply *reply,
                         GCancellable *cancellable);

  /* Optional.  Absent: vCPUs are not slowed down.  From now on let vCPU @vcpu, counted from 0
   * in the order of the dirty rings, stand still for @percent of the time, 0 to 99, in slices
   * of 10 ms; 0 ends it.  It takes effect within one slice, and pause is not delayed by it.
   * FALSE: there is no such vCPU; core counts the vCPUs this way.  Core sets every vCPU back to
   * 0 before pause and whenever its attempt ends. */
  gboolean (*throttle) (gpointer vm, guint vcpu, guint percent);

  /* Optional.  Absent: machines are not compared before memory is sent.  A text of 1 to
   * GDW_MACHINE_DIGEST_MAX bytes of UTF-8 that is equal on two hosts exactly if a guest saved
   * on one can be loaded on the other: vCPUs, their model and features, devices and versions,
   * in words or as a checksum of them; not what may differ, such as names, addresses and paths.
   * The operator reads both texts when they differ, so words help more.  Called once an
   * attempt, with regions.  Core frees it with g_free. */
  char *(*machine_digest) (gpointer vm);
} GdwHost;

G_END_DECLS
