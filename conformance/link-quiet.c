/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <string.h>
#include <sys/resource.h>

#include "balance.h"
#include "flow.h"
#include "link-cases.h"
#include "plugins/options.h"

LINK_CASES (DECLARE_CASE)

#define MIB ((guint64) 1 << 20)

/* Both sides are in this process: twice the promised amount, and some reserve. */
#define KEPT_MOST (2 * 64 * MIB + 64 * MIB)

/* How many links are opened and closed to find a leak; with --quick fewer if each is slow. */
#define MOST_LIVES 100
#define LEAST_LIVES 32

#define SLEEPS PROMISE ("transport.h", "A call that waits sleeps")

void
link_a_reader_that_stops_stops_the_writer (const Subject *subject)
{
  Promise promise = PROMISE ("transport.h",
                             "While the peer does not read, write waits: at most "
                             "64 MiB of a direction are kept");
  Flow out = { .size = 1024 * MIB, .until_error = TRUE };
  gsize before;
  guint64 done;
  Pair pair;

  pair_open (&pair, subject);
  out.end = pair.out;
  out.cancellable = g_cancellable_new ();
  before = balance_now ().resident;
  flow_start (&out, flow_write);
  do {
    done = flow_done (&out);
  } while (!call_ends_within (&out.call, 250) && flow_done (&out) > done && done < 512 * MIB);
  EXPECT (flow_done (&out) < 512 * MIB, promise,
          "write took %" G_GUINT64_FORMAT " bytes, and nobody reads", flow_done (&out));
  EXPECT (balance_now ().resident < before + KEPT_MOST, promise,
          "%" G_GSIZE_FORMAT " bytes of memory more than before",
          balance_now ().resident - before);
  g_cancellable_cancel (out.cancellable);
  flow_end (&out);
  pair_close (&pair);
}

static gint64
cpu_us (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * (gint64) G_USEC_PER_SEC +
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* A call that burns CPU does so each time; on a busy machine a call may begin to wait only
 * later. */
static void
expect_sleeps (Call *call, const char *what)
{
  gint64 wall = 0, cpu = 0;

  for (guint i = 0; i < 4; i++) {
    wall = g_get_monotonic_time ();
    cpu = cpu_us ();
    call_ends_within (call, 200);
    wall = g_get_monotonic_time () - wall;
    cpu = cpu_us () - cpu;
    if (cpu < wall / 20)
      return;
  }
  broken (SLEEPS,
          "a waiting %s used %" G_GINT64_FORMAT " us of CPU in %" G_GINT64_FORMAT
          " us, and did so each time",
          what, cpu, wall);
}

static void
must_sleep (Call *call, const char *what)
{
  call->cancellable = g_cancellable_new ();
  call_start (call);
  call_ends_within (call, 100);
  expect_sleeps (call, what);
  g_cancellable_cancel (call->cancellable);
  call_end (call, PROMISE ("transport.h", "returns within 100 ms after it fires"));
}

void
link_waiting_burns_no_cpu (const Subject *subject)
{
  Pair pair;
  Call accepting = { .kind = CALL_ACCEPT };
  Call reading = { .kind = CALL_READ, .size = 1 };
  Flow out = { .size = 1024 * MIB, .until_error = TRUE };

  pair_open (&pair, subject);
  accepting.side = pair.listening;
  reading.end = pair.in;
  must_sleep (&accepting, "accept");
  must_sleep (&reading, "read");
  out.end = pair.out;
  out.cancellable = g_cancellable_new ();
  flow_start (&out, flow_write);
  for (guint64 done = 1; done != flow_done (&out);) {
    done = flow_done (&out);
    call_ends_within (&out.call, 150);
  }
  expect_sleeps (&out.call, "write");
  g_cancellable_cancel (out.cancellable);
  flow_end (&out);
  pair_close (&pair);
}

static void
one_life (const Subject *subject)
{
  Pair pair;

  pair_open (&pair, subject);
  flow_through (pair.out, pair.in, 1, 3000);
  flow_through (pair.in, pair.out, 2, 3000);
  pair_close (&pair);
}

static int
by_size (gconstpointer a, gconstpointer b)
{
  const gssize *left = a, *right = b;

  return (*left > *right) - (*left < *right);
}

/* Lives one after another, fewer where each takes long. Returns how much memory most of them
 * left behind: caches of malloc fill and empty by more than a small leak, but not each time. */
static gssize
usual_leak (const Subject *subject, guint *lives)
{
  gint64 end = g_get_monotonic_time () + 1600000;
  gsize heap = balance_now ().heap;
  gssize left[MOST_LIVES];
  guint n = 0;

  while (n < MOST_LIVES &&
         (!subject->settings->quick || n < LEAST_LIVES || g_get_monotonic_time () < end)) {
    gsize before = heap;

    one_life (subject);
    heap = balance_now ().heap;
    left[n++] = (gssize) (heap - before);
  }
  *lives = n;
  qsort (left, n, sizeof (left[0]), by_size);
  return left[n / 2];
}

void
link_nothing_is_left_after_close (const Subject *subject)
{
  Promise promise = PROMISE ("transport.h",
                             "Nothing is left: no file descriptor, thread, memory, or file");
  Balance first, after;
  guint lives;
  gssize leak;

  one_life (subject);
  EXPECT (balance_now ().files == 0, promise, "a file is left in the folder of the address");
  for (guint i = 0; i < 10; i++)
    one_life (subject);
  first = balance_now ();
  leak = usual_leak (subject, &lives);
  after = balance_now ();
  EXPECT (after.fds <= first.fds, promise, "%u lives left %u file descriptors", lives,
          after.fds - first.fds);
  EXPECT (after.threads <= first.threads, promise, "%u lives left %u threads", lives,
          after.threads - first.threads);
  EXPECT (after.files <= first.files && after.files == 0, promise,
          "%u lives left %u files in their folder", lives, after.files);
  EXPECT (leak < 16 || after.heap <= first.heap, promise,
          "most of %u lives left %" G_GSSIZE_FORMAT " bytes of memory each", lives, leak);
}

/* Returns the user's options with one of them changed, or NULL if the value is not accepted. */
static GdwValue *
values_with (const Subject *subject, const char *name, const char *value)
{
  g_autofree char *wanted = g_strdup_printf ("%s=", name);
  g_autoptr (GString) text = g_string_new (wanted);
  char **given = subject->settings->options;

  gdw_text_append (text, value);
  for (guint i = 0; given && given[i]; i++)
    if (!g_str_has_prefix (given[i], wanted)) {
      gdw_text_append_mark (text, ',');
      g_string_append (text, given[i]);
    }
  return gdw_options_parse (subject->plugin, text->str, NULL);
}

/* The value must be refused with an error, or give a working link. */
static void
try_value (const Subject *subject, const char *name, const char *value, gboolean bytes)
{
  Subject other = *subject;
  Side *side;
  Pair pair;

  note ("option %s=%s", name, value);
  other.values = values_with (subject, name, value);
  if (!other.values)
    return;
  /* Refusing with an error is right, too; it has been checked. */
  side = side_listen_too (&other);
  if (!side)
    return;
  side_close (side);
  pair_open (&pair, &other);
  if (bytes)
    flow_through (pair.out, pair.in, 1, 70000);
  pair_close (&pair);
}

void
link_options_at_their_limits (const Subject *subject)
{
  const GdwOption *option = subject->plugin->options;

  if (!option || !option->name)
    skip ("it has no options");
  for (; option->name; option++) {
    g_autofree char *least = g_strdup_printf ("%" G_GUINT64_FORMAT, option->min);
    g_autofree char *most = g_strdup_printf ("%" G_GUINT64_FORMAT, option->max);

    if (option->default_value)
      try_value (subject, option->name, option->default_value, TRUE);
    if (option->type == GDW_OPTION_UINT || option->type == GDW_OPTION_SIZE) {
      try_value (subject, option->name, least, FALSE);
      if (option->max)
        try_value (subject, option->name, most, FALSE);
    }
    for (guint i = 0; option->type == GDW_OPTION_BOOL && i < 2; i++)
      try_value (subject, option->name, i ? "on" : "off", FALSE);
    for (guint i = 0; option->choices && option->choices[i]; i++)
      try_value (subject, option->name, option->choices[i], FALSE);
  }
}
