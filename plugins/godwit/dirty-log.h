/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/types.h>

G_BEGIN_DECLS

/* The seam between trackers and hypervisors: the rules of KVM's dirty log.
 * gdw_kvm_dirty_log_new() and gdw_kvm_dirty_ring_new() give KVM's; a VMM with
 * another hypervisor fills this struct itself.  @region is an index into the
 * regions of the host.
 *
 *   enable -> get, clear ... -> disable -> enable again ...
 *   enable -> harvest the rings, reset_rings ... -> disable -> enable again ...
 *
 * Plain: get copies the bits and re-arms those pages in one step.
 * Manual: get only copies; clear re-arms exactly the pages whose bits are given.
 * Initially set (with manual): nothing is armed at enable and the first get
 * reports every page; a page is armed by its first clear.
 * Ring: never combined.  A log has either it or the others, because a hypervisor fixes the
 * rings before the first vCPU; get and clear fail.
 *
 * enable and disable are called on one thread at a time; get and clear may run
 * concurrently with each other and with running vCPUs.  A write that lands
 * during get is reported by this get or a later one, never by neither.
 *
 * No callback waits for a vCPU, the network or a person, so none takes a cancellable.  They
 * may take time in proportion to memory, and run off the main thread. */
#define GDW_DIRTY_LOG_PLAIN (1u << 0)
#define GDW_DIRTY_LOG_MANUAL (1u << 1)
#define GDW_DIRTY_LOG_INITIALLY_SET (1u << 2) /* only together with MANUAL */
#define GDW_DIRTY_LOG_RING (1u << 3)          /* alone */

/* One page that a vCPU wrote.  Layout and flags are those of struct kvm_dirty_gfn.
 *
 * The rules of a ring, from KVM_CAP_DIRTY_LOG_RING in Linux's
 * Documentation/virt/kvm/api.rst.  They hold whether the log is enabled or not:
 *  - A vCPU fills an entry, then stores DIRTY.  The harvesting thread loads
 *    @flags with acquire; an entry without DIRTY is the end of the ring for now.
 *  - Entries are harvested in order, none is passed over; a harvested one gets
 *    RESET instead of DIRTY, stored with release.  One thread harvests.
 *  - reset_rings re-arms the pages of all entries with RESET and gives the
 *    entries back.  One thread at a time.  The content of a page is read only
 *    after that.
 *  - A page is reported again only after reset_rings; a page may be reported
 *    twice, and also by several vCPUs.
 *  - So a page that has an entry from before enable need not be reported after it.  The caller
 *    of enable empties the rings first: it harvests all entries, reads no pages for them, and
 *    calls reset_rings.
 *  - Rings may be emptied at any time, whether the log is enabled or not, by the thread that
 *    harvests: a tracker does it in start, collect and stop.  What is harvested while the
 *    log is enabled counts as written, also outside of collect; the next collect reports it.
 *    What is harvested before enable, in stop and after disable may be forgotten.
 *  - A vCPU whose ring is nearly full stands still until reset_rings: harvesting
 *    alone gives no room.
 *  - A write may become visible in the ring only when its vCPU next leaves the
 *    guest (a processor that logs pages by itself); a paused one has hidden
 *    nothing. */
#define GDW_DIRTY_ENTRY_DIRTY (1u << 0)
#define GDW_DIRTY_ENTRY_RESET (1u << 1)

typedef struct {
  guint32 flags;  /* GDW_DIRTY_ENTRY_*; 0: free */
  guint32 slot;   /* of the hypervisor; locate translates */
  guint64 offset; /* page in that slot */
} GdwDirtyEntry;

/* The ring of one vCPU. */
typedef struct {
  GdwDirtyEntry *entries; /* shared with the vCPU */
  guint32 n_entries;      /* a power of two */
  guint32 next;           /* the next entry to look at, modulo n_entries: moved by the
                           * harvesting thread, kept here from one tracker to the next because
                           * the vCPU never begins anew */
} GdwDirtyRing;

typedef struct {
  gsize size;    /* sizeof (GdwDirtyLog) */
  gpointer self; /* first argument of every callback */
  guint32 modes; /* what enable accepts, GDW_DIRTY_LOG_* */

  /* Start logging in @mode: PLAIN, MANUAL, MANUAL | INITIALLY_SET or RING.  Every
   * write after the return is logged; with RING, to every page that has no entry in a ring.
   * After FALSE the log is off, as before. */
  gboolean (*enable) (gpointer self, guint32 mode, GError **error);

  /* Stop logging and forget what was logged; what is in a ring stays there until
   * it is harvested and reset.  After FALSE the log counts as off: it may be enabled again, and
   * until then some pages may cost the guest a fault at their next write. */
  gboolean (*disable) (gpointer self, GError **error);

  /* Copy the bits of @region over @bits, GDW_BITMAP_WORDS (pages) words; what was
   * in them does not matter.  After FALSE @bits holds nothing of use and, with PLAIN, any page
   * of @region may have been re-armed unreported: the caller takes all of them for written. */
  gboolean (*get) (gpointer self, guint region, guint64 *bits, GError **error);

  /* Manual only: re-arm the pages of @region from @first on, @n of them, whose
   * bit in @bits is set (bit 0 of @bits is page @first).  @first is a multiple
   * of 64, and so is @n unless @first + @n is the end of the region.  Source of
   * the rule: KVM_CLEAR_DIRTY_LOG in Linux's Documentation/virt/kvm/api.rst.
   * After FALSE any of those pages may have been re-armed and no other one: their content is
   * not read as if they were.  The call may be repeated. */
  gboolean (*clear) (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
                     GError **error);

  /* The rest is there with RING only. */

  guint n_rings;       /* one a vCPU, in the order of the vCPUs */
  GdwDirtyRing *rings; /* of the log */

  /* Which page is meant by @slot and @offset of an entry: page @page of @region. */
  gboolean (*locate) (gpointer self, guint32 slot, guint64 offset, guint *region, guint64 *page,
                      GError **error);

  /* Re-arm what was harvested, of all rings; @n_pages: how many entries that were.  Harvested
   * entries of any age count, also those from before enable.  After FALSE none, some or all of
   * them are re-armed and given back, and @n_pages is not set: the next call does the rest, and
   * no harvested page is read before one has succeeded. */
  gboolean (*reset_rings) (gpointer self, guint64 *n_pages, GError **error);
} GdwDirtyLog;

G_END_DECLS
