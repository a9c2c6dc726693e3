/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "machine.h"

/* The command line of godwit-vmm. */
typedef struct {
  MachineConfig machine;
  gboolean fell_back; /* --accel auto found no KVM */
  char **qmp;         /* sockets, or NULL */
  char *http;         /* where to serve HTTP, or NULL */
  char *http_token;   /* the content of --http-token, or NULL */
  char *incoming;     /* "defer", a URI, or NULL */
  gboolean paused;
  char *serial; /* "stdio", a file, or NULL */
  char *run_log;
  char *plugin_path;
  char *uuid;
  gboolean version; /* only print it */
  char *guest;      /* it owns machine.guest_file */
} Options;

/* --help ends the process. */
gboolean options_parse (Options *options, int *argc, char ***argv, GError **error);
void options_clear (Options *options);
