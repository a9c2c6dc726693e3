/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A transport that keeps the source's bytes until a destination reads them: a file. */
#include <string.h>

#include "balance.h"
#include "flow.h"
#include "over.h"
#include "transport-cases.h"

TRANSPORT_CASES (DECLARE_CASE)

#define CYCLES 100
#define BYTES 300001
#define WHOLE                                                                                  \
  PROMISE ("transport.h", "Nothing more is written on @link: give the whole its name")
#define NOTHING_LEFT                                                                           \
  PROMISE ("transport.h", "nothing of it is left, as after a close_link without publish")

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
