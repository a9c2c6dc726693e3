/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* A filter that writes a * x + b for each byte x, so that the order of filters shows.  With
 * a = 0 it breaks its contract and hands on an empty vector, with b = 99 it refuses links.
 * Reads pass through. */

#include <godwit/error.h>
#include <godwit/filter.h>

static gpointer
affine_open (const GdwFilterConfig *config, GError **error)
{
  guint8 *self = g_new (guint8, 2);

  self[0] = (guint8) config->options[0].number;
  self[1] = (guint8) config->options[1].number;
  return self;
}

static void
affine_close (gpointer self)
{
  g_free (self);
}

static gpointer
affine_link_open (gpointer self, gboolean incoming, GCancellable *cancellable, GError **error)
{
  const guint8 *affine = self;

  if (affine[1] != 99)
    return g_memdup2 (self, 2);
  g_set_error_literal (error, GDW_ERROR, GDW_ERROR_IO, "no link for 99");
  return NULL;
}

static gssize
affine_write (gpointer link, const GdwNext *next, const struct iovec *iov, guint n,
              GCancellable *cancellable, GError **error)
{
  const guint8 *affine = link;
  guint8 byte = (guint8) (affine[0] * *(const guint8 *) iov[0].iov_base + affine[1]);
  struct iovec one = { &byte, affine[0] != 0 };

  return next->write (next, &one, 1, cancellable, error);
}

static const GdwOption affine_options[] = {
  { .name = "a", .type = GDW_OPTION_UINT, .default_value = "1" },
  { .name = "b", .type = GDW_OPTION_UINT, .default_value = "0" },
  { 0 },
};

GDW_DEFINE_FILTER (.plugin.name = "affine", .plugin.summary = "for the tests of the gate",
                   .plugin.options = affine_options, .open = affine_open, .close = affine_close,
                   .link_open = affine_link_open, .link_close = affine_close,
                   .write = affine_write);
