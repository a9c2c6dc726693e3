/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

#include "qapi-types.h"

/* The address of migrate and migrate-incoming as one text: @uri, or what @channels
 * (of GdwQMigrationChannel) has in parts; exactly one of them is given. */
char *gdw_control_address_text (const char *uri, const GPtrArray *channels, GError **error);

/* The parts of "tcp:HOST:PORT" and "unix:PATH", for query-migrate; NULL for other texts. */
GdwQSocketAddress *gdw_control_address_socket (const char *text);

/* What names the descriptor in the address of one, to be freed; NULL: it is of another kind. */
char *gdw_control_address_fd (const char *uri);
/* Such an address with the number of @fd in place of its name; free with g_free. */
char *gdw_control_address_with_fd (const char *uri, int fd);

/* Where to listen for HTTP: the path in "unix:PATH", borrowed, or NULL; the address in
 * "ADDRESS:PORT", an IPv6 one in brackets, or NULL. */
const char *gdw_control_address_path (const char *text);
GSocketAddress *gdw_control_address_inet (const char *text);
