/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

/* Wraps the connection @base: reading fails after @limit bytes in all. */
GIOStream *gdw_limited_stream_new (GIOStream *base, gsize limit);
