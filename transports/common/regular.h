/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <sys/types.h>

/* Opens the regular file at @path and waits for nobody: the open of a FIFO waits for its other
 * end, and that of a device may do anything.  Returns -1 with errno otherwise. */
int regular_open (const char *path, int flags, mode_t mode);

/* Says what that errno means. */
const char *regular_strerror (int why);
