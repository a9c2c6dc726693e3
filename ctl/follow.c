/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "follow.h"

#include "error.h"
#include "human.h"
#include "render.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 200
/* Plain lines come at every change of status and of round, and at least this often. */
#define PLAIN_US G_USEC_PER_SEC

typedef struct {
  Session *session;
  Input input;
  guint timer;
  gboolean tick;
  gboolean is_terminal;
  gboolean drawn; /* two lines are drawn above the line of the cursor */
  gboolean asking;
  guint64 predicted_us;
  const char *status; /* of the last plain line */
  guint64 rounds;
  gint64 when_us;
} Follower;

static gboolean
on_tick (gpointer data)
{
  ((Follower *) data)->tick = TRUE;
  return G_SOURCE_CONTINUE;
}

static void
on_heard (gpointer data)
{
  client_interrupt (((Follower *) data)->session->client);
}

static void
erase (Follower *f)
{
  if (f->drawn)
    fputs ("\r\033[K\033[1A\033[K", stdout);
  f->drawn = FALSE;
}

static void
draw (Follower *f, const Progress *p)
{
  guint columns = terminal_columns ();
  g_autofree char *text = render_live (p, columns);
  g_auto (GStrv) lines = g_strsplit (text, "\n", 2);
  g_autofree char *above = terminal_cut (lines[0], columns - 1);
  g_autofree char *below = terminal_cut (lines[1], columns - 1);

  erase (f);
  printf ("%s\n%s", above, below);
  fflush (stdout);
  f->drawn = TRUE;
}

static void
print_plain (Follower *f, const Progress *p)
{
  gint64 now = g_get_monotonic_time ();
  g_autofree char *line = NULL;

  if (f->status == p->status && f->rounds == p->rounds && now - f->when_us < PLAIN_US)
    return;
  f->status = p->status;
  f->rounds = p->rounds;
  f->when_us = now;
  line = render_plain (p);
  printf ("%s\n", line);
  fflush (stdout);
}

static void
show (Follower *f, const Progress *p)
{
  if (!progress_has_ended (p) && p->expected_us)
    f->predicted_us = p->expected_us;
  if (f->session->json) {
    printf ("%s\n", client_last_text (f->session->client));
    fflush (stdout);
  } else if (progress_has_ended (p) || f->asking) {
    return;
  } else if (f->is_terminal) {
    draw (f, p);
  } else {
    print_plain (f, p);
  }
}

static int
finish (Follower *f, const Progress *p, GError **error)
{
  g_autofree char *text = render_summary (p, f->predicted_us, terminal_columns ());

  erase (f);
  if (f->asking)
    fputs ("\n", stderr);
  if (!f->session->json)
    printf ("%s\n", progress_is (p, "none") ? "no migration" : text);
  fflush (stdout);
  progress_set_error (p, error);
  return progress_exit (p);
}

static int
leave (Follower *f, GError **error)
{
  g_set_error (error, CTL_ERROR, CTL_ERROR_INTERRUPTED,
               "migration: not followed to its end: interrupted; it continues; see "
               "'godwitctl -s %s status --follow'",
               f->session->address);
  return EXIT_FAILED;
}

/* Asks what Ctrl-C means; only a terminal can answer. */
static gboolean
ask (Follower *f)
{
  if (f->asking || !terminal_is (STDIN_FILENO))
    return FALSE;
  erase (f);
  fflush (stdout);
  fputs ("\ninterrupted: leave the migration running, or cancel it? [l/c] ", stderr);
  f->asking = TRUE;
  input_listen_to_keys (&f->input);
  return TRUE;
}

typedef enum { ANSWER_NONE, ANSWER_LEAVE, ANSWER_CANCEL, ANSWER_AGAIN } Answer;

static Answer
take_answer (Follower *f)
{
  char *end = strchr (f->input.typed->str, '\n');
  g_autofree char *word = NULL;

  if (!end)
    return f->input.closed ? ANSWER_LEAVE : ANSWER_NONE;
  word = g_strstrip (g_strndup (f->input.typed->str, end - f->input.typed->str));
  g_string_erase (f->input.typed, 0, end + 1 - f->input.typed->str);
  if (g_ascii_tolower (*word) == 'l')
    return ANSWER_LEAVE;
  return g_ascii_tolower (*word) == 'c' ? ANSWER_CANCEL : ANSWER_AGAIN;
}

/* If it is too late to cancel, following continues. */
static gboolean
cancel (Follower *f, GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autoptr (JsonNode) node = client_execute (f->session->client, "migrate_cancel", NULL, &why);

  f->asking = FALSE;
  if (node)
    return TRUE;
  if (g_error_matches (why, CTL_ERROR, CTL_ERROR_REFUSED)) {
    fprintf (stderr, "godwitctl: %s\n", why->message);
    return TRUE;
  }
  g_propagate_error (error, g_steal_pointer (&why));
  return FALSE;
}

/* Returns FALSE when following ends, or on an error. */
static gboolean
hear (Follower *f, int *status, GError **error)
{
  Answer answer = f->asking ? take_answer (f) : ANSWER_NONE;
  gboolean asked = f->input.interrupted && ask (f);

  if (f->input.ended || (f->input.interrupted && !asked) || answer == ANSWER_LEAVE) {
    erase (f);
    *status = leave (f, error);
    return FALSE;
  }
  f->input.interrupted = FALSE;
  if (answer == ANSWER_AGAIN)
    fputs ("l leaves it running, c cancels it [l/c] ", stderr);
  return answer != ANSWER_CANCEL || cancel (f, error);
}

static void
wait_for_news (Follower *f)
{
  gboolean news = FALSE;
  char *event;

  f->tick = FALSE;
  while (!news && !f->tick && !f->input.interrupted && !f->input.ended &&
         !(f->asking && (f->input.closed || strchr (f->input.typed->str, '\n'))) &&
         client_is_there (f->session->client, NULL)) {
    g_main_context_iteration (NULL, TRUE);
    while ((event = client_next_event (f->session->client))) {
      news = TRUE;
      g_free (event);
    }
  }
}

static gboolean
was_interrupted (GError **error)
{
  if (!g_error_matches (*error, CTL_ERROR, CTL_ERROR_INTERRUPTED))
    return FALSE;
  g_clear_error (error);
  return TRUE;
}

static int
run (Follower *f, GError **error)
{
  g_autoptr (GError) why = NULL;
  int status = EXIT_FAILED;

  while (hear (f, &status, &why)) {
    g_autoptr (Progress) p = progress_query (f->session->client, &why);

    if (p) {
      show (f, p);
      if (progress_has_ended (p))
        return finish (f, p, error);
      if (ferror (stdout)) /* nobody reads the output any more */
        return EXIT_FAILED;
      wait_for_news (f);
    } else if (!was_interrupted (&why)) {
      status = EXIT_FAILED;
      break;
    }
  }
  erase (f);
  fflush (stdout);
  g_propagate_error (error, g_steal_pointer (&why));
  return status;
}

int
follow (Session *session, GError **error)
{
  Follower f = { .session = session, .is_terminal = terminal_can_draw () && !session->json };
  int status;

  input_open (&f.input, on_heard, &f);
  /* Without events each tick shows the changes. */
  client_listen (session->client, NULL);
  f.timer = g_timeout_add (TICK_MS, on_tick, &f);
  status = run (&f, error);
  g_source_remove (f.timer);
  input_close (&f.input);
  return status;
}
