/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "ends.h"

#include <godwit/error.h>
#include <limits.h>
#include <string.h>

#include "guarded.h"
#include "over.h"
#include <godwit/query.h>
#include "plugins/loader.h"

struct End {
  GdwNext next; /* must be first: what the filter gets */
  Side *side;
  gpointer link, filter_link;
  gboolean wire_short, wire_fails, wire_ended;
  const gint *wire_waits_for; /* atomic, or NULL */
  gint reads, writes;         /* running reads and writes of the wire; atomic */
};

const GdwTransport *
subject_transport (const Subject *subject)
{
  if (subject->plugin->kind == GDW_PLUGIN_TRANSPORT)
    return (const GdwTransport *) subject->plugin;
  return subject->over;
}

gboolean
subject_is_two_way (const Subject *subject)
{
  return (subject_transport (subject)->traits & GDW_TRANSPORT_TWO_WAY) != 0;
}

/* Checks how the text of an error begins. */
static void
expect_named (const Subject *subject, const char *callback, const GError *error)
{
  g_autofree char *name = g_strdup_printf ("%s '%s': ", gdw_plugin_kind (subject->plugin->kind),
                                           subject->plugin->name);

  if (subject->plugin->kind == GDW_PLUGIN_TRANSPORT && error && error->domain != G_IO_ERROR)
    EXPECT (g_str_has_prefix (error->message, name),
            PROMISE ("transport.h", "The text of an error begins with transport 'NAME':"),
            "%s failed with: %s", callback, error->message);
}

static void
check (const Side *side, const char *callback, gboolean ok, const GError *error)
{
  expect_result (callback, ok, error,
                 PROMISE ("error.h",
                          "A callback that returns FALSE, NULL or -1 sets its GError; "
                          "one that succeeds leaves it alone"));
  if (!ok)
    expect_named (side->subject, callback, error);
}

Side *
side_open (const Subject *subject, const char *address, GError **error)
{
  Side *side = g_new0 (Side, 1);
  GdwTransportConfig config = { .size = sizeof config };
  GError *failure = NULL;

  side->subject = subject;
  side->transport = subject_transport (subject);
  side->address = g_strdup (address);
  config.address = side->address;
  config.options = subject->values;
  if (subject->plugin->kind == GDW_PLUGIN_FILTER) {
    GdwFilterConfig filter_config = { sizeof filter_config, subject->values };

    side->filter = (const GdwFilter *) subject->plugin;
    side->filter_self = side->filter->open (&filter_config, &failure);
    check (side, "open", side->filter_self != NULL, failure);
    config.options = subject->over_values;
  }
  if (!failure) {
    side->self = side->transport->open (&config, &failure);
    check (side, "open", side->self != NULL, failure);
  }
  if (!failure)
    return side;
  if (side->filter_self)
    side->filter->close (side->filter_self);
  g_propagate_error (error, failure);
  g_free (side->address);
  g_free (side);
  return NULL;
}

gboolean
side_try_listen (Side *side, GError **error)
{
  GError *failure = NULL;
  gboolean ok = side->transport->listen (side->self, NULL, &failure);

  check (side, "listen", ok, failure);
  if (failure)
    g_propagate_error (error, failure);
  return ok;
}

static Side *
try_listen (const Subject *subject, const char *address)
{
  g_autoptr (GError) error = NULL;
  Side *side = side_open (subject, address, &error);

  if (!side) {
    note ("'%s' cannot be opened: %s", address, error->message);
    return NULL;
  }
  if (side_try_listen (side, &error))
    return side;
  note ("'%s' cannot be listened at: %s", address, error->message);
  side_close (side);
  return NULL;
}

static Side *
listen_at_a_free_one (const Subject *subject, const char *file)
{
  g_autofree char *path = g_build_filename (subject->folder, file, NULL);
  g_autofree char *given = over_address (subject);
  Side *side;

  if (given)
    return try_listen (subject, given);
  side = try_listen (subject, path);
  return side ? side : try_listen (subject, "127.0.0.1:0");
}

Side *
side_try_to_listen (const Subject *subject)
{
  Side *side = listen_at_a_free_one (subject, "one");
  g_autofree char *given = over_address (subject);

  EXPECT (side || !given, PROMISE ("transport.h", "Begin to listen at the address"),
          "'%s', where it was to be tried, does not work", given);
  return side;
}

Side *
side_listen (const Subject *subject)
{
  Side *side = side_try_to_listen (subject);

  if (!side)
    skip ("there is no address to try; give --uri NAME:ADDRESS");
  return side;
}

Side *
side_listen_too (const Subject *subject)
{
  return listen_at_a_free_one (subject, "two");
}

char *
side_reachable (Side *side)
{
  char *address = NULL;

  if (side->transport->local_address)
    address = side->transport->local_address (side->self);
  return address ? address : g_strdup (side->address);
}

Side *
side_towards (Side *listening)
{
  g_autofree char *address = side_reachable (listening);
  g_autoptr (GError) error = NULL;
  Side *side = side_open (listening->subject, address, &error);

  EXPECT (side, PROMISE ("transport.h", "the address a peer connects to"),
          "open of '%s', which local_address gave, failed: %s", address, error->message);
  return side;
}

void
side_close (Side *side)
{
  if (!side)
    return;
  side->transport->close (side->self);
  if (side->filter)
    side->filter->close (side->filter_self);
  g_free (side->address);
  g_free (side);
}

static gsize
total_of (const struct iovec *iov, guint n)
{
  gsize total = 0;

  for (guint i = 0; i < n; i++)
    total += iov[i].iov_len;
  return total;
}

static gsize
check_wire (End *end, gint *busy, const struct iovec *iov, guint n, const char *what)
{
  EXPECT (n >= 1 && n <= IOV_MAX && iov, PROMISE ("filter.h", "1..IOV_MAX vectors"),
          "the filter called the %s of next with %u vectors", what, n);
  for (guint i = 0; i < n; i++)
    EXPECT (iov[i].iov_len > 0, PROMISE ("filter.h", "none empty"),
            "the filter called the %s of next with an empty vector, number %u of %u", what, i,
            n);
  EXPECT (g_atomic_int_add (busy, 1) == 0,
          PROMISE ("transport.h", "one read and one write may run at the same time"),
          "the filter called the %s of next on two threads at once", what);
  return total_of (iov, n);
}

static gboolean
wire_failure (GError **error)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_IO, "transport 'local': it was told to fail");
  return FALSE;
}

/* Limits the vectors to 7 bytes if the wire is short. */
static struct iovec
first_of (const struct iovec *iov)
{
  return (struct iovec){ iov[0].iov_base, MIN (iov[0].iov_len, 7) };
}

static gssize
wire_read (const GdwNext *next, const struct iovec *iov, guint n, GCancellable *cancellable,
           GError **error)
{
  End *end = (End *) next;
  struct iovec first;
  gssize count = -1;

  check_wire (end, &end->reads, iov, n, "read");
  first = first_of (iov);
  for (guint ms = 0; end->wire_waits_for && !g_atomic_int_get (end->wire_waits_for) && ms < 200;
       ms++)
    g_usleep (1000);
  if (end->wire_fails)
    wire_failure (error);
  else
    count = end->side->transport->read (end->link, end->wire_short ? &first : iov,
                                        end->wire_short ? 1 : n, cancellable, error);
  end->wire_ended |= count == 0;
  g_atomic_int_add (&end->reads, -1);
  return count;
}

static gssize
wire_write (const GdwNext *next, const struct iovec *iov, guint n, GCancellable *cancellable,
            GError **error)
{
  End *end = (End *) next;
  struct iovec first;
  gssize count = -1;

  check_wire (end, &end->writes, iov, n, "write");
  first = first_of (iov);
  if (end->wire_fails)
    wire_failure (error);
  else
    count = end->side->transport->write (end->link, end->wire_short ? &first : iov,
                                         end->wire_short ? 1 : n, cancellable, error);
  g_atomic_int_add (&end->writes, -1);
  return count;
}

static gboolean
wire_shutdown (const GdwNext *next, GError **error)
{
  End *end = (End *) next;

  return !end->side->transport->shutdown || end->side->transport->shutdown (end->link, error);
}

static End *
end_new (Side *side)
{
  End *end = g_new0 (End, 1);

  end->side = side;
  end->next = (GdwNext){ sizeof end->next, wire_read, wire_write, wire_shutdown };
  return end;
}

static gboolean
open_filter (End *end, gboolean incoming, GCancellable *cancellable, GError **error)
{
  GError *failure = NULL;

  if (!end->side->filter)
    return TRUE;
  end->filter_link = end->side->filter->link_open (end->side->filter_self, incoming,
                                                   cancellable, &failure);
  check (end->side, "link_open", end->filter_link != NULL, failure);
  if (failure)
    g_propagate_error (error, failure);
  return end->filter_link != NULL;
}

End *
side_accept (Side *side, GCancellable *cancellable, GError **error)
{
  End *end = end_new (side);
  GError *failure = NULL;

  end->link = side->transport->accept (side->self, cancellable, &failure);
  check (side, "accept", end->link != NULL, failure);
  if (end->link && open_filter (end, TRUE, cancellable, &failure))
    return end;
  g_propagate_error (error, failure);
  if (end->link)
    side->transport->close_link (end->link);
  g_free (end);
  return NULL;
}

End *
side_connect (Side *side, GCancellable *cancellable, GError **error)
{
  End *end = end_new (side);
  GError *failure = NULL;

  if (open_filter (end, FALSE, cancellable, &failure)) {
    end->link = side->transport->connect (side->self, cancellable, &failure);
    check (side, "connect", end->link != NULL, failure);
    if (end->link)
      return end;
    if (side->filter)
      side->filter->link_close (end->filter_link);
  }
  g_propagate_error (error, failure);
  g_free (end);
  return NULL;
}

gboolean
end_handshake (End *end, GCancellable *cancellable, GError **error)
{
  g_autoptr (GCancellable) never = g_cancellable_new ();
  const GdwFilter *filter = end->side->filter;
  GError *failure = NULL;
  gboolean ok;

  if (!filter || !filter->handshake)
    return TRUE;
  ok = filter->handshake (end->filter_link, &end->next, cancellable ? cancellable : never,
                          &failure);
  check (end->side, "handshake", ok, failure);
  if (failure)
    g_propagate_error (error, failure);
  return ok;
}

gboolean
end_was_ended (const End *end)
{
  return end->wire_ended;
}

/* Copies the vectors for the plugin so that they end where nothing can be read. */
static Guarded
guard_iov (const struct iovec *iov, guint n)
{
  Guarded copy = guarded_new (n * sizeof *iov);

  memcpy (copy.data, iov, copy.size);
  return copy;
}

static void
check_iov (const char *what, Guarded *copy, const struct iovec *iov)
{
  EXPECT (memcmp (copy->data, iov, copy->size) == 0,
          PROMISE ("transport.h", "@iov and its bytes stay as they are"),
          "%s changed the vectors it was given", what);
  guarded_free (copy);
}

gssize
end_read (End *end, const struct iovec *iov, guint n, GCancellable *cancellable, GError **error)
{
  const Side *side = end->side;
  Guarded copy = guard_iov (iov, n);
  const struct iovec *given = (const struct iovec *) (gpointer) copy.data;
  GError *failure = NULL;
  gssize count;

  if (side->filter && side->filter->read)
    count = side->filter->read (end->filter_link, &end->next, given, n, cancellable, &failure);
  else if (side->filter)
    count = wire_read (&end->next, given, n, cancellable, &failure);
  else
    count = side->transport->read (end->link, given, n, cancellable, &failure);
  check_iov ("read", &copy, iov);
  check (side, "read", count >= 0, failure);
  EXPECT (count >= -1 && (count < 0 || (gsize) count <= total_of (iov, n)),
          PROMISE ("transport.h", "Read what there is, at least one byte, into @iov"),
          "read of %" G_GSIZE_FORMAT " bytes gave %" G_GSSIZE_FORMAT, total_of (iov, n), count);
  if (failure)
    g_propagate_error (error, failure);
  return count;
}

gssize
end_write (End *end, const struct iovec *iov, guint n, GCancellable *cancellable,
           GError **error)
{
  const Side *side = end->side;
  Guarded copy = guard_iov (iov, n);
  const struct iovec *given = (const struct iovec *) (gpointer) copy.data;
  GError *failure = NULL;
  gssize count;

  if (side->filter && side->filter->write)
    count = side->filter->write (end->filter_link, &end->next, given, n, cancellable, &failure);
  else if (side->filter)
    count = wire_write (&end->next, given, n, cancellable, &failure);
  else
    count = side->transport->write (end->link, given, n, cancellable, &failure);
  check_iov ("write", &copy, iov);
  check (side, "write", count >= 0, failure);
  EXPECT (count == -1 || (count > 0 && (gsize) count <= total_of (iov, n)),
          PROMISE ("transport.h", "Write some of @iov, at least one byte"),
          "write of %" G_GSIZE_FORMAT " bytes gave %" G_GSSIZE_FORMAT, total_of (iov, n),
          count);
  if (failure)
    g_propagate_error (error, failure);
  return count;
}

gboolean
end_shutdown (End *end)
{
  const Side *side = end->side;
  g_autoptr (GError) error = NULL;
  gboolean ok;

  if (!side->transport->shutdown)
    return FALSE;
  if (side->filter && side->filter->shutdown)
    ok = side->filter->shutdown (end->filter_link, &end->next, &error);
  else if (side->filter)
    ok = wire_shutdown (&end->next, &error);
  else
    ok = side->transport->shutdown (end->link, &error);
  check (side, "shutdown", ok, error);
  EXPECT (ok, PROMISE ("transport.h", "No more writes from this side"),
          "shutdown of a link that works failed: %s", error->message);
  return TRUE;
}

static void
end_finish (End *end, const char *what,
            gboolean (*finish) (gpointer link, GCancellable *cancellable, GError **error))
{
  g_autoptr (GError) error = NULL;
  gboolean ok = !finish || finish (end->link, NULL, &error);

  check (end->side, what, ok, error);
  EXPECT (ok, PROMISE ("transport.h", "so that it survives a crash of this host"),
          "%s of a link that works failed: %s", what, error->message);
}

void
end_sync (End *end)
{
  end_finish (end, "sync", end->side->transport->sync);
}

void
end_publish (End *end)
{
  end_finish (end, "publish", end->side->transport->publish);
}

gboolean
end_try_publish (End *end)
{
  g_autoptr (GError) failure = NULL;
  gboolean ok = end->side->transport->publish (end->link, NULL, &failure);

  check (end->side, "publish", ok, failure);
  return ok;
}

void
end_close (End *end)
{
  if (!end)
    return;
  if (end->side->filter)
    end->side->filter->link_close (end->filter_link);
  end->side->transport->close_link (end->link);
  g_free (end);
}

void
end_make_wire_short (End *end)
{
  end->wire_short = TRUE;
}

void
end_make_wire_fail (End *end)
{
  end->wire_fails = TRUE;
}

void
end_make_wire_wait (End *end, const gint *until)
{
  end->wire_waits_for = until;
}
