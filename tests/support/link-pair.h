/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* Two ends of a link in one process, and a thread that does one thing on one of them. */

#include <check.h>
#include <dirent.h>
#include <godwit/error.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plugins/stack.h"
#include "tests/support/address-text.h"

typedef struct {
  GdwPlugins *plugins;
  GdwStack *listening, *connecting;
  GdwLink *in, *out; /* accepted, connected */
} Pair;

static inline GdwStack *
must_open (GdwPlugins *plugins, const char *uri)
{
  GError *error = NULL;
  GdwStack *stack = open_text (plugins, uri, FALSE, &error);

  ck_assert_msg (stack != NULL, "%s", error ? error->message : "no error");
  return stack;
}

/* A listener at @uri with the filters of @incoming, reached through @outgoing ("|filter"). */
static inline void
pair_listen (Pair *pair, const char *uri, const char *incoming, const char *outgoing)
{
  g_autofree char *there = g_strconcat (uri, incoming, NULL);
  g_autofree char *real = NULL, *here = NULL;
  g_autoptr (GError) error = NULL;
  gboolean listens;

  *pair = (Pair){ .plugins = gdw_plugins_new (NULL) };
  pair->listening = must_open (pair->plugins, there);
  listens = gdw_stack_listen (pair->listening, NULL, &error);
  ck_assert_msg (listens, "%s", error ? error->message : "no error");
  real = local_text (pair->listening);
  ck_assert (real != NULL);
  here = g_strconcat (real, outgoing, NULL);
  pair->connecting = must_open (pair->plugins, here);
}

static inline void
pair_connect (Pair *pair)
{
  g_autoptr (GError) error = NULL;

  pair->out = gdw_stack_connect (pair->connecting, NULL, &error);
  ck_assert_msg (pair->out != NULL, "%s", error ? error->message : "no error");
  pair->in = gdw_stack_accept (pair->listening, NULL, &error);
  ck_assert_msg (pair->in != NULL, "%s", error ? error->message : "no error");
}

static inline void
pair_close (Pair *pair)
{
  gdw_link_close (pair->out);
  gdw_link_close (pair->in);
  gdw_stack_close (pair->connecting);
  gdw_stack_close (pair->listening);
  gdw_plugins_free (pair->plugins);
  *pair = (Pair){ 0 };
}

/* A filter is used at the end that writes, or at the end that reads. */
typedef enum { WRITES, READS, N_WAYS } Way;

static inline void
pair_with (Pair *pair, int way, const char *filters)
{
  g_autofree char *uri = g_strdup_printf ("unix:@godwit-filters-%d", getpid ());

  pair_listen (pair, uri, way == READS ? filters : "", way == WRITES ? filters : "");
}

typedef struct Job Job;
struct Job {
  void (*run) (Job *job);
  GdwStack *stack;
  GdwLink *link;
  guint8 *bytes;
  gsize length;
  guint32 seed; /* not 0: cut into vectors at random */
  GCancellable *cancellable;
  GdwLink *got;
  gboolean ok;
  GError *error;
  pid_t tid;
  pthread_t thread;
};

/* @length bytes as vectors; free with g_free. */
static inline struct iovec *
split_bytes (guint8 *bytes, gsize length, guint32 seed, guint *n)
{
  GArray *iov = g_array_new (FALSE, FALSE, sizeof (struct iovec));
  GRand *random = g_rand_new_with_seed (seed);

  do {
    gsize most = seed == 0 ? length : (gsize) g_rand_int_range (random, 0, 1 << 18);
    struct iovec part;

    if (seed != 0 && g_rand_boolean (random))
      most %= 50;
    part = (struct iovec){ bytes, MIN (length, most) };
    g_array_append_val (iov, part);
    bytes += part.iov_len;
    length -= part.iov_len;
  } while (length > 0);
  g_rand_free (random);
  *n = iov->len;
  return (struct iovec *) (void *) g_array_free (iov, FALSE);
}

static inline void
job_write (Job *job)
{
  guint n;
  g_autofree struct iovec *iov = split_bytes (job->bytes, job->length, job->seed, &n);

  job->ok = gdw_link_write (job->link, iov, n, job->cancellable, &job->error);
}

static inline void
job_read (Job *job)
{
  guint n;
  g_autofree struct iovec *iov = split_bytes (job->bytes, job->length, job->seed, &n);

  job->ok = gdw_link_read (job->link, iov, n, job->cancellable, &job->error);
}

static inline void
job_accept (Job *job)
{
  job->got = gdw_stack_accept (job->stack, job->cancellable, &job->error);
  job->ok = job->got != NULL;
}

static inline void
job_connect (Job *job)
{
  job->got = gdw_stack_connect (job->stack, job->cancellable, &job->error);
  job->ok = job->got != NULL;
}

static inline void *
job_thread (void *data)
{
  Job *job = data;

  __atomic_store_n (&job->tid, gettid (), __ATOMIC_RELEASE);
  job->run (job);
  return NULL;
}

static inline void
job_start (Job *job)
{
  ck_assert_int_eq (pthread_create (&job->thread, NULL, job_thread, job), 0);
}

static inline gboolean
job_finish (Job *job)
{
  ck_assert_int_eq (pthread_join (job->thread, NULL), 0);
  return job->ok;
}

/* Until the kernel says that the thread waits, for a descriptor or a condition. */
static inline void
job_until_it_waits (Job *job)
{
  int number = -1;

  while (number != SYS_poll && number != SYS_futex) {
    char path[64];
    pid_t tid = __atomic_load_n (&job->tid, __ATOMIC_ACQUIRE);
    FILE *file;

    g_snprintf (path, sizeof path, "/proc/self/task/%d/syscall", tid);
    file = tid != 0 ? fopen (path, "re") : NULL;
    if (file) {
      if (fscanf (file, "%d", &number) != 1)
        number = -1; /* "running" */
      fclose (file);
    }
  }
}

/* Fire the cancellable of a job that waits: it ends, and says so. */
static inline void
job_cancel (Job *job)
{
  job_until_it_waits (job);
  g_cancellable_cancel (job->cancellable);
  ck_assert (!job_finish (job));
  ck_assert_msg (g_error_matches (job->error, G_IO_ERROR, G_IO_ERROR_CANCELLED), "%s",
                 job->error ? job->error->message : "no error");
  g_clear_error (&job->error);
  g_clear_object (&job->cancellable);
}

/* Send @sent, in vectors cut at random, and read @length bytes the same way. */
static inline guint8 *
carry (Pair *pair, GByteArray *sent, gsize length, guint32 seed)
{
  guint8 *got = g_malloc0 (length + 1);
  Job writer = {
    .run = job_write, .link = pair->out, .bytes = sent->data, .length = sent->len, .seed = seed
  };
  Job reader = {
    .run = job_read, .link = pair->in, .bytes = got, .length = length, .seed = seed + 1
  };

  job_start (&writer);
  job_start (&reader);
  ck_assert_msg (job_finish (&writer), "%s", writer.error ? writer.error->message : "");
  ck_assert_msg (job_finish (&reader), "%s", reader.error ? reader.error->message : "");
  return got;
}

static inline void
carry_unchanged (Pair *pair, GByteArray *sent)
{
  g_autofree guint8 *got = carry (pair, sent, sent->len, sent->len);

  ck_assert (memcmp (got, sent->data, sent->len) == 0);
}

static inline gboolean
write_bytes (GdwLink *link, const void *bytes, gsize length, GError **error)
{
  struct iovec iov = { (void *) bytes, length };

  return gdw_link_write (link, &iov, 1, NULL, error);
}

static inline gboolean
read_bytes (GdwLink *link, void *bytes, gsize length, GError **error)
{
  struct iovec iov = { bytes, length };

  return gdw_link_read (link, &iov, 1, NULL, error);
}

static inline void
expect_closed (GdwLink *link)
{
  g_autoptr (GError) error = NULL;
  guint8 byte;

  ck_assert (!read_bytes (link, &byte, 1, &error));
  ck_assert_msg (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED), "%s",
                 error ? error->message : "no error");
}

/* Loaded before: the user may have no way to the folder of the plugins. */
static inline void
expect_failure_as (uid_t user, gboolean listens, const char *uri, guint code,
                   const char *message)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  GdwStack *stack = must_open (plugins, uri);
  g_autoptr (GError) error = NULL;
  uid_t before = geteuid ();

  ck_assert (seteuid (user) == 0);
  if (listens)
    ck_assert (!gdw_stack_listen (stack, NULL, &error));
  else
    ck_assert (!gdw_stack_connect (stack, NULL, &error));
  ck_assert (seteuid (before) == 0);
  ck_assert_msg (strstr (error->message, message), "%s", error->message);
  ck_assert (g_error_matches (error, GDW_ERROR, (int) code));
  gdw_stack_close (stack);
  gdw_plugins_free (plugins);
}

static inline void
expect_failure (gboolean listens, const char *uri, guint code, const char *message)
{
  expect_failure_as (geteuid (), listens, uri, code, message);
}

/* Bytes that differ from place to place. */
static inline guint8 *
some_bytes (gsize length, guint32 seed)
{
  guint64 x = seed + 1, word = 0;
  guint8 *bytes = g_malloc (length + 1);

  for (gsize i = 0; i < length; i++) {
    if (i % 8 == 0) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      word = x;
    }
    bytes[i] = (guint8) (word >> 8 * (i % 8));
  }
  return bytes;
}

static inline guint
count_fds (void)
{
  DIR *dir = opendir ("/proc/self/fd");
  guint n = 0;

  while (readdir (dir))
    n++;
  closedir (dir);
  return n;
}
