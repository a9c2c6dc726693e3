/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A transport that keeps the source's bytes until a destination reads them: a file. */
#include <string.h>
#include <sys/stat.h>

#include "balance.h"
#include "call.h"
#include "flow.h"
#include "over.h"
#include "transport-cases.h"

TRANSPORT_CASES (DECLARE_CASE)

#define CYCLES 100
#define BYTES 300001
#define PATIENCE_S 10
#define ANOTHER "another guest"
#define WHOLE                                                                                  \
  PROMISE ("transport.h", "Nothing more is written on @link: give the whole its name")
#define NOTHING_LEFT                                                                           \
  PROMISE ("transport.h", "nothing of it is left, as after a close_link without publish")

#define NOT_ANOTHERS                                                                           \
  PROMISE ("transport.h", "What others have put in its place meanwhile is not published")

/* Opens the source's side at a new address; skips the test if there is none. */
static End *
begin (const Subject *subject, Side **side)
{
  g_autofree char *given = over_address (subject);
  g_autofree char *path = g_build_filename (subject->folder, "kept", NULL);
  g_autoptr (GError) error = NULL;
  End *end;

  if (subject_is_two_way (subject))
    skip ("bytes travel both ways here");
  *side = side_open (subject, given ? given : path, &error);
  EXPECT (*side || !given, PROMISE ("transport.h", "Connect to the address"),
          "'%s', where it was to be tried, does not work: %s", given, error->message);
  if (!*side)
    skip ("there is no address to try; give --uri NAME:ADDRESS");
  end = side_connect (*side, NULL, &error);
  EXPECT (end, PROMISE ("transport.h", "Connect to the address; gives a link"),
          "connect to '%s' failed: %s", (*side)->address, error->message);
  return end;
}

/* Opens the address as a destination: returns a link, or NULL. */
static End *
find (const Subject *subject, const char *address, Side **side)
{
  g_autoptr (GError) error = NULL;

  *side = side_open (subject, address, &error);
  EXPECT (*side, WHOLE, "open of '%s' for reading failed: %s", address, error->message);
  return side_try_listen (*side, &error) ? side_accept (*side, NULL, &error) : NULL;
}

void
one_way_what_is_published_comes_back (const Subject *subject)
{
  Side *writer, *reader;
  End *out = begin (subject, &writer), *in;
  Flow read = { .tag = 1, .size = BYTES, .chunk = 4096, .to_end = TRUE };

  flow_write (&(Flow){ .end = out, .tag = 1, .size = BYTES, .chunk = 5000 });
  end_sync (out);
  end_publish (out);
  end_close (out);
  in = find (subject, writer->address, &reader);
  EXPECT (in, WHOLE, "nothing can be read at '%s' after publish", writer->address);
  read.end = in;
  flow_read (&read);
  EXPECT (read.done == BYTES, PROMISE ("transport.h", "the destination only reads, to the end"),
          "%u bytes were written, %" G_GUINT64_FORMAT " came back", BYTES, read.done);
  end_close (in);
  side_close (reader);
  side_close (writer);
}

void
one_way_what_is_not_published_is_gone (const Subject *subject)
{
  Balance before = balance_now (), after;
  Side *writer, *reader;
  End *out = begin (subject, &writer), *in;

  if (!subject_transport (subject)->publish)
    skip ("it has no publish");
  flow_write (&(Flow){ .end = out, .tag = 1, .size = BYTES, .chunk = 5000 });
  end_sync (out);
  end_close (out);
  after = balance_now ();
  EXPECT (after.files == before.files, NOTHING_LEFT, "%d files were left",
          (int) (after.files - before.files));
  in = find (subject, writer->address, &reader);
  EXPECT (!in, NOTHING_LEFT, "'%s' can be read, and it was not published", writer->address);
  side_close (reader);
  side_close (writer);
}

/* Puts another file in the place of each that is in the working folder. */
static guint
replace_files (void)
{
  g_autoptr (GDir) folder = g_dir_open (".", 0, NULL);
  const char *name;
  guint n = 0;

  while (folder && (name = g_dir_read_name (folder)))
    n += g_file_set_contents (name, ANOTHER, -1, NULL);
  return n;
}

void
one_way_what_took_its_place_is_no_guest (const Subject *subject)
{
  g_autofree char *given = over_address (subject);
  char found[sizeof ANOTHER] = "";
  struct iovec iov = { found, sizeof found - 1 };
  Side *writer, *reader;
  End *out, *in;

  if (given)
    skip ("others use that address, too");
  out = begin (subject, &writer);
  if (!subject_transport (subject)->publish)
    skip ("it has no publish");
  flow_write (&(Flow){ .end = out, .tag = 1, .size = BYTES, .chunk = 5000 });
  end_sync (out);
  if (replace_files () == 0)
    skip ("there is no file that could be replaced");
  if (end_try_publish (out)) {
    end_close (out);
    in = find (subject, writer->address, &reader);
    EXPECT (in, WHOLE, "nothing can be read at '%s' after publish", writer->address);
    end_read (in, &iov, 1, NULL, NULL);
    EXPECT (strcmp (found, ANOTHER) != 0, NOT_ANOTHERS, "'%s' was", found);
    end_close (in);
    side_close (reader);
  } else {
    end_close (out);
  }
  side_close (writer);
}

/* Whether they succeed is another question. */
static void
listen_there (gpointer data)
{
  Call *call = data;
  g_autoptr (GError) error = NULL;

  call->side->transport->listen (call->side->self, call->cancellable, &error);
}

static void
expect_return (const Subject *subject, const char *path, CallKind kind)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Call call = { .kind = kind, .cancellable = cancellable, .function = listen_there };

  call.data = &call;
  call.side = side_open (subject, path, &error);
  if (!call.side)
    return;
  call_start (&call);
  if (!call_ends_within (&call, 50))
    g_cancellable_cancel (cancellable);
  EXPECT (call_ends_within (&call, PATIENCE_S * 1000),
          PROMISE ("transport.h", "returns within 100 ms after it fires"),
          "%s at a FIFO has not returned after %u s",
          kind == CALL_CONNECT ? "connect" : "listen", PATIENCE_S);
  if (call.got)
    end_close (call.got);
  g_clear_error (&call.error);
  side_close (call.side);
}

void
one_way_a_fifo_holds_nobody (const Subject *subject)
{
  g_autofree char *path = g_build_filename (subject->folder, "fifo", NULL);

  if (subject_is_two_way (subject))
    skip ("bytes travel both ways here");
  if (mkfifo (path, 0600) != 0)
    skip ("there are no FIFOs here");
  expect_return (subject, path, CALL_FUNCTION);
  expect_return (subject, path, CALL_CONNECT);
}

static void
keep_once (const Subject *subject)
{
  Side *writer;
  End *out = begin (subject, &writer);

  flow_write (&(Flow){ .end = out, .tag = 1, .size = 100, .chunk = 100 });
  end_close (out);
  side_close (writer);
}

void
one_way_nothing_is_left_after_close (const Subject *subject)
{
  Balance before = { 0 }, after;

  for (guint i = 0; i < CYCLES + 8; i++) {
    if (i == 8)
      before = balance_now ();
    keep_once (subject);
  }
  after = balance_now ();
  EXPECT (
      after.fds <= before.fds && after.threads <= before.threads &&
          after.heap < before.heap + CYCLES * 16,
      PROMISE ("transport.h", "Nothing is left: no file descriptor, thread, memory, or file"),
      "after %u times there are %d more file descriptors, %d more threads and %" G_GSSIZE_FORMAT
      " more bytes of memory",
      CYCLES, (int) (after.fds - before.fds), (int) (after.threads - before.threads),
      (gssize) (after.heap - before.heap));
}
