/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "commands.h"

/* The command line. */
typedef struct {
  char *socket, *token;
  gboolean json, follow, version;
  char **words; /* the command and its arguments */
} Options;

/* --help ends the process. */
gboolean options_parse (Options *options, int *argc, char ***argv, GError **error);
void options_clear (Options *options);
/* Finds the command; its arguments are in @options.  Returns NULL on an error. */
const Command *options_find (const Options *options, GError **error);
