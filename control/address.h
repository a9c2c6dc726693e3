/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

#include "plugins/address.h"
#include "qapi-types.h"

/* The address of migrate and migrate-incoming: @uri parsed, or what @channels (of
 * GdwQMigrationChannel) has in parts, taken literally; exactly one of them is given. */
GdwAddress *gdw_control_address (const char *uri, const GPtrArray *channels, GError **error);

/* The socket of @uri, where a transport listens, for query-migrate; NULL: it is none that QMP
 * can name. */
GdwQSocketAddress *gdw_control_address_socket (const char *uri);

/* What names the descriptor in the address of one, borrowed; NULL: it is of another kind. */
const char *gdw_control_address_fd (const GdwAddress *address);
/* Put the number of @fd in place of that name. */
void gdw_control_address_set_fd (GdwAddress *address, int fd);

/* Where to listen for HTTP: the path in "unix:PATH", borrowed, or NULL; the address in
 * "ADDRESS:PORT", an IPv6 one in brackets, or NULL. */
const char *gdw_control_address_path (const char *text);
GSocketAddress *gdw_control_address_inet (const char *text);
