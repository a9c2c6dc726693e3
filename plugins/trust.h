/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Checks that only root and the user can change @path, an absolute path without symbolic links:
 * each part of it up to / belongs to one of them, and others cannot write to it.  Above the
 * last @strict parts a sticky folder such as /tmp is fine, because only the owner can replace a
 * file in it. */
gboolean gdw_trust_path (const char *path, guint strict, GError **error);
