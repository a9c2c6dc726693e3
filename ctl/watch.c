/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "commands.h"

#include "error.h"
#include "human.h"
#include "render.h"
#include "terminal.h"

#include <string.h>
#include <unistd.h>

#define TICK_MS 200
#define HISTORY_MAX 4096u
/* The scale of a history is at least this, so that noise stays flat. */
#define HISTORY_SCALE (1u << 20)
#define ROUNDS_SHOWN 8u
#define LABEL 10u

typedef enum { KEY_NONE, KEY_QUIT, KEY_CANCEL, KEY_CONTINUE, KEY_YES, KEY_NO } Key;

typedef struct {
  Session *session;
  Input input;
  Screen *screen;
  guint timer;
  gboolean tick;
  Key asking; /* KEY_CANCEL or KEY_CONTINUE while it waits for a yes */
  char *notice;
  char *guest;           /* its run state */
  GArray *rates, *dirty; /* of guint64 */
  guint64 predicted_us;
  Progress *progress;
} Watch;

static gboolean
on_tick (gpointer data)
{
  ((Watch *) data)->tick = TRUE;
  return G_SOURCE_CONTINUE;
}

static void
on_heard (gpointer data)
{
  client_interrupt (((Watch *) data)->session->client);
}

static void
append_history (GArray *values, guint64 value)
{
  if (values->len == HISTORY_MAX)
    g_array_remove_range (values, 0, HISTORY_MAX / 2);
  g_array_append_val (values, value);
}

static gboolean
update (Watch *w, GError **error)
{
  g_autoptr (JsonNode) node = client_execute (w->session->client, "query-status", NULL, error);
  Progress *p;

  if (!node)
    return FALSE;
  g_free (w->guest);
  w->guest = json_text (JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL,
                        "status");
  p = progress_query (w->session->client, error);
  if (!p)
    return FALSE;
  g_clear_pointer (&w->progress, progress_free);
  w->progress = p;
  if (p->expected_us)
    w->predicted_us = p->expected_us;
  if (!progress_has_ended (p) && p->has_memory) {
    append_history (w->rates, p->rate);
    append_history (w->dirty, p->dirty_rate);
  }
  return TRUE;
}

static void
append_numbers (GString *out, const Progress *p, guint columns)
{
  g_autofree char *bar = render_bar (progress_fraction (p), MIN (columns - 8, 72));
  g_autofree char *sent = human_size (p->sent), *left = human_size (p->remaining);
  g_autofree char *total = human_size (p->total),
                  *expected = p->expected_us ? human_us (p->expected_us) : NULL;
  g_autofree char *time = human_ms (p->total_ms), *links = render_links (p);

  g_string_append_printf (out, "\n%s %3u %%\n", bar, render_percent (p));
  g_string_append_printf (
      out,
      "\nsent      %-14s left      %-14s of   %s"
      "\ntime      %-14s round     %-14" G_GUINT64_FORMAT " links %u, %s, %s\n",
      sent, left, total, time, p->rounds, p->links, p->transport, p->tracker);
  if (links)
    g_string_append_printf (out, "links     %s\n", links);
  if (!progress_has_ended (p))
    g_string_append_printf (out, "downtime  %s%s\n",
                            expected ? "if it came now, about " : "not known yet",
                            expected ? expected : "");
}

static void
append_history_lines (GString *out, const Watch *w, guint columns)
{
  const Progress *p = w->progress;
  guint width = columns > 36 ? MIN (columns - 26, 72) : 10;
  g_autofree char *rate = human_rate (p->rate), *dirty = human_rate (p->dirty_rate);
  guint64 scale = HISTORY_SCALE;
  g_autofree char *up = NULL, *down = NULL;

  /* Both share one scale, so that they can be compared. */
  for (guint i = w->rates->len > width ? w->rates->len - width : 0; i < w->rates->len; i++)
    scale = MAX (scale, MAX (g_array_index (w->rates, guint64, i),
                             g_array_index (w->dirty, guint64, i)));
  up = render_history (w->rates, width, scale);
  down = render_history (w->dirty, width, scale);
  g_string_append_printf (out, "\nsends     %-14s %s\ndirty     %-14s %s\n", rate, up, dirty,
                          down);
}

static void
append_paragraph (GString *out, const char *label, const char *text, guint columns)
{
  g_autofree char *lines = render_paragraph (text, columns, LABEL);

  g_string_append_printf (out, "%s%s\n", label, lines);
}

static void
append_end (GString *out, const Watch *w, guint columns)
{
  const Progress *p = w->progress;
  g_autofree char *downtime = human_ms (p->downtime_ms);
  g_autofree char *predicted = human_us (w->predicted_us), *parts = NULL;

  if (progress_is (p, "completed") && p->has_memory) {
    parts = render_blackout (p, columns, "");
    g_string_append_printf (out, "\ndowntime  %s%s%s\n%s\n", downtime,
                            w->predicted_us ? ", predicted " : "",
                            w->predicted_us ? predicted : "", parts);
  }
  if (g_strcmp0 (p->outcome, "unknown") == 0)
    g_string_append (out, "\nThe guest does not run here. It may run at the destination.\n"
                          "See OUTCOME UNKNOWN in godwitctl(1) before anything else.\n");
  if (*p->error)
    append_paragraph (out, "\nerror     ", p->error, columns);
}

/* A destination cannot cancel. */
static gboolean
may_cancel (const Watch *w)
{
  return !progress_has_ended (w->progress) && g_strcmp0 (w->guest, "inmigrate") != 0;
}

static const char *
keys (const Watch *w)
{
  if (w->asking == KEY_CANCEL)
    return "cancel the migration? y: yes, any other key: no";
  if (w->asking == KEY_CONTINUE)
    return "go on? the guest is paused meanwhile; y: yes, any other key: no";
  if (progress_is (w->progress, "pre-switchover"))
    return "q quit   c cancel   g go on";
  return may_cancel (w) ? "q quit   c cancel" : "q quit";
}

static void
show (Watch *w)
{
  const Progress *p = w->progress;
  guint columns = terminal_columns ();
  g_autoptr (GString) out = g_string_new (NULL);
  const char *means = render_meaning (p);
  g_autofree char *rounds = render_rounds (p, ROUNDS_SHOWN);

  g_string_append_printf (out, "godwit  %s\n\nguest     %s\nmigration %s%s%s%s%s\n",
                          w->session->address, w->guest, progress_word (p), means ? ": " : "",
                          means ? means : "", p->address ? " at " : "",
                          p->address ? p->address : "");
  if (p->has_memory)
    append_numbers (out, p, columns);
  if (w->rates->len)
    append_history_lines (out, w, columns);
  append_end (out, w, columns);
  for (guint i = 0; i < p->warnings->len; i++)
    append_paragraph (out, "warning   ", p->warnings->pdata[i], columns);
  if (p->round->len)
    g_string_append_printf (out, "\n%s\n", rounds);
  if (w->notice)
    g_string_append_printf (out, "\n%s\n", w->notice);
  g_string_append_printf (out, "\n%s", keys (w));
  screen_show (w->screen, out->str);
}

static Key
next_key (Watch *w)
{
  char c;

  if (!w->input.typed->len)
    return w->input.closed ? KEY_QUIT : KEY_NONE;
  c = g_ascii_tolower (w->input.typed->str[0]);
  g_string_erase (w->input.typed, 0, 1);
  return c == 'q'   ? KEY_QUIT
         : c == 'c' ? KEY_CANCEL
         : c == 'g' ? KEY_CONTINUE
         : c == 'y' ? KEY_YES
                    : KEY_NO;
}

static gboolean
act (Watch *w, Key what, GError **error)
{
  gboolean cancel = what == KEY_CANCEL;
  g_autoptr (GError) why = NULL;
  g_autoptr (JsonNode)
      node = client_execute (w->session->client, cancel ? "migrate_cancel" : "migrate-continue",
                             cancel ? NULL : "{\"state\": \"pre-switchover\"}", &why);

  g_clear_pointer (&w->notice, g_free);
  if (node)
    return TRUE;
  if (!g_error_matches (why, CTL_ERROR, CTL_ERROR_REFUSED)) {
    g_propagate_error (error, g_steal_pointer (&why));
    return FALSE;
  }
  w->notice = g_strdup (why->message);
  return TRUE;
}

/* Returns FALSE when the watch ends, or on an error. */
static gboolean
obey (Watch *w, GError **error)
{
  Key key;

  while ((key = next_key (w)) != KEY_NONE) {
    Key asked = w->asking;
    gboolean may = w->progress &&
                   (key == KEY_CANCEL ? may_cancel (w)
                                      : progress_is (w->progress, "pre-switchover"));

    w->asking = KEY_NONE;
    if (asked && key == KEY_YES && !act (w, asked, error))
      return FALSE;
    if (!asked && key == KEY_QUIT)
      return FALSE;
    if (!asked && (key == KEY_CANCEL || key == KEY_CONTINUE) && may)
      w->asking = key;
    if (w->input.closed)
      return FALSE;
  }
  return !w->input.interrupted && !w->input.ended;
}

static void
wait_for_news (Watch *w)
{
  char *event;

  w->tick = w->input.resized = FALSE;
  while (!w->tick && !w->input.resized && !w->input.typed->len && !w->input.closed &&
         !w->input.interrupted && !w->input.ended && client_is_there (w->session->client, NULL))
    g_main_context_iteration (NULL, TRUE);
  while ((event = client_next_event (w->session->client)))
    g_free (event);
}

static void
run (Watch *w, GError **error)
{
  g_autoptr (GError) why = NULL;

  while (obey (w, error)) {
    if (update (w, &why)) {
      show (w);
      wait_for_news (w);
    } else if (!g_error_matches (why, CTL_ERROR, CTL_ERROR_INTERRUPTED)) {
      g_propagate_error (error, g_steal_pointer (&why));
      return;
    }
    g_clear_error (&why);
  }
}

int
command_watch (Session *session, char **args, GError **error)
{
  Watch w = { .session = session };
  g_autoptr (GError) why = NULL;

  if (!terminal_is (STDIN_FILENO) || !terminal_can_draw ()) {
    g_set_error (
        error, CTL_ERROR, CTL_ERROR_USAGE,
        "watch: needs a terminal: stdin or stdout is not one, or TERM says that its cursor "
        "cannot be moved; use 'status --follow'");
    return EXIT_USAGE;
  }
  w.rates = g_array_new (FALSE, FALSE, sizeof (guint64));
  w.dirty = g_array_new (FALSE, FALSE, sizeof (guint64));
  input_open (&w.input, on_heard, &w);
  w.screen = screen_new ();
  input_listen_to_keys (&w.input);
  w.timer = g_timeout_add (TICK_MS, on_tick, &w);
  run (&w, &why);
  g_source_remove (w.timer);
  screen_free (w.screen);
  input_close (&w.input);
  g_clear_pointer (&w.progress, progress_free);
  g_array_unref (w.rates);
  g_array_unref (w.dirty);
  g_free (w.guest);
  g_free (w.notice);
  if (!why || g_error_matches (why, CTL_ERROR, CTL_ERROR_INTERRUPTED))
    return EXIT_DONE;
  g_propagate_error (error, g_steal_pointer (&why));
  return EXIT_FAILED;
}
