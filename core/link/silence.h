/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/link/channel.h"

/* Ends each of these channels that has received nothing for @limit_us.  If all are silent, or
 * @together and one is, it ends none and gives the error that the attempt fails with. */
GError *gdw_silence_check (GdwChannel *const *channels, guint n, gboolean together,
                           gint64 limit_us);
