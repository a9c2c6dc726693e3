/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "session.h"

/* Shows the migration until it has ended, and returns the exit status.  A terminal shows a bar
 * that is redrawn, other outputs plain lines.  SIGINT asks whether to leave the migration
 * running. */
int follow (Session *session, GError **error);
