/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The dirty rings of the vCPUs: each collect empties them and re-arms what it found before it
 * returns. */

#include <godwit/error.h>
#include <godwit/tracker.h>

/* The most entries harvested from each ring before a reset.  This bounds how long a vCPU with a
 * full ring waits. */
#define PORTION 1024u

/* How many ranges are given to core at once. */
#define RANGES 64u

/* Where the harvested pages go: they become bits, or ranges. */
typedef struct {
  guint64 *const *bits; /* or NULL */
  void (*add) (gpointer core, const GdwPageRange *ranges, guint n);
  gpointer core;
  GdwPageRange ranges[RANGES];
  guint n;
} Found;

typedef struct {
  const GdwDirtyLog *log;
  void (*rings_were_reset) (gpointer core);
  gpointer core;
  gboolean started;
  guint64 *vcpu_pages; /* pages of each ring since start */
} DirtyRing;

static gpointer
dirty_ring_open (const GdwTrackerConfig *config, GError **error)
{
  const char *missing = NULL;
  DirtyRing *self;

  if (config->dirty_log == NULL)
    missing = "this host keeps no dirty log; give it one with rings, or use a tracker that "
              "needs none";
  else if (!(config->dirty_log->modes & GDW_DIRTY_LOG_RING))
    missing = "this VM has no dirty rings; start the VM with --dirty-ring-size, or use tracker "
              "'auto'";
  if (missing != NULL) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
                 "tracker 'dirty-ring': open failed: %s", missing);
    return NULL;
  }

  self = g_new0 (DirtyRing, 1);
  self->log = config->dirty_log;
  self->rings_were_reset = config->rings_were_reset;
  self->core = config->core;
  self->vcpu_pages = g_new0 (guint64, self->log->n_rings);
  return self;
}

static void
dirty_ring_close (gpointer data)
{
  DirtyRing *self = data;

  g_free (self->vcpu_pages);
  g_free (self);
}

static void
give_ranges (Found *found)
{
  if (found->n > 0)
    found->add (found->core, found->ranges, found->n);
  found->n = 0;
}

static void
note_page (Found *found, guint region, guint64 page)
{
  GdwPageRange *last = found->n > 0 ? &found->ranges[found->n - 1] : NULL;

  if (found->bits != NULL) {
    found->bits[region][page / 64] |= G_GUINT64_CONSTANT (1) << (page % 64);
  } else if (last != NULL && last->region == region && last->first + last->n == page) {
    last->n++;
  } else {
    if (found->n == RANGES)
      give_ranges (found);
    found->ranges[found->n++] = (GdwPageRange){ .first = page, .n = 1, .region = region };
  }
}

/* Harvests up to @max entries of @ring; NULL for @found forgets them. */
static gboolean
harvest (DirtyRing *self, GdwDirtyRing *ring, Found *found, guint max, guint *n, GError **error)
{
  for (*n = 0; *n < max; ++*n) {
    GdwDirtyEntry *entry = &ring->entries[ring->next & (ring->n_entries - 1)];
    guint region;
    guint64 page;

    if (!(__atomic_load_n (&entry->flags, __ATOMIC_ACQUIRE) & GDW_DIRTY_ENTRY_DIRTY))
      break;
    if (found != NULL) {
      if (!self->log->locate (self->log->self, entry->slot, entry->offset, &region, &page,
                              error))
        return FALSE;
      note_page (found, region, page);
    }
    __atomic_store_n (&entry->flags, GDW_DIRTY_ENTRY_RESET, __ATOMIC_RELEASE);
    ring->next++;
  }
  return TRUE;
}

/* Harvests up to PORTION entries of each ring.  @left: how many each ring may still give. */
static gboolean
empty_portion (DirtyRing *self, Found *found, guint32 *left, guint64 *total, GError **error)
{
  gboolean ok = TRUE;
  guint64 n_reset;

  *total = 0;
  for (guint i = 0; ok && i < self->log->n_rings; i++) {
    guint n;

    ok = harvest (self, &self->log->rings[i], found, MIN (left[i], PORTION), &n, error);
    left[i] -= n;
    self->vcpu_pages[i] += n;
    *total += n;
  }
  /* Reset even if nothing was found: a reset that failed before may have left something. */
  if (!self->log->reset_rings (self->log->self, &n_reset, ok ? error : NULL))
    return FALSE;
  if (n_reset > 0 && self->rings_were_reset != NULL)
    self->rings_were_reset (self->core);
  return ok;
}

/* Goes round each ring once at most, since vCPUs continue to write. */
static gboolean
empty_rings (DirtyRing *self, Found *found, GError **error)
{
  g_autofree guint32 *left = g_new (guint32, self->log->n_rings);
  guint64 n;

  for (guint i = 0; i < self->log->n_rings; i++)
    left[i] = self->log->rings[i].n_entries;
  do
    if (!empty_portion (self, found, left, &n, error))
      return FALSE;
  while (n > 0);
  return TRUE;
}

static gboolean
dirty_ring_start (gpointer data, GError **error)
{
  DirtyRing *self = data;

  if (!empty_rings (self, NULL, error) ||
      !self->log->enable (self->log->self, GDW_DIRTY_LOG_RING, error))
    return FALSE;
  for (guint i = 0; i < self->log->n_rings; i++)
    self->vcpu_pages[i] = 0;
  self->started = TRUE;
  return TRUE;
}

static gboolean
dirty_ring_collect (gpointer data, guint64 *const *bits, GError **error)
{
  Found found = { .bits = bits };

  return empty_rings (data, &found, error);
}

static gboolean
dirty_ring_collect_runs (gpointer data,
                         void (*add) (gpointer core, const GdwPageRange *ranges, guint n),
                         gpointer core, GError **error)
{
  Found found = { .add = add, .core = core };

  if (!empty_rings (data, &found, error))
    return FALSE;
  give_ranges (&found);
  return TRUE;
}

/* Switching off takes a while, so empty the rings before it, too: a vCPU with a full ring can
 * then continue. */
static gboolean
dirty_ring_stop (gpointer data, GError **error)
{
  DirtyRing *self = data;
  gboolean started = self->started;
  gboolean emptied, off;

  self->started = FALSE;
  if (!started)
    return TRUE;
  emptied = empty_rings (self, NULL, error);
  off = self->log->disable (self->log->self, emptied ? error : NULL);
  return empty_rings (self, NULL, emptied && off ? error : NULL) && emptied && off;
}

static guint
dirty_ring_vcpu_pages (gpointer data, guint64 *pages, guint n)
{
  DirtyRing *self = data;

  for (guint i = 0; i < MIN (n, self->log->n_rings); i++)
    pages[i] = self->vcpu_pages[i];
  return self->log->n_rings;
}

GDW_DEFINE_TRACKER (.plugin.name = "dirty-ring",
                    .plugin.summary = "a ring for each vCPU that records its writes",
                    .traits = GDW_TRACKER_REARMS_AT_COLLECT | GDW_TRACKER_REPORTS_READS,
                    .open = dirty_ring_open, .close = dirty_ring_close,
                    .start = dirty_ring_start, .collect = dirty_ring_collect,
                    .stop = dirty_ring_stop, .vcpu_pages = dirty_ring_vcpu_pages,
                    .collect_runs = dirty_ring_collect_runs);
