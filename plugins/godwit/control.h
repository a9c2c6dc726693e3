/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

#include <godwit/migration.h>

G_BEGIN_DECLS

/* The QMP side of a migration: commands and events as JSON.  Calls on the thread of the
 * migration's GMainContext. */
typedef struct GdwControl GdwControl;

/* Holds a reference on @migration. */
GdwControl *gdw_control_new (GdwMigration *migration);

/* Serve QMP on a UNIX socket at @path (a stale socket there is replaced, another
 * file is not), as often as wanted.  Clients are served until the free. */
gboolean gdw_control_listen_qmp (GdwControl *control, const char *path, GError **error);

/* The same commands and events over HTTP, for programs and people:
 *   POST /qmp      one command, {"execute": ..., "arguments": ...}
 *   GET  /events   a WebSocket, or server-sent events: QMP's events, and 5 times a second
 *                  {"event": "x-statistics", "data": what query-migrate gives}
 *   GET  /metrics  for Prometheus;  /schema  of the commands;  /healthz */
typedef struct GdwControlHttp GdwControlHttp;

/* Serve at @address, "127.0.0.1:8080", "[::1]:0" or "unix:PATH".  Without a @token (NULL) only
 * on a loopback address or a UNIX socket; with one, 16 or more visible ASCII characters, each
 * request must bring it.  NULL with an error.  Free it before @control. */
GdwControlHttp *gdw_control_http_new (GdwControl *control, const char *address,
                                      const char *token, GError **error);

/* "http://127.0.0.1:40123/", or NULL for a UNIX socket; free with g_free. */
char *gdw_control_http_get_address (GdwControlHttp *http);

/* Drops the clients. */
void gdw_control_http_free (GdwControlHttp *http);

/* Drops the clients, removes the sockets. */
void gdw_control_free (GdwControl *control);

G_END_DECLS
