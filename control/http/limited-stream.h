/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

/* @base, a connection, from which @limit bytes are read in all; then reading fails. */
GIOStream *gdw_limited_stream_new (GIOStream *base, gsize limit);
