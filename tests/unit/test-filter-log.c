/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <fcntl.h>
#include <godwit/error.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/support/link-pair.h"
#include "tests/support/suite.h"

typedef struct {
  char *folder, *path, *filter; /* a file that is not there yet, and what logs to it */
} Place;

static Place
new_place (void)
{
  Place place;

  place.folder = g_dir_make_tmp ("godwit-log-XXXXXX", NULL);
  ck_assert (place.folder != NULL);
  place.path = g_build_filename (place.folder, "calls", NULL);
  place.filter = g_strconcat ("|log:file=", place.path, NULL);
  return place;
}

static void
remove_place (Place *place)
{
  ck_assert_int_eq (unlink (place->path), 0);
  ck_assert_int_eq (rmdir (place->folder), 0);
  g_free (place->folder);
  g_free (place->path);
  g_free (place->filter);
}

/* @text has the lines of @patterns, and no others. */
static void
expect_lines (const char *text, const char *const *patterns)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint n = 0;

  for (; patterns[n]; n++) {
    g_autofree char *whole = g_strdup_printf ("^%s$", patterns[n]);

    ck_assert_msg (lines[n] && g_regex_match_simple (whole, lines[n], 0, 0),
                   "line %u is not '%s':\n%s", n + 1, patterns[n], text);
  }
  ck_assert_msg (g_strv_length (lines) == n + 1 && lines[n][0] == '\0', "more lines:\n%s",
                 text);
}

static void
expect_content (const Place *place, const char *const *patterns)
{
  g_autofree char *text = NULL;

  ck_assert (g_file_get_contents (place->path, &text, NULL, NULL));
  expect_lines (text, patterns);
}

#define US "[0-9]+ us"

START_TEST (each_call_has_a_line)
{
  struct iovec two[2] = { { (void *) "ab", 2 }, { (void *) "c", 1 } };
  Place place = new_place ();
  guint8 bytes[10];
  Pair pair;

  pair_with (&pair, WRITES, place.filter);
  pair_connect (&pair);
  ck_assert (gdw_link_write (pair.out, two, 2, NULL, NULL));
  ck_assert (read_bytes (pair.in, bytes, 3, NULL));
  ck_assert (write_bytes (pair.in, "defgh", 5, NULL));
  ck_assert (read_bytes (pair.out, bytes, 5, NULL));
  gdw_link_shutdown (pair.in);
  expect_closed (pair.out);
  gdw_link_shutdown (pair.out);
  pair_close (&pair);
  expect_content (&place,
                  (const char *[]){
                      "link 0: opened, outgoing", "link 0: wrote 3 of 3 bytes, 2 vectors, " US,
                      "link 0: read 5 of [0-9]+ bytes, [0-9]+ vectors, " US,
                      "link 0: read 0 of [0-9]+ bytes, [0-9]+ vectors, " US,
                      "link 0: shut down, " US,
                      "link 0: closed, 5 bytes in 2 reads, 3 bytes in 1 writes", NULL });
  remove_place (&place);
}
END_TEST

START_TEST (links_are_numbered_and_a_second_use_adds_lines)
{
  const char *const lines[] = { "link 0: opened, incoming",
                                "link 0: closed, 0 bytes in 0 reads, 0 bytes in 0 writes",
                                "link 1: opened, incoming",
                                "link 1: closed, 0 bytes in 0 reads, 0 bytes in 0 writes",
                                "link 0: opened, incoming",
                                "link 0: closed, 0 bytes in 0 reads, 0 bytes in 0 writes",
                                NULL };
  Place place = new_place ();
  struct stat st;
  Pair pair;

  for (guint uses = 0; uses < 2; uses++) {
    pair_with (&pair, READS, place.filter);
    for (guint i = uses; i < 2; i++) {
      pair_connect (&pair);
      gdw_link_close (g_steal_pointer (&pair.in));
      gdw_link_close (g_steal_pointer (&pair.out));
    }
    pair_close (&pair);
  }
  expect_content (&place, lines);
  ck_assert_int_eq (stat (place.path, &st), 0);
  ck_assert_uint_eq (st.st_mode & 0777, 0600);
  remove_place (&place);
}
END_TEST

START_TEST (an_error_has_its_text_and_is_handed_on)
{
  g_autofree guint8 *bytes = some_bytes (1 << 20, 1);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL, *line = NULL;
  Place place = new_place ();
  Pair pair;

  pair_with (&pair, WRITES, place.filter);
  pair_connect (&pair);
  gdw_link_close (g_steal_pointer (&pair.in));
  while (write_bytes (pair.out, bytes, 1 << 20, &error))
    ;
  ck_assert_msg (g_str_has_prefix (error->message, "transport 'unix': write to '"), "%s",
                 error->message);
  pair_close (&pair);
  ck_assert (g_file_get_contents (place.path, &text, NULL, NULL));
  line = g_strdup_printf (" us: %s\n", error->message);
  ck_assert_msg (strstr (text, "link 0: write failed after ") && strstr (text, line), "%s",
                 text);
  remove_place (&place);
}
END_TEST

START_TEST (bytes_pass_unchanged)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new_take (some_bytes (3000000, 1), 3000000);
  Place place = new_place ();
  Pair pair;

  pair_with (&pair, _i, place.filter);
  pair_connect (&pair);
  carry_unchanged (&pair, bytes);
  pair_close (&pair);
  remove_place (&place);
}
END_TEST

static gsize
drain (int fd, char *text, gsize room)
{
  gsize length = 0;
  gssize count;

  while ((count = read (fd, text + length, room - length - 1)) > 0)
    length += (gsize) count;
  text[length] = '\0';
  return length;
}

START_TEST (a_full_pipe_loses_lines_and_nothing_else)
{
  g_autofree char *text = g_malloc (100000);
  Place place = new_place ();
  guint8 byte;
  Pair pair;
  int reader;

  ck_assert_int_eq (mkfifo (place.path, 0600), 0);
  reader = open (place.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ck_assert_int_eq (fcntl (reader, F_SETPIPE_SZ, 8192), 8192);
  pair_with (&pair, WRITES, place.filter);
  pair_connect (&pair);
  for (guint i = 0; i < 1000; i++) {
    ck_assert (write_bytes (pair.out, "x", 1, NULL));
    ck_assert (read_bytes (pair.in, &byte, 1, NULL));
  }
  ck_assert_uint_gt (drain (reader, text, 100000), 0);
  ck_assert_ptr_null (strstr (text, "are missing"));
  pair_close (&pair);
  drain (reader, text, 100000);
  expect_lines (
      text, (const char *[]){ "link 0: closed, 0 bytes in 0 reads, 1000 bytes in 1000 writes",
                              "[89][0-9]+ lines are missing", NULL });
  close (reader);
  remove_place (&place);
}
END_TEST

START_TEST (a_pipe_without_a_reader_kills_nobody)
{
  Place place = new_place ();
  guint8 byte;
  Pair pair;
  int reader;

  ck_assert (signal (SIGPIPE, SIG_DFL) != SIG_ERR);
  ck_assert_int_eq (mkfifo (place.path, 0600), 0);
  reader = open (place.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  pair_with (&pair, WRITES, place.filter);
  pair_connect (&pair);
  close (reader);
  ck_assert (write_bytes (pair.out, "x", 1, NULL));
  ck_assert (read_bytes (pair.in, &byte, 1, NULL));
  pair_close (&pair);
  remove_place (&place);
}
END_TEST

START_TEST (a_file_that_grew_too_large_kills_nobody)
{
  const struct rlimit limit = { 1 << 20, RLIM_INFINITY };
  Place place = new_place ();
  struct stat st;
  guint8 byte;
  Pair pair;
  int log;

  ck_assert (signal (SIGXFSZ, SIG_DFL) != SIG_ERR);
  ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
  log = open (place.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ck_assert_int_eq (ftruncate (log, 1 << 20), 0);
  pair_with (&pair, WRITES, place.filter);
  pair_connect (&pair);
  ck_assert (write_bytes (pair.out, "x", 1, NULL));
  ck_assert (read_bytes (pair.in, &byte, 1, NULL));
  pair_close (&pair);
  ck_assert_int_eq (fstat (log, &st), 0);
  ck_assert_int_eq (st.st_size, 1 << 20);
  close (log);
  remove_place (&place);
}
END_TEST

START_TEST (a_file_that_cannot_be_opened_is_refused)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (!open_text (plugins, "unix:@x|log:file=/nowhere/calls", FALSE, &error));
  ck_assert_msg (strstr (error->message,
                         "filter 'log': open of '/nowhere/calls' failed: No such file or "
                         "directory; give a file that can be written to"),
                 "%s", error->message);
  gdw_plugins_free (plugins);
}
END_TEST

int
main (void)
{
  TCase *log = tcase_create ("log");

  tcase_set_timeout (log, 30);
  tcase_add_test (log, each_call_has_a_line);
  tcase_add_test (log, links_are_numbered_and_a_second_use_adds_lines);
  tcase_add_test (log, an_error_has_its_text_and_is_handed_on);
  tcase_add_loop_test (log, bytes_pass_unchanged, 0, N_WAYS);
  tcase_add_test (log, a_full_pipe_loses_lines_and_nothing_else);
  tcase_add_test (log, a_pipe_without_a_reader_kills_nobody);
  tcase_add_test (log, a_file_that_grew_too_large_kills_nobody);
  tcase_add_test (log, a_file_that_cannot_be_opened_is_refused);
  return suite_run ("filter-log", log, NULL);
}
