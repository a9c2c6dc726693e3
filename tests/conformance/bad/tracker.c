/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Trackers that make the mistake BUG and are right otherwise: over a MODE of the dirty log. */
#include <godwit/error.h>
#include <godwit/tracker.h>
#include <string.h>

#include "bugs.h"

#define RING (MODE == GDW_DIRTY_LOG_RING)
#define MANUAL (MODE == GDW_DIRTY_LOG_MANUAL)
#define REARMS (MANUAL && !BUGGY (PUBLISHES_BEFORE_REARMING))
/* Reports once what is reported, until it is re-armed. */
#define ONCE (BUGGY (HAS_NO_LOCK) || BUGGY (UNLOCKS_TOO_EARLY))
#define PORTION 8

typedef struct {
  const GdwTrackerConfig *config;
  const GdwDirtyLog *log;
  guint32 mode;
  guint64 **got;   /* of each region */
  guint64 **later; /* of each region: what a mistake remembers */
  guint64 *vcpu_pages;
  GMutex lock; /* of later */
  gboolean failed;
  gboolean *quiet; /* of each region */
  guint collects;
  guint8 *bytes;     /* of a mistake */
  GHashTable *known; /* of another: page address, and a sum of its bytes */
} Wrong;

static guint64 shared_by_all[64];

static void
lock (Wrong *self)
{
  if (!BUGGY (HAS_NO_LOCK))
    g_mutex_lock (&self->lock);
}

static void
unlock (Wrong *self)
{
  if (!BUGGY (HAS_NO_LOCK))
    g_mutex_unlock (&self->lock);
}

static guint64
pages_of (const Wrong *self, guint region)
{
  return gdw_region_pages (self->config->regions[region]);
}

static guint64
words_of (const Wrong *self, guint region)
{
  guint64 pages = pages_of (self, region);

  return BUGGY (FORGETS_THE_LAST_PARTIAL_WORD) && pages >= 64 ? pages / 64
                                                              : GDW_BITMAP_WORDS (pages);
}

static gpointer
wrong_open (const GdwTrackerConfig *config, GError **error)
{
  const GdwDirtyLog *log = config->dirty_log;
  Wrong *self;

  if (!log || !(log->modes & MODE)) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
                 "tracker '%s': open failed: this host has no such dirty log%s", NAME,
                 BUGGY (NAMES_NO_REMEDY) ? "" : "; use another tracker");
    return NULL;
  }
  self = g_new0 (Wrong, 1);
  self->config = config;
  self->log = log;
  self->mode = MODE | (MANUAL ? log->modes & GDW_DIRTY_LOG_INITIALLY_SET : 0);
  self->got = g_new0 (guint64 *, config->n_regions);
  self->later = g_new0 (guint64 *, config->n_regions);
  for (guint i = 0; i < config->n_regions; i++) {
    self->got[i] = g_new0 (guint64, GDW_BITMAP_WORDS (pages_of (self, i)));
    self->later[i] = g_new0 (guint64, GDW_BITMAP_WORDS (pages_of (self, i)));
  }
  self->quiet = g_new0 (gboolean, config->n_regions);
  g_mutex_init (&self->lock);
  self->vcpu_pages = g_new0 (guint64, RING ? log->n_rings : 1);
  self->known = g_hash_table_new (NULL, NULL);
  if (BUGGY (TAKES_A_BYTE_A_PAGE))
    self->bytes = memset (g_malloc (pages_of (self, 0)), 1, pages_of (self, 0));
  return self;
}

static void
wrong_close (gpointer data)
{
  Wrong *self = data;

  for (guint i = 0; i < self->config->n_regions; i++) {
    g_free (self->got[i]);
    if (!BUGGY (LEAKS_A_BITMAP))
      g_free (self->later[i]);
  }
  g_mutex_clear (&self->lock);
  g_free (self->quiet);
  g_free (self->later);
  g_free (self->got);
  g_free (self->vcpu_pages);
  g_free (self->bytes);
  g_hash_table_unref (self->known);
  g_free (self);
}

/* A bitmap */

static gboolean
unchanged (Wrong *self, guint region, guint64 page)
{
  guint8 *at = self->config->regions[region]->host_addr + page * GDW_PAGE_SIZE;
  guint sum = 1;

  for (guint i = 0; i < GDW_PAGE_SIZE; i++)
    sum = sum * 31 + at[i];
  if (g_hash_table_lookup (self->known, at) == GUINT_TO_POINTER (sum))
    return TRUE;
  g_hash_table_insert (self->known, at, GUINT_TO_POINTER (sum));
  return FALSE;
}

/* Reports no page again until it is re-armed; rearm runs at the same time. */
static void
report_once (Wrong *self, guint region, const guint64 *seen)
{
  guint64 *got = self->got[region];

  lock (self);
  for (guint64 i = 0; i < words_of (self, region); i++) {
    guint64 new = got[i] & ~seen[i];

    self->later[region][i] = seen[i] | got[i];
    got[i] = new;
  }
  unlock (self);
}

static void
merge (Wrong *self, guint region, guint64 *bits)
{
  guint64 *got = self->got[region];

  for (guint64 i = 0; i < words_of (self, region); i++) {
    if (BUGGY (COMPARES_CONTENTS))
      for (guint bit = 0; bit < 64; bit++)
        if (((got[i] >> bit) & 1) && unchanged (self, region, i * 64 + bit))
          got[i] &= ~(G_GUINT64_CONSTANT (1) << bit);
    if (BUGGY (OVERWRITES_THE_SET))
      bits[i] = got[i];
    else
      bits[i] |= got[i];
    if (BUGGY (REPORTS_THE_NEIGHBOUR))
      bits[i] |= got[i] << 1;
  }
  if (BUGGY (WRITES_PAST_THE_SET))
    bits[words_of (self, region)] = 0;
}

static gboolean
re_arm_later (Wrong *self, guint region, GError **error)
{
  gboolean ok = self->log->clear (self->log->self, region, 0, pages_of (self, region),
                                  self->later[region], error);

  memset (self->later[region], 0, words_of (self, region) * 8);
  return ok;
}

static gboolean
get (Wrong *self, guint region, GError **error)
{
  const GdwDirtyLog *log = self->log;
  g_autofree guint64 *seen = NULL;

  if (BUGGY (PUBLISHES_BEFORE_REARMING) && !re_arm_later (self, region, error))
    return FALSE;
  lock (self);
  if (ONCE)
    seen = g_memdup2 (self->later[region], words_of (self, region) * 8);
  unlock (self);
  if (!log->get (log->self, region, self->got[region], error)) {
    if (BUGGY (STAYS_LOCKED_AFTER_AN_ERROR))
      lock (self);
    return FALSE;
  }
  if (ONCE)
    report_once (self, region, seen);
  if (BUGGY (REARMS_AT_COLLECT_TOO))
    return log->clear (log->self, region, 0, pages_of (self, region), self->got[region], error);
  if (BUGGY (LOSES_A_WRITE_DURING_COLLECT))
    return log->get (log->self, region, self->later[region], error);
  if (BUGGY (REARMS_WHAT_IT_DID_NOT_REPORT))
    return log->get (log->self, region, self->later[region], error) &&
           log->clear (log->self, region, 0, pages_of (self, region), self->later[region],
                       error);
  if (BUGGY (PUBLISHES_BEFORE_REARMING))
    memcpy (self->later[region], self->got[region], words_of (self, region) * 8);
  return TRUE;
}

/* Every other time only, where nothing was the last time. */
static gboolean
passed_over (Wrong *self, guint region)
{
  return BUGGY (SKIPS_QUIET_REGIONS) && self->quiet[region] && self->collects % 2;
}

static void
note_quiet (Wrong *self, guint region)
{
  self->quiet[region] = TRUE;
  for (guint64 i = 0; i < words_of (self, region); i++)
    if (self->got[region][i])
      self->quiet[region] = FALSE;
}

static gboolean
collect_bitmap (Wrong *self, guint64 *const *bits, GError **error)
{
  guint n = self->config->n_regions;

  self->collects++;
  if (BUGGY (STAYS_FAILED) && self->failed) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST, "tracker '%s': it failed before", NAME);
    return FALSE;
  }
  for (guint i = 0; i < n; i++) {
    guint to = BUGGY (MIXES_UP_REGIONS) ? (i + 1) % n : i;

    if (passed_over (self, i))
      continue;
    self->failed = !get (self, i, BUGGY (FORGETS_AN_ERROR) && i + 1 < n ? NULL : error);
    if (self->failed && BUGGY (FORGETS_AN_ERROR) && i + 1 < n)
      continue;
    if (self->failed)
      return BUGGY (SUCCEEDS_IN_SPITE_OF_AN_ERROR);
    note_quiet (self, i);
    if (BUGGY (THROWS_THE_FIRST_COLLECT_AWAY) && self->collects == 1) {
      if (!self->log->clear (self->log->self, i, 0, pages_of (self, i), self->got[i], error))
        return FALSE;
      continue;
    }
    merge (self, i, bits[pages_of (self, i) > pages_of (self, to) ? i : to]);
    for (guint64 k = 0; BUGGY (KEEPS_BITS_OVER_A_RESTART) && k < words_of (self, i); k++) {
      bits[i][k] |= self->later[i][k];
      self->later[i][k] = 0;
    }
  }
  return TRUE;
}

/* Rings */

static gboolean
note_entry (Wrong *self, const GdwDirtyEntry *entry, guint64 *const *bits, GError **error)
{
  guint region;
  guint64 page;

  if (BUGGY (TAKES_SLOTS_FOR_REGIONS)) {
    region = entry->slot % self->config->n_regions;
    page = entry->offset % pages_of (self, region);
  } else if (!self->log->locate (self->log->self, entry->slot, entry->offset, &region, &page,
                                 error)) {
    return FALSE;
  }
  if (bits)
    bits[region][page / 64] |= G_GUINT64_CONSTANT (1) << page % 64;
  return TRUE;
}

static gboolean
give_back (Wrong *self, GdwDirtyEntry *entry)
{
  guint64 n;

  __atomic_store_n (&entry->flags, GDW_DIRTY_ENTRY_RESET, __ATOMIC_RELEASE);
  return !BUGGY (RESETS_BEFORE_HARVESTING) ||
         self->log->reset_rings (self->log->self, &n, NULL);
}

static gboolean
harvest (Wrong *self, guint vcpu, guint64 *const *bits, GError **error)
{
  GdwDirtyRing *ring = &self->log->rings[vcpu];
  guint32 last = ring->n_entries - 1;
  guint32 most = BUGGY (DRAINS_A_PORTION) && bits ? PORTION : ring->n_entries;

  for (guint32 n = 0; n < most; n++) {
    GdwDirtyEntry *entry = &ring->entries[ring->next & last];

    if (!(__atomic_load_n (&entry->flags, __ATOMIC_ACQUIRE) & GDW_DIRTY_ENTRY_DIRTY)) {
      ring->next += BUGGY (PASSES_OVER_AN_ENTRY);
      break;
    }
    if (BUGGY (RESETS_BEFORE_HARVESTING) && !give_back (self, entry))
      return FALSE;
    if (!(BUGGY (DROPS_THE_WRAP_ENTRY) && (ring->next & last) == last) &&
        !note_entry (self, entry, bits, error))
      return FALSE;
    if (!BUGGY (RESETS_BEFORE_HARVESTING))
      give_back (self, entry);
    ring->next++;
    self->vcpu_pages[BUGGY (COUNTS_FOR_THE_FIRST_VCPU) ? 0 : vcpu]++;
  }
  return TRUE;
}

static gboolean
collect_rings (Wrong *self, guint64 *const *bits, GError **error)
{
  const GdwDirtyLog *log = self->log;
  guint64 reset = 0;
  guint32 harvested = 0;

  for (guint i = 0; i < (BUGGY (READS_THE_FIRST_RING) ? 1 : log->n_rings); i++) {
    guint32 before = log->rings[i].next;

    if (!harvest (self, i, bits, error))
      return FALSE;
    harvested += log->rings[i].next - before;
    if (BUGGY (STOPS_AT_AN_EMPTY_RING) && log->rings[i].next == before)
      break;
    if (BUGGY (BEGINS_ANEW) && !bits)
      log->rings[i].next = 0;
  }
  if (BUGGY (RESETS_WHAT_IS_WORTH_IT) && bits && harvested < log->rings[0].n_entries * 7 / 8)
    return TRUE;
  if (!log->reset_rings (log->self, &reset, error))
    return FALSE;
  if ((self->config->rings_were_reset && !BUGGY (TELLS_NOBODY)) ||
      BUGGY (TELLS_WHO_DID_NOT_ASK))
    self->config->rings_were_reset (self->config->core);
  return TRUE;
}

/* The callbacks */

static gboolean
wrong_start (gpointer data, GError **error)
{
  Wrong *self = data;

  for (guint i = 0; !BUGGY (KEEPS_BITS_OVER_A_RESTART) && i < self->config->n_regions; i++)
    memset (self->later[i], 0, words_of (self, i) * 8);
  if (RING && !BUGGY (LEAVES_STALE_ENTRIES) && !collect_rings (self, NULL, error))
    return FALSE;
  self->collects = 0;
  for (guint i = 0; RING && !BUGGY (COUNTS_ON_AFTER_RESTART) && i < self->log->n_rings; i++)
    self->vcpu_pages[i] = 0;
  if (self->log->enable (self->log->self, self->mode, error))
    return TRUE;
  if (BUGGY (STARTS_IN_SPITE_OF_AN_ERROR)) {
    g_clear_error (error);
    return TRUE;
  }
  return FALSE;
}

static gboolean
wrong_collect (gpointer data, guint64 *const *bits, GError **error)
{
  Wrong *self = data;

  if (BUGGY (SHARES_A_VARIABLE)) {
    bits[0][0] |= shared_by_all[0];
    shared_by_all[0] = 0;
  }
  if (!(RING ? collect_rings (self, bits, error) : collect_bitmap (self, bits, error)))
    return FALSE;
  if (BUGGY (SHARES_A_VARIABLE))
    shared_by_all[0] |= bits[0][0];
  return TRUE;
}

#define BY_RUNS (BUGGY (FORGETS_THE_LAST_RANGE) || BUGGY (GIVES_A_RANGE_PAST_THE_END))

/* Gives each page of @bits alone. */
static void
give_pages (Wrong *self, guint64 *const *bits,
            void (*add) (gpointer core, const GdwPageRange *ranges, guint n), gpointer core)
{
  GdwPageRange found = { 0 };

  for (guint i = 0; i < self->config->n_regions; i++)
    for (guint64 page = 0; page < pages_of (self, i); page++) {
      if (!((bits[i][page / 64] >> page % 64) & 1))
        continue;
      if (found.n)
        add (core, &found, 1);
      found = (GdwPageRange){ .first = page, .n = 1, .region = i };
      if (BUGGY (GIVES_A_RANGE_PAST_THE_END))
        found.n = 2;
    }
  if (found.n && !BUGGY (FORGETS_THE_LAST_RANGE))
    add (core, &found, 1);
}

static gboolean
wrong_collect_runs (gpointer data,
                    void (*add) (gpointer core, const GdwPageRange *ranges, guint n),
                    gpointer core, GError **error)
{
  Wrong *self = data;
  gboolean ok;

  for (guint i = 0; i < self->config->n_regions; i++)
    memset (self->got[i], 0, words_of (self, i) * 8);
  ok = collect_rings (self, self->got, error);
  if (ok)
    give_pages (self, self->got, add, core);
  return ok;
}

/* The bits that a mistake re-arms for those of @bits. */
static guint64 *
mistaken_bits (const guint64 *bits, guint64 words)
{
  guint64 *own = g_memdup2 (bits, words * 8);

  for (guint64 i = 0; i < words; i++) {
    if (BUGGY (CLEARS_THE_NEIGHBOUR))
      own[i] |= own[i] << 1;
    if (BUGGY (REARMS_WHOLE_WORDS) && own[i])
      own[i] = G_MAXUINT64;
    if (BUGGY (STOPS_AT_A_HOLE) && (!own[i] || (i > 0 && !own[i - 1])))
      own[i] = 0;
  }
  return own;
}

static gboolean
wrong_rearm (gpointer data, guint region, guint64 first, guint64 n, const guint64 *bits,
             GError **error)
{
  Wrong *self = data;
  const GdwDirtyLog *log = self->log;
  guint64 words = GDW_BITMAP_WORDS (n);
  g_autofree guint64 *own = mistaken_bits (bits, words);
  gboolean ok = TRUE;

  if (BUGGY (REARMS_AT_THE_NEXT_REARM))
    ok = re_arm_later (self, region, error);
  else
    ok = log->clear (log->self, region, BUGGY (REARMS_FROM_THE_FIRST_PAGE) ? 0 : first,
                     BUGGY (REARMS_FROM_THE_FIRST_PAGE) ? n / 64 * 64 : n, own,
                     BUGGY (REARM_FAILS_WITHOUT_AN_ERROR) ? NULL : error);
  lock (self);
  for (guint64 i = 0; i < words; i++)
    if (BUGGY (REARMS_AT_THE_NEXT_REARM))
      self->later[region][first / 64 + i] |= bits[i];
    else
      self->later[region][first / 64 + i] &= ~bits[i];
  unlock (self);
  return ok;
}

static gboolean
wrong_stop (gpointer data, GError **error)
{
  Wrong *self = data;

  lock (self);
  unlock (self);
  if (BUGGY (KEEPS_BITS_OVER_A_RESTART))
    for (guint i = 0; i < self->config->n_regions; i++)
      self->log->get (self->log->self, i, self->later[i], NULL);
  return BUGGY (NEVER_STOPS) || self->log->disable (self->log->self, error);
}

static guint
wrong_vcpu_pages (gpointer data, guint64 *pages, guint n)
{
  Wrong *self = data;

  for (guint i = 0; i < self->log->n_rings && (i < n || BUGGY (COUNTS_PAST_THE_END)); i++)
    pages[i] = self->vcpu_pages[i];
  return self->log->n_rings;
}

GDW_DEFINE_TRACKER (.plugin.name = NAME, .plugin.summary = "makes a mistake",
                    .traits = (!REARMS ? GDW_TRACKER_REARMS_AT_COLLECT
                               : ONCE  ? GDW_TRACKER_REARMS_AT_REARM
                                       : GDW_TRACKER_REARMS_AT_REARM |
                                            GDW_TRACKER_COLLECT_REPEATS) |
                              (BUGGY (CLAIMS_TO_SEE_VMM_WRITES) ? GDW_TRACKER_SEES_VMM_WRITES
                                                                : 0) |
                              GDW_TRACKER_REPORTS_READS,
                    .open = wrong_open, .close = wrong_close, .start = wrong_start,
                    .collect = wrong_collect, .stop = wrong_stop,
                    .rearm = REARMS ? wrong_rearm : NULL,
                    .collect_runs = BY_RUNS ? wrong_collect_runs : NULL,
                    .vcpu_pages = RING ? wrong_vcpu_pages : NULL);
