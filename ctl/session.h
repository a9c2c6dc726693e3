/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "client.h"

/* Everything that a command needs. */
typedef struct {
  Client *client;
  const char *address;
  gboolean json;   /* answers as they came, one line each */
  gboolean follow; /* to the end of the migration */
} Session;
