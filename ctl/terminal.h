/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* The terminal on stdin and stdout. */
gboolean terminal_is (int fd);
/* Returns TRUE if stdout is a terminal whose cursor can move. */
gboolean terminal_can_draw (void);
guint terminal_columns (void);
/* Returns TRUE if it can show characters other than ASCII. */
gboolean terminal_has_utf8 (void);
/* Returns the width of UTF-8 text on the screen; it has no escape sequences. */
guint terminal_width (const char *text);
/* Returns the part of @text that fits into @columns; it has no escape sequences. */
char *terminal_cut (const char *text, guint columns);

/* Switches to the alternate screen without a cursor; keys arrive one by one. */
typedef struct Screen Screen;
Screen *screen_new (void);
/* Restores the terminal. */
void screen_free (Screen *screen);
/* Newlines separate the lines; a line that does not fit is cut. */
void screen_show (Screen *screen, const char *text);

/* The signals and keys that arrive while the main context runs. */
typedef struct {
  gboolean interrupted; /* SIGINT */
  gboolean ended;       /* SIGTERM, SIGHUP */
  gboolean resized;     /* SIGWINCH */
  GString *typed;       /* on stdin, if the caller listens to keys */
  gboolean closed;      /* stdin has ended */
  /* private */
  guint sources[5];
  void (*on_heard) (gpointer data);
  gpointer data;
} Input;

/* @on_heard is called for each of them except SIGWINCH. */
void input_open (Input *input, void (*on_heard) (gpointer data), gpointer data);
void input_listen_to_keys (Input *input);
void input_close (Input *input);
