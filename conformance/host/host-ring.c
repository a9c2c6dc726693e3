/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "host-cases.h"
#include "log-calls.h"

HOST_CASES (DECLARE_HOST_CASE)

#define EVERY PROMISE ("dirty-log.h", "Every write after the return is logged")
/* Too few to fill a ring, so a vCPU never waits for room. */
#define PORTION 32u
#define SMALL_RING 4096u

/* One entry, harvested. */
typedef struct {
  guint ring, region;
  guint64 page;
  GdwDirtyEntry *entry;
} Found;

static gboolean
locate (Try *t, Found *found)
{
  const GdwDirtyLog *log = t->vm.host.dirty_log;
  guint n;
  const GdwRegion *regions = vm_regions (&t->vm, &n);
  GError *error = NULL;
  gboolean ok = log->locate (log->self, found->entry->slot, found->entry->offset,
                             &found->region, &found->page, &error);
  g_autofree char *why = error ? g_strdup (error->message) : NULL;
  Promise promise = PROMISE ("dirty-log.h", "Which page is meant by @slot and @offset");

  if (!try_result (t, "locate", ok, error))
    return FALSE;
  REQUIRE (t, ok, promise, "locate of an entry failed: %s", why);
  REQUIRE (t, found->region < n && found->page < gdw_region_pages (&regions[found->region]),
           promise, "locate says page %" G_GUINT64_FORMAT " of region %u, which is not there",
           found->page, found->region);
  return TRUE;
}

/* Harvests all entries of each ring, as a tracker does. */
static gboolean
harvest (Try *t, GArray *all)
{
  const GdwDirtyLog *log = t->vm.host.dirty_log;

  for (guint i = 0; i < log->n_rings; i++) {
    GdwDirtyRing *ring = &log->rings[i];

    for (;;) {
      Found found = { .ring = i, .entry = &ring->entries[ring->next & (ring->n_entries - 1)] };

      if (!(__atomic_load_n (&found.entry->flags, __ATOMIC_ACQUIRE) & GDW_DIRTY_ENTRY_DIRTY))
        break;
      if (!locate (t, &found))
        return FALSE;
      __atomic_store_n (&found.entry->flags, GDW_DIRTY_ENTRY_RESET, __ATOMIC_RELEASE);
      ring->next++;
      g_array_append_val (all, found);
    }
  }
  return TRUE;
}

static gboolean
reset_rings (Try *t, guint expected)
{
  const GdwDirtyLog *log = t->vm.host.dirty_log;
  guint64 n = G_MAXUINT64;
  GError *error = NULL;
  g_autofree char *why = NULL;
  gboolean ok;

  watchdog_feed (t->watchdog, "reset_rings");
  ok = log->reset_rings (log->self, &n, &error);
  why = error ? g_strdup (error->message) : NULL;
  if (!try_result (t, "reset_rings", ok, error))
    return FALSE;
  REQUIRE (t, ok, PROMISE ("dirty-log.h", "Re-arm what was harvested, of all rings"),
           "reset_rings failed: %s", why);
  REQUIRE (t, n == expected, PROMISE ("dirty-log.h", "@n_pages: how many entries that were"),
           "%u entries were harvested, and reset_rings says %" G_GUINT64_FORMAT, expected, n);
  return TRUE;
}

static gboolean
has (const GArray *all, guint region, guint64 page)
{
  for (guint i = 0; i < all->len; i++) {
    const Found *found = &g_array_index (all, Found, i);

    if (found->region == region && found->page == page)
      return TRUE;
  }
  return FALSE;
}

/* Writes @n pages of @region from @first on and counts those it could write in *@written.
 * Returns FALSE if there were none. */
static gboolean
write_portion (Try *t, guint region, guint64 first, guint64 n, GArray *written)
{
  g_array_set_size (written, 0);
  for (guint64 page = first; page < first + n; page++)
    if (log_write (&t->vm, region, page))
      g_array_append_val (written, page);
  return written->len > 0;
}

static gboolean
expect_found (Try *t, const GArray *all, guint region, const GArray *written, Promise promise)
{
  for (guint i = 0; i < written->len; i++) {
    guint64 page = g_array_index (written, guint64, i);

    REQUIRE (t, has (all, region, page), promise,
             "page %" G_GUINT64_FORMAT " of region %u was written and is in no ring", page,
             region);
  }
  return TRUE;
}

/* Writes, harvests and resets, and checks that each page was reported. */
static gboolean
turn (Try *t, guint region, guint64 first, guint64 n)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Found));
  g_autoptr (GArray) written = g_array_new (FALSE, FALSE, sizeof (guint64));

  write_portion (t, region, first, n, written);
  return harvest (t, all) && expect_found (t, all, region, written, EVERY) &&
         reset_rings (t, all->len);
}

static guint64
pages_of (Try *t, guint region)
{
  guint n;

  return gdw_region_pages (&vm_regions (&t->vm, &n)[region]);
}

static gboolean
enable (Try *t)
{
  return log_can (t, GDW_DIRTY_LOG_RING) && log_enable (&t->vm, GDW_DIRTY_LOG_RING) &&
         turn (t, 0, 0, 0); /* harvests what earlier writes left */
}

static gboolean
fails (Try *t, const char *what, gboolean ok, GError *error)
{
  if (!try_result (t, what, ok, error))
    return FALSE;
  REQUIRE (t, !ok, PROMISE ("dirty-log.h", "get and clear fail"), "%s succeeded", what);
  return TRUE;
}

gboolean
host_rings_stand_alone (Try *t)
{
  const GdwDirtyLog *log = t->vm.host.dirty_log;
  g_autofree guint64 *bits = NULL;
  GError *error = NULL;
  gboolean ok;

  if (!log || !(log->modes & GDW_DIRTY_LOG_RING))
    return try_skip (t, "the dirty log has no mode ring");
  REQUIRE (t, log->n_rings > 0 && log->rings && log->locate && log->reset_rings,
           PROMISE ("dirty-log.h", "The rest is there with RING only"),
           "there are %u rings, or no locate or reset_rings", log->n_rings);
  for (guint i = 0; i < log->n_rings; i++)
    REQUIRE (t,
             log->rings[i].entries && log->rings[i].n_entries > 0 &&
                 !(log->rings[i].n_entries & (log->rings[i].n_entries - 1)),
             PROMISE ("dirty-log.h", "a power of two"), "ring %u has %u entries", i,
             log->rings[i].n_entries);
  if (!log_enable (&t->vm, GDW_DIRTY_LOG_RING))
    return FALSE;
  bits = g_new0 (guint64, GDW_BITMAP_WORDS (pages_of (t, 0)));
  ok = log->get && log->get (log->self, 0, bits, &error);
  if (log->get && !fails (t, "get", ok, error))
    return FALSE;
  error = NULL;
  ok = log->clear && log->clear (log->self, 0, 0, MIN (64, pages_of (t, 0)), bits, &error);
  return !log->clear || fails (t, "clear", ok, error);
}

gboolean
host_rings_report_every_page (Try *t)
{
  guint n;

  if (!enable (t))
    return FALSE;
  vm_regions (&t->vm, &n);
  for (guint r = 0; r < n; r++) {
    guint64 pages = pages_of (t, r);

    for (guint64 first = 0; first < pages; first += PORTION)
      if ((first < 256 || first + 256 > pages) &&
          !turn (t, r, first, MIN (PORTION, pages - first)))
        return FALSE;
  }
  return TRUE;
}

/* The writes of one vCPU are in one ring, in their order. */
gboolean
host_rings_keep_the_order (Try *t)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Found));
  g_autoptr (GArray) written = g_array_new (FALSE, FALSE, sizeof (guint64));
  guint at = 0;

  if (!enable (t))
    return FALSE;
  if (!write_portion (t, 0, pages_of (t, 0) - PORTION, PORTION, written))
    return try_skip (t, "vCPUs can't write the last pages of region 0");
  if (!harvest (t, all))
    return FALSE;
  for (guint i = 0; i < all->len && at < written->len; i++) {
    const Found *found = &g_array_index (all, Found, i);

    at += found->region == 0 && found->page == g_array_index (written, guint64, at);
  }
  REQUIRE (t, at == written->len, PROMISE ("dirty-log.h", "Entries are harvested in order"),
           "page %" G_GUINT64_FORMAT " of region 0 is not where the order of the writes has it",
           g_array_index (written, guint64, at));
  return reset_rings (t, all->len);
}

gboolean
host_rings_wrap (Try *t)
{
  const GdwDirtyLog *log = t->vm.host.dirty_log;
  guint64 entries, pages = pages_of (t, 0);

  if (!enable (t))
    return FALSE;
  entries = log->rings[0].n_entries;
  if (entries > SMALL_RING || pages < 2 * PORTION)
    return try_skip (t, "a ring has more than %u entries, or region 0 few pages", SMALL_RING);
  for (guint64 i = 0; i * PORTION < 2 * entries; i++)
    if (!turn (t, 0, pages - (i % 2 + 1) * PORTION, PORTION))
      return FALSE;
  return TRUE;
}

gboolean
host_rings_go_on_when_enabled_again (Try *t)
{
  g_autoptr (GArray) written = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Found));
  guint64 middle = pages_of (t, 0) / 2;

  if (!enable (t) || !turn (t, 0, middle, 3) || !log_disable (&t->vm) || !enable (t))
    return FALSE;
  if (!write_portion (t, 0, middle, 2, written))
    return try_skip (t, "vCPUs can't write the middle of region 0");
  return harvest (t, all) &&
         expect_found (t, all, 0, written,
                       PROMISE ("dirty-log.h", "kept here from one tracker to the next because "
                                               "the vCPU never begins anew")) &&
         reset_rings (t, all->len);
}

gboolean
host_reset_rings_re_arms (Try *t)
{
  g_autoptr (GArray) written = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Found));
  guint64 first = pages_of (t, 0) / 2;

  if (!enable (t) || !turn (t, 0, first, 1))
    return FALSE;
  if (!write_portion (t, 0, first, 1, written))
    return try_skip (t, "vCPUs can't write the middle of region 0");
  return harvest (t, all) &&
         expect_found (t, all, 0, written,
                       PROMISE ("dirty-log.h", "reset_rings re-arms the pages of all entries "
                                               "with RESET")) &&
         reset_rings (t, all->len);
}

gboolean
host_reset_rings_gives_entries_back (Try *t)
{
  g_autoptr (GArray) written = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Found));

  if (!enable (t))
    return FALSE;
  write_portion (t, 0, pages_of (t, 0) / 2, 2, written);
  if (!harvest (t, all) || !reset_rings (t, all->len))
    return FALSE;
  for (guint i = 0; i < all->len; i++) {
    const Found *found = &g_array_index (all, Found, i);

    REQUIRE (t, __atomic_load_n (&found->entry->flags, __ATOMIC_ACQUIRE) == 0,
             PROMISE ("dirty-log.h", "gives the entries back"),
             "after reset_rings a harvested entry of ring %u has the flags %#x", found->ring,
             found->entry->flags);
  }
  return reset_rings (t, 0);
}

gboolean
host_rings_keep_what_disable_left (Try *t)
{
  g_autoptr (GArray) written = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Found));

  if (!enable (t))
    return FALSE;
  write_portion (t, 0, pages_of (t, 0) / 2, 2, written);
  return log_disable (&t->vm) && harvest (t, all) &&
         expect_found (t, all, 0, written,
                       PROMISE ("dirty-log.h", "what is in a ring stays there until it is "
                                               "harvested and reset")) &&
         reset_rings (t, all->len);
}
