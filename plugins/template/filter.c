/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/filter.h>

enum { OPTION_MOST };

typedef struct {
  gsize most; /* how many bytes one call passes on */
} Mine;

static gpointer
mine_open (const GdwFilterConfig *config, GError **error)
{
  Mine *self = g_new0 (Mine, 1);

  self->most = (gsize) config->options[OPTION_MOST].number;
  return self;
}

static void
mine_close (gpointer self)
{
  g_free (self);
}

static gpointer
mine_link_open (gpointer self, gboolean incoming, GCancellable *cancellable, GError **error)
{
  return g_memdup2 (self, sizeof (Mine));
}

static void
mine_link_close (gpointer link)
{
  g_free (link);
}

static gssize
mine_read (gpointer data, const GdwNext *next, const struct iovec *iov, guint n,
           GCancellable *cancellable, GError **error)
{
  const Mine *link = data;
  struct iovec part = { iov[0].iov_base, MIN (iov[0].iov_len, link->most) };

  return next->read (next, &part, 1, cancellable, error);
}

static gssize
mine_write (gpointer data, const GdwNext *next, const struct iovec *iov, guint n,
            GCancellable *cancellable, GError **error)
{
  const Mine *link = data;
  struct iovec part = { iov[0].iov_base, MIN (iov[0].iov_len, link->most) };

  return next->write (next, &part, 1, cancellable, error);
}

static const GdwOption mine_options[] = {
  [OPTION_MOST] = { .name = "most",
                    .type = GDW_OPTION_SIZE,
                    .default_value = "64K",
                    .min = 1,
                    .max = 1 << 30,
                    .help = "bytes that one call passes on" },
  { 0 },
};

GDW_DEFINE_FILTER (.plugin.name = "mine", .plugin.summary = "passes on a few bytes at a time",
                   .plugin.options = mine_options, .open = mine_open, .close = mine_close,
                   .link_open = mine_link_open, .link_close = mine_link_close,
                   .read = mine_read, .write = mine_write);
