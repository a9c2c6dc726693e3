/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <check.h>
#include <errno.h>
#include <godwit/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <godwit/query.h>
#include "plugins/loader.h"
#include "plugins/module.h"
#include "tests/support/suite.h"

static char *folder;       /* of each test, in its own process */
static char *wrong_folder; /* the modules of tests/plugins */

static void
make_folder (void)
{
  g_autofree char *made = g_dir_make_tmp ("godwit-XXXXXX", NULL);

  ck_assert (made != NULL);
  folder = realpath (made, NULL);
  wrong_folder = g_build_filename (g_getenv ("GODWIT_BUILD"), "tests", "plugins", NULL);
  g_unsetenv ("GODWIT_PLUGIN_PATH");
}

static void
remove_tree (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *base;

  while (dir && (base = g_dir_read_name (dir))) {
    g_autofree char *inner = g_build_filename (path, base, NULL);

    remove_tree (inner);
  }
  if (dir)
    g_dir_close (dir);
  ck_assert_msg (remove (path) == 0, "%s: %s", path, g_strerror (errno));
}

static void
remove_folder (void)
{
  remove_tree (folder);
  free (folder);
  g_free (wrong_folder);
}

/* A folder below the test's with a copy of the module @base of tests/plugins in it, or
 * empty; free with g_free. */
static char *
folder_with (const char *name, const char *base)
{
  char *path = g_build_filename (folder, name, NULL);

  ck_assert (g_mkdir_with_parents (path, 0755) == 0);
  if (base) {
    g_autofree char *from = g_build_filename (wrong_folder, base, NULL);
    g_autofree char *to = g_build_filename (path, base, NULL), *bytes = NULL;
    gsize length;

    ck_assert (g_file_get_contents (from, &bytes, &length, NULL));
    ck_assert (g_file_set_contents (to, bytes, (gssize) length, NULL));
    ck_assert (chmod (to, 0755) == 0);
  }
  return path;
}

static const GdwPlugin *
find_good (GdwPlugins *plugins)
{
  GError *error = NULL;
  const GdwPlugin *plugin = gdw_plugins_find (plugins, GDW_PLUGIN_TRACKER, "good", &error);

  ck_assert_msg (plugin != NULL, "%s", error ? error->message : "no error");
  return plugin;
}

static void
expect_error (GdwPlugins *plugins, const char *name, guint code, const char *message)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!gdw_plugins_find (plugins, GDW_PLUGIN_TRACKER, name, &error));
  ck_assert_msg (strstr (error->message, message), "%s", error->message);
  ck_assert_msg (g_error_matches (error, GDW_ERROR, (int) code), "%s", error->message);
}

static const char *
only_warning (GdwPlugins *plugins)
{
  const GPtrArray *warnings = gdw_plugins_warnings (plugins);

  ck_assert_uint_eq (warnings->len, 1);
  return g_ptr_array_index (warnings, 0);
}

START_TEST (a_module_is_found_loaded_and_kept)
{
  GdwPlugins *plugins = gdw_plugins_new (wrong_folder);
  const GdwPlugin *plugin = find_good (plugins);

  ck_assert_str_eq (plugin->name, "good");
  ck_assert_uint_eq (plugin->size, sizeof (GdwTracker));
  ck_assert (((const GdwTracker *) plugin)->collect != NULL);
  ck_assert (find_good (plugins) == plugin);
  ck_assert_uint_eq (gdw_plugins_warnings (plugins)->len, 0);
  gdw_plugins_free (plugins);
}
END_TEST

static const GdwTracker *
find_tracker (GdwPlugins *plugins, const char *name)
{
  g_autoptr (GError) error = NULL;
  const GdwPlugin *plugin = gdw_plugins_find (plugins, GDW_PLUGIN_TRACKER, name, &error);

  ck_assert_msg (plugin != NULL, "%s", error ? error->message : "no error");
  return (const GdwTracker *) plugin;
}

/* A plugin loads with callbacks that core does not use yet, and without optional ones. */
START_TEST (what_is_offered_and_not_used_loads)
{
  GdwPlugins *plugins = gdw_plugins_new (wrong_folder);
  const GdwTracker *old = find_tracker (plugins, "abi-1");
  const GdwTracker *holds = find_tracker (plugins, "holds");

  ck_assert_uint_eq (old->plugin.abi, 1);
  ck_assert (!old->protect && !old->next_fault && !old->release && !old->collect_runs);
  ck_assert (holds->protect && holds->next_fault && holds->release && !holds->collect_runs);
  ck_assert (find_tracker (plugins, "runs")->collect_runs != NULL);
  gdw_plugins_free (plugins);
}
END_TEST

static gboolean
send_nothing (gpointer link, const int *fds, guint n, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static gboolean
receive_nothing (gpointer link, int *fds, guint n, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static void
expect_wrong (const GdwTransport *transport, const char *why)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!gdw_module_check (&transport->plugin, &error));
  ck_assert_msg (strstr (error->message, why) != NULL, "%s", error->message);
}

START_TEST (descriptors_are_passed_both_ways_on_one_host)
{
  GdwPlugins *plugins = gdw_plugins_new (wrong_folder);
  const GdwPlugin *liar = gdw_plugins_find (plugins, GDW_PLUGIN_TRANSPORT, "liar", NULL);
  GdwTransport transport;

  ck_assert (liar != NULL);
  transport = *(const GdwTransport *) liar;
  transport.send_fds = send_nothing;
  expect_wrong (&transport, "it has one of send_fds and receive_fds");
  transport.receive_fds = receive_nothing;
  expect_wrong (&transport, "its traits do not say that it is two-way and of the same host");
  transport.traits |= GDW_TRANSPORT_SAME_HOST;
  ck_assert (gdw_module_check (&transport.plugin, NULL));
  transport.send_fds = NULL;
  expect_wrong (&transport, "it has one of send_fds and receive_fds");
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (two_registries_do_not_meet)
{
  GdwPlugins *one = gdw_plugins_new (wrong_folder), *two = gdw_plugins_new (wrong_folder);

  ck_assert (find_good (one) != find_good (two));
  gdw_plugins_free (one);
  ck_assert_str_eq (find_good (two)->name, "good");
  gdw_plugins_free (two);
}
END_TEST

static const struct {
  const char *name, *why;
} wrong[] = {
  { "no-symbol", "it does not export gdw_plugin; use GDW_DEFINE_TRACKER" },
  { "a-function", "its gdw_plugin is not a struct" },
  { "undefined", "undefined symbol: this_is_nowhere" },
  { "abi", "it was built for plugin ABI 99, this godwit has 1 to 2; build it again" },
  { "abi-0", "it was built for plugin ABI 0, this godwit has 1 to 2; build it again" },
  { "holds-some", "it has 2 of protect, next_fault and release, and its traits say that it" },
  { "holds-in-secret",
    "it has 3 of protect, next_fault and release, and its traits do not say" },
  { "holds-nothing",
    "it has 0 of protect, next_fault and release, and its traits say that it" },
  { "short-head", "its struct has 16 bytes, the head alone 48" },
  { "long-lie", "its struct says 4096 bytes, but there are " },
  { "option-size", "its options have 8 bytes each" },
  { "no-collect", "it has no collect, which every tracker needs" },
  { "no-rearm", "its traits say that it re-arms at rearm, but it has no rearm" },
  { "no-traits", "its traits must say either re-arms at collect or re-arms at rearm" },
  { "both-traits", "its traits must say either re-arms at collect or re-arms at rearm" },
  { "kind", "it says that it is filter 'kind', its file name says tracker 'kind'" },
  { "kind-7", "it says that it is a nameless kind 'kind-7', its file name says tracker" },
  { "name", "it says that it is tracker 'other', its file name says tracker 'name'" },
  { "bad-default", "option 'n' is wrong: its default is not accepted" },
  { "bad-type", "option 'n' is wrong: its type is unknown" },
};

START_TEST (each_wrong_module_has_its_error_and_the_rest_load)
{
  GdwPlugins *plugins = gdw_plugins_new (wrong_folder);
  g_autofree char *start = g_strdup_printf ("tracker '%s': load of '", wrong[_i].name);

  expect_error (plugins, wrong[_i].name, GDW_ERROR_PLUGIN, start);
  expect_error (plugins, wrong[_i].name, GDW_ERROR_PLUGIN, wrong[_i].why);
  find_good (plugins);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (a_file_that_is_no_module_is_an_error)
{
  g_autofree char *text = g_build_filename (folder, "gdw-tracker-text.so", NULL);
  g_autofree char *empty = g_build_filename (folder, "gdw-tracker-empty.so", NULL);
  g_autofree char *broken = g_build_filename (folder, "gdw-tracker-broken.so", NULL);
  g_autofree char *dangling = g_build_filename (folder, "gdw-tracker-dangling.so", NULL);
  g_autofree char *directory = g_build_filename (folder, "gdw-tracker-directory.so", NULL);
  GdwPlugins *plugins = gdw_plugins_new (folder);

  ck_assert (g_file_set_contents (text, "#!/bin/sh\n", -1, NULL));
  ck_assert (g_file_set_contents (empty, "", 0, NULL));
  ck_assert (g_file_set_contents (broken, "\177ELF and then nonsense", -1, NULL));
  ck_assert (symlink ("nowhere", dangling) == 0);
  ck_assert (mkdir (directory, 0755) == 0);
  expect_error (plugins, "text", GDW_ERROR_PLUGIN, "failed: it is not an ELF file");
  expect_error (plugins, "empty", GDW_ERROR_PLUGIN, "failed: it is not an ELF file");
  expect_error (plugins, "broken", GDW_ERROR_PLUGIN, "gdw-tracker-broken.so' failed: ");
  expect_error (plugins, "dangling", GDW_ERROR_PLUGIN, "No such file or directory");
  expect_error (plugins, "directory", GDW_ERROR_PLUGIN, "it is not a regular file");
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (a_pipe_is_not_waited_for)
{
  g_autofree char *pipe = g_build_filename (folder, "gdw-tracker-pipe.so", NULL);
  GdwPlugins *plugins = gdw_plugins_new (folder);

  ck_assert (mkfifo (pipe, 0600) == 0);
  expect_error (plugins, "pipe", GDW_ERROR_PLUGIN, "it is not a regular file");
  gdw_plugins_free (plugins);
}
END_TEST

/* While it is being copied, or on a disk that was full. */
START_TEST (a_module_that_was_cut_off_does_no_harm)
{
  g_autofree char *path = folder_with ("cut", "gdw-tracker-good.so");
  g_autofree char *file = g_build_filename (path, "gdw-tracker-good.so", NULL);
  GdwPlugins *plugins = gdw_plugins_new (path);

  ck_assert (truncate (file, 9000) == 0);
  for (guint n = 0; n < 20; n++) {
    expect_error (plugins, "good", GDW_ERROR_PLUGIN, "a part of it is missing; copy it again");
    ck_assert (truncate (file, 8900 - 400 * (off_t) n) == 0);
  }
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (an_unknown_name_says_where_was_searched)
{
  g_autofree char *a = folder_with ("a", NULL), *b = folder_with ("b", NULL);
  g_autofree char *path = g_strconcat (a, "::", b, NULL);
  g_autofree char *message = g_strdup_printf (
      "tracker 'none': load failed: there is no gdw-tracker-none.so in %s:%s", a, b);
  GdwPlugins *plugins = gdw_plugins_new (path);

  expect_error (plugins, "none", GDW_ERROR_NOT_FOUND, message);
  expect_error (plugins, "../a", GDW_ERROR_NOT_FOUND, "there is no gdw-tracker-../a.so");
  expect_error (plugins, "", GDW_ERROR_NOT_FOUND, "there is no");
  expect_error (plugins, "GOOD", GDW_ERROR_NOT_FOUND, "there is no");
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (an_unknown_name_says_which_there_are)
{
  g_autofree char *a = folder_with ("a", "gdw-tracker-good.so");
  g_autofree char *b = folder_with ("b", "gdw-tracker-kind.so");
  g_autofree char *again = folder_with ("b", "gdw-tracker-good.so");
  g_autofree char *path = g_strconcat (a, ":", b, NULL);
  g_autofree char *message = g_strconcat (
      b, "; use one of good, kind, or check the plugin path", NULL);
  GdwPlugins *plugins = gdw_plugins_new (path);
  GError *error = NULL;

  expect_error (plugins, "god", GDW_ERROR_NOT_FOUND, message);
  ck_assert (!gdw_plugins_find (plugins, GDW_PLUGIN_FILTER, "god", &error));
  ck_assert_msg (g_str_has_suffix (error->message, "; check the name and the plugin path"),
                 "%s", error->message);
  g_error_free (error);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (the_first_folder_wins_and_the_other_is_named)
{
  g_autofree char *a = folder_with ("a", "gdw-tracker-good.so");
  g_autofree char *b = folder_with ("b", "gdw-tracker-good.so");
  g_autofree char *message = g_strdup_printf (
      "plugin '%s/gdw-tracker-good.so' hides '%s/gdw-tracker-good.so'; remove one of them", a,
      b);
  GdwPlugins *plugins;

  g_setenv ("GODWIT_PLUGIN_PATH", b, TRUE);
  plugins = gdw_plugins_new (a);
  find_good (plugins);
  find_good (plugins);
  ck_assert_str_eq (only_warning (plugins), message);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (a_broken_module_hides_a_good_one)
{
  g_autofree char *a = folder_with ("a", NULL);
  g_autofree char *b = folder_with ("b", "gdw-tracker-good.so");
  g_autofree char *broken = g_build_filename (a, "gdw-tracker-good.so", NULL);
  g_autofree char *path = g_strconcat (a, ":", b, NULL);
  GdwPlugins *plugins = gdw_plugins_new (path);

  ck_assert (g_file_set_contents (broken, "text", -1, NULL));
  expect_error (plugins, "good", GDW_ERROR_PLUGIN, "it is not an ELF file");
  ck_assert (strstr (only_warning (plugins), "hides"));
  unlink (broken);
  find_good (plugins);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (one_folder_under_two_names_is_one)
{
  g_autofree char *a = folder_with ("a", "gdw-tracker-good.so");
  g_autofree char *link = g_build_filename (folder, "link", NULL);
  g_autofree char *path = g_strconcat (a, ":", a, "/:", link, ":", a, "/../a", NULL);
  GdwPlugins *plugins;

  ck_assert (symlink (a, link) == 0);
  plugins = gdw_plugins_new (path);
  find_good (plugins);
  ck_assert_uint_eq (gdw_plugins_warnings (plugins)->len, 0);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (a_folder_that_is_not_there_is_a_warning)
{
  g_autofree char *none = g_build_filename (folder, "none", NULL);
  GdwPlugins *plugins = gdw_plugins_new (none);

  ck_assert (strstr (only_warning (plugins), "/none': search failed: No such file"));
  gdw_plugins_free (plugins);
}
END_TEST

/* Files and folders that others can write, and how the refusal names them. */
static const struct {
  const char *part;
  mode_t mode;
} open_parts[] = {
  { "", 0777 },
  { "", 0775 | S_ISVTX | S_IWOTH },
  { "/gdw-tracker-good.so", 0666 },
  { "/..", 0777 },
};

START_TEST (what_others_can_write_is_refused)
{
  g_autofree char *a = folder_with ("up/a", "gdw-tracker-good.so");
  g_autofree char *open = g_strconcat (a, open_parts[_i].part, NULL);
  g_autofree char *real = realpath (open, NULL);
  g_autofree char *message = g_strdup_printf ("refused: '%s' can be written by others", real);
  gboolean is_folder = open_parts[_i].part[0] != '/' || open_parts[_i].part[1] == '.';
  GdwPlugins *plugins;

  ck_assert (chmod (open, open_parts[_i].mode) == 0);
  plugins = gdw_plugins_new (a);
  expect_error (plugins, "good", GDW_ERROR_INVALID, message);
  if (is_folder)
    ck_assert (strstr (only_warning (plugins), message));
  gdw_plugins_free (plugins);
  ck_assert (chmod (open, 0755) == 0);
  plugins = gdw_plugins_new (a);
  find_good (plugins);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (below_a_sticky_folder_is_fine)
{
  g_autofree char *a = folder_with ("tmp/a", "gdw-tracker-good.so");
  g_autofree char *tmp = g_build_filename (folder, "tmp", NULL);
  GdwPlugins *plugins;

  ck_assert (chmod (tmp, 01777) == 0);
  plugins = gdw_plugins_new (a);
  find_good (plugins);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (what_a_group_can_write_is_refused)
{
  g_autofree char *a = folder_with ("a", "gdw-tracker-good.so");
  g_autoptr (GError) error = NULL;
  GdwPlugins *plugins;

  if (geteuid () != 0)
    return; /* cannot give it to another group */
  ck_assert (chown (a, (uid_t) -1, 65534) == 0 && chmod (a, 0775) == 0);
  plugins = gdw_plugins_new (a);
  expect_error (plugins, "good", GDW_ERROR_INVALID, "can be written by others (mode 0775)");
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (what_belongs_to_another_user_is_refused)
{
  g_autofree char *a = folder_with ("a", "gdw-tracker-good.so");
  GdwPlugins *plugins;

  if (geteuid () != 0)
    return; /* cannot give it away */
  ck_assert (chown (a, 65534, (gid_t) -1) == 0);
  plugins = gdw_plugins_new (a);
  expect_error (plugins, "good", GDW_ERROR_INVALID, "belongs to user 65534");
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (a_refused_folder_does_not_hide_a_good_one)
{
  g_autofree char *a = folder_with ("a", "gdw-tracker-good.so");
  g_autofree char *b = folder_with ("b", "gdw-tracker-good.so");
  g_autofree char *path = g_strconcat (a, ":", b, NULL);
  GdwPlugins *plugins;

  ck_assert (chmod (a, 0777) == 0);
  plugins = gdw_plugins_new (path);
  find_good (plugins);
  ck_assert (strstr (only_warning (plugins), "/a': search failed: it is refused"));
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (a_link_is_judged_by_what_it_points_to)
{
  g_autofree char *a = folder_with ("a", NULL);
  g_autofree char *open = folder_with ("open", "gdw-tracker-good.so");
  g_autofree char *link = g_build_filename (a, "gdw-tracker-good.so", NULL);
  GdwPlugins *plugins = gdw_plugins_new (a);

  ck_assert (symlink ("../open/gdw-tracker-good.so", link) == 0);
  ck_assert (chmod (open, 0777) == 0);
  expect_error (plugins, "good", GDW_ERROR_INVALID, "it is refused: '");
  gdw_plugins_free (plugins);
}
END_TEST

static const GdwFilter *
find_filter (GdwPlugins *plugins, const char *name)
{
  GError *error = NULL;
  const GdwPlugin *plugin = gdw_plugins_find (plugins, GDW_PLUGIN_FILTER, name, &error);

  ck_assert_msg (plugin != NULL, "%s", error ? error->message : "no error");
  return (const GdwFilter *) plugin;
}

START_TEST (an_older_and_a_newer_struct_load)
{
  GdwPlugins *plugins = gdw_plugins_new (wrong_folder);
  const GdwFilter *old = find_filter (plugins, "old"), *later = find_filter (plugins, "later");

  ck_assert_uint_eq (old->plugin.size, G_STRUCT_OFFSET (GdwFilter, read));
  ck_assert (old->link_close != NULL);
  ck_assert (old->read == NULL && old->write == NULL && old->shutdown == NULL);
  ck_assert (later->plugin.size > sizeof (GdwFilter));
  ck_assert (later->link_close != NULL && later->shutdown == NULL);
  /* Options of a longer struct, read with our stride. */
  ck_assert_str_eq (later->plugin.options[0].name, "one");
  ck_assert_str_eq (later->plugin.options[1].name, "two");
  ck_assert (later->plugin.options[2].name == NULL);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (the_list_has_every_module_once_sorted)
{
  g_autofree char *a = folder_with ("a", "gdw-tracker-good.so");
  g_autofree char *b = folder_with ("b", "gdw-tracker-good.so");
  g_autofree char *c = folder_with ("c", "gdw-tracker-abi.so");
  g_autofree char *d = folder_with ("d", "gdw-filter-old.so");
  g_autofree char *other = g_build_filename (d, "gdw-nothing-x.so", NULL);
  g_autofree char *path = g_strconcat (d, ":", c, ":", a, ":", b, NULL);
  GdwPlugins *plugins = gdw_plugins_new (path);
  g_autoptr (GPtrArray) list = NULL;
  const GdwPluginInfo *info;

  ck_assert (g_file_set_contents (other, "", 0, NULL));
  ck_assert (chmod (d, 0777) == 0);
  gdw_plugins_free (plugins);
  plugins = gdw_plugins_new (path);
  list = gdw_plugins_list (plugins, NULL);
  ck_assert_uint_eq (list->len, 3);
  info = g_ptr_array_index (list, 0);
  ck_assert_str_eq (info->name, "abi");
  ck_assert (!info->plugin && strstr (info->why, "plugin ABI 99"));
  info = g_ptr_array_index (list, 1);
  ck_assert_uint_eq (info->kind, GDW_PLUGIN_TRACKER);
  ck_assert_str_eq (info->name, "good");
  ck_assert (info->plugin == find_good (plugins) && !info->why);
  ck_assert (g_str_has_prefix (info->file, a));
  info = g_ptr_array_index (list, 2);
  ck_assert_uint_eq (info->kind, GDW_PLUGIN_FILTER);
  ck_assert (!info->plugin && strstr (info->why, "its folder is refused"));
  gdw_plugins_free (plugins);
}
END_TEST

static void
expect_not_loaded (GdwPlugins *plugins, const char *file, guint code, const char *message)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!gdw_plugins_load (plugins, file, &error));
  ck_assert_msg (strstr (error->message, message), "%s", error->message);
  ck_assert_msg (g_error_matches (error, GDW_ERROR, (int) code), "%s", error->message);
  ck_assert_msg (strstr (error->message, file), "%s", error->message);
}

START_TEST (a_module_loaded_by_hand_is_found)
{
  g_autofree char *file = g_build_filename (wrong_folder, "gdw-tracker-good.so", NULL);
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GdwPluginInfo) info = gdw_plugins_load (plugins, file, &error);
  g_autoptr (GdwPluginInfo) again = gdw_plugins_load (plugins, file, &error);
  g_autoptr (GPtrArray) list = gdw_plugins_list (plugins, NULL);

  ck_assert_msg (info && again, "%s", error ? error->message : "no error");
  ck_assert_str_eq (info->name, "good");
  ck_assert_uint_eq (info->kind, GDW_PLUGIN_TRACKER);
  ck_assert_str_eq (info->file, file);
  ck_assert (info->plugin == find_good (plugins) && again->plugin == info->plugin);
  ck_assert_uint_eq (list->len, 1);
  ck_assert_str_eq (((GdwPluginInfo *) list->pdata[0])->file, file);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (one_that_is_there_is_not_replaced_by_hand)
{
  g_autofree char *path = folder_with ("path", "gdw-tracker-good.so");
  g_autofree char *first = g_build_filename (path, "gdw-tracker-good.so", NULL);
  g_autofree char *file = g_build_filename (wrong_folder, "gdw-tracker-good.so", NULL);
  GdwPlugins *plugins = gdw_plugins_new (path);
  g_autoptr (GError) error = NULL;
  g_autoptr (GdwPluginInfo) info = NULL;

  expect_not_loaded (plugins, file, GDW_ERROR_BUSY, "has that name already");
  info = gdw_plugins_load (plugins, first, &error);
  ck_assert_msg (info != NULL, "%s", error ? error->message : "no error");
  ck_assert_uint_eq (gdw_plugins_warnings (plugins)->len, 0);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (what_cannot_be_loaded_by_hand_says_why)
{
  g_autofree char *path = folder_with ("open", "gdw-tracker-good.so");
  g_autofree char *file = g_build_filename (path, "gdw-tracker-good.so", NULL);
  g_autofree char *broken = g_build_filename (folder, "gdw-filter-broken.so", NULL);
  g_autofree char *other = g_build_filename (folder, "libgood.so", NULL);
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  g_autoptr (GPtrArray) list = NULL;

  ck_assert (g_file_set_contents (broken, "text", -1, NULL));
  ck_assert (g_file_set_contents (other, "text", -1, NULL));
  expect_not_loaded (plugins, "gdw-tracker-good.so", GDW_ERROR_NOT_FOUND,
                     "not an absolute path");
  expect_not_loaded (plugins, "/nowhere/gdw-tracker-good.so", GDW_ERROR_NOT_FOUND,
                     "there is no such file");
  expect_not_loaded (plugins, other, GDW_ERROR_INVALID, "no kind and name");
  expect_not_loaded (plugins, broken, GDW_ERROR_PLUGIN, "gdw-filter-broken.so");
  ck_assert (chmod (path, 0777) == 0);
  expect_not_loaded (plugins, file, GDW_ERROR_INVALID, "its folder is refused");
  ck_assert (chmod (path, 0755) == 0 && chmod (file, 0777) == 0);
  expect_not_loaded (plugins, file, GDW_ERROR_INVALID, "others");
  list = gdw_plugins_list (plugins, NULL);
  ck_assert_uint_eq (list->len, 0);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (traits_have_names)
{
  const GdwTracker tracker = { .plugin.kind = GDW_PLUGIN_TRACKER,
                               .traits = GDW_TRACKER_REARMS_AT_REARM |
                                         GDW_TRACKER_SEES_VMM_WRITES };
  const GdwTransport transport = { .plugin.kind = GDW_PLUGIN_TRANSPORT,
                                   .traits = GDW_TRANSPORT_SAME_HOST };
  const GdwFilter filter = { .plugin.kind = GDW_PLUGIN_FILTER };
  g_autofree const char **a = gdw_plugin_traits (&tracker.plugin);
  g_autofree const char **b = gdw_plugin_traits (&transport.plugin);
  g_autofree const char **c = gdw_plugin_traits (&filter.plugin);

  ck_assert_str_eq (a[0], "re-arms-at-rearm");
  ck_assert_str_eq (a[1], "sees-vmm-writes");
  ck_assert (a[2] == NULL);
  ck_assert_str_eq (b[0], "same-host");
  ck_assert (b[1] == NULL);
  ck_assert (c[0] == NULL);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("loader");

  tcase_set_timeout (tc, 30);
  tcase_add_checked_fixture (tc, make_folder, remove_folder);
  tcase_add_test (tc, a_module_is_found_loaded_and_kept);
  tcase_add_test (tc, what_is_offered_and_not_used_loads);
  tcase_add_test (tc, descriptors_are_passed_both_ways_on_one_host);
  tcase_add_test (tc, two_registries_do_not_meet);
  tcase_add_loop_test (tc, each_wrong_module_has_its_error_and_the_rest_load, 0,
                       G_N_ELEMENTS (wrong));
  tcase_add_test (tc, a_file_that_is_no_module_is_an_error);
  tcase_add_test (tc, a_pipe_is_not_waited_for);
  tcase_add_test (tc, a_module_that_was_cut_off_does_no_harm);
  tcase_add_test (tc, an_unknown_name_says_where_was_searched);
  tcase_add_test (tc, an_unknown_name_says_which_there_are);
  tcase_add_test (tc, the_first_folder_wins_and_the_other_is_named);
  tcase_add_test (tc, a_broken_module_hides_a_good_one);
  tcase_add_test (tc, one_folder_under_two_names_is_one);
  tcase_add_test (tc, a_folder_that_is_not_there_is_a_warning);
  tcase_add_loop_test (tc, what_others_can_write_is_refused, 0, G_N_ELEMENTS (open_parts));
  tcase_add_test (tc, below_a_sticky_folder_is_fine);
  tcase_add_test (tc, what_a_group_can_write_is_refused);
  tcase_add_test (tc, what_belongs_to_another_user_is_refused);
  tcase_add_test (tc, a_refused_folder_does_not_hide_a_good_one);
  tcase_add_test (tc, a_link_is_judged_by_what_it_points_to);
  tcase_add_test (tc, an_older_and_a_newer_struct_load);
  tcase_add_test (tc, the_list_has_every_module_once_sorted);
  tcase_add_test (tc, a_module_loaded_by_hand_is_found);
  tcase_add_test (tc, one_that_is_there_is_not_replaced_by_hand);
  tcase_add_test (tc, what_cannot_be_loaded_by_hand_says_why);
  tcase_add_test (tc, traits_have_names);
  return suite_run ("loader", tc, NULL);
}
