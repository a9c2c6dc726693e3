/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>
#include <limits.h>
#include <string.h>

#include "plugins/guard.h"
#include <godwit/query.h>
#include "plugins/stack-private.h"

/* One layer of a link, which the filter above it or the user of the link calls.  Level 0 is the
 * transport, level i the i-th filter. */
typedef struct {
  GdwNext next; /* must be first: what this level's filter gets for the level below */
  GdwLink *link;
  guint level;
  gpointer state; /* of the transport's link, or of the filter on this link */
  gint reading, writing;
} Level;

struct GdwLink {
  GdwStack *stack;
  Level *levels; /* stack->n_filters + 1 */
  guint64 received;
  gint64 received_us;
};

static gssize level_read (Level *level, const struct iovec *iov, guint n,
                          GCancellable *cancellable, GError **error);
static gssize level_write (Level *level, const struct iovec *iov, guint n,
                           GCancellable *cancellable, GError **error);
static gboolean level_shutdown (Level *level, GError **error);

static const GdwPlugin *
plugin_of (const Level *level)
{
  const GdwStack *stack = level->link->stack;

  return level->level == 0 ? &stack->transport->plugin
                           : &stack->filters[level->level - 1].filter->plugin;
}

static Level *
below (const GdwNext *next)
{
  const Level *level = (const Level *) next;

  return &level->link->levels[level->level - 1];
}

static gssize
next_read (const GdwNext *next, const struct iovec *iov, guint n, GCancellable *cancellable,
           GError **error)
{
  return level_read (below (next), iov, n, cancellable, error);
}

static gssize
next_write (const GdwNext *next, const struct iovec *iov, guint n, GCancellable *cancellable,
            GError **error)
{
  return level_write (below (next), iov, n, cancellable, error);
}

static gboolean
next_shutdown (const GdwNext *next, GError **error)
{
  return level_shutdown (below (next), error);
}

GdwLink *
gdw_link_new (GdwStack *stack)
{
  GdwLink *link = g_new0 (GdwLink, 1);

  link->stack = stack;
  link->levels = g_new0 (Level, stack->n_filters + 1);
  for (guint i = 0; i <= stack->n_filters; i++) {
    Level *level = &link->levels[i];

    level->link = link;
    level->level = i;
    level->next.size = sizeof level->next;
    level->next.read = next_read;
    level->next.write = next_write;
    level->next.shutdown = next_shutdown;
  }
  g_atomic_int_inc (&stack->links);
  return link;
}

void
gdw_link_set_transport (GdwLink *link, gpointer transport_link)
{
  link->levels[0].state = transport_link;
}

gboolean
gdw_link_open_filters (GdwLink *link, gboolean incoming, GCancellable *cancellable,
                       GError **error)
{
  for (guint i = 0; i < link->stack->n_filters; i++) {
    const GdwStackFilter *use = &link->stack->filters[i];
    GError *failure = NULL;
    gpointer state = use->filter->link_open (use->self, incoming, cancellable, &failure);

    link->levels[i + 1].state = state;
    if (!gdw_guard_result (&use->filter->plugin, "link_open", state != NULL, failure, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
gdw_link_handshake (GdwLink *link, GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < link->stack->n_filters; i++) {
    const GdwFilter *filter = link->stack->filters[i].filter;
    Level *level = &link->levels[i + 1];
    GError *failure = NULL;
    gboolean ok;

    if (!filter->handshake)
      continue;
    if (g_cancellable_set_error_if_cancelled (cancellable, error))
      return FALSE;
    ok = filter->handshake (level->state, &level->next, cancellable, &failure);
    if (!gdw_guard_result (&filter->plugin, "handshake", ok, failure, error))
      return FALSE;
  }
  return TRUE;
}

static void
close_level (Level *level)
{
  const GdwStack *stack = level->link->stack;
  const GdwPlugin *plugin = plugin_of (level);

  if (g_atomic_int_get (&level->reading) || g_atomic_int_get (&level->writing))
    g_critical ("%s '%s': close failed: a read or write of the link is still running",
                gdw_plugin_kind (plugin->kind), plugin->name);
  if (!level->state)
    return;
  if (level->level == 0)
    stack->transport->close_link (level->state);
  else
    stack->filters[level->level - 1].filter->link_close (level->state);
}

void
gdw_link_close (GdwLink *link)
{
  GdwStack *stack;

  if (!link)
    return;
  stack = link->stack;
  /* Closes the top first, because a filter may still pass on bytes that it kept. */
  for (guint i = stack->n_filters + 1; i > 0; i--)
    close_level (&link->levels[i - 1]);
  g_free (link->levels);
  g_free (link);
  g_atomic_int_add (&stack->links, -1);
}

/* Checks the arguments against the contract: open, 1..IOV_MAX vectors, none empty. */
static gboolean
check_call (Level *level, const char *what, const struct iovec *iov, guint n, gsize *total,
            GError **error)
{
  gboolean ok = n >= 1 && n <= IOV_MAX && level->state;

  *total = 0;
  for (guint i = 0; ok && i < n; i++) {
    ok = iov[i].iov_len > 0;
    *total += iov[i].iov_len;
  }
  if (!ok)
    g_set_error (error, GDW_ERROR, GDW_ERROR_PLUGIN,
                 "%s '%s': %s failed: called with %u vectors, an empty one, or before the link "
                 "is open; this is a fault of the caller",
                 gdw_plugin_kind (plugin_of (level)->kind), plugin_of (level)->name, what, n);
  return ok;
}

static gssize
check_count (Level *level, const char *what, gssize count, gsize least, gsize most,
             GError *failure, GError **error)
{
  const GdwPlugin *plugin = plugin_of (level);

  if (!gdw_guard_result (plugin, what, count >= 0, failure, error))
    return -1;
  if ((gsize) count >= least && (gsize) count <= most)
    return count;
  g_set_error (error, GDW_ERROR, GDW_ERROR_PLUGIN,
               "%s '%s': %s failed: it gave %" G_GSSIZE_FORMAT " of %" G_GSIZE_FORMAT
               " bytes; this is a fault of the plugin",
               gdw_plugin_kind (plugin->kind), plugin->name, what, count, most);
  return -1;
}

/* Returns the level that has the callback: a filter without it passes through. */
static Level *
with_read (Level *level)
{
  while (level->level > 0 && !level->link->stack->filters[level->level - 1].filter->read)
    level--;
  return level;
}

static Level *
with_write (Level *level)
{
  while (level->level > 0 && !level->link->stack->filters[level->level - 1].filter->write)
    level--;
  return level;
}

static gssize
level_read (Level *top, const struct iovec *iov, guint n, GCancellable *cancellable,
            GError **error)
{
  Level *level = with_read (top);
  const GdwStack *stack = level->link->stack;
  GError *failure = NULL;
  gsize total;
  gssize count;

  if (!check_call (level, "read", iov, n, &total, error) ||
      !gdw_guard_enter (plugin_of (level), "read", &level->reading, error))
    return -1;
  if (level->level == 0)
    count = stack->transport->read (level->state, iov, n, cancellable, &failure);
  else
    count = stack->filters[level->level - 1].filter->read (level->state, &level->next, iov, n,
                                                           cancellable, &failure);
  g_atomic_int_set (&level->reading, 0);
  return check_count (level, "read", count, 0, total, failure, error);
}

static gssize
level_write (Level *top, const struct iovec *iov, guint n, GCancellable *cancellable,
             GError **error)
{
  Level *level = with_write (top);
  const GdwStack *stack = level->link->stack;
  GError *failure = NULL;
  gsize total;
  gssize count;

  if (!check_call (level, "write", iov, n, &total, error) ||
      !gdw_guard_enter (plugin_of (level), "write", &level->writing, error))
    return -1;
  if (level->level == 0)
    count = stack->transport->write (level->state, iov, n, cancellable, &failure);
  else
    count = stack->filters[level->level - 1].filter->write (level->state, &level->next, iov, n,
                                                            cancellable, &failure);
  g_atomic_int_set (&level->writing, 0);
  return check_count (level, "write", count, 1, total, failure, error);
}

static gboolean
level_shutdown (Level *level, GError **error)
{
  const GdwStack *stack = level->link->stack;
  GError *failure = NULL;
  gboolean ok = TRUE;

  while (level->level > 0 && !stack->filters[level->level - 1].filter->shutdown)
    level--;
  if (level->level > 0)
    ok = stack->filters[level->level - 1].filter->shutdown (level->state, &level->next,
                                                            &failure);
  else if (stack->transport->shutdown)
    ok = stack->transport->shutdown (level->state, &failure);
  return gdw_guard_result (plugin_of (level), "shutdown", ok, failure, error);
}

/* Drops the first @count bytes and all empty vectors. */
static void
advance (struct iovec **iov, guint *n, gsize count)
{
  while (*n > 0 && count >= (*iov)[0].iov_len) {
    count -= (*iov)[0].iov_len;
    (*iov)++;
    (*n)--;
  }
  if (count > 0) {
    (*iov)[0].iov_base = (guint8 *) (*iov)[0].iov_base + count;
    (*iov)[0].iov_len -= count;
  }
}

static guint
without_empty (struct iovec *iov, guint n)
{
  guint kept = 0;

  for (guint i = 0; i < n; i++) {
    if (iov[i].iov_len > 0)
      iov[kept++] = iov[i];
  }
  return kept;
}

static Level *
top_of (GdwLink *link)
{
  return &link->levels[link->stack->n_filters];
}

static gboolean
ended (GdwLink *link, gboolean midway, GError **error)
{
  const GdwPlugin *plugin = &link->stack->transport->plugin;

  if (midway)
    g_set_error (error, GDW_ERROR, GDW_ERROR_IO,
                 "transport '%s': read failed: the peer ended the link in the middle of a "
                 "message; see the log of the peer",
                 plugin->name);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                 "transport '%s': read failed: the peer ended the link", plugin->name);
  return FALSE;
}

gboolean
gdw_link_read (GdwLink *link, struct iovec *iov, guint n, GCancellable *cancellable,
               GError **error)
{
  gboolean midway = FALSE;

  n = without_empty (iov, n);
  while (n > 0) {
    gssize count;

    if (g_cancellable_set_error_if_cancelled (cancellable, error))
      return FALSE;
    count = level_read (top_of (link), iov, MIN (n, IOV_MAX), cancellable, error);
    if (count < 0)
      return FALSE;
    if (count == 0)
      return ended (link, midway, error);
    midway = TRUE;
    __atomic_fetch_add (&link->received, (guint64) count, __ATOMIC_RELAXED);
    __atomic_store_n (&link->received_us, g_get_monotonic_time (), __ATOMIC_RELAXED);
    advance (&iov, &n, (gsize) count);
  }
  return TRUE;
}

gboolean
gdw_link_write (GdwLink *link, struct iovec *iov, guint n, GCancellable *cancellable,
                GError **error)
{
  n = without_empty (iov, n);
  while (n > 0) {
    gssize count;

    if (g_cancellable_set_error_if_cancelled (cancellable, error))
      return FALSE;
    count = level_write (top_of (link), iov, MIN (n, IOV_MAX), cancellable, error);
    if (count < 0)
      return FALSE;
    advance (&iov, &n, (gsize) count);
  }
  return TRUE;
}

guint64
gdw_link_received (GdwLink *link, gint64 *last_us)
{
  if (last_us)
    *last_us = __atomic_load_n (&link->received_us, __ATOMIC_RELAXED);
  return __atomic_load_n (&link->received, __ATOMIC_RELAXED);
}

void
gdw_link_shutdown (GdwLink *link)
{
  level_shutdown (top_of (link), NULL);
}

typedef gboolean (*Settle) (gpointer link, GCancellable *cancellable, GError **error);

static gboolean
settle (GdwLink *link, const char *what, Settle callback, GCancellable *cancellable,
        GError **error)
{
  Level *level = &link->levels[0];
  GError *failure = NULL;
  gboolean ok;

  if (!callback)
    return TRUE;
  if (!gdw_guard_enter (plugin_of (level), what, &level->writing, error))
    return FALSE;
  ok = callback (level->state, cancellable, &failure);
  g_atomic_int_set (&level->writing, 0);
  return gdw_guard_result (plugin_of (level), what, ok, failure, error);
}

gboolean
gdw_link_sync (GdwLink *link, GCancellable *cancellable, GError **error)
{
  return settle (link, "sync", link->stack->transport->sync, cancellable, error);
}

gboolean
gdw_link_publish (GdwLink *link, GCancellable *cancellable, GError **error)
{
  return settle (link, "publish", link->stack->transport->publish, cancellable, error);
}

char *
gdw_link_remark (GdwLink *link)
{
  const GdwTransport *transport = link->stack->transport;

  return transport->remark ? transport->remark (link->levels[0].state) : NULL;
}
