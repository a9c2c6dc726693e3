/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* The terminal at the other end of stdin and stdout. */
gboolean terminal_is (int fd);
/* stdout is one whose cursor can be moved. */
gboolean terminal_can_draw (void);
guint terminal_columns (void);
/* Characters other than ASCII can be shown. */
gboolean terminal_has_utf8 (void);
/* Width of UTF-8 on the screen, without escape sequences. */
guint terminal_width (const char *text);
/* The part of a text that fits into @columns, without escape sequences. */
char *terminal_cut (const char *text, guint columns);

/* A full screen: the alternate one, without cursor, keys come one by one. */
typedef struct Screen Screen;
Screen *screen_new (void);
/* Gives the terminal back as it was. */
void screen_free (Screen *screen);
/* Newlines separate the lines; a line that does not fit is cut. */
void screen_show (Screen *screen, const char *text);

/* Signals and keys from the user while the main context runs. */
typedef struct {
  gboolean interrupted; /* SIGINT */
  gboolean ended;       /* SIGTERM, SIGHUP */
  gboolean resized;     /* SIGWINCH */
  GString *typed;       /* on stdin, if that is asked for */
  gboolean closed;      /* stdin has ended */
  /* private */
  guint sources[5];
  void (*on_heard) (gpointer data);
  gpointer data;
} Input;

/* @on_heard is called for all of it but SIGWINCH. */
void input_open (Input *input, void (*on_heard) (gpointer data), gpointer data);
void input_listen_to_keys (Input *input);
void input_close (Input *input);
