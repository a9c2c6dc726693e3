/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The right file: what the transports file and fd open, write, and give a name. */

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gmodule.h>
#include <sys/stat.h>

#include "tests/support/link-pair.h"
#include "tests/support/suite.h"

#define GUEST "the guest that is saved, longer than what others have"
#define OTHER "another guest"

static char *folder; /* of each test, in its own process, and its current folder */

/* The modules find these before those of the C library. */
static gboolean no_links;
static void (*before_rename) (void);

G_MODULE_EXPORT int linkat (int from_fd, const char *from, int to_fd, const char *to,
                            int flags);
G_MODULE_EXPORT int rename (const char *from, const char *to);

int
linkat (int from_fd, const char *from, int to_fd, const char *to, int flags)
{
  if (!no_links)
    return (int) syscall (SYS_linkat, from_fd, from, to_fd, to, flags);
  errno = EPERM;
  return -1;
}

int
rename (const char *from, const char *to)
{
  void (*first) (void) = g_steal_pointer (&before_rename);

  if (first)
    first ();
  return (int) syscall (SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static GdwPlugins *plugins;

static void
begin (void)
{
  folder = g_dir_make_tmp ("godwit-XXXXXX", NULL);
  ck_assert (folder != NULL);
  ck_assert_int_eq (chdir (folder), 0);
  plugins = gdw_plugins_new (NULL);
}

static void
end (void)
{
  GDir *dir = g_dir_open (".", 0, NULL);
  const char *name;

  gdw_plugins_free (plugins);
  while ((name = g_dir_read_name (dir)))
    g_remove (name);
  g_dir_close (dir);
  ck_assert_int_eq (rmdir (folder), 0);
  g_free (folder);
}

static void
put (const char *name, const char *text)
{
  FILE *file = fopen (name, "we");

  ck_assert (file && fputs (text, file) >= 0 && fclose (file) == 0);
}

static void
has (const char *name, const char *text)
{
  g_autofree char *content = NULL;

  ck_assert_msg (g_file_get_contents (name, &content, NULL, NULL), "%s is not there", name);
  ck_assert_str_eq (content, text);
}

static guint
count_files (void)
{
  GDir *dir = g_dir_open (".", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

static void
says (const GError *error, const char *part)
{
  ck_assert_msg (error && strstr (error->message, part), "'%s' is not in '%s'", part,
                 error ? error->message : "no error");
}

typedef struct {
  GdwStack *stack;
  GdwLink *link;
} Writer;

static Writer
write_to (const char *uri)
{
  struct iovec iov = { (void *) GUEST, strlen (GUEST) };
  g_autoptr (GError) error = NULL;
  Writer writer = { must_open (plugins, uri), NULL };

  writer.link = gdw_stack_connect (writer.stack, NULL, &error);
  ck_assert_msg (writer.link != NULL, "%s", error ? error->message : "no error");
  ck_assert (gdw_link_write (writer.link, &iov, 1, NULL, NULL));
  ck_assert (gdw_link_sync (writer.link, NULL, NULL));
  return writer;
}

static void
close_writer (Writer *writer)
{
  gdw_link_close (writer->link);
  gdw_stack_close (writer->stack);
}

static void
publish (Writer *writer)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (gdw_link_publish (writer->link, NULL, &error), "%s",
                 error ? error->message : "no error");
}

static void
publish_refused (Writer *writer, const char *part)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!gdw_link_publish (writer->link, NULL, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_IO));
  says (error, "publishing");
  says (error, part);
}

static void
connect_refused (const char *uri, const char *part)
{
  g_autoptr (GError) error = NULL;
  GdwStack *stack = open_text (plugins, uri, FALSE, &error);
  GdwLink *link = stack ? gdw_stack_connect (stack, NULL, &error) : NULL;

  ck_assert (link == NULL);
  says (error, part);
  if (stack)
    gdw_stack_close (stack);
}

static void
listen_refused (const char *uri, const char *part)
{
  g_autoptr (GError) error = NULL;
  GdwStack *stack = open_text (plugins, uri, FALSE, &error);

  ck_assert (!stack || !gdw_stack_listen (stack, NULL, &error));
  says (error, part);
  if (stack)
    gdw_stack_close (stack);
}

START_TEST (a_fifo_is_refused_and_not_waited_for)
{
  ck_assert_int_eq (mkfifo ("fifo", 0600), 0);
  ck_assert_int_eq (mkfifo ("guest.partial", 0600), 0);
  ck_assert_int_eq (symlink ("fifo", "link"), 0);
  listen_refused ("file:fifo", "not a regular file");
  listen_refused ("file:link", "not a regular file");
  connect_refused ("file:fifo", "not a regular file");
  connect_refused ("file:link,offset=4", "not a regular file");
  connect_refused ("file:guest", "not a regular file");
}
END_TEST

START_TEST (a_device_is_refused)
{
  listen_refused ("file:/dev/zero", "not a regular file");
  connect_refused ("file:/dev/zero", "not a regular file");
}
END_TEST

START_TEST (the_name_of_an_unfinished_guest_is_refused)
{
  put ("guest.partial", OTHER);
  ck_assert_int_eq (symlink ("guest.partial", "link"), 0);
  listen_refused ("file:guest.partial", "has not finished");
  connect_refused ("file:guest.partial", "has not finished");
  listen_refused ("file:link", "has not finished");
  connect_refused ("file:link", "has not finished");
  has ("guest.partial", OTHER);
}
END_TEST

START_TEST (a_file_is_published_and_nothing_else_is_left)
{
  Writer writer = write_to ("file:guest");

  no_links = _i;
  publish (&writer);
  ck_assert_ptr_null (gdw_link_remark (writer.link));
  close_writer (&writer);
  has ("guest", GUEST);
  ck_assert_uint_eq (count_files (), 1);
}
END_TEST

START_TEST (an_older_file_is_replaced_and_that_is_said)
{
  Writer writer;
  g_autofree char *remark = NULL;

  put ("guest", OTHER);
  writer = write_to ("file:guest");
  no_links = _i;
  publish (&writer);
  remark = gdw_link_remark (writer.link);
  ck_assert (remark && strstr (remark, "'guest'") && strstr (remark, "has been replaced"));
  close_writer (&writer);
  has ("guest", GUEST);
  ck_assert_uint_eq (count_files (), 1);
}
END_TEST

START_TEST (what_took_the_name_of_the_partial_file_is_not_published)
{
  Writer writer;

  put ("guest", "older");
  writer = write_to ("file:guest");
  put ("other", OTHER);
  ck_assert_int_eq (g_rename ("other", "guest.partial"), 0);
  no_links = _i;
  publish_refused (&writer, "replaced or removed");
  close_writer (&writer);
  has ("guest", "older");
  has ("guest.partial", OTHER);
  ck_assert_uint_eq (count_files (), 2);
}
END_TEST

START_TEST (a_partial_file_that_is_gone_is_not_published)
{
  Writer writer = write_to ("file:guest");

  ck_assert_int_eq (unlink ("guest.partial"), 0);
  publish_refused (&writer, "replaced or removed");
  close_writer (&writer);
  ck_assert_uint_eq (count_files (), 0);
}
END_TEST

START_TEST (a_partial_file_that_others_changed_is_not_published)
{
  const off_t sizes[] = { 5, 500 };
  Writer writer = write_to ("file:guest");

  ck_assert_int_eq (truncate ("guest.partial", sizes[_i]), 0);
  publish_refused (&writer, "cut or extended");
  close_writer (&writer);
  ck_assert_uint_eq (count_files (), 0);
}
END_TEST

static void
take_the_name (void)
{
  put ("other", OTHER);
  ck_assert_int_eq (syscall (SYS_renameat2, AT_FDCWD, "other", AT_FDCWD, "guest.partial", 0),
                    0);
}

START_TEST (at_the_last_moment_it_is_our_file_that_is_published)
{
  Writer writer = write_to ("file:guest");

  before_rename = take_the_name;
  publish (&writer);
  close_writer (&writer);
  has ("guest", GUEST);
  has ("guest.partial", OTHER);
  ck_assert_uint_eq (count_files (), 2);
}
END_TEST

START_TEST (without_links_another_file_is_noticed)
{
  Writer writer = write_to ("file:guest");

  no_links = TRUE;
  before_rename = take_the_name;
  publish_refused (&writer, "replaced");
  close_writer (&writer);
  has ("guest", OTHER);
}
END_TEST

START_TEST (the_target_of_a_link_is_replaced)
{
  Writer writer;
  g_autofree char *target = NULL;

  if (_i)
    put ("target", OTHER);
  ck_assert_int_eq (symlink ("target", "middle"), 0);
  target = g_build_filename (folder, "middle", NULL);
  ck_assert_int_eq (symlink (target, "link"), 0);
  writer = write_to ("file:link");
  publish (&writer);
  close_writer (&writer);
  ck_assert (g_file_test ("link", G_FILE_TEST_IS_SYMLINK));
  ck_assert (g_file_test ("middle", G_FILE_TEST_IS_SYMLINK));
  ck_assert (!g_file_test ("target", G_FILE_TEST_IS_SYMLINK));
  has ("target", GUEST);
  ck_assert_uint_eq (count_files (), 3);
}
END_TEST

START_TEST (a_link_to_itself_is_refused)
{
  ck_assert_int_eq (symlink ("link", "link"), 0);
  connect_refused ("file:link", "symbolic links");
  listen_refused ("file:link", "symbolic links");
}
END_TEST

/* A crash between the two names of a guest that is published leaves both. */
START_TEST (what_a_crash_left_does_not_harm_the_published_guest)
{
  Writer writer;

  put ("guest", OTHER);
  ck_assert_int_eq (link ("guest", "guest.partial"), 0);
  writer = write_to ("file:guest");
  has ("guest", OTHER);
  publish (&writer);
  close_writer (&writer);
  has ("guest", GUEST);
  ck_assert_uint_eq (count_files (), 1);
}
END_TEST

static int
open_flags (const char *name, int flags)
{
  int fd = open (name, flags | O_CLOEXEC, 0600);

  ck_assert_msg (fd >= 0, "%s: %s", name, g_strerror (errno));
  return fd;
}

START_TEST (a_descriptor_leaves_no_tail)
{
  const int flags[] = { O_WRONLY, O_RDWR };
  g_autofree char *old = g_strnfill (10000, 'x'), *uri = NULL;
  Writer writer;
  int fd;

  put ("guest", old);
  fd = open_flags ("guest", flags[_i]);
  ck_assert_int_eq (lseek (fd, 3, SEEK_SET), 3);
  uri = g_strdup_printf ("fd:%d", fd);
  writer = write_to (uri);
  ck_assert (gdw_link_publish (writer.link, NULL, NULL));
  close_writer (&writer);
  close (fd);
  has ("guest", "xxx" GUEST);
}
END_TEST

START_TEST (a_descriptor_that_appends_keeps_what_is_there)
{
  g_autofree char *uri = NULL;
  Writer writer;
  int fd;

  put ("guest", OTHER);
  fd = open_flags ("guest", O_WRONLY | O_APPEND);
  uri = g_strdup_printf ("fd:%d", fd);
  writer = write_to (uri);
  close_writer (&writer);
  close (fd);
  has ("guest", OTHER GUEST);
}
END_TEST

START_TEST (a_descriptor_of_direct_io_is_refused)
{
  int fd, ends[2];
  g_autofree char *file = NULL, *pipe = NULL;

  ck_assert_int_eq (pipe2 (ends, O_CLOEXEC | O_DIRECT), 0);
  pipe = g_strdup_printf ("fd:%d", ends[1]);
  connect_refused (pipe, "O_DIRECT");
  put ("guest", OTHER);
  fd = open ("guest", O_WRONLY | O_CLOEXEC | O_DIRECT);
  if (fd < 0)
    return; /* not on this file system */
  file = g_strdup_printf ("fd:%d", fd);
  connect_refused (file, "O_DIRECT");
  close (fd);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("file");

  tcase_add_checked_fixture (tc, begin, end);
  tcase_add_test (tc, a_fifo_is_refused_and_not_waited_for);
  tcase_add_test (tc, a_device_is_refused);
  tcase_add_test (tc, the_name_of_an_unfinished_guest_is_refused);
  tcase_add_loop_test (tc, a_file_is_published_and_nothing_else_is_left, 0, 2);
  tcase_add_loop_test (tc, an_older_file_is_replaced_and_that_is_said, 0, 2);
  tcase_add_loop_test (tc, what_took_the_name_of_the_partial_file_is_not_published, 0, 2);
  tcase_add_test (tc, a_partial_file_that_is_gone_is_not_published);
  tcase_add_loop_test (tc, a_partial_file_that_others_changed_is_not_published, 0, 2);
  tcase_add_test (tc, at_the_last_moment_it_is_our_file_that_is_published);
  tcase_add_test (tc, without_links_another_file_is_noticed);
  tcase_add_loop_test (tc, the_target_of_a_link_is_replaced, 0, 2);
  tcase_add_test (tc, a_link_to_itself_is_refused);
  tcase_add_test (tc, what_a_crash_left_does_not_harm_the_published_guest);
  tcase_add_loop_test (tc, a_descriptor_leaves_no_tail, 0, 2);
  tcase_add_test (tc, a_descriptor_that_appends_keeps_what_is_there);
  tcase_add_test (tc, a_descriptor_of_direct_io_is_refused);
  return suite_run ("file", tc, NULL);
}
