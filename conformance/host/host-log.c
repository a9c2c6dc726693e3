/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "host-cases.h"
#include "log-calls.h"

HOST_CASES (DECLARE_HOST_CASE)

#define EVERY PROMISE ("dirty-log.h", "Every write after the return is logged")
#define EXACTLY PROMISE ("dirty-log.h", "clear re-arms exactly the pages whose bits are given")
#define MANUAL_SET (GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_INITIALLY_SET)

gboolean
host_log_has_what_its_modes_need (Try *t)
{
  const GdwDirtyLog *log = t->vm.host.dirty_log;
  guint32 bitmaps = GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL;

  if (!log)
    return try_skip (t, "the host has no dirty log");
  REQUIRE (t, log->size >= G_STRUCT_OFFSET (GdwDirtyLog, n_rings),
           PROMISE ("dirty-log.h", "sizeof (GdwDirtyLog)"), "size is %" G_GSIZE_FORMAT,
           log->size);
  REQUIRE (t, log->modes != 0, PROMISE ("dirty-log.h", "what enable accepts"), "modes is 0");
  REQUIRE (t, !(log->modes & GDW_DIRTY_LOG_INITIALLY_SET) || log->modes & GDW_DIRTY_LOG_MANUAL,
           PROMISE ("dirty-log.h", "only together with MANUAL"), "modes is %#x", log->modes);
  REQUIRE (t, !(log->modes & GDW_DIRTY_LOG_RING) || log->modes == GDW_DIRTY_LOG_RING,
           PROMISE ("dirty-log.h", "A log has either it or the others"), "modes is %#x",
           log->modes);
  REQUIRE (t,
           log->enable && log->disable && (!(log->modes & bitmaps) || log->get) &&
               (!(log->modes & GDW_DIRTY_LOG_MANUAL) || log->clear),
           PROMISE ("dirty-log.h", "The seam between trackers and hypervisors"),
           "enable, disable, get or clear is NULL");
  return TRUE;
}

gboolean
host_log_refuses_other_modes (Try *t)
{
  const guint32 all[] = { GDW_DIRTY_LOG_PLAIN, GDW_DIRTY_LOG_MANUAL, MANUAL_SET,
                          GDW_DIRTY_LOG_RING };
  const GdwDirtyLog *log = t->vm.host.dirty_log;

  if (!log)
    return try_skip (t, "the host has no dirty log");
  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    GError *error = NULL;
    gboolean ok;

    if ((all[i] & log->modes) == all[i])
      continue;
    ok = log->enable (log->self, all[i], &error);
    t->vm.log_mode = ok ? all[i] : 0;
    if (!try_result (t, "enable", ok, error))
      return FALSE;
    REQUIRE (t, !ok, PROMISE ("dirty-log.h", "what enable accepts"),
             "enable took the mode %s, which is not in modes", log_mode_name (all[i]));
  }
  return TRUE;
}

gboolean
host_log_can_be_enabled_again (Try *t)
{
  const GdwDirtyLog *log = t->vm.host.dirty_log;
  LogModes modes;

  if (!log)
    return try_skip (t, "the host has no dirty log");
  modes = log_modes (log);
  if (log->modes & GDW_DIRTY_LOG_RING)
    modes.mode[0] = GDW_DIRTY_LOG_RING;
  for (guint turn = 0; turn < 2; turn++)
    for (guint i = 0; modes.mode[i]; i++)
      if (!log_enable (&t->vm, modes.mode[i]) || !log_disable (&t->vm))
        return FALSE;
  return TRUE;
}

static gboolean
expect_written (Try *t, guint region, const GArray *written)
{
  g_autofree guint64 *bits = NULL;

  if (!log_get (&t->vm, region, &bits))
    return FALSE;
  for (guint i = 0; i < written->len; i++) {
    guint64 page = g_array_index (written, guint64, i);

    REQUIRE (t, bit_is_set (bits, page), EVERY,
             "in mode %s, get does not report page %" G_GUINT64_FORMAT
             " of region %u, which was written",
             log_mode_name (t->vm.log_mode), page, region);
  }
  return TRUE;
}

static guint
n_regions (Try *t)
{
  guint n;

  vm_regions (&t->vm, &n);
  return n;
}

static guint64
n_pages (Try *t, guint region)
{
  guint n;

  return gdw_region_pages (&vm_regions (&t->vm, &n)[region]);
}

/* Writes in all regions first, so that the bits of one are not taken for another's. */
static gboolean
write_and_get (Try *t)
{
  g_autoptr (GPtrArray)
      written = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);

  for (guint r = 0; r < n_regions (t); r++)
    g_ptr_array_add (written, log_write_some (&t->vm, r));
  for (guint r = 0; r < n_regions (t); r++)
    if (!expect_written (t, r, written->pdata[r]))
      return FALSE;
  return TRUE;
}

/* Tells whether the log has any mode with a bitmap. */
static gboolean
has_bitmap (Try *t)
{
  const GdwDirtyLog *log = t->vm.host.dirty_log;

  return log_can (t, log && log->modes & GDW_DIRTY_LOG_PLAIN ? GDW_DIRTY_LOG_PLAIN
                                                             : GDW_DIRTY_LOG_MANUAL);
}

gboolean
host_log_reports_every_page (Try *t)
{
  LogModes modes;

  if (!has_bitmap (t))
    return FALSE;
  modes = log_modes (t->vm.host.dirty_log);
  for (guint i = 0; modes.mode[i]; i++)
    if (!log_enable (&t->vm, modes.mode[i]) || !write_and_get (t) || !log_disable (&t->vm))
      return FALSE;
  return TRUE;
}

gboolean
host_log_reports_the_last_partial_word (Try *t)
{
  guint tried = 0;
  LogModes modes;

  if (!has_bitmap (t))
    return FALSE;
  modes = log_modes (t->vm.host.dirty_log);
  for (guint r = 0; r < n_regions (t); r++) {
    guint64 pages = n_pages (t, r);

    for (guint i = 0; pages % 64 && modes.mode[i]; i++) {
      if (!log_enable (&t->vm, modes.mode[i]))
        return FALSE;
      if (log_write (&t->vm, r, pages - 1)) {
        tried++;
        if (!log_expect (&t->vm, r, pages - 1, TRUE, EVERY, "after a write to the last page"))
          return FALSE;
      }
      if (!log_disable (&t->vm))
        return FALSE;
    }
  }
  return tried > 0 ||
         try_skip (t, "the pages of each region that vCPUs can write are a multiple of 64");
}

/* Finds a page that vCPUs can write, and a mode that does not report it by itself. */
static gboolean
page_to_write (Try *t, guint *region, guint64 *page)
{
  for (guint r = 0; r < n_regions (t); r++)
    for (guint64 p = n_pages (t, r) / 2; p < n_pages (t, r); p++)
      if (log_write (&t->vm, r, p)) {
        *region = r;
        *page = p;
        return TRUE;
      }
  return try_skip (t, "vcpu_writes can write no page");
}

/* log_get sets all bits first. */
gboolean
host_get_copies_over_the_bits (Try *t)
{
  guint32 mode;
  guint r;
  guint64 page;

  if (!has_bitmap (t) || !page_to_write (t, &r, &page))
    return FALSE;
  mode = log_modes (t->vm.host.dirty_log).mode[0];
  return log_enable (&t->vm, mode) &&
         log_expect (&t->vm, r, page, FALSE,
                     PROMISE ("dirty-log.h", "what was in them does not matter"),
                     "with nothing written") &&
         log_disable (&t->vm);
}

gboolean
host_plain_get_re_arms (Try *t)
{
  Promise promise = PROMISE ("dirty-log.h",
                             "get copies the bits and re-arms those pages in one step");
  guint r;
  guint64 page;

  if (!log_can (t, GDW_DIRTY_LOG_PLAIN) || !page_to_write (t, &r, &page))
    return FALSE;
  return log_enable (&t->vm, GDW_DIRTY_LOG_PLAIN) && log_write (&t->vm, r, page) &&
         log_expect (&t->vm, r, page, TRUE, EVERY, "after a write") &&
         log_expect (&t->vm, r, page, FALSE, promise, "after a get that reported it") &&
         log_write (&t->vm, r, page) &&
         log_expect (&t->vm, r, page, TRUE, promise,
                     "after a write to a page that get re-armed");
}

gboolean
host_manual_get_only_copies (Try *t)
{
  Promise promise = PROMISE ("dirty-log.h", "get only copies");
  guint r;
  guint64 page;

  if (!log_can (t, GDW_DIRTY_LOG_MANUAL) || !page_to_write (t, &r, &page))
    return FALSE;
  return log_enable (&t->vm, GDW_DIRTY_LOG_MANUAL) && log_write (&t->vm, r, page) &&
         log_expect (&t->vm, r, page, TRUE, EVERY, "after a write") &&
         log_expect (&t->vm, r, page, TRUE, promise, "after a get, and no clear");
}

/* All pages of the word from @first on were written and are dirty.  Clears one; the others must
 * stay dirty. */
static gboolean
clear_one (Try *t, guint r, guint64 first, guint64 n, guint64 page, const guint64 *before)
{
  guint64 word = G_GUINT64_CONSTANT (1) << (page - first);
  g_autofree guint64 *after = NULL;

  if (!log_clear (&t->vm, r, first, n, &word) || !log_get (&t->vm, r, &after))
    return FALSE;
  for (guint64 p = 0; p < n_pages (t, r); p++)
    REQUIRE (t, bit_is_set (after, p) == (p != page && bit_is_set (before, p)), EXACTLY,
             "after clear of page %" G_GUINT64_FORMAT
             " of region %u alone, page %" G_GUINT64_FORMAT " is %s",
             page, r, p, bit_is_set (after, p) ? "still dirty" : "not dirty any more");
  return log_write (&t->vm, r, page) &&
         log_expect (&t->vm, r, page, TRUE, EXACTLY,
                     "after a write to the page that was cleared");
}

static gboolean
clear_in_word (Try *t, guint r, guint64 first)
{
  guint64 n = MIN (64, n_pages (t, r) - first);
  guint64 places[] = { first, first + n / 2, first + n - 1 };
  g_autofree guint64 *before = NULL;

  for (guint64 page = first; page < first + n; page++)
    log_write (&t->vm, r, page);
  if (!log_get (&t->vm, r, &before))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    if (bit_is_set (before, places[i]) && !clear_one (t, r, first, n, places[i], before))
      return FALSE;
  return TRUE;
}

gboolean
host_clear_re_arms_exactly_those_given (Try *t)
{
  if (!log_can (t, GDW_DIRTY_LOG_MANUAL) || !log_enable (&t->vm, GDW_DIRTY_LOG_MANUAL))
    return FALSE;
  for (guint r = 0; r < n_regions (t); r++) {
    guint64 last = (n_pages (t, r) - 1) / 64 * 64;

    if (!clear_in_word (t, r, 0) || !clear_in_word (t, r, last))
      return FALSE;
  }
  return TRUE;
}

/* Sets the same bit in three words; only the middle one is given. */
static gboolean
clear_middle (Try *t, guint r, guint64 middle)
{
  Promise promise = PROMISE ("dirty-log.h", "of @bits is page @first");
  guint64 bit = 1;

  if (!log_write (&t->vm, r, middle - 64) || !log_write (&t->vm, r, middle) ||
      !log_write (&t->vm, r, middle + 64))
    return try_skip (t, "vCPUs can't write pages of three words");
  return log_clear (&t->vm, r, middle, 64, &bit) &&
         log_expect (&t->vm, r, middle, FALSE, promise, "after clear with bit 0") &&
         log_expect (&t->vm, r, middle - 64, TRUE, promise, "after clear of a later word") &&
         log_expect (&t->vm, r, middle + 64, TRUE, promise, "after clear of an earlier word");
}

gboolean
host_clear_begins_at_first (Try *t)
{
  guint tried = 0;

  if (!log_can (t, GDW_DIRTY_LOG_MANUAL) || !log_enable (&t->vm, GDW_DIRTY_LOG_MANUAL))
    return FALSE;
  for (guint r = 0; r < n_regions (t); r++)
    if (n_pages (t, r) >= 192) {
      tried++;
      if (!clear_middle (t, r, n_pages (t, r) / 128 * 64))
        return FALSE;
    }
  return tried > 0 || try_skip (t, "no region has three words of bits");
}

static gboolean
expect_all_but (Try *t, guint r, guint64 but)
{
  g_autofree guint64 *bits = NULL;

  if (!log_get (&t->vm, r, &bits))
    return FALSE;
  for (guint64 page = 0; page < n_pages (t, r); page++)
    REQUIRE (t, bit_is_set (bits, page) == (page != but),
             PROMISE ("dirty-log.h",
                      "nothing is armed at enable and the first get reports every "
                      "page; a page is armed by its first clear"),
             "page %" G_GUINT64_FORMAT " of region %u is %s", page, r,
             bit_is_set (bits, page) ? "reported, though it was cleared" : "not reported");
  return TRUE;
}

gboolean
host_initially_set_reports_every_page (Try *t)
{
  if (!log_can (t, GDW_DIRTY_LOG_INITIALLY_SET))
    return FALSE;
  for (guint turn = 0; turn < 2; turn++) {
    if (!log_enable (&t->vm, MANUAL_SET))
      return FALSE;
    for (guint r = 0; r < n_regions (t); r++) {
      guint64 pages = n_pages (t, r), page = pages / 2, first = page / 64 * 64;
      guint64 bit = G_GUINT64_CONSTANT (1) << (page - first);

      if (!expect_all_but (t, r, pages) ||
          !log_clear (&t->vm, r, first, MIN (64, pages - first), &bit) ||
          !expect_all_but (t, r, page))
        return FALSE;
      if (log_write (&t->vm, r, page) && !expect_all_but (t, r, pages))
        return FALSE;
    }
    if (!log_disable (&t->vm))
      return FALSE;
  }
  return TRUE;
}

gboolean
host_disable_forgets (Try *t)
{
  Promise promise = PROMISE ("dirty-log.h", "Stop logging and forget what was logged");
  guint32 mode;
  guint r;
  guint64 page;

  if (!has_bitmap (t) || !page_to_write (t, &r, &page))
    return FALSE;
  mode = log_modes (t->vm.host.dirty_log).mode[0];
  return log_enable (&t->vm, mode) && log_write (&t->vm, r, page) && log_disable (&t->vm) &&
         log_enable (&t->vm, mode) &&
         log_expect (&t->vm, r, page, FALSE, promise, "after disable and enable") &&
         log_write (&t->vm, r, page) &&
         log_expect (&t->vm, r, page, TRUE, EVERY, "after disable, enable and a write");
}
