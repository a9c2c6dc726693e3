/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "client.h"

/* The state that every command needs. */
typedef struct {
  Client *client;
  const char *address;
  gboolean json;   /* print the answers unchanged, one line each */
  gboolean follow; /* stay to the end of the migration */
} Session;
