/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Nobody but root and the user can change @path, an absolute path without symbolic
 * links: each part of it up to / belongs to one of them and is not writable by
 * others.  Above the last @strict parts a sticky folder such as /tmp is fine, since what lies
 * in it can be replaced by its owner only. */
gboolean gdw_trust_path (const char *path, guint strict, GError **error);
