/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* A migration of a VM of one page with a QMP socket, and clients of it, all on one thread. */

#include <godwit/control.h>

#include <check.h>
#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NEGOTIATE "{\"execute\":\"qmp_capabilities\"}"
#define NEGOTIATE_OOB "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}"

/* A VM that has one page and pauses when the test says so. */
static guint8 memory[GDW_PAGE_SIZE] __attribute__ ((aligned (GDW_PAGE_SIZE)));
static const GdwRegion region = { .name = "ram",
                                  .size = sizeof memory,
                                  .host_addr = memory,
                                  .page_size = GDW_PAGE_SIZE,
                                  .fd = -1 };

typedef struct {
  GdwMigration *migration;
  GdwControl *control;
  char *folder, *path;
  gboolean hold_pause;
  GdwReply *pausing; /* held */
  guint quits;
} Fixture;

static Fixture vm;

static inline const GdwRegion *
fake_regions (gpointer data, guint *n_regions)
{
  *n_regions = 1;
  return &region;
}

static inline void
fake_pause (gpointer data, GdwReply *reply, GCancellable *cancellable)
{
  Fixture *fixture = data;

  if (fixture->hold_pause)
    fixture->pausing = reply;
  else
    gdw_reply_done (reply);
}

static inline void
fake_resume (gpointer data, GdwReply *reply)
{
  gdw_reply_done (reply);
}

static inline void
fake_save_state (gpointer data, GdwReply *reply, GCancellable *cancellable)
{
  gdw_reply_done (reply);
}

static inline void
fake_load_state (gpointer data, const GdwSection *sections, guint n_sections, GdwReply *reply,
                 GCancellable *cancellable)
{
  gdw_reply_done (reply);
}

static inline void
fake_quit (gpointer data, gboolean failed)
{
  ((Fixture *) data)->quits++;
}

static const GdwHost fake_host = { .size = sizeof (GdwHost),
                                   .vm = &vm,
                                   .name = "fake",
                                   .regions = fake_regions,
                                   .pause = fake_pause,
                                   .resume = fake_resume,
                                   .save_state = fake_save_state,
                                   .load_state = fake_load_state,
                                   .quit = fake_quit };

static inline void
setup (void)
{
  g_autoptr (GError) error = NULL;

  vm = (Fixture){ 0 };
  vm.folder = g_dir_make_tmp ("godwit-qmp-XXXXXX", &error);
  vm.path = g_build_filename (vm.folder, "qmp", NULL);
  vm.migration = gdw_migration_new (&fake_host, NULL, NULL, FALSE, &error);
  ck_assert_msg (vm.migration != NULL, "%s", error ? error->message : "");
  vm.control = gdw_control_new (vm.migration);
  ck_assert (gdw_control_listen_qmp (vm.control, vm.path, &error));
}

static inline void
teardown (void)
{
  g_clear_pointer (&vm.control, gdw_control_free);
  g_clear_object (&vm.migration);
  ck_assert_int_ne (access (vm.path, F_OK), 0);
  g_rmdir (vm.folder);
  g_free (vm.path);
  g_free (vm.folder);
}

/* The client's end.  The main loop turns while it waits, so that all is one thread;
 * a test that waits for ever is ended by the deadline of its case. */
typedef struct {
  int fd;
  GString *in;
  gboolean closed;
} Client;

static inline gboolean
wake (int fd, GIOCondition condition, gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static inline void
turn (int fd, GIOCondition condition)
{
  guint source = g_unix_fd_add (fd, condition, wake, NULL);

  g_main_context_iteration (NULL, TRUE);
  g_source_remove (source);
}

static inline Client
connect_raw (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  Client client;

  ck_assert_uint_lt (g_strlcpy (address.sun_path, path, sizeof address.sun_path),
                     sizeof address.sun_path);
  client = (Client){ socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), g_string_new (NULL),
                     FALSE };
  ck_assert_int_eq (connect (client.fd, (struct sockaddr *) &address, sizeof address), 0);
  return client;
}

static inline void
disconnect (Client *client)
{
  close (client->fd);
  g_string_free (client->in, TRUE);
}

static inline void
receive_some (Client *client)
{
  char bytes[65536];
  ssize_t n = recv (client->fd, bytes, sizeof bytes, 0);

  if (n > 0)
    g_string_append_len (client->in, bytes, n);
  else if (n == 0 || errno == ECONNRESET)
    client->closed = TRUE;
  else
    turn (client->fd, G_IO_IN);
}

/* The next line without its end, or NULL at the end of the stream. */
static inline char *
receive (Client *client)
{
  const char *end;
  gsize length;
  char *line;

  while (!(end = memchr (client->in->str, '\n', client->in->len)) && !client->closed)
    receive_some (client);
  if (!end)
    return NULL;
  length = (gsize) (end - client->in->str);
  line = g_strchomp (g_strndup (client->in->str, length));
  g_string_erase (client->in, 0, (gssize) length + 1);
  return line;
}

static inline void
expect (Client *client, const char *expected)
{
  g_autofree char *line = receive (client);

  ck_assert_pstr_eq (line, expected);
}

static inline gboolean
is_event (const char *line, const char *name_and_data)
{
  g_autofree char *pattern = g_strdup_printf (
      "^\\{\"timestamp\":\\{\"seconds\":\\d+,\"microseconds\":\\d+\\},\"event\":%s\\}$",
      name_and_data);

  return line && g_regex_match_simple (pattern, line, 0, 0);
}

static inline void
expect_event (Client *client, const char *name_and_data)
{
  g_autofree char *line = receive (client);

  ck_assert_msg (is_event (line, name_and_data), "%s", line);
}

static inline void
transmit (Client *client, const char *text)
{
  for (gsize at = 0, length = strlen (text); at < length && !client->closed;) {
    ssize_t n = send (client->fd, text + at, length - at, MSG_NOSIGNAL);

    if (n > 0)
      at += (gsize) n;
    else if (errno == EAGAIN)
      turn (client->fd, G_IO_OUT);
    else
      client->closed = TRUE;
  }
}

static inline Client
connect_with (const char *negotiation)
{
  Client client = connect_raw (vm.path);

  g_free (receive (&client));
  transmit (&client, negotiation);
  expect (&client, "{\"return\":{}}");
  return client;
}

static inline Client
connect_negotiated (void)
{
  return connect_with (NEGOTIATE);
}

/* A client whose stop waits for gdw_reply_done (vm.pausing), with @more behind it. */
static inline Client
connect_stopping (const char *negotiation, const char *more)
{
  Client client = connect_with (negotiation);

  transmit (&client, "{\"execute\":\"cont\"}");
  expect_event (&client, "\"RESUME\"");
  expect (&client, "{\"return\":{}}");
  vm.hold_pause = TRUE;
  transmit (&client, "{\"execute\":\"stop\",\"id\":0}");
  transmit (&client, more);
  while (!vm.pausing)
    g_main_context_iteration (NULL, TRUE);
  return client;
}
