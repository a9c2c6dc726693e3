/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/types.h>

G_BEGIN_DECLS

/* The seam between trackers and hypervisors: the rules of KVM's dirty log.
 * gdw_kvm_dirty_log_new() gives KVM's; a VMM with another hypervisor fills
 * this struct itself.  @region is an index into the regions of the host.
 *
 *   enable -> get, clear ... -> disable -> enable again ...
 *
 * Plain: get copies the bits and re-arms those pages in one step.
 * Manual: get only copies; clear re-arms exactly the pages whose bits are given.
 * Initially set (with manual): nothing is armed at enable and the first get
 * reports every page; a page is armed by its first clear.
 *
 * enable and disable are called on one thread at a time; get and clear may run
 * concurrently with each other and with running vCPUs.  A write that lands
 * during get is reported by this get or a later one, never by neither. */
#define GDW_DIRTY_LOG_PLAIN (1u << 0)
#define GDW_DIRTY_LOG_MANUAL (1u << 1)
#define GDW_DIRTY_LOG_INITIALLY_SET (1u << 2) /* only together with MANUAL */

typedef struct {
  gsize size;    /* sizeof (GdwDirtyLog) */
  gpointer self; /* first argument of every callback */
  guint32 modes; /* what enable accepts, GDW_DIRTY_LOG_* */

  /* Start logging in @mode: PLAIN, MANUAL or MANUAL | INITIALLY_SET.  Every
   * write after the return is logged. */
  gboolean (*enable) (gpointer self, guint32 mode, GError **error);

  /* Stop logging and forget what was logged. */
  gboolean (*disable) (gpointer self, GError **error);

  /* Copy the bits of @region over @bits, GDW_BITMAP_WORDS (pages) words. */
  gboolean (*get) (gpointer self, guint region, guint64 *bits, GError **error);

  /* Manual only: re-arm the pages of @region from @first on, @n of them, whose
   * bit in @bits is set (bit 0 of @bits is page @first).  @first is a multiple
   * of 64, and so is @n unless @first + @n is the end of the region.  Source of
   * the rule: KVM_CLEAR_DIRTY_LOG in Linux's Documentation/virt/kvm/api.rst. */
  gboolean (*clear) (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
                     GError **error);
} GdwDirtyLog;

G_END_DECLS
