/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

#include <godwit/migration.h>

G_BEGIN_DECLS

/**
 * GdwControl:
 *
 * The QMP side of a migration: commands and events as JSON.  Calls on the thread of the
 * migration's GMainContext, its end too.
 */
typedef struct GdwControl GdwControl;

/* For bindings: a copy is a reference, and the last one that is freed ends it. */
#define GDW_TYPE_CONTROL (gdw_control_get_type ())
GType gdw_control_get_type (void);

/**
 * gdw_control_new: (constructor)
 * @migration: a reference on it is held
 *
 * Returns: (transfer full): without a way in yet
 */
GdwControl *gdw_control_new (GdwMigration *migration);

/* Serve QMP on a UNIX socket at @path; may be called for several paths.  It replaces a stale
 * socket there, but no other file.  Clients are served until the free. */
gboolean gdw_control_listen_qmp (GdwControl *control, const char *path, GError **error);

/**
 * GdwControlHttp:
 *
 * The same commands and events over HTTP, for programs and people:
 *   POST /qmp      one command, {"execute": ..., "arguments": ...}
 *   GET  /events   a WebSocket, or server-sent events: QMP's events, and 5 times a second
 *                  {"event": "x-statistics", "data": what query-migrate gives}
 *   GET  /metrics  for Prometheus;  /schema  of the commands;  /healthz
 */
typedef struct GdwControlHttp GdwControlHttp;

#define GDW_TYPE_CONTROL_HTTP (gdw_control_http_get_type ())
GType gdw_control_http_get_type (void);

/**
 * gdw_control_http_new: (constructor)
 * @control: must live at least as long as this
 * @address: "127.0.0.1:8080", "[::1]:0" or "unix:PATH"
 * @token: (nullable): 16 or more visible ASCII characters
 *
 * Serve at @address.  Without a @token only on a loopback address or a UNIX socket; with one,
 * each request must bring it.
 *
 * Returns: (transfer full): NULL with an error
 */
GdwControlHttp *gdw_control_http_new (GdwControl *control, const char *address,
                                      const char *token, GError **error);

/**
 * gdw_control_http_get_address:
 *
 * Returns: (nullable) (transfer full): "http://127.0.0.1:40123/", or NULL for a UNIX socket
 */
char *gdw_control_http_get_address (GdwControlHttp *http);

/**
 * gdw_control_http_free: (skip)
 *
 * Drops the clients.
 */
void gdw_control_http_free (GdwControlHttp *http);

/**
 * gdw_control_free: (skip)
 *
 * Drops the clients and removes the sockets.  Free all GdwControlHttp of it first.
 */
void gdw_control_free (GdwControl *control);

G_END_DECLS
