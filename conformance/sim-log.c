/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "sim-log.h"

#include <godwit/error.h>
#include <sys/mman.h>

/* A vCPU stops when only this much of its ring is left. */
#define RESERVED(n_entries) ((n_entries) / 4)
/* A hypervisor's slots differ from godwit's regions: here each region is two slots. */
#define SLOT_OF(region, upper) (100u + 10u * (region) + ((upper) ? 5u : 0u))
/* The content of an entry after it was given back. */
#define POISON G_GUINT64_CONSTANT (0xdeaddeaddeaddead)

/* One bit a page, of one region. */
typedef struct {
  guint64 *logged; /* to be reported */
  guint64 *open;   /* not armed: a write is not logged */
  guint64 words;
} SimBits;

typedef struct {
  guint64 pushed, given_back; /* entries since the start; atomic */
  guint64 to_reset;           /* the first entry that was not given back */
} SimRing;

struct SimLog {
  GdwDirtyLog log;
  guint32 mode; /* atomic */
  SimBits *bits;
  SimRing *rings;
  GMutex lock; /* of what follows */
  GCond room;
};

static guint64 *
bits_new (guint64 words)
{
  return mmap (NULL, words * 8, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void
bits_fill (guint64 *bits, guint64 pages, gboolean set)
{
  guint64 words = GDW_BITMAP_WORDS (pages);

  if (!set)
    madvise (bits, words * 8, MADV_DONTNEED);
  for (guint64 i = 0; set && i < words; i++)
    __atomic_store_n (&bits[i], G_MAXUINT64, __ATOMIC_SEQ_CST);
  if (set && pages % 64)
    bits[words - 1] = (G_GUINT64_CONSTANT (1) << (pages % 64)) - 1;
}

/* Called in the middle of each call. */
static void
step (Sim *sim, SimCall call)
{
  if (sim->during)
    sim->during (sim->data, call);
  schedule_point (sim->schedule);
}

static gboolean
refuse (GError **error, const char *what, const char *why)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
               "host 'simulated': %s failed: %s; look into dirty-log.h", what, why);
  return FALSE;
}

static gboolean
fails (Sim *sim, SimCall call, const char *what, GError **error)
{
  if (!(sim->fails & (1u << call)))
    return FALSE;
  if (sim->fails_once)
    sim->fails = 0;
  return !refuse (error, what, "the test wants it");
}

static gboolean
log_enable (gpointer self, guint32 mode, GError **error)
{
  Sim *sim = self;
  struct SimLog *log = sim->private;
  gboolean set = (mode & GDW_DIRTY_LOG_INITIALLY_SET) != 0;

  step (sim, SIM_ENABLE);
  if (fails (sim, SIM_ENABLE, "enable", error))
    return FALSE;
  if (log->mode)
    return refuse (error, "enable", "it is enabled");
  if (mode & ~log->log.modes || (set && !(mode & GDW_DIRTY_LOG_MANUAL)) ||
      __builtin_popcount (mode & ~GDW_DIRTY_LOG_INITIALLY_SET) != 1)
    return refuse (error, "enable", "it has no such mode");
  for (guint i = 0; i < sim->n_regions; i++) {
    bits_fill (log->bits[i].logged, sim_pages (sim, i), set);
    bits_fill (log->bits[i].open, sim_pages (sim, i), set);
  }
  __atomic_store_n (&log->mode, mode, __ATOMIC_SEQ_CST);
  step (sim, SIM_ENABLE);
  return TRUE;
}

static gboolean
log_disable (gpointer self, GError **error)
{
  Sim *sim = self;
  struct SimLog *log = sim->private;

  step (sim, SIM_DISABLE);
  if (fails (sim, SIM_DISABLE, "disable", error))
    return FALSE;
  if (!log->mode)
    return refuse (error, "disable", "it is not enabled");
  __atomic_store_n (&log->mode, 0, __ATOMIC_SEQ_CST);
  for (guint i = 0; i < sim->n_regions; i++)
    bits_fill (log->bits[i].logged, sim_pages (sim, i), FALSE);
  step (sim, SIM_DISABLE);
  return TRUE;
}

/* Re-arms these pages.  Call it after taking their bits, or a write is lost. */
static void
arm (SimBits *bits, guint64 word, guint64 pages)
{
  __atomic_fetch_and (&bits->open[word], ~pages, __ATOMIC_SEQ_CST);
}

static gboolean
log_get (gpointer self, guint region, guint64 *out, GError **error)
{
  Sim *sim = self;
  struct SimLog *log = sim->private;
  SimBits *bits = &log->bits[region];
  gboolean plain = (log->mode & GDW_DIRTY_LOG_PLAIN) != 0;

  if (fails (sim, SIM_GET, "get", error))
    return FALSE;
  if (!(log->mode & (GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL)))
    return refuse (error, "get", "the bitmap is not enabled");
  step (sim, SIM_GET);
  for (guint64 i = 0; i < bits->words; i++) {
    out[i] = plain ? __atomic_exchange_n (&bits->logged[i], 0, __ATOMIC_SEQ_CST)
                   : __atomic_load_n (&bits->logged[i], __ATOMIC_SEQ_CST);
    if (out[i])
      step (sim, SIM_GET);
  }
  for (guint64 i = 0; plain && i < bits->words; i++)
    if (out[i])
      arm (bits, i, out[i]);
  step (sim, SIM_GET);
  return TRUE;
}

static gboolean
log_clear (gpointer self, guint region, guint64 first, guint64 n, const guint64 *given,
           GError **error)
{
  Sim *sim = self;
  struct SimLog *log = sim->private;
  SimBits *bits = &log->bits[region];
  guint64 pages = sim_pages (sim, region);

  if (fails (sim, SIM_CLEAR, "clear", error))
    return FALSE;
  if (!(log->mode & GDW_DIRTY_LOG_MANUAL))
    return refuse (error, "clear", "the log is not enabled with manual protection");
  if (first % 64 || first + n > pages || (n % 64 && first + n != pages))
    return refuse (error, "clear", "it takes whole words of the bitmap");
  step (sim, SIM_CLEAR);
  for (guint64 i = 0; i < GDW_BITMAP_WORDS (n); i++) {
    guint64 *logged = &bits->logged[first / 64 + i];
    guint64 taken;

    if (!given[i])
      continue;
    taken = __atomic_fetch_and (logged, ~given[i], __ATOMIC_SEQ_CST) & given[i];
    step (sim, SIM_CLEAR);
    arm (bits, first / 64 + i, taken);
  }
  step (sim, SIM_CLEAR);
  return TRUE;
}

static gboolean
log_locate (gpointer self, guint32 slot, guint64 offset, guint *region, guint64 *page,
            GError **error)
{
  Sim *sim = self;

  if (fails (sim, SIM_LOCATE, "locate", error))
    return FALSE;
  for (guint i = 0; i < sim->n_regions; i++) {
    guint64 half = sim_pages (sim, i) / 2;
    gboolean upper = slot == SLOT_OF (i, TRUE);

    if (!upper && slot != SLOT_OF (i, FALSE))
      continue;
    if (offset >= (upper ? sim_pages (sim, i) - half : half))
      break;
    *region = i;
    *page = offset + (upper ? half : 0);
    return TRUE;
  }
  return refuse (error, "locate", "there is no such page in such a slot");
}

/* Gives back the entries of one ring, and returns their number. */
static guint64
give_back (Sim *sim, guint vcpu)
{
  GdwDirtyRing *ring = &sim->private->log.rings[vcpu];
  SimRing *own = &sim->private->rings[vcpu];
  guint64 n = 0;

  for (;; n++) {
    GdwDirtyEntry *entry = &ring->entries[own->to_reset & (ring->n_entries - 1)];
    guint region;
    guint64 page;

    if (!(__atomic_load_n (&entry->flags, __ATOMIC_ACQUIRE) & GDW_DIRTY_ENTRY_RESET))
      return n;
    if (log_locate (sim, entry->slot, entry->offset, &region, &page, NULL))
      arm (&sim->private->bits[region], page / 64, G_GUINT64_CONSTANT (1) << page % 64);
    entry->offset = POISON;
    entry->slot = (guint32) POISON;
    __atomic_store_n (&entry->flags, 0, __ATOMIC_RELEASE);
    own->to_reset++;
    __atomic_fetch_add (&own->given_back, 1, __ATOMIC_SEQ_CST);
  }
}

static gboolean
log_reset_rings (gpointer self, guint64 *n_pages, GError **error)
{
  Sim *sim = self;
  struct SimLog *log = sim->private;

  if (fails (sim, SIM_RESET_RINGS, "reset_rings", error))
    return FALSE;
  *n_pages = 0;
  step (sim, SIM_RESET_RINGS);
  for (guint i = 0; i < sim->n_vcpus; i++)
    *n_pages += give_back (sim, i);
  g_mutex_lock (&log->lock);
  g_cond_broadcast (&log->room);
  g_mutex_unlock (&log->lock);
  step (sim, SIM_RESET_RINGS);
  return TRUE;
}

static void
init_rings (Sim *sim)
{
  struct SimLog *log = sim->private;

  log->log.n_rings = sim->n_vcpus;
  log->log.locate = log_locate;
  log->log.reset_rings = log_reset_rings;
  log->log.rings = g_new0 (GdwDirtyRing, sim->n_vcpus);
  log->rings = g_new0 (SimRing, sim->n_vcpus);
  for (guint i = 0; i < sim->n_vcpus; i++) {
    log->log.rings[i].n_entries = sim->kind->ring_entries;
    log->log.rings[i].entries = g_new0 (GdwDirtyEntry, sim->kind->ring_entries);
  }
}

void
sim_log_init (Sim *sim)
{
  struct SimLog *log = sim->private = g_new0 (struct SimLog, 1);

  log->log = (GdwDirtyLog){ .size = sizeof log->log,
                            .self = sim,
                            .modes = sim->kind->modes,
                            .enable = log_enable,
                            .disable = log_disable,
                            .get = log_get,
                            .clear = log_clear };
  g_mutex_init (&log->lock);
  g_cond_init (&log->room);
  log->bits = g_new (SimBits, sim->n_regions);
  for (guint i = 0; i < sim->n_regions; i++) {
    guint64 words = GDW_BITMAP_WORDS (sim_pages (sim, i));

    log->bits[i] = (SimBits){ bits_new (words), bits_new (words), words };
  }
  if (sim->kind->ring_entries)
    init_rings (sim);
  sim->log = sim->kind->modes ? &log->log : NULL;
}

void
sim_log_clear (Sim *sim)
{
  struct SimLog *log = sim->private;

  for (guint i = 0; i < sim->n_regions; i++) {
    munmap (log->bits[i].logged, log->bits[i].words * 8);
    munmap (log->bits[i].open, log->bits[i].words * 8);
  }
  for (guint i = 0; i < log->log.n_rings; i++)
    g_free (log->log.rings[i].entries);
  g_free (log->log.rings);
  g_free (log->rings);
  g_free (log->bits);
  g_cond_clear (&log->room);
  g_mutex_clear (&log->lock);
  g_free (log);
}

guint32
sim_mode (const Sim *sim)
{
  return __atomic_load_n (&sim->private->mode, __ATOMIC_SEQ_CST);
}

gboolean
sim_has_room (const Sim *sim, guint vcpu)
{
  const SimRing *ring = sim->private->rings ? &sim->private->rings[vcpu] : NULL;
  guint32 n = sim->kind->ring_entries;

  return !ring || __atomic_load_n (&ring->pushed, __ATOMIC_SEQ_CST) -
                          __atomic_load_n (&ring->given_back, __ATOMIC_SEQ_CST) <
                      n - RESERVED (n);
}

void
sim_log_await_room (Sim *sim, guint vcpu)
{
  struct SimLog *log = sim->private;

  while (sim->schedule && !sim_has_room (sim, vcpu))
    schedule_point (sim->schedule);
  g_mutex_lock (&log->lock);
  while (!sim_has_room (sim, vcpu))
    g_cond_wait (&log->room, &log->lock);
  g_mutex_unlock (&log->lock);
}

static void
push (Sim *sim, guint vcpu, guint region, guint64 page)
{
  SimRing *own = &sim->private->rings[vcpu];
  GdwDirtyRing *ring = &sim->private->log.rings[vcpu];
  GdwDirtyEntry *entry = &ring->entries[own->pushed & (ring->n_entries - 1)];
  guint64 half = sim_pages (sim, region) / 2;

  entry->slot = SLOT_OF (region, page >= half);
  entry->offset = page >= half ? page - half : page;
  __atomic_fetch_add (&own->pushed, 1, __ATOMIC_SEQ_CST);
  schedule_point (sim->schedule);
  __atomic_store_n (&entry->flags, GDW_DIRTY_ENTRY_DIRTY, __ATOMIC_RELEASE);
}

void
sim_log_mark (Sim *sim, guint vcpu, guint region, guint64 page)
{
  SimBits *bits = &sim->private->bits[region];
  guint64 bit = G_GUINT64_CONSTANT (1) << page % 64;
  guint32 mode = sim_mode (sim);

  if (!mode || (__atomic_fetch_or (&bits->open[page / 64], bit, __ATOMIC_SEQ_CST) & bit))
    return;
  schedule_point (sim->schedule);
  if (mode & GDW_DIRTY_LOG_RING)
    push (sim, vcpu, region, page);
  else
    __atomic_fetch_or (&bits->logged[page / 64], bit, __ATOMIC_SEQ_CST);
}
