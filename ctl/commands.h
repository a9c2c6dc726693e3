/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "session.h"

#define COMMAND_ARGS_MAX 4096u

/* The commands of godwitctl. */
typedef struct {
  const char *name;
  const char *arguments; /* as --help shows them */
  const char *summary;
  guint min, max;   /* number of arguments */
  gboolean follows; /* takes --follow */
  /* @args: NULL-terminated.  Returns the exit status. */
  int (*run) (Session *session, char **args, GError **error);
} Command;

/* Ends with a NULL name. */
extern const Command commands[];

int command_migrate (Session *session, char **args, GError **error);
int command_incoming (Session *session, char **args, GError **error);
int command_status (Session *session, char **args, GError **error);
int command_cancel (Session *session, char **args, GError **error);
int command_continue (Session *session, char **args, GError **error);
int command_set (Session *session, char **args, GError **error);
int command_plugins (Session *session, char **args, GError **error);
int command_check (Session *session, char **args, GError **error);
int command_watch (Session *session, char **args, GError **error);
int command_qmp (Session *session, char **args, GError **error);
int command_shell (Session *session, char **args, GError **error);
