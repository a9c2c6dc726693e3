/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>
#include <limits.h>

#include "plugins/tracking.h"
#include "tests/support/link-pair.h"
#include "tests/support/suite.h"

/* A tracker that does what the test says. */
typedef struct {
  gboolean answer;     /* of the next call */
  const char *message; /* error that it sets, or NULL */
  guint opened, closed, started, collected, stopped, rearmed;
  guint64 set;        /* word that collect stores at the end of region 0 */
  GdwPageRange range; /* that collect_runs gives */
} Script;

static Script script; /* of each test, in its own process */

static gboolean
answer (GError **error)
{
  if (script.message)
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_FAILED, script.message);
  return script.answer;
}

static gpointer
fake_open (const GdwTrackerConfig *config, GError **error)
{
  script.opened++;
  ck_assert_uint_eq (config->size, sizeof *config);
  return answer (error) ? &script : NULL;
}

static void
fake_close (gpointer self)
{
  script.closed++;
}

static gboolean
fake_start (gpointer self, GError **error)
{
  script.started++;
  return answer (error);
}

static gboolean
fake_collect (gpointer self, guint64 *const *bits, GError **error)
{
  script.collected++;
  bits[0][1] |= script.set;
  return answer (error);
}

static gboolean
fake_collect_runs (gpointer self,
                   void (*add) (gpointer core, const GdwPageRange *ranges, guint n),
                   gpointer core, GError **error)
{
  GdwPageRange two[] = { { 0, 1, 0, 0 }, script.range };

  add (core, two, 1);
  add (core, two, 2);
  return answer (error);
}

static gboolean
fake_stop (gpointer self, GError **error)
{
  script.stopped++;
  return answer (error);
}

static gboolean
fake_rearm (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
            GError **error)
{
  script.rearmed++;
  return answer (error);
}

static const GdwTracker fake = { GDW_PLUGIN_HEAD (GdwTracker, GDW_PLUGIN_TRACKER),
                                 .plugin.name = "x",
                                 .traits = GDW_TRACKER_REARMS_AT_REARM,
                                 .open = fake_open,
                                 .close = fake_close,
                                 .start = fake_start,
                                 .collect = fake_collect,
                                 .stop = fake_stop,
                                 .rearm = fake_rearm };

/* 100 pages: the second word is not full. */
static const GdwRegion ram = { .name = "ram", .size = 100 * 4096, .page_size = 4096, .fd = -1 };
static const GdwRegion *const regions[] = { &ram };

static GdwTracking *
open_fake (const GdwTracker *tracker)
{
  GError *error = NULL;
  GdwTracking *tracking;

  script.answer = TRUE;
  tracking = gdw_tracking_open (tracker, NULL, regions, 1, NULL, &error);
  ck_assert_msg (tracking != NULL, "%s", error ? error->message : "no error");
  return tracking;
}

#define EXPECT(call, code, ...)                                                                \
  do {                                                                                         \
    GError *error = NULL;                                                                      \
    ck_assert (!(call));                                                                       \
    ck_assert (error != NULL);                                                                 \
    ck_assert_msg (g_strrstr (error->message, __VA_ARGS__) != NULL, "%s", error->message);     \
    ck_assert_msg (g_error_matches (error, GDW_ERROR, code), "%s", error->message);            \
    g_clear_error (&error);                                                                    \
  } while (0)

START_TEST (a_tracker_is_called_in_order)
{
  guint64 words[2] = { 0 }, *bits[1] = { words };
  GdwTracking *tracking = open_fake (&fake);

  ck_assert_str_eq (gdw_tracking_name (tracking), "x");
  ck_assert_uint_eq (gdw_tracking_traits (tracking), GDW_TRACKER_REARMS_AT_REARM);
  EXPECT (gdw_tracking_collect (tracking, bits, &error), GDW_ERROR_BUSY,
          "tracker 'x': collect failed: it is not started");
  EXPECT (gdw_tracking_rearm (tracking, 0, 0, 64, words, &error), GDW_ERROR_BUSY,
          "tracker 'x': rearm failed: it is not started");
  ck_assert (gdw_tracking_stop (tracking, NULL));
  ck_assert_uint_eq (script.stopped + script.collected + script.rearmed, 0);
  ck_assert (gdw_tracking_start (tracking, NULL));
  EXPECT (gdw_tracking_start (tracking, &error), GDW_ERROR_BUSY,
          "tracker 'x': start failed: it is started");
  ck_assert_uint_eq (script.started, 1);
  ck_assert (gdw_tracking_collect (tracking, bits, NULL));
  ck_assert (gdw_tracking_stop (tracking, NULL));
  ck_assert (gdw_tracking_stop (tracking, NULL));
  ck_assert_uint_eq (script.stopped, 1);
  ck_assert (gdw_tracking_start (tracking, NULL));
  gdw_tracking_close (tracking);
  ck_assert_uint_eq (script.stopped, 2);
  ck_assert_uint_eq (script.closed, 1);
}
END_TEST

static guint
fake_vcpu_pages (gpointer self, guint64 *pages, guint n)
{
  for (guint i = 0; i < MIN (n, 2); i++)
    pages[i] = 10 + i;
  return 2;
}

static void
count_reset (gpointer data)
{
  ++*(guint *) data;
}

static void (*told_reset) (gpointer core);
static gpointer told_core;

static gpointer
keep_reset (const GdwTrackerConfig *config, GError **error)
{
  told_reset = config->rings_were_reset;
  told_core = config->core;
  return &script;
}

/* Only some trackers can tell, and only some hosts want to hear. */
START_TEST (a_tracker_may_tell_vcpus_apart)
{
  GdwTracker able = fake;
  guint64 pages[3] = { 0, 0, 7 };
  guint resets = 0;
  GdwTracking *tracking = open_fake (&fake);

  ck_assert (gdw_tracking_start (tracking, NULL));
  ck_assert_uint_eq (gdw_tracking_vcpu_pages (tracking, pages, 3), 0);
  gdw_tracking_close (tracking);
  able.vcpu_pages = fake_vcpu_pages;
  able.open = keep_reset;
  tracking = open_fake (&able);
  ck_assert_uint_eq (gdw_tracking_vcpu_pages (tracking, pages, 3), 0);
  told_reset (told_core);
  gdw_tracking_on_reset (tracking, count_reset, &resets);
  ck_assert (gdw_tracking_start (tracking, NULL));
  told_reset (told_core);
  ck_assert_uint_eq (resets, 1);
  ck_assert_uint_eq (gdw_tracking_vcpu_pages (tracking, NULL, 0), 2);
  ck_assert_uint_eq (gdw_tracking_vcpu_pages (tracking, pages, 3), 2);
  ck_assert_uint_eq (pages[1], 11);
  ck_assert_uint_eq (pages[2], 7);
  gdw_tracking_close (tracking);
}
END_TEST

START_TEST (a_failure_without_an_error_names_the_plugin)
{
  guint64 words[2] = { 0 }, *bits[1] = { words };
  GdwTracking *tracking;

  script.answer = FALSE;
  EXPECT (gdw_tracking_open (&fake, NULL, regions, 1, NULL, &error), GDW_ERROR_PLUGIN,
          "tracker 'x': open failed without saying why: ");
  tracking = open_fake (&fake);
  script.answer = FALSE;
  EXPECT (gdw_tracking_start (tracking, &error), GDW_ERROR_PLUGIN,
          "tracker 'x': start failed without saying why: ");
  script.answer = TRUE;
  ck_assert (gdw_tracking_start (tracking, NULL));
  script.answer = FALSE;
  EXPECT (gdw_tracking_collect (tracking, bits, &error), GDW_ERROR_PLUGIN,
          "tracker 'x': collect failed without saying why: ");
  EXPECT (gdw_tracking_rearm (tracking, 0, 0, 64, words, &error), GDW_ERROR_PLUGIN,
          "tracker 'x': rearm failed without saying why: ");
  EXPECT (gdw_tracking_stop (tracking, &error), GDW_ERROR_PLUGIN,
          "tracker 'x': stop failed without saying why: ");
  gdw_tracking_close (tracking);
  ck_assert_uint_eq (script.stopped, 1);
}
END_TEST

START_TEST (a_success_with_an_error_is_a_failure)
{
  guint64 words[2] = { 0 }, *bits[1] = { words };
  GdwTracking *tracking = open_fake (&fake);

  ck_assert (gdw_tracking_start (tracking, NULL));
  script.message = "oh";
  EXPECT (gdw_tracking_collect (tracking, bits, &error), GDW_ERROR_PLUGIN,
          "tracker 'x': collect failed: it reported success together with the error 'oh'");
  EXPECT (gdw_tracking_open (&fake, NULL, regions, 1, NULL, &error), GDW_ERROR_PLUGIN,
          "tracker 'x': open failed: it reported success together with the error 'oh'");
  ck_assert_uint_eq (script.closed, 1);
  gdw_tracking_close (tracking);
}
END_TEST

START_TEST (an_honest_failure_keeps_its_words)
{
  guint64 words[2] = { 0 }, *bits[1] = { words };
  GdwTracking *tracking = open_fake (&fake);

  ck_assert (gdw_tracking_start (tracking, NULL));
  script.answer = FALSE;
  script.message = "its own words";
  EXPECT (gdw_tracking_collect (tracking, bits, &error), GDW_ERROR_FAILED, "its own words");
  gdw_tracking_close (tracking);
}
END_TEST

START_TEST (bits_past_the_end_are_found)
{
  guint64 words[2] = { 0 }, *bits[1] = { words };
  GdwTracking *tracking = open_fake (&fake);

  ck_assert (gdw_tracking_start (tracking, NULL));
  script.set = G_GUINT64_CONSTANT (1) << 35; /* page 99 */
  ck_assert (gdw_tracking_collect (tracking, bits, NULL));
  script.set = G_GUINT64_CONSTANT (1) << 36;
  EXPECT (gdw_tracking_collect (tracking, bits, &error), GDW_ERROR_PLUGIN,
          "tracker 'x': collect failed: it set bits past the end of region 'ram'");
  gdw_tracking_close (tracking);
}
END_TEST

static void
count_pages (gpointer core, const GdwPageRange *given, guint n)
{
  for (guint i = 0; i < n; i++)
    *(guint64 *) core += given[i].n;
}

static const struct {
  GdwPageRange range;
  gboolean ok;
} given[] = {
  { { 0, 100, 0, 0 }, TRUE },
  { { 99, 1, 0, 0 }, TRUE },
  { { 99, 2, 0, 0 }, FALSE },
  { { 100, 1, 0, 0 }, FALSE },
  { { 5, 0, 0, 0 }, FALSE },
  { { 0, 1, 1, 0 }, FALSE },
  { { 50, G_MAXUINT64 - 40, 0, 0 }, FALSE },
};

/* A range outside of the regions does not come through, and fails the collect by name. */
START_TEST (the_ranges_of_a_collect_are_checked)
{
  guint64 pages = 0;
  GdwTracker by_runs = fake;
  GdwTracking *tracking;

  by_runs.collect_runs = fake_collect_runs;
  tracking = open_fake (&by_runs);
  ck_assert (gdw_tracking_gives_runs (tracking));
  EXPECT (gdw_tracking_collect_runs (tracking, count_pages, &pages, &error), GDW_ERROR_BUSY,
          "tracker 'x': collect_runs failed: it is not started");
  ck_assert (gdw_tracking_start (tracking, NULL));
  script.range = given[_i].range;
  if (given[_i].ok)
    ck_assert (gdw_tracking_collect_runs (tracking, count_pages, &pages, NULL));
  else
    EXPECT (gdw_tracking_collect_runs (tracking, count_pages, &pages, &error), GDW_ERROR_PLUGIN,
            "this is a fault of the plugin");
  ck_assert_uint_eq (pages, given[_i].ok ? 2 + script.range.n : 1);
  script.answer = FALSE;
  script.message = "its own words";
  EXPECT (gdw_tracking_collect_runs (tracking, count_pages, &pages, &error), GDW_ERROR_FAILED,
          "its own words");
  gdw_tracking_close (tracking);
}
END_TEST

static const struct {
  guint region;
  guint64 first, n;
  gboolean ok;
} ranges[] = {
  { 0, 0, 64, TRUE },    { 0, 0, 100, TRUE },
  { 0, 64, 36, TRUE },   { 0, 0, 0, TRUE },
  { 0, 1, 63, FALSE },   { 0, 0, 63, FALSE },
  { 0, 64, 64, FALSE },  { 1, 0, 64, FALSE },
  { 0, 128, 64, FALSE }, { 0, 64, G_MAXUINT64 - 63, FALSE },
};

START_TEST (a_range_to_rearm_is_checked)
{
  guint64 words[2] = { 0 };
  GdwTracking *tracking = open_fake (&fake);
  GError *error = NULL;
  gboolean ok;

  ck_assert (gdw_tracking_start (tracking, NULL));
  ok = gdw_tracking_rearm (tracking, ranges[_i].region, ranges[_i].first, ranges[_i].n, words,
                           &error);
  ck_assert_int_eq (ok, ranges[_i].ok);
  ck_assert_uint_eq (script.rearmed, ranges[_i].ok && ranges[_i].n > 0);
  ck_assert (ok || strstr (error->message, "are not whole words of it"));
  g_clear_error (&error);
  gdw_tracking_close (tracking);
}
END_TEST

START_TEST (rearm_is_nothing_where_collect_does_it)
{
  GdwTracker at_collect = fake;
  GdwTracking *tracking;

  at_collect.traits = GDW_TRACKER_REARMS_AT_COLLECT;
  at_collect.rearm = NULL;
  tracking = open_fake (&at_collect);
  ck_assert (gdw_tracking_start (tracking, NULL));
  ck_assert (gdw_tracking_rearm (tracking, 0, 0, 64, NULL, NULL));
  gdw_tracking_close (tracking);
}
END_TEST

START_TEST (an_unknown_option_opens_nothing)
{
  EXPECT (gdw_tracking_open (&fake, "a=1", regions, 1, NULL, &error), GDW_ERROR_INVALID,
          "tracker 'x': option 'a' failed");
  ck_assert_uint_eq (script.opened, 0);
}
END_TEST

/* Transports and filters come from modules, here tests/plugins/liar.c and affine.c. */
static GdwPlugins *plugins;

static void
make_plugins (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("GODWIT_BUILD"), "tests", "plugins",
                                            NULL);

  plugins = gdw_plugins_new (path);
}

static void
free_plugins (void)
{
  gdw_plugins_free (plugins);
}

static GdwLink *
must_connect (GdwStack *stack)
{
  g_autoptr (GError) error = NULL;
  GdwLink *link = gdw_stack_connect (stack, NULL, &error);

  ck_assert_msg (link != NULL, "%s", error ? error->message : "no error");
  return link;
}

START_TEST (short_reads_and_writes_are_repeated)
{
  GdwStack *stack = must_open (plugins, "liar:slow");
  GdwLink *link = must_connect (stack);
  char in[] = "abcdef", out[7] = "";
  struct iovec to[] = { { in, 0 }, { in, 2 }, { in, 0 }, { in + 2, 4 }, { in, 0 } };
  struct iovec from[] = { { out, 5 }, { out, 0 }, { out + 5, 1 } };

  ck_assert (gdw_link_write (link, to, 5, NULL, NULL));
  ck_assert (gdw_link_read (link, from, 3, NULL, NULL));
  ck_assert_str_eq (out, in);
  ck_assert_uint_eq (gdw_link_received (link, NULL), 6);
  ck_assert (gdw_link_read (link, from, 0, NULL, NULL));
  expect_closed (link);
  gdw_link_close (link);
  ck_assert_str_eq (gdw_stack_transport (stack), "liar");
  ck_assert_uint_eq (gdw_stack_max_links (stack), 7);
  ck_assert_uint_eq (gdw_stack_traits (stack), GDW_TRANSPORT_TWO_WAY);
  gdw_stack_close (stack);
}
END_TEST

START_TEST (more_vectors_than_the_system_takes_are_cut)
{
  GdwStack *stack = must_open (plugins, "liar:honest");
  GdwLink *link = must_connect (stack);
  const guint n = 3 * IOV_MAX + 1;
  g_autofree guint8 *in = some_bytes (n, 1), *out = g_malloc0 (n);
  g_autofree struct iovec *to = g_new (struct iovec, n), *from = g_new (struct iovec, n);

  for (guint i = 0; i < n; i++) {
    to[i] = (struct iovec){ in + i, 1 };
    from[i] = (struct iovec){ out + i, 1 };
  }
  ck_assert (gdw_link_write (link, to, n, NULL, NULL));
  ck_assert (gdw_link_read (link, from, n, NULL, NULL));
  ck_assert (memcmp (in, out, n) == 0);
  gdw_link_close (link);
  gdw_stack_close (stack);
}
END_TEST

static const struct {
  const char *lie, *message;
} link_lies[] = {
  { "read-silent", "transport 'liar': read failed without saying why" },
  { "read-minus-two", "transport 'liar': read failed without saying why" },
  { "read-more", "transport 'liar': read failed: it gave 5 of 4 bytes" },
  { "read-both",
    "transport 'liar': read failed: it reported success together with the error 'oh'" },
  { "write-nothing", "transport 'liar': write failed: it gave 0 of 4 bytes" },
  { "write-more", "transport 'liar': write failed: it gave 5 of 4 bytes" },
};

START_TEST (a_transport_that_lies_about_bytes_is_named)
{
  g_autofree char *uri = g_strdup_printf ("liar:%s", link_lies[_i].lie);
  GdwStack *stack = must_open (plugins, uri);
  GdwLink *link = must_connect (stack);
  char text[5] = "abcd";

  if (g_str_has_prefix (link_lies[_i].lie, "read"))
    EXPECT (read_bytes (link, text, 4, &error), GDW_ERROR_PLUGIN, link_lies[_i].message);
  else
    EXPECT (write_bytes (link, text, 4, &error), GDW_ERROR_PLUGIN, link_lies[_i].message);
  gdw_link_close (link);
  gdw_stack_close (stack);
}
END_TEST

START_TEST (a_transport_that_lies_about_links_is_named)
{
  GdwStack *silent = must_open (plugins, "liar:connect-silent");
  GdwStack *both = must_open (plugins, "liar:connect-both");
  GdwStack *deaf = must_open (plugins, "liar:listen-silent");

  EXPECT (gdw_stack_connect (silent, NULL, &error), GDW_ERROR_PLUGIN,
          "transport 'liar': connect failed without saying why");
  ck_assert (gdw_stack_listen (silent, NULL, NULL));
  EXPECT (gdw_stack_accept (silent, NULL, &error), GDW_ERROR_PLUGIN,
          "transport 'liar': accept failed without saying why");
  EXPECT (gdw_stack_connect (both, NULL, &error), GDW_ERROR_PLUGIN,
          "transport 'liar': connect failed: it reported success together with the error 'oh'");
  EXPECT (gdw_stack_listen (deaf, NULL, &error), GDW_ERROR_PLUGIN,
          "transport 'liar': listen failed without saying why");
  gdw_stack_close (silent);
  gdw_stack_close (both);
  gdw_stack_close (deaf);
}
END_TEST

START_TEST (an_address_listens_before_it_accepts_and_once)
{
  GdwStack *stack = must_open (plugins, "liar:honest");
  GdwLink *link;

  EXPECT (gdw_stack_accept (stack, NULL, &error), GDW_ERROR_BUSY,
          "transport 'liar': accept failed: it does not listen");
  ck_assert (local_text (stack) == NULL);
  ck_assert (gdw_stack_listen (stack, NULL, NULL));
  EXPECT (gdw_stack_listen (stack, NULL, &error), GDW_ERROR_BUSY,
          "transport 'liar': listen failed: it listens already");
  link = gdw_stack_accept (stack, NULL, NULL);
  ck_assert (link != NULL);
  /* It has no shutdown: harmless. */
  gdw_link_shutdown (link);
  gdw_link_close (link);
  gdw_stack_close (stack);
}
END_TEST

START_TEST (two_reads_at_once_are_refused)
{
  GdwStack *stack = must_open (plugins, "liar:read-waits");
  guint8 byte;
  Job job = {
    .run = job_read, .bytes = &byte, .length = 1, .cancellable = g_cancellable_new ()
  };

  job.link = must_connect (stack);
  job_start (&job);
  job_until_it_waits (&job);
  EXPECT (read_bytes (job.link, &byte, 1, &error), GDW_ERROR_BUSY,
          "transport 'liar': read failed: another such call is running");
  ck_assert (write_bytes (job.link, "x", 1, NULL));
  job_cancel (&job);
  gdw_link_close (job.link);
  gdw_stack_close (stack);
}
END_TEST

START_TEST (the_left_filter_is_nearest_the_wire)
{
  GdwStack *stack = must_open (plugins, "liar:honest|affine:a=3,b=1|affine:a=5,b=7|affine");
  GdwLink *link = must_connect (stack);
  guint8 byte = 2;

  ck_assert (write_bytes (link, &byte, 1, NULL));
  ck_assert (read_bytes (link, &byte, 1, NULL));
  ck_assert_uint_eq (byte, 3 * (5 * 2 + 7) + 1);
  gdw_link_shutdown (link);
  gdw_link_close (link);
  gdw_stack_close (stack);
}
END_TEST

START_TEST (a_filter_that_calls_wrongly_is_found)
{
  GdwStack *stack = must_open (plugins, "liar:honest|affine:a=0");
  GdwLink *link = must_connect (stack);

  EXPECT (write_bytes (link, "x", 1, &error), GDW_ERROR_PLUGIN,
          "transport 'liar': write failed: called with 1 vectors, an empty one, or before");
  gdw_link_close (link);
  gdw_stack_close (stack);
}
END_TEST

START_TEST (a_link_that_a_filter_refuses_leaves_nothing)
{
  GdwStack *stack = must_open (plugins, "liar:honest|affine|affine:b=99|affine");

  ck_assert (gdw_stack_listen (stack, NULL, NULL));
  EXPECT (gdw_stack_connect (stack, NULL, &error), GDW_ERROR_IO, "no link for 99");
  EXPECT (gdw_stack_accept (stack, NULL, &error), GDW_ERROR_IO, "no link for 99");
  gdw_stack_close (stack);
}
END_TEST

/* The left one first; what it agrees on is below the right one. */
START_TEST (filters_shake_hands_from_the_wire_on)
{
  GdwStack *stack = must_open (plugins, "liar:honest|greet:word=one|affine:a=3|greet:word=two");
  GdwLink *link = must_connect (stack);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  /* The wire gives back what was written: each end hears itself. */
  EXPECT (gdw_link_handshake (link, cancellable, &error), GDW_ERROR_PEER,
          "filter 'greet': handshake failed: the peer says '");
  gdw_link_close (link);
  gdw_stack_close (stack);
  stack = must_open (plugins, "liar:honest|greet:word=one|affine|greet:word=two");
  link = must_connect (stack);
  ck_assert (gdw_link_handshake (link, cancellable, NULL));
  ck_assert (write_bytes (link, "x", 1, NULL));
  gdw_link_close (link);
  gdw_stack_close (stack);
}
END_TEST

START_TEST (a_handshake_that_was_cancelled_is_not_begun)
{
  GdwStack *stack = must_open (plugins, "liar:honest|greet");
  GdwLink *link = must_connect (stack);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  ck_assert (!gdw_link_handshake (link, cancellable, &error));
  ck_assert (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  gdw_link_close (link);
  gdw_stack_close (stack);
}
END_TEST

static const struct {
  gboolean agrees, explains;
  const char *message;
} handshake_lies[] = {
  { FALSE, FALSE, "filter 'affine': handshake failed without saying why: it set no error" },
  { TRUE, TRUE, "filter 'affine': handshake failed: it reported success together with the" },
};

static gboolean
lying_handshake (gpointer link, const GdwNext *next, GCancellable *cancellable, GError **error)
{
  if (handshake_lies[script.answer].explains)
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_IO, "oh");
  return handshake_lies[script.answer].agrees;
}

START_TEST (a_handshake_that_lies_is_named)
{
  GdwStack *stack = must_open (plugins, "liar:honest|affine");
  GdwLink *link = must_connect (stack);
  GdwFilter *filter = (GdwFilter *) gdw_plugins_find (plugins, GDW_PLUGIN_FILTER, "affine",
                                                      NULL);

  script.answer = _i;
  filter->handshake = lying_handshake;
  EXPECT (gdw_link_handshake (link, NULL, &error), GDW_ERROR_PLUGIN,
          handshake_lies[_i].message);
  gdw_link_close (link);
  gdw_stack_close (stack);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("tracker");
  TCase *links = tcase_create ("link");

  if (!suite_has ("guard", "/proc/self/task"))
    return 0;
  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, a_tracker_is_called_in_order);
  tcase_add_test (tc, a_tracker_may_tell_vcpus_apart);
  tcase_add_test (tc, a_failure_without_an_error_names_the_plugin);
  tcase_add_test (tc, a_success_with_an_error_is_a_failure);
  tcase_add_test (tc, an_honest_failure_keeps_its_words);
  tcase_add_test (tc, bits_past_the_end_are_found);
  tcase_add_loop_test (tc, the_ranges_of_a_collect_are_checked, 0, G_N_ELEMENTS (given));
  tcase_add_loop_test (tc, a_range_to_rearm_is_checked, 0, G_N_ELEMENTS (ranges));
  tcase_add_test (tc, rearm_is_nothing_where_collect_does_it);
  tcase_add_test (tc, an_unknown_option_opens_nothing);
  tcase_set_timeout (links, 30);
  tcase_add_checked_fixture (links, make_plugins, free_plugins);
  tcase_add_test (links, short_reads_and_writes_are_repeated);
  tcase_add_test (links, more_vectors_than_the_system_takes_are_cut);
  tcase_add_loop_test (links, a_transport_that_lies_about_bytes_is_named, 0,
                       G_N_ELEMENTS (link_lies));
  tcase_add_test (links, a_transport_that_lies_about_links_is_named);
  tcase_add_test (links, an_address_listens_before_it_accepts_and_once);
  tcase_add_test (links, two_reads_at_once_are_refused);
  tcase_add_test (links, the_left_filter_is_nearest_the_wire);
  tcase_add_test (links, a_filter_that_calls_wrongly_is_found);
  tcase_add_test (links, a_link_that_a_filter_refuses_leaves_nothing);
  tcase_add_test (links, filters_shake_hands_from_the_wire_on);
  tcase_add_test (links, a_handshake_that_was_cancelled_is_not_begun);
  tcase_add_loop_test (links, a_handshake_that_lies_is_named, 0, G_N_ELEMENTS (handshake_lies));
  return suite_run ("guard", tc, links, NULL);
}
