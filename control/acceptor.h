/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

/* Accepts the clients of a listening socket.  A client for which no descriptor is left waits in
 * the backlog: the main loop does not spin, and connected clients are served. */
typedef struct GdwControlAcceptor GdwControlAcceptor;

/* @client is borrowed. */
typedef void (*GdwControlAccepted) (GSocket *client, gpointer data);

/* @listener must be non-blocking and outlive the acceptor. */
GdwControlAcceptor *gdw_control_acceptor_new (GSocket *listener, GMainContext *context,
                                              GdwControlAccepted accepted, gpointer data);
void gdw_control_acceptor_free (GdwControlAcceptor *acceptor);
