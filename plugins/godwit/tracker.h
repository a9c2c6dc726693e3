/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

#include <godwit/dirty-log.h>
#include <godwit/plugin.h>
#include <godwit/types.h>

G_BEGIN_DECLS

/* A tracker answers: which pages did the guest write?
 *
 *   open -> start -> collect ... -> stop -> close
 *             ^                      |
 *             +----------------------+
 *
 * open and close run on the main loop's thread.  start, collect and stop run on
 * the dirty sync thread, one at a time.  rearm runs on channel threads, several at
 * once on different pages, concurrently with collect.  These wait for no vCPU, peer or person
 * and take no cancellable. */

/* Traits: how core must use it. */
#define GDW_TRACKER_REARMS_AT_COLLECT (1u << 0) /* collect re-arms what it reports */
#define GDW_TRACKER_REARMS_AT_REARM (1u << 1)   /* collect only copies, rearm re-arms */
#define GDW_TRACKER_COLLECT_REPEATS (1u << 2)   /* a page is reported again until re-armed */
#define GDW_TRACKER_REPORTS_READS (1u << 3)     /* a page that was only read may be reported */
#define GDW_TRACKER_SEES_VMM_WRITES                                                            \
  (1u << 4)                                /* also writes by this process, not only by vCPUs */
#define GDW_TRACKER_HOLDS_WRITES (1u << 5) /* has protect, next_fault and release */

/* Pages of one region that lie side by side. */
typedef struct {
  guint64 first, n; /* pages; n is at least 1 */
  guint32 region;
  guint32 reserved; /* 0 */
} GdwPageRange;

typedef struct {
  gsize size;
  const GdwValue *options;         /* in the order of declaration; until close */
  const GdwRegion *const *regions; /* until close */
  guint n_regions;
  const GdwDirtyLog *dirty_log; /* until close; NULL: this host has none */

  /* Or NULL.  To be called in the middle of a long collect, with @core, when there is room in a
   * ring again: a vCPU that waits for room continues then, not at the end. */
  void (*rings_were_reset) (gpointer core);
  gpointer core;
} GdwTrackerConfig;

typedef struct {
  GdwPlugin plugin;
  guint32 traits; /* GDW_TRACKER_*; exactly one of the two REARMS */

  /* Required.  An instance for one migration, or NULL with the error that names
   * what is missing on this host and what would work.  It keeps bits of a page, not
   * bytes: 1 TiB of guest memory costs less than 128 MiB. */
  gpointer (*open) (const GdwTrackerConfig *config, GError **error);

  /* Required.  Frees the instance; it is stopped. */
  void (*close) (gpointer self);

  /* Required.  Every write that lands after the return is reported by a later
   * collect.  Nothing from before an earlier stop is left. */
  gboolean (*start) (gpointer self, GError **error);

  /* Required.  Set the bits of the pages written since they were last re-armed
   * in @bits[region], and leave all other bits alone.  A write that lands during
   * the call is reported by this collect or a later one, never by none: so a
   * page is re-armed before its bit can be read by others.  The collect after the
   * guest was paused reports everything.  @bits is private to the dirty sync thread;
   * core publishes it only after a successful return.  After FALSE core takes
   * every page for dirty and fails the migration. */
  gboolean (*collect) (gpointer self, guint64 *const *bits, GError **error);

  /* Required.  Stop tracking; may take 0.1 s.  Called once after each start that
   * succeeded, also if a collect or a rearm failed since; never after one that
   * failed, which leaves nothing on. */
  gboolean (*stop) (gpointer self, GError **error);

  /* Required with GDW_TRACKER_REARMS_AT_REARM, else absent.  Re-arm exactly the
   * pages of @region from @first on, @n of them, whose bit in @bits is set (bit
   * 0 is page @first); their content is read after the return.  @first is a
   * multiple of 64, and so is @n unless it reaches the end of the region. */
  gboolean (*rearm) (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
                     GError **error);

  /* Optional.  How many pages each vCPU has turned from clean to dirty since start,
   * as collected so far: fills @pages[0 .. @n) and returns the number of vCPUs,
   * which may be more than @n.  Dirty-sync thread, started. */
  guint (*vcpu_pages) (gpointer self, guint64 *pages, guint n);

  /* The rest is since ABI 2, and this core calls only collect_runs of it yet.  A plugin that
   * offers it is loaded all the same. */

  /* Optional, all three with GDW_TRACKER_HOLDS_WRITES, else absent.  Absent: no write can be
   * held.  For a snapshot of a running guest, between open and close; start, collect, stop and
   * rearm are not called on such an instance, nor these three on one that was started.
   *
   *   open -> protect ..., next_fault and release ... -> close
   *
   * protect arms the pages of @range.  After the return the first write to each of them, also
   * to one that was never touched, does not land: its thread waits, and next_fault reports the
   * page, until release lets it go.  Reads go on.  On one thread at a time, concurrently with
   * the other two.  A page that is armed already stays so.  After FALSE none of @range is
   * armed by this call, and nothing waits for it. */
  gboolean (*protect) (gpointer self, const GdwPageRange *range, GError **error);

  /* Waits for a held write and sets @page to its page; n is 1.  The thread continues to wait.
   * Each held write is reported once; several threads that wait for one page may be reported
   * once or several times.  On a thread of its own, one call at a time; it touches no guest
   * memory.  @cancellable is never NULL; the call returns within 100 ms after it fires, with
   * FALSE and G_IO_ERROR_CANCELLED, and a write that is held then is reported by the next call.
   * After another error no write may be held any longer: core releases all. */
  gboolean (*next_fault) (gpointer self, GdwPageRange *page, GCancellable *cancellable,
                          GError **error);

  /* Writes to the pages of @range land from now on, and those that wait for them go on.  Pages
   * of it that are not armed stay as they are.  Any thread, several at once, also while
   * next_fault waits.  It waits for no write and no vCPU.  After FALSE some of @range may still
   * be armed; the call may be repeated.  close releases all that is left. */
  gboolean (*release) (gpointer self, const GdwPageRange *range, GError **error);

  /* Optional.  Absent: collect is used.  As collect, but what was written is given to @add in
   * ranges instead of bits, so that time and memory follow what is dirty and not the size of
   * the guest.  @add is called with @core on the calling thread, any number of times, with
   * @n >= 1 ranges that it copies.  Ranges come in any order and may overlap.  The rules are
   * those of collect: a page is re-armed or not as the traits say, core keeps the ranges to
   * itself until a successful return, and after FALSE it takes every page for dirty.  An
   * instance is asked by either collect or collect_runs from a start to its stop, never by
   * both. */
  gboolean (*collect_runs) (gpointer self,
                            void (*add) (gpointer core, const GdwPageRange *ranges, guint n),
                            gpointer core, GError **error);
} GdwTracker;

#define GDW_DEFINE_TRACKER(...)                                                                \
  GDW_EXPORT extern const GdwTracker gdw_plugin;                                               \
  const GdwTracker gdw_plugin = { GDW_PLUGIN_HEAD (GdwTracker, GDW_PLUGIN_TRACKER),            \
                                  __VA_ARGS__ }

G_END_DECLS
