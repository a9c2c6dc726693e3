/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>
#include <godwit/filter.h>
#include <godwit/frame.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "fault-direction.h"
#include "transports/common/wait.h"

enum { OPTION_AT, OPTION_N, OPTION_KIND, OPTION_FOR, OPTION_SEED };
static const char *const kind_names[] = { "reset", "stall",     "short", "flip",
                                          "drop",  "duplicate", NULL };

typedef struct {
  char *at;     /* as typed */
  guint type;   /* the type of a frame, or 0 */
  guint64 step; /* or a number of bytes; both 0: CONNECT */
  guint64 n;
  FaultKind kind;
  int for_ms; /* 0: until cancelled */
  guint64 seed;
  pthread_mutex_t lock;
  guint64 seen; /* under lock: how often the unit has passed, on all links */
} Fault;

typedef struct {
  Fault *fault;
  Direction in, out;
  pthread_mutex_t writing; /* write holds it, so that shutdown sees a complete state */
  pthread_mutex_t lock;
  gboolean broken; /* under lock */
} FaultLink;

static guint
frame_type (const char *name)
{
  for (guint type = 1; type < 256; type++) {
    const char *known = gdw_frame_name (type);

    if (known && g_ascii_strcasecmp (known, name) == 0)
      return type;
  }
  return 0;
}

/* Parses a count with K, M, G or T; 0 if it is not one. */
static guint64
parse_bytes (const char *text)
{
  static const char suffixes[] = "KMGT";
  char *end = NULL;
  guint64 bytes = g_ascii_isdigit (text[0]) ? g_ascii_strtoull (text, &end, 10) : 0;
  const char *suffix = end && *end ? strchr (suffixes, g_ascii_toupper (*end)) : NULL;
  guint shift = suffix ? 10 * (guint) (suffix - suffixes + 1) : 0;

  if (!end || (*end && (!suffix || end[1])) || bytes > G_MAXUINT64 >> shift)
    return 0;
  return bytes << shift;
}

static gboolean
parse_at (Fault *fault, GError **error)
{
  gboolean at_connect = g_ascii_strcasecmp (fault->at, "CONNECT") == 0;

  fault->type = frame_type (fault->at);
  fault->step = parse_bytes (fault->at);
  if (fault->type == 0 && fault->step == 0 && !at_connect) {
    g_set_error (
        error, GDW_ERROR, GDW_ERROR_INVALID,
        "filter 'fault': option 'at=%s' failed: it is not a frame; give CONNECT, the name "
        "of a frame such as MEM or COMMIT, or a number of bytes, at least 1",
        fault->at);
    return FALSE;
  }
  if (at_connect && fault->kind != FAULT_RESET && fault->kind != FAULT_STALL) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "filter 'fault': option 'at=CONNECT' failed: there are no bytes to alter yet; "
                 "use kind=reset or kind=stall");
    return FALSE;
  }
  return TRUE;
}

static void
fault_close (gpointer self)
{
  Fault *fault = self;

  pthread_mutex_destroy (&fault->lock);
  g_free (fault->at);
  g_free (fault);
}

static gpointer
fault_open (const GdwFilterConfig *config, GError **error)
{
  Fault *fault = g_new0 (Fault, 1);

  pthread_mutex_init (&fault->lock, NULL);
  fault->at = g_strdup (config->options[OPTION_AT].string);
  fault->n = config->options[OPTION_N].number;
  fault->kind = (FaultKind) config->options[OPTION_KIND].number;
  fault->for_ms = (int) config->options[OPTION_FOR].number;
  fault->seed = config->options[OPTION_SEED].number;
  if (fault->at && parse_at (fault, error))
    return fault;
  if (!fault->at)
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "filter 'fault': option 'at' failed: it is missing; add at=FRAME or at=BYTES");
  fault_close (fault);
  return NULL;
}

/* Counts the unit, and returns TRUE if it is the one to hit.  Then prints a line, so that a
 * waiting test knows. */
static gboolean
is_time (Fault *fault)
{
  gboolean now;

  pthread_mutex_lock (&fault->lock);
  now = ++fault->seen == fault->n;
  pthread_mutex_unlock (&fault->lock);
  if (now)
    g_message ("filter 'fault': %s at %s", kind_names[fault->kind], fault->at);
  return now;
}

static gboolean
stall (Fault *fault, GCancellable *cancellable, GError **error)
{
  wait_sleep (fault->for_ms == 0 ? -1 : fault->for_ms, cancellable);
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

static gboolean
set_broken_error (const Fault *fault, const char *what, GError **error)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_IO,
               "filter 'fault': %s failed: %s at %s, as requested; remove the filter", what,
               fault->kind == FAULT_RESET ? "reset" : "cut short", fault->at);
  return FALSE;
}

static gpointer
fault_link_open (gpointer self, gboolean incoming, GCancellable *cancellable, GError **error)
{
  Fault *fault = self;
  FaultLink *link;

  if (fault->type == 0 && fault->step == 0 && is_time (fault)) {
    if (fault->kind == FAULT_RESET && !set_broken_error (fault, "link_open", error))
      return NULL;
    if (fault->kind == FAULT_STALL && !stall (fault, cancellable, error))
      return NULL;
  }
  link = g_new0 (FaultLink, 1);
  link->fault = fault;
  pthread_mutex_init (&link->lock, NULL);
  pthread_mutex_init (&link->writing, NULL);
  direction_init (&link->in, fault->type != 0, fault->step);
  direction_init (&link->out, fault->type != 0, fault->step);
  return link;
}

static void
fault_link_close (gpointer data)
{
  FaultLink *link = data;

  g_byte_array_unref (link->in.kept);
  g_byte_array_unref (link->out.kept);
  pthread_mutex_destroy (&link->writing);
  pthread_mutex_destroy (&link->lock);
  g_free (link);
}

/* Ends the link in both directions: the peer sees it, and so do the calls that wait here. */
static void
break_link (FaultLink *link, const GdwNext *next)
{
  pthread_mutex_lock (&link->lock);
  link->broken = TRUE;
  g_cancellable_cancel (link->in.cut);
  g_cancellable_cancel (link->out.cut);
  pthread_mutex_unlock (&link->lock);
  next->shutdown (next, NULL);
}

static gboolean
is_broken (FaultLink *link)
{
  gboolean broken;

  pthread_mutex_lock (&link->lock);
  broken = link->broken;
  pthread_mutex_unlock (&link->lock);
  return broken;
}

static void
forward_cancel (GCancellable *cancellable, gpointer cut)
{
  g_cancellable_cancel (cut);
}

typedef gssize (*Call) (const GdwNext *next, const struct iovec *iov, guint n,
                        GCancellable *cancellable, GError **error);

/* Calls the level below so that a break from the other direction ends it. */
static gssize
call_below (FaultLink *link, Direction *direction, Call call, const GdwNext *next,
            const struct iovec *iov, guint n, GCancellable *cancellable, GError **error)
{
  g_autoptr (GCancellable) cut = NULL;
  gulong id = 0;
  gssize count;

  if (link->fault->kind != FAULT_RESET && link->fault->kind != FAULT_SHORT)
    return call (next, iov, n, cancellable, error);
  cut = g_cancellable_new ();
  pthread_mutex_lock (&link->lock);
  direction->cut = cut;
  if (link->broken)
    g_cancellable_cancel (cut);
  pthread_mutex_unlock (&link->lock);
  if (cancellable)
    id = g_cancellable_connect (cancellable, G_CALLBACK (forward_cancel), cut, NULL);
  count = call (next, iov, n, cut, error);
  g_cancellable_disconnect (cancellable, id);
  pthread_mutex_lock (&link->lock);
  direction->cut = NULL;
  pthread_mutex_unlock (&link->lock);
  return count;
}

/* At a boundary, with the head in kept: counts the unit, and acts if it is the one.  Returns
 * FALSE if the call fails. */
static gboolean
decide (FaultLink *link, Direction *direction, const GdwNext *next, GCancellable *cancellable,
        GError **error)
{
  Fault *fault = link->fault;
  guint64 unit = fault->type ? GDW_FRAME_HEADER_BYTES + direction_payload_bytes (direction) : 1;
  gboolean acts = (!fault->type ||
                   direction->kept->data[GDW_FRAME_OFFSET_TYPE] == fault->type) &&
                  is_time (fault);

  direction->phase = DIRECTION_PASS;
  direction->left = fault->type ? unit - direction->kept->len : fault->step;
  if (!acts)
    return TRUE;
  if (fault->kind == FAULT_STALL)
    return stall (fault, cancellable, error);
  if (fault->kind == FAULT_RESET) {
    g_byte_array_set_size (direction->kept, 0);
    break_link (link, next);
    return TRUE;
  }
  direction->phase = DIRECTION_UNIT;
  direction->wanted = unit;
  direction->left = fault->type ? 0 : fault->step - 1;
  return TRUE;
}

/* At a boundary: gathers a head first, or decides at once if bytes are counted. */
static gboolean
begin_unit (FaultLink *link, Direction *direction, const GdwNext *next,
            GCancellable *cancellable, GError **error)
{
  g_byte_array_set_size (direction->kept, 0);
  direction->passed = 0;
  if (!link->fault->type)
    return decide (link, direction, next, cancellable, error);
  direction->phase = DIRECTION_HEAD;
  direction->wanted = DIRECTION_HEAD_BYTES;
  return TRUE;
}

/* Continues after more of the head or unit was gathered. */
static gboolean
continue_unit (FaultLink *link, Direction *direction, const GdwNext *next,
               GCancellable *cancellable, GError **error)
{
  if (direction->phase == DIRECTION_HEAD && direction_is_no_frame (direction)) {
    direction->phase = DIRECTION_PASS;
    direction->left = DIRECTION_NO_END;
  } else if (direction->kept->len == direction->wanted) {
    if (direction->phase == DIRECTION_HEAD)
      return decide (link, direction, next, cancellable, error);
    direction_alter (direction, link->fault->kind, link->fault->seed);
  }
  return TRUE;
}

/* Reads more of the head or unit.  Returns 1, 0 at the end of the stream, or -1. */
static gssize
gather (FaultLink *link, const GdwNext *next, GCancellable *cancellable, GError **error)
{
  Direction *direction = &link->in;
  guint have = direction->kept->len;
  struct iovec rest;
  gssize count;

  g_byte_array_set_size (direction->kept, (guint) direction->wanted);
  rest.iov_base = direction->kept->data + have;
  rest.iov_len = direction->wanted - have;
  count = call_below (link, direction, next->read, next, &rest, 1, cancellable, error);
  g_byte_array_set_size (direction->kept, have + (guint) MAX (count, 0));
  if (count == 0) {
    /* The incomplete unit passes, and then the reader sees the end. */
    direction->phase = DIRECTION_PASS;
    direction->left = DIRECTION_NO_END;
  }
  if (count <= 0)
    return count;
  return continue_unit (link, direction, next, cancellable, error) ? 1 : -1;
}

static gssize
read_through (FaultLink *link, const GdwNext *next, const struct iovec *iov, guint n,
              GCancellable *cancellable, GError **error)
{
  Direction *direction = &link->in;
  struct iovec part[IOV_MAX];
  guint used = direction_cut (iov, n, 0, direction->left, part, 0);
  gssize count = call_below (link, direction, next->read, next, part, used, cancellable, error);

  direction_advance (direction, (gsize) MAX (count, 0));
  return count;
}

static gssize
read_step (FaultLink *link, const GdwNext *next, const struct iovec *iov, guint n,
           GCancellable *cancellable, GError **error)
{
  Direction *direction = &link->in;

  for (;;) {
    gssize result = 1;

    if (is_broken (link))
      return -1;
    if (direction->phase == DIRECTION_PASS && direction_kept (direction) > 0)
      return direction_give (direction, iov, n);
    if (direction->phase == DIRECTION_PASS && direction->ends)
      break_link (link, next);
    else if (direction->phase != DIRECTION_PASS)
      result = gather (link, next, cancellable, error);
    else if (direction->left > 0)
      return read_through (link, next, iov, n, cancellable, error);
    else if (!begin_unit (link, direction, next, cancellable, error))
      return -1;
    if (result < 0 || (result == 0 && direction_kept (direction) == 0))
      return result;
  }
}

static gssize
fault_read (gpointer data, const GdwNext *next, const struct iovec *iov, guint n,
            GCancellable *cancellable, GError **error)
{
  FaultLink *link = data;
  g_autoptr (GError) failure = NULL;
  gssize count = read_step (link, next, iov, n, cancellable, &failure);

  if (count >= 0)
    return count;
  if (failure && (!is_broken (link) || g_cancellable_is_cancelled (cancellable))) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return -1;
  }
  /* After kind=short the reader sees the end of the stream. */
  if (link->fault->kind == FAULT_SHORT)
    return 0;
  set_broken_error (link->fault, "read", error);
  return -1;
}

/* Writes the kept bytes together with the bytes of the caller from *@used on. */
static gboolean
write_through (FaultLink *link, const GdwNext *next, const struct iovec *iov, guint n,
               gsize *used, GCancellable *cancellable, GError **error)
{
  Direction *direction = &link->out;
  struct iovec part[IOV_MAX];
  guint vectors = 0;
  gssize count;
  gsize from_kept;

  if (direction_kept (direction) > 0) {
    part[0].iov_base = direction->kept->data + direction->passed;
    part[vectors++].iov_len = direction_kept (direction);
  }
  vectors = direction_cut (iov, n, *used, direction->left, part, vectors);
  count = call_below (link, direction, next->write, next, part, vectors, cancellable, error);
  if (count < 0)
    return FALSE;
  from_kept = MIN ((gsize) count, direction_kept (direction));
  direction->passed += from_kept;
  direction_advance (direction, (gsize) count - from_kept);
  *used += (gsize) count - from_kept;
  return TRUE;
}

/* Takes bytes of the caller into the head or unit. */
static gboolean
take (FaultLink *link, const GdwNext *next, const struct iovec *iov, guint n, gsize *used,
      GCancellable *cancellable, GError **error)
{
  Direction *direction = &link->out;
  struct iovec part[IOV_MAX];
  guint vectors = direction_cut (iov, n, *used, direction->wanted - direction->kept->len, part,
                                 0);

  for (guint i = 0; i < vectors; i++) {
    g_byte_array_append (direction->kept, part[i].iov_base, (guint) part[i].iov_len);
    *used += part[i].iov_len;
  }
  return continue_unit (link, direction, next, cancellable, error);
}

static gssize
write_step (FaultLink *link, const GdwNext *next, const struct iovec *iov, guint n,
            GCancellable *cancellable, GError **error)
{
  Direction *direction = &link->out;
  gsize total = direction_total (iov, n), used = 0;
  gboolean ok = TRUE;

  while (ok) {
    if (is_broken (link))
      return -1;
    if (direction->phase == DIRECTION_PASS && direction_kept (direction) == 0 &&
        direction->ends) {
      break_link (link, next);
      return used > 0 ? (gssize) used : -1;
    }
    if (used == total &&
        (direction->phase != DIRECTION_PASS || direction_kept (direction) == 0))
      return (gssize) used;
    if (direction->phase != DIRECTION_PASS)
      ok = take (link, next, iov, n, &used, cancellable, error);
    else if (direction_kept (direction) > 0 || direction->left > 0)
      ok = write_through (link, next, iov, n, &used, cancellable, error);
    else
      ok = begin_unit (link, direction, next, cancellable, error);
  }
  return -1;
}

static gssize
fault_write (gpointer data, const GdwNext *next, const struct iovec *iov, guint n,
             GCancellable *cancellable, GError **error)
{
  FaultLink *link = data;
  g_autoptr (GError) failure = NULL;
  gssize count;

  pthread_mutex_lock (&link->writing);
  count = write_step (link, next, iov, n, cancellable, &failure);
  pthread_mutex_unlock (&link->writing);
  if (count >= 0)
    return count;
  if (!failure || (is_broken (link) && !g_cancellable_is_cancelled (cancellable)))
    set_broken_error (link->fault, "write", error);
  else
    g_propagate_error (error, g_steal_pointer (&failure));
  return -1;
}

static gboolean
fault_shutdown (gpointer data, const GdwNext *next, GError **error)
{
  FaultLink *link = data;
  Direction *direction = &link->out;

  /* The beginning of a possible frame must not get lost. */
  if (pthread_mutex_trylock (&link->writing) == 0) {
    struct iovec rest = { direction->kept->data + direction->passed,
                          direction_kept (direction) };
    gssize count = 0;

    if (rest.iov_len > 0 && !is_broken (link))
      count = next->write (next, &rest, 1, NULL, NULL);
    if (count > 0)
      direction->passed += (gsize) count;
    pthread_mutex_unlock (&link->writing);
  }
  return next->shutdown (next, error);
}

static const GdwOption fault_options[] = {
  [OPTION_AT] = { .name = "at",
                  .type = GDW_OPTION_STRING,
                  .help =
                      "where it happens: CONNECT, the name of a frame, or a number of bytes" },
  [OPTION_N] = { .name = "n",
                 .type = GDW_OPTION_UINT,
                 .default_value = "1",
                 .min = 1,
                 .max = G_MAXUINT64,
                 .help = "which one of them, counted over all links" },
  [OPTION_KIND] = { .name = "kind",
                    .type = GDW_OPTION_ENUM,
                    .choices = kind_names,
                    .help = "what happens to it" },
  [OPTION_FOR] = { .name = "for",
                   .type = GDW_OPTION_UINT,
                   .default_value = "0",
                   .max = 86400000,
                   .help = "milliseconds of a stall, 0 = until cancelled" },
  [OPTION_SEED] = { .name = "seed",
                    .type = GDW_OPTION_UINT,
                    .default_value = "1",
                    .help = "chooses the bit of a flip" },
  { 0 },
};

GDW_DEFINE_FILTER (.plugin.name = "fault",
                   .plugin.summary = "breaks a link on purpose, at a frame or a byte",
                   .plugin.options = fault_options, .open = fault_open, .close = fault_close,
                   .link_open = fault_link_open, .link_close = fault_link_close,
                   .read = fault_read, .write = fault_write, .shutdown = fault_shutdown);
