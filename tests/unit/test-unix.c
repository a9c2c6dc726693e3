/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* The behaviour that only transport unix has. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/support/link-pair.h"
#include "tests/support/suite.h"

#define NOBODY 65534

static char *folder; /* of each test, in its own process */

static void
make_folder (void)
{
  folder = g_dir_make_tmp ("godwit-XXXXXX", NULL);
  ck_assert (folder != NULL);
}

static void
remove_folder (void)
{
  ck_assert_msg (rmdir (folder) == 0, "%s: %s", folder, g_strerror (errno));
  g_free (folder);
}

static char *
own_uri (void)
{
  return g_strdup_printf ("unix:%s/s", folder);
}

static char *
own_name (void)
{
  return g_strdup_printf ("godwit-test-%d", getpid ());
}

static void
listen_here (Pair *pair)
{
  g_autofree char *uri = own_uri ();

  pair_listen (pair, uri, "", "");
}

START_TEST (a_path_that_is_too_long_is_an_error)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  g_autofree char *fits = g_strdup_printf ("unix:/%0106d", 0);
  g_autofree char *longer = g_strdup_printf ("unix:/%0107d", 0);
  g_autoptr (GError) error = NULL;

  gdw_stack_close (must_open (plugins, fits));
  ck_assert (!open_text (plugins, longer, FALSE, &error));
  ck_assert_msg (strstr (error->message, "a path has 1 to 107 bytes, this one 108; give PATH"),
                 "%s", error->message);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (a_socket_file_is_for_its_user_alone_and_goes_with_the_listener)
{
  Pair pair;
  struct stat st;
  g_autofree char *path = g_build_filename (folder, "s", NULL);
  mode_t before = umask (0);

  listen_here (&pair);
  ck_assert (lstat (path, &st) == 0);
  ck_assert_uint_eq (st.st_mode & 07777, 0600);
  pair_close (&pair);
  ck_assert (lstat (path, &st) != 0);
  umask (before);
}
END_TEST

START_TEST (a_path_may_have_the_signs_of_the_address_in_it)
{
  Pair pair;
  struct stat st;
  g_autofree char *uri = g_strdup_printf ("unix:%s/a\\,b\\|c\\d", folder), *real = NULL;
  g_autofree char *path = g_build_filename (folder, "a,b|c\\d", NULL);

  pair_listen (&pair, uri, "", "");
  real = local_text (pair.listening);
  ck_assert_str_eq (real, uri);
  ck_assert (lstat (path, &st) == 0);
  pair_connect (&pair);
  pair_close (&pair);
}
END_TEST

/* A socket file that nobody listens at. */
static void
leave_socket (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  ck_assert (bind (fd, (struct sockaddr *) &address, sizeof address) == 0);
  close (fd);
}

START_TEST (a_stale_socket_is_replaced_other_files_are_not)
{
  Pair pair;
  struct stat st;
  g_autofree char *path = g_build_filename (folder, "s", NULL), *uri = own_uri ();

  leave_socket (path);
  listen_here (&pair);
  pair_connect (&pair);
  pair_close (&pair);

  ck_assert (g_file_set_contents (path, "mine", 4, NULL));
  expect_failure (TRUE, uri, GDW_ERROR_IO,
                  "failed: File exists; the file is not a socket; choose another path");
  ck_assert (lstat (path, &st) == 0 && st.st_size == 4);
  unlink (path);
}
END_TEST

START_TEST (a_socket_of_somebody_else_stays)
{
  Pair pair;
  struct stat st;
  g_autofree char *path = g_build_filename (folder, "s", NULL);

  listen_here (&pair);
  ck_assert (unlink (path) == 0);
  leave_socket (path);
  pair_close (&pair);
  ck_assert (lstat (path, &st) == 0);
  unlink (path);
}
END_TEST

START_TEST (a_lock_on_the_folder_is_waited_for_until_cancelled)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  g_autofree char *path = g_build_filename (folder, "s", NULL), *uri = own_uri ();
  GdwStack *stack = must_open (plugins, uri);
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  int lock = open (folder, O_RDONLY | O_CLOEXEC);

  leave_socket (path);
  ck_assert (flock (lock, LOCK_EX) == 0);
  g_cancellable_cancel (cancelled);
  ck_assert (!gdw_stack_listen (stack, cancelled, &error));
  ck_assert (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  gdw_stack_close (stack);
  gdw_plugins_free (plugins);
  close (lock);
  unlink (path);
}
END_TEST

/* Connect as another user to @name in a child, and exit 0 if the link ends at once. */
static pid_t
stranger (const char *name)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  pid_t child = fork ();
  char byte;
  int fd;

  if (child != 0)
    return child;
  g_strlcpy (address.sun_path + 1, name, sizeof address.sun_path - 1);
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (setuid (65534) != 0 ||
      connect (fd, (struct sockaddr *) &address,
               (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + strlen (name))) != 0)
    _exit (2);
  _exit (read (fd, &byte, 1) == 0 ? 0 : 3);
}

START_TEST (another_user_costs_its_own_connection_only)
{
  Pair pair;
  Job job = { .run = job_accept };
  g_autofree char *name = own_name (), *uri = NULL;
  int status = -1;

  if (geteuid () != 0)
    return;
  uri = g_strconcat ("unix:@", name, NULL);
  pair_listen (&pair, uri, "", "");
  job.stack = pair.listening;
  job_start (&job);
  ck_assert (waitpid (stranger (name), &status, 0) > 0);
  ck_assert_int_eq (status, 0);
  pair.out = gdw_stack_connect (pair.connecting, NULL, NULL);
  ck_assert (job_finish (&job));
  pair.in = job.got;
  pair_close (&pair);
}
END_TEST

START_TEST (a_user_that_is_allowed_may_connect)
{
  Pair pair;
  Job job = { .run = job_accept };
  g_autofree char *name = own_name (), *uri = g_strconcat ("unix:@", name, NULL);
  int status = -1;
  pid_t child;

  if (geteuid () != 0)
    return;
  pair_listen (&pair, uri, ",peer-uid=65534", "");
  job.stack = pair.listening;
  job_start (&job);
  child = stranger (name);
  ck_assert (job_finish (&job));
  pair.in = job.got;
  ck_assert (write_bytes (pair.in, "x", 1, NULL));
  ck_assert (waitpid (child, &status, 0) > 0);
  ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == 3);
  pair_close (&pair);
}
END_TEST

/* Another user listens at @name in a child, until it is killed. */
static pid_t
foreign_listener (const char *name)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int ready[2];
  pid_t child;
  char byte;

  ck_assert (pipe (ready) == 0);
  child = fork ();
  if (child == 0) {
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy (address.sun_path + 1, name, sizeof address.sun_path - 1);
    if (setuid (NOBODY) != 0 ||
        bind (fd, (struct sockaddr *) &address,
              (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + strlen (name))) != 0 ||
        listen (fd, 5) != 0 || write (ready[1], "x", 1) != 1)
      _exit (1);
    prctl (PR_SET_PDEATHSIG, SIGKILL); /* forgotten in setuid */
    for (;;)
      pause ();
  }
  ck_assert (read (ready[0], &byte, 1) == 1);
  close (ready[0]);
  close (ready[1]);
  return child;
}

START_TEST (a_listener_of_another_user_is_refused)
{
  g_autofree char *name = own_name (), *uri = g_strconcat ("unix:@", name, NULL);
  g_autofree char *allowed = g_strconcat (uri, ",peer-uid=65534", NULL), *text = NULL;
  GdwPlugins *plugins;
  GdwStack *stack;
  GdwLink *link;
  pid_t child;

  if (geteuid () != 0)
    return;
  child = foreign_listener (name);
  text = g_strdup_printf (
      "transport 'unix': connect to '@%s' failed: the process there runs as "
      "user 65534; run both sides as the same user or as root, or allow it "
      "with peer-uid",
      name);
  expect_failure (FALSE, uri, GDW_ERROR_PEER, text);
  plugins = gdw_plugins_new (NULL);
  stack = must_open (plugins, allowed);
  link = gdw_stack_connect (stack, NULL, NULL);
  ck_assert (link != NULL);
  gdw_link_close (link);
  gdw_stack_close (stack);
  gdw_plugins_free (plugins);
  kill (child, SIGKILL);
  ck_assert (waitpid (child, NULL, 0) == child);
}
END_TEST

START_TEST (a_path_that_cannot_be_listened_at_says_what_to_do)
{
  g_autofree char *at = g_strconcat ("unix:", folder, NULL);
  g_autofree char *missing = g_strdup_printf ("unix:%s/none/s", folder);
  g_autofree char *below = g_strdup_printf ("unix:%s/file/s", folder);
  g_autofree char *file = g_build_filename (folder, "file", NULL), *uri = own_uri ();

  expect_failure (TRUE, at, GDW_ERROR_IO,
                  "failed: Is a directory; give the path of a socket in this folder");
  expect_failure (TRUE, missing, GDW_ERROR_IO,
                  "/none/s' failed: No such file or directory; make the folder first");
  ck_assert (g_file_set_contents (file, "x", 1, NULL));
  expect_failure (TRUE, below, GDW_ERROR_IO, "failed: Not a directory; make the folder first");
  unlink (file);
  if (geteuid () != 0)
    return;
  ck_assert (chown (folder, NOBODY, (gid_t) -1) == 0 && chmod (folder, 0500) == 0);
  expect_failure_as (NOBODY, TRUE, uri, GDW_ERROR_IO,
                     "/s' failed: Permission denied; this user must be allowed to read the "
                     "folder and to write to it");
}
END_TEST

START_TEST (a_connect_that_cannot_work_says_what_to_do)
{
  g_autofree char *path = g_build_filename (folder, "s", NULL), *uri = own_uri ();
  Pair pair;

  expect_failure (FALSE, uri, GDW_ERROR_IO,
                  "/s' failed: No such file or directory; check that the destination listens");
  leave_socket (path);
  expect_failure (FALSE, uri, GDW_ERROR_IO,
                  "/s' failed: Connection refused; check that the destination listens");
  listen_here (&pair);
  if (geteuid () == 0) {
    ck_assert (chmod (folder, 0755) == 0);
    expect_failure_as (
        NOBODY, FALSE, uri, GDW_ERROR_IO,
        "/s' failed: Permission denied; run both sides as the same user or as root");
  }
  pair_connect (&pair);
  pair_close (&pair);
}
END_TEST

typedef struct {
  GdwPlugins *plugins;
  GdwStack *stack;
  gboolean listens;
  GError *error;
  pthread_barrier_t *start;
} Racer;

static gpointer
race (gpointer data)
{
  Racer *racer = data;

  pthread_barrier_wait (racer->start);
  racer->listens = gdw_stack_listen (racer->stack, NULL, &racer->error);
  return NULL;
}

#define RACERS 4

/* Also where a stale file is in the way. */
START_TEST (of_several_listeners_at_once_one_has_the_path)
{
  g_autofree char *path = g_build_filename (folder, "s", NULL), *uri = own_uri ();
  pthread_barrier_t start;

  pthread_barrier_init (&start, NULL, RACERS);
  for (guint round = 0; round < 100; round++) {
    Racer racers[RACERS] = { 0 };
    GThread *threads[RACERS];
    guint winners = 0;

    if (round % 2)
      leave_socket (path);
    for (guint i = 0; i < RACERS; i++) {
      racers[i].plugins = gdw_plugins_new (NULL);
      racers[i].stack = must_open (racers[i].plugins, uri);
      racers[i].start = &start;
      threads[i] = g_thread_new ("race", race, &racers[i]);
    }
    for (guint i = 0; i < RACERS; i++) {
      g_thread_join (threads[i]);
      winners += racers[i].listens;
      ck_assert (racers[i].listens || strstr (racers[i].error->message, "already in use"));
    }
    ck_assert_uint_eq (winners, 1);
    ck_assert (access (path, F_OK) == 0);
    for (guint i = 0; i < RACERS; i++) {
      gdw_stack_close (racers[i].stack);
      gdw_plugins_free (racers[i].plugins);
      g_clear_error (&racers[i].error);
    }
    ck_assert (access (path, F_OK) != 0);
  }
  pthread_barrier_destroy (&start);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("unix");

  tcase_set_timeout (tc, 30);
  tcase_add_checked_fixture (tc, make_folder, remove_folder);
  tcase_add_test (tc, a_path_that_is_too_long_is_an_error);
  tcase_add_test (tc, a_socket_file_is_for_its_user_alone_and_goes_with_the_listener);
  tcase_add_test (tc, a_path_may_have_the_signs_of_the_address_in_it);
  tcase_add_test (tc, a_stale_socket_is_replaced_other_files_are_not);
  tcase_add_test (tc, a_socket_of_somebody_else_stays);
  tcase_add_test (tc, a_lock_on_the_folder_is_waited_for_until_cancelled);
  tcase_add_test (tc, another_user_costs_its_own_connection_only);
  tcase_add_test (tc, a_user_that_is_allowed_may_connect);
  tcase_add_test (tc, a_listener_of_another_user_is_refused);
  tcase_add_test (tc, a_path_that_cannot_be_listened_at_says_what_to_do);
  tcase_add_test (tc, a_connect_that_cannot_work_says_what_to_do);
  tcase_add_test (tc, of_several_listeners_at_once_one_has_the_path);
  return suite_run ("unix", tc, NULL);
}
