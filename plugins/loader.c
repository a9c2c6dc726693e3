/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "plugins/loader.h"

#include <errno.h>
#include <godwit/error.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <godwit/query.h>
#include "plugins/module.h"
#include "plugins/trust.h"

/* One folder of the search path. */
typedef struct {
  char *path;      /* absolute, without symbolic links */
  GError *refused; /* why nothing in it may be loaded, or NULL */
} Folder;

struct GdwPlugins {
  GPtrArray *folders;  /* Folder, in search order */
  GHashTable *by_hand; /* file name -> its path: loaded by gdw_plugins_load */
  GPtrArray *warnings; /* char * */
  GHashTable *loaded;  /* file name -> GdwPlugin; without failures, which a user may repair */
};

static void
folder_free (gpointer data)
{
  Folder *folder = data;

  g_free (folder->path);
  g_clear_error (&folder->refused);
  g_free (folder);
}

static void G_GNUC_PRINTF (2, 3) warn (GdwPlugins *plugins, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (!g_ptr_array_find_with_equal_func (plugins->warnings, text, g_str_equal, NULL))
    g_ptr_array_add (plugins->warnings, g_steal_pointer (&text));
}

static gboolean
is_searched (GdwPlugins *plugins, const char *path)
{
  for (guint i = 0; i < plugins->folders->len; i++) {
    const Folder *folder = g_ptr_array_index (plugins->folders, i);

    if (strcmp (folder->path, path) == 0)
      return TRUE;
  }
  return FALSE;
}

static void
add_folder (GdwPlugins *plugins, const char *name, gboolean given)
{
  g_autofree char *path = realpath (name, NULL);
  Folder *folder;

  if (!path) {
    if (given)
      warn (plugins, "plugin folder '%s': search failed: %s; check the plugin path", name,
            g_strerror (errno));
    return;
  }
  if (is_searched (plugins, path))
    return;
  folder = g_new0 (Folder, 1);
  folder->path = g_steal_pointer (&path);
  if (!gdw_trust_path (folder->path, 1, &folder->refused))
    warn (plugins, "plugin folder '%s': search failed: it is refused: %s", folder->path,
          folder->refused->message);
  g_ptr_array_add (plugins->folders, folder);
}

static void
add_folders (GdwPlugins *plugins, const char *path)
{
  g_auto (GStrv) names = g_strsplit (path ? path : "", ":", -1);

  for (guint i = 0; names[i]; i++) {
    if (*names[i])
      add_folder (plugins, names[i], TRUE);
  }
}

GdwPlugins *
gdw_plugins_new (const char *path)
{
  GdwPlugins *plugins = g_new0 (GdwPlugins, 1);

  plugins->folders = g_ptr_array_new_with_free_func (folder_free);
  plugins->warnings = g_ptr_array_new_with_free_func (g_free);
  plugins->by_hand = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  plugins->loaded = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify) gdw_module_free);
  add_folders (plugins, path);
  add_folders (plugins, g_getenv ("GODWIT_PLUGIN_PATH"));
  add_folder (plugins, GDW_PLUGIN_DIR, FALSE);
  return plugins;
}

void
gdw_plugins_free (GdwPlugins *plugins)
{
  if (!plugins)
    return;
  g_hash_table_unref (plugins->loaded);
  g_hash_table_unref (plugins->by_hand);
  g_ptr_array_unref (plugins->warnings);
  g_ptr_array_unref (plugins->folders);
  g_free (plugins);
}

const GPtrArray *
gdw_plugins_warnings (GdwPlugins *plugins)
{
  return plugins->warnings;
}

/* Returns the first module @base and its folder (NULL if it was loaded by hand), or NULL.  A
 * module in a refused folder counts only if there is no other. */
static char *
choose (GdwPlugins *plugins, const char *base, const Folder **where)
{
  g_autofree char *first = g_strdup (g_hash_table_lookup (plugins->by_hand, base));

  *where = NULL;
  if (first)
    return g_steal_pointer (&first);
  for (guint i = 0; i < plugins->folders->len; i++) {
    const Folder *folder = g_ptr_array_index (plugins->folders, i);
    g_autofree char *file = g_build_filename (folder->path, base, NULL);
    struct stat st;

    if (lstat (file, &st) != 0)
      continue;
    if (!*where || ((*where)->refused && !folder->refused)) {
      *where = folder;
      g_free (g_steal_pointer (&first));
      first = g_steal_pointer (&file);
    } else if (!folder->refused) {
      warn (plugins, "plugin '%s' hides '%s'; remove one of them", first, file);
    }
  }
  return g_steal_pointer (&first);
}

static gboolean
name_is_valid (const char *name)
{
  return *name && strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen (name);
}

/* Splits a file name into the kind and the name (free with g_free); NULL if it has none. */
static char *
split_base (const char *base, guint *kind)
{
  for (*kind = 1; gdw_plugin_kind (*kind); (*kind)++) {
    g_autofree char *prefix = g_strdup_printf ("gdw-%s-", gdw_plugin_kind (*kind));
    g_autofree char *name = NULL;

    if (!g_str_has_prefix (base, prefix) || !g_str_has_suffix (base, ".so"))
      continue;
    name = g_strndup (base + strlen (prefix), strlen (base) - strlen (prefix) - strlen (".so"));
    return name_is_valid (name) ? g_steal_pointer (&name) : NULL;
  }
  return NULL;
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Lists all names of a kind in the folders, usable or not, as "a, b, c". */
static char *
names_of (GdwPlugins *plugins, guint kind)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < plugins->folders->len; i++) {
    const Folder *folder = g_ptr_array_index (plugins->folders, i);
    g_autoptr (GDir) dir = g_dir_open (folder->path, 0, NULL);
    const char *base;

    while (dir && (base = g_dir_read_name (dir))) {
      guint is = 0;
      g_autofree char *name = split_base (base, &is);

      if (name && is == kind &&
          !g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
        g_ptr_array_add (names, g_steal_pointer (&name));
    }
  }
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (", ", (char **) names->pdata);
}

static GError *
not_found (GdwPlugins *plugins, guint kind, const char *name)
{
  g_autoptr (GString) places = g_string_new (NULL);
  g_autofree char *others = names_of (plugins, kind);

  for (guint i = 0; i < plugins->folders->len; i++) {
    const Folder *folder = g_ptr_array_index (plugins->folders, i);

    g_string_append_printf (places, "%s%s", i ? ":" : "", folder->path);
  }
  return g_error_new (
      GDW_ERROR, GDW_ERROR_NOT_FOUND,
      "%s '%s': load failed: there is no gdw-%s-%s.so in %s; %s%s%s the plugin path",
      gdw_plugin_kind (kind), name, gdw_plugin_kind (kind), name,
      places->len ? places->str : "the plugin path, which has no folder",
      *others ? "use one of " : "check the name and", others, *others ? ", or check" : "");
}

static const GdwPlugin *
load (GdwPlugins *plugins, const Folder *folder, const char *file, guint kind, const char *name,
      GError **error)
{
  GdwPlugin *plugin = g_hash_table_lookup (plugins->loaded, file);

  if (plugin)
    return plugin;
  if (folder && folder->refused) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "%s '%s': load of '%s' failed: its folder is refused: %s",
                 gdw_plugin_kind (kind), name, file, folder->refused->message);
    return NULL;
  }
  plugin = gdw_module_load (file, kind, name, error);
  if (plugin)
    g_hash_table_insert (plugins->loaded, g_strdup (file), plugin);
  return plugin;
}

const GdwPlugin *
gdw_plugins_find (GdwPlugins *plugins, guint kind, const char *name, GError **error)
{
  g_autofree char *base = NULL, *file = NULL;
  const Folder *folder = NULL;

  if (name_is_valid (name)) {
    base = g_strdup_printf ("gdw-%s-%s.so", gdw_plugin_kind (kind), name);
    file = choose (plugins, base, &folder);
  }
  if (!file) {
    g_propagate_error (error, not_found (plugins, kind, name));
    return NULL;
  }
  return load (plugins, folder, file, kind, name, error);
}

static GdwPluginInfo *
describe (GdwPlugins *plugins, const char *base, guint kind, char *name)
{
  GdwPluginInfo *info = g_new0 (GdwPluginInfo, 1);
  g_autoptr (GError) error = NULL;
  const Folder *folder = NULL;

  info->kind = kind;
  info->name = name;
  info->file = choose (plugins, base, &folder);
  if (info->file)
    info->plugin = load (plugins, folder, info->file, kind, name, &error);
  else
    error = not_found (plugins, kind, name);
  if (!info->plugin)
    info->why = g_strdup (error->message);
  return info;
}

void
gdw_plugin_info_free (GdwPluginInfo *info)
{
  g_free (info->name);
  g_free (info->file);
  g_free (info->why);
  g_free (info);
}

static gint
compare_info (gconstpointer a, gconstpointer b)
{
  const GdwPluginInfo *x = *(const GdwPluginInfo *const *) a;
  const GdwPluginInfo *y = *(const GdwPluginInfo *const *) b;

  return x->kind != y->kind ? (x->kind > y->kind) - (x->kind < y->kind)
                            : strcmp (x->name, y->name);
}

/* Returns the path without symbolic links, if nobody else can change the file. */
static char *
trusted_file (const char *file, GError **error)
{
  g_autofree char *path = g_path_is_absolute (file) ? realpath (file, NULL) : NULL;
  g_autofree char *folder = path ? g_path_get_dirname (path) : NULL;

  if (!path) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_NOT_FOUND, "plugin '%s': load failed: %s", file,
                 g_path_is_absolute (file) ? "there is no such file; check its name"
                                           : "it is not an absolute path; write it from / on");
    return NULL;
  }
  if (gdw_trust_path (folder, 1, error))
    return g_steal_pointer (&path);
  g_prefix_error (error, "plugin '%s': load failed: its folder is refused: ", file);
  return NULL;
}

/* Returns the path of another usable module with that name, or NULL. */
static char *
find_rival (GdwPlugins *plugins, const char *base, const char *path)
{
  const Folder *folder = NULL;
  g_autofree char *there = choose (plugins, base, &folder);
  g_autofree char *real = there && !(folder && folder->refused) ? realpath (there, NULL) : NULL;

  return real && strcmp (real, path) != 0 ? g_steal_pointer (&real) : NULL;
}

GdwPluginInfo *
gdw_plugins_load (GdwPlugins *plugins, const char *file, GError **error)
{
  g_autofree char *path = trusted_file (file, error);
  g_autofree char *base = g_path_get_basename (file);
  g_autoptr (GdwPluginInfo) info = g_new0 (GdwPluginInfo, 1);
  g_autofree char *rival = NULL;

  if (!path)
    return NULL;
  info->name = split_base (base, &info->kind);
  if (!info->name) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "plugin '%s': load failed: its name has no kind and name; call it "
                 "gdw-tracker-NAME.so, gdw-transport-NAME.so or gdw-filter-NAME.so",
                 file);
    return NULL;
  }
  if ((rival = find_rival (plugins, base, path))) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY,
                 "plugin '%s': load failed: '%s' has that name already; give one of them "
                 "another",
                 file, rival);
    return NULL;
  }
  info->plugin = load (plugins, NULL, path, info->kind, info->name, error);
  if (!info->plugin)
    return NULL;
  info->file = g_strdup (path);
  g_hash_table_replace (plugins->by_hand, g_strdup (base), g_strdup (path));
  return g_steal_pointer (&info);
}

static void
list_by_hand (GdwPlugins *plugins, GHashTable *seen, GPtrArray *list)
{
  GHashTableIter iter;
  gpointer base;

  g_hash_table_iter_init (&iter, plugins->by_hand);
  while (g_hash_table_iter_next (&iter, &base, NULL)) {
    guint kind;
    char *name = split_base (base, &kind);

    g_hash_table_add (seen, g_strdup (base));
    g_ptr_array_add (list, describe (plugins, base, kind, name));
  }
}

static gboolean
list_folder (GdwPlugins *plugins, const Folder *folder, GHashTable *seen, GPtrArray *list,
             GError **error)
{
  g_autoptr (GError) why = NULL;
  GDir *dir = g_dir_open (folder->path, 0, &why);
  const char *base;

  if (g_error_matches (why, G_FILE_ERROR, G_FILE_ERROR_MFILE) ||
      g_error_matches (why, G_FILE_ERROR, G_FILE_ERROR_NFILE)) {
    g_set_error (
        error, GDW_ERROR, GDW_ERROR_EXHAUSTED,
        "plugin folder '%s': search failed: no descriptor is left: %s; raise the limit "
        "of open files",
        folder->path, g_strerror (why->code == G_FILE_ERROR_MFILE ? EMFILE : ENFILE));
    return FALSE;
  }

  while (dir && (base = g_dir_read_name (dir))) {
    guint kind;
    char *name = split_base (base, &kind);

    if (name && g_hash_table_add (seen, g_strdup (base)))
      g_ptr_array_add (list, describe (plugins, base, kind, name));
    else
      g_free (name);
  }
  if (dir)
    g_dir_close (dir);
  return TRUE;
}

GPtrArray *
gdw_plugins_list (GdwPlugins *plugins, GError **error)
{
  g_autoptr (GPtrArray)
      list = g_ptr_array_new_with_free_func ((GDestroyNotify) gdw_plugin_info_free);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  list_by_hand (plugins, seen, list);
  for (guint i = 0; i < plugins->folders->len; i++)
    if (!list_folder (plugins, g_ptr_array_index (plugins->folders, i), seen, list, error))
      return NULL;
  g_ptr_array_sort (list, compare_info);
  return g_steal_pointer (&list);
}
