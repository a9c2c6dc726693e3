/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "plugins/module.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <godwit/error.h>
#include <godwit/filter.h>
#include <godwit/tracker.h>
#include <godwit/transport.h>
#include <gmodule.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/module-file.h"
#include <godwit/query.h>
#include "plugins/options.h"
#include "plugins/trust.h"

typedef union {
  GdwPlugin plugin;
  GdwTracker tracker;
  GdwTransport transport;
  GdwFilter filter;
} Any;

typedef struct {
  gsize offset;
  const char *name;
} Callback;

#define CALLBACK(type, member)                                                                 \
  {                                                                                            \
    G_STRUCT_OFFSET (type, member), #member                                                    \
  }

static const Callback tracker_required[] = {
  CALLBACK (GdwTracker, open),    CALLBACK (GdwTracker, close), CALLBACK (GdwTracker, start),
  CALLBACK (GdwTracker, collect), CALLBACK (GdwTracker, stop),  { 0, NULL },
};

static const Callback transport_required[] = {
  CALLBACK (GdwTransport, open),
  CALLBACK (GdwTransport, close),
  CALLBACK (GdwTransport, listen),
  CALLBACK (GdwTransport, accept),
  CALLBACK (GdwTransport, connect),
  CALLBACK (GdwTransport, read),
  CALLBACK (GdwTransport, write),
  CALLBACK (GdwTransport, close_link),
  { 0, NULL },
};

static const Callback filter_required[] = {
  CALLBACK (GdwFilter, open),
  CALLBACK (GdwFilter, close),
  CALLBACK (GdwFilter, link_open),
  CALLBACK (GdwFilter, link_close),
  { 0, NULL },
};

static gboolean G_GNUC_PRINTF (2, 3) fail (GError **error, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, GDW_ERROR, GDW_ERROR_PLUGIN, text);
  return FALSE;
}

static gsize
struct_size (guint kind)
{
  switch (kind) {
  case GDW_PLUGIN_TRACKER:
    return sizeof (GdwTracker);
  case GDW_PLUGIN_TRANSPORT:
    return sizeof (GdwTransport);
  default:
    return sizeof (GdwFilter);
  }
}

static gboolean
check_callbacks (const GdwPlugin *plugin, const Callback *required, GError **error)
{
  for (guint i = 0; required[i].name; i++) {
    gpointer callback;

    memcpy (&callback, (const guint8 *) plugin + required[i].offset, sizeof callback);
    if (!callback)
      return fail (error, "it has no %s, which every %s needs", required[i].name,
                   gdw_plugin_kind (plugin->kind));
  }
  return TRUE;
}

/* The callbacks are useful only together. */
static gboolean
check_holds_writes (const GdwTracker *tracker, GError **error)
{
  gboolean holds = (tracker->traits & GDW_TRACKER_HOLDS_WRITES) != 0;
  guint n = (tracker->protect != NULL) + (tracker->next_fault != NULL) +
            (tracker->release != NULL);

  if (n == (holds ? 3 : 0))
    return TRUE;
  return fail (error,
               "it has %u of protect, next_fault and release, and its traits %s that it holds "
               "writes; offer everything or nothing",
               n, holds ? "say" : "do not say");
}

static gboolean
check_tracker (const GdwTracker *tracker, GError **error)
{
  guint32 both = GDW_TRACKER_REARMS_AT_COLLECT | GDW_TRACKER_REARMS_AT_REARM;
  gboolean at_rearm = (tracker->traits & GDW_TRACKER_REARMS_AT_REARM) != 0;

  if (!check_callbacks (&tracker->plugin, tracker_required, error))
    return FALSE;
  if ((tracker->traits & both) == 0 || (tracker->traits & both) == both)
    return fail (error, "its traits must say either re-arms at collect or re-arms at rearm");
  if (at_rearm != (tracker->rearm != NULL))
    return fail (error, "its traits say that it re-arms at %s, but it has %s rearm",
                 at_rearm ? "rearm" : "collect", at_rearm ? "no" : "a");
  return check_holds_writes (tracker, error);
}

static gboolean
check_descriptors (const GdwTransport *transport, GError **error)
{
  guint32 needed = GDW_TRANSPORT_TWO_WAY | GDW_TRANSPORT_SAME_HOST;

  if (!transport->send_fds && !transport->receive_fds)
    return TRUE;
  if (!transport->send_fds || !transport->receive_fds)
    return fail (error, "it has one of send_fds and receive_fds; offer both or none");
  if ((transport->traits & needed) != needed)
    return fail (error, "it has send_fds, but its traits do not say that it is two-way and of "
                        "the same host");
  return TRUE;
}

static gboolean
check_transport (const GdwTransport *transport, GError **error)
{
  if (!check_callbacks (&transport->plugin, transport_required, error))
    return FALSE;
  if (transport->max_links < 1 || transport->max_links > 255)
    return fail (error, "its max_links is %u, not 1 to 255", transport->max_links);
  if (transport->remark && !transport->publish)
    return fail (error, "it has remark, but no publish to speak of; leave it out");
  return check_descriptors (transport, error);
}

gboolean
gdw_module_check (const GdwPlugin *plugin, GError **error)
{
  switch (plugin->kind) {
  case GDW_PLUGIN_TRACKER:
    return check_tracker ((const GdwTracker *) plugin, error);
  case GDW_PLUGIN_TRANSPORT:
    return check_transport ((const GdwTransport *) plugin, error);
  default:
    return check_callbacks (plugin, filter_required, error);
  }
}

/* Returns the struct in the module, and how many of its bytes exist. */
static const GdwPlugin *
find_symbol (const char *file, gsize *size, GError **error)
{
  GModule *module = g_module_open (file, G_MODULE_BIND_LOCAL);
  const ElfW (Sym) *symbol = NULL;
  gpointer found = NULL;
  Dl_info info;

  if (!module) {
    fail (error, "%s", g_module_error ());
    return NULL;
  }
  g_module_make_resident (module);
  if (!g_module_symbol (module, "gdw_plugin", &found)) {
    fail (error, "it does not export gdw_plugin; use GDW_DEFINE_TRACKER, GDW_DEFINE_TRANSPORT "
                 "or GDW_DEFINE_FILTER");
    return NULL;
  }
  if (dladdr1 (found, &info, (void **) &symbol, RTLD_DL_SYMENT) == 0 || !symbol ||
      ELF64_ST_TYPE (symbol->st_info) != STT_OBJECT) {
    fail (error, "its gdw_plugin is not a struct");
    return NULL;
  }
  *size = symbol->st_size;
  return found;
}

static gboolean
check_head (const GdwPlugin *head, gsize symbol_size, guint kind, const char *name,
            GError **error)
{
  if (symbol_size < sizeof (GdwPlugin) || head->size < sizeof (GdwPlugin))
    return fail (error, "its struct has %" G_GSIZE_FORMAT " bytes, the head alone %zu",
                 MIN (symbol_size, head->size), sizeof (GdwPlugin));
  if (head->abi < GDW_ABI_OLDEST || head->abi > GDW_ABI)
    return fail (error,
                 "it was built for plugin ABI %u, this godwit has %u to %u; build it again",
                 head->abi, (guint) GDW_ABI_OLDEST, (guint) GDW_ABI);
  if (head->size > symbol_size)
    return fail (error,
                 "its struct says %" G_GSIZE_FORMAT " bytes, but there are %" G_GSIZE_FORMAT,
                 head->size, symbol_size);
  if (head->option_size < sizeof (GdwOption))
    return fail (error, "its options have %" G_GSIZE_FORMAT " bytes each, not %zu",
                 head->option_size, sizeof (GdwOption));
  if (!head->name || head->kind != kind || strcmp (head->name, name) != 0)
    return fail (error, "it says that it is %s '%s', its file name says %s '%s'",
                 gdw_plugin_kind (head->kind) ? gdw_plugin_kind (head->kind)
                                              : "a nameless kind",
                 head->name ? head->name : "", gdw_plugin_kind (kind), name);
  return TRUE;
}

/* Copies the options into an array of the current stride, so that readers need not know
 * another. */
static GdwOption *
copy_options (const GdwPlugin *head)
{
  const guint8 *from = (const guint8 *) head->options;
  GArray *options = g_array_new (TRUE, TRUE, sizeof (GdwOption));

  for (; ((const GdwOption *) from)->name; from += head->option_size)
    g_array_append_vals (options, from, 1);
  return (GdwOption *) g_array_free (options, FALSE);
}

static GdwPlugin *
copy_plugin (const GdwPlugin *head)
{
  Any *copy = g_new0 (Any, 1);

  memcpy (copy, head, MIN (head->size, struct_size (head->kind)));
  copy->plugin.options = head->options ? copy_options (head) : NULL;
  copy->plugin.option_size = sizeof (GdwOption);
  return &copy->plugin;
}

static GdwPlugin *
load (const char *file, guint kind, const char *name, GError **error)
{
  gsize symbol_size = 0;
  g_autofree char *real = realpath (file, NULL);
  const GdwPlugin *head;
  GdwPlugin *plugin;

  if (!real) {
    fail (error, "%s", g_strerror (errno));
    return NULL;
  }
  if (!gdw_trust_path (real, 2, error)) {
    g_prefix_error (error, "it is refused: ");
    return NULL;
  }
  if (!gdw_module_file_check (real, error) ||
      !(head = find_symbol (real, &symbol_size, error)) ||
      !check_head (head, symbol_size, kind, name, error))
    return NULL;
  plugin = copy_plugin (head);
  if (gdw_module_check (plugin, error) && gdw_options_check (plugin, error))
    return plugin;
  gdw_module_free (plugin);
  return NULL;
}

GdwPlugin *
gdw_module_load (const char *file, guint kind, const char *name, GError **error)
{
  GdwPlugin *plugin = load (file, kind, name, error);

  if (!plugin)
    g_prefix_error (error, "%s '%s': load of '%s' failed: ", gdw_plugin_kind (kind), name,
                    file);
  return plugin;
}

void
gdw_module_free (GdwPlugin *plugin)
{
  if (plugin)
    g_free ((gpointer) plugin->options);
  g_free (plugin);
}
