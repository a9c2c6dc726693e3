/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "session.h"

/* Shows the migration until it has ended; the exit status.  On a terminal it is a bar that is
 * drawn anew, else plain lines.  SIGINT asks whether to leave it running. */
int follow (Session *session, GError **error);
