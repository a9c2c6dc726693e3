/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "terminal.h"

#include <glib-unix.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct Screen {
  struct termios before;
};

gboolean
terminal_is (int fd)
{
  return isatty (fd);
}

gboolean
terminal_can_draw (void)
{
  const char *term = g_getenv ("TERM");

  return isatty (STDOUT_FILENO) && term && strcmp (term, "dumb") != 0;
}

static struct winsize
size (void)
{
  struct winsize w = { 0 };

  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || !w.ws_col || !w.ws_row)
    w = (struct winsize){ .ws_col = 80, .ws_row = 24 };
  return w;
}

guint
terminal_columns (void)
{
  return size ().ws_col;
}

gboolean
terminal_has_utf8 (void)
{
  return strcmp (nl_langinfo (CODESET), "UTF-8") == 0;
}

guint
terminal_width (const char *text)
{
  guint width = 0;

  for (; *text; text = g_utf8_next_char (text))
    width += g_unichar_iswide (g_utf8_get_char (text)) ? 2 : 1;
  return width;
}

char *
terminal_cut (const char *text, guint columns)
{
  const char *at = text;
  guint width = 0;

  while (*at) {
    guint next = g_unichar_iswide (g_utf8_get_char (at)) ? 2 : 1;

    if (width + next > columns)
      break;
    width += next;
    at = g_utf8_next_char (at);
  }
  return g_strndup (text, at - text);
}

static void
put (const char *text)
{
  fputs (text, stdout);
  fflush (stdout);
}

Screen *
screen_new (void)
{
  Screen *screen = g_new0 (Screen, 1);
  struct termios raw;

  tcgetattr (STDIN_FILENO, &screen->before);
  raw = screen->before;
  /* Ctrl-C stays a signal.  No key may stop the process, which would leave the screen as it
   * is. */
  raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  raw.c_cc[VSUSP] = raw.c_cc[VQUIT] = _POSIX_VDISABLE;
  tcsetattr (STDIN_FILENO, TCSADRAIN, &raw);
  put ("\033[?1049h\033[?25l\033[2J");
  return screen;
}

void
screen_free (Screen *screen)
{
  put ("\033[?25h\033[?1049l");
  tcsetattr (STDIN_FILENO, TCSADRAIN, &screen->before);
  g_free (screen);
}

void
screen_show (Screen *screen, const char *text)
{
  g_autoptr (GString) out = g_string_new ("\033[H");
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint rows = size ().ws_row, columns = terminal_columns ();

  for (guint i = 0; lines[i] && i < rows; i++) {
    g_autofree char *line = terminal_cut (lines[i], columns);

    g_string_append_printf (out, "%s%s\033[K", i ? "\n" : "", line);
  }
  g_string_append (out, "\033[J");
  put (out->str);
}

static gboolean
on_interrupt (gpointer data)
{
  Input *input = data;

  input->interrupted = TRUE;
  input->on_heard (input->data);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_end (gpointer data)
{
  Input *input = data;

  input->ended = TRUE;
  input->on_heard (input->data);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_resize (gpointer data)
{
  ((Input *) data)->resized = TRUE;
  return G_SOURCE_CONTINUE;
}

static gboolean
on_key (int fd, GIOCondition condition, gpointer data)
{
  Input *input = data;
  char buffer[256];
  gssize n = read (fd, buffer, sizeof buffer);

  if (n > 0)
    g_string_append_len (input->typed, buffer, n);
  input->closed = n <= 0;
  input->on_heard (input->data);
  if (input->closed)
    input->sources[4] = 0;
  return !input->closed;
}

void
input_open (Input *input, void (*on_heard) (gpointer data), gpointer data)
{
  *input = (Input){ .on_heard = on_heard, .data = data, .typed = g_string_new (NULL) };
  input->sources[0] = g_unix_signal_add (SIGINT, on_interrupt, input);
  input->sources[1] = g_unix_signal_add (SIGTERM, on_end, input);
  input->sources[2] = g_unix_signal_add (SIGHUP, on_end, input);
  input->sources[3] = g_unix_signal_add (SIGWINCH, on_resize, input);
}

void
input_listen_to_keys (Input *input)
{
  if (!input->sources[4] && !input->closed)
    input->sources[4] = g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, on_key, input);
}

void
input_close (Input *input)
{
  for (guint i = 0; i < G_N_ELEMENTS (input->sources); i++)
    if (input->sources[i])
      g_source_remove (input->sources[i]);
  g_string_free (input->typed, TRUE);
}
