/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Filters of another age: the struct ends early, or has more than this godwit knows. */

#include <godwit/filter.h>

#ifdef OLD
/* As if shutdown, write and read had been added later. */
#define SIZE G_STRUCT_OFFSET (GdwFilter, read)
#else
#define SIZE sizeof (Later)
#endif

typedef struct {
  GdwFilter filter;
  gpointer added[8];
} Later;

/* Options that have grown too. */
typedef struct {
  GdwOption option;
  gpointer added;
} LaterOption;

static gpointer
age_open (const GdwFilterConfig *config, GError **error)
{
  return g_new0 (int, 1);
}

static void
age_close (gpointer self)
{
  g_free (self);
}

static gpointer
age_link_open (gpointer self, gboolean incoming, GCancellable *cancellable, GError **error)
{
  return g_new0 (int, 1);
}

static const LaterOption options[] = {
  { .option = { .name = "one", .type = GDW_OPTION_UINT, .default_value = "1" },
    .added = (gpointer) 1 },
  { .option = { .name = "two", .type = GDW_OPTION_UINT, .default_value = "2" },
    .added = (gpointer) 1 },
  { .option = { 0 } },
};

GDW_EXPORT extern const Later gdw_plugin;

const Later gdw_plugin = {
  .filter = { .plugin = { .size = SIZE,
                          .abi = GDW_ABI,
                          .kind = GDW_PLUGIN_FILTER,
                          .option_size = sizeof (LaterOption),
                          .name = NAME,
                          .summary = "for the tests of the loader",
                          .options = &options[0].option },
              .open = age_open,
              .close = age_close,
              .link_open = age_link_open,
              .link_close = age_close,
#ifdef OLD
              /* The loader must not look behind the declared size. */
              .read = (gssize (*) (gpointer, const GdwNext *, const struct iovec *, guint,
                                   GCancellable *, GError **)) 1,
#endif
  },
  .added = { (gpointer) 1 },
};
