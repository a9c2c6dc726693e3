/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>
#include <godwit/address.h>

#include "qapi-types.h"

/* Returns the address of migrate and migrate-incoming: @uri parsed, or the parts of @channels
 * (of GdwQMigrationChannel) taken literally.  Exactly one of them must be given. */
GdwAddress *gdw_control_address (const char *uri, const GPtrArray *channels, GError **error);

/* Returns the socket at @address, where a transport listens, for query-migrate, or NULL if QMP
 * has no name for it. */
GdwQSocketAddress *gdw_control_address_socket (const GdwAddress *address);

/* Returns the name of the descriptor in an fd address, borrowed, or NULL for any other
 * address. */
const char *gdw_control_address_fd (const GdwAddress *address);
/* Replaces that name by the number of @fd. */
void gdw_control_address_set_fd (GdwAddress *address, int fd);

/* Where to listen for HTTP.  The first returns the path in "unix:PATH", borrowed, or NULL; the
 * second the address in "ADDRESS:PORT", an IPv6 one in brackets, or NULL. */
const char *gdw_control_address_path (const char *text);
GSocketAddress *gdw_control_address_inet (const char *text);
