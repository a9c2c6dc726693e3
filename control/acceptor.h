/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

/* Who connects to a listening socket.  Where there is no descriptor for him he waits in the
 * backlog: the main loop does not spin, and clients that are there are served. */
typedef struct GdwControlAcceptor GdwControlAcceptor;

/* @client is borrowed. */
typedef void (*GdwControlAccepted) (GSocket *client, gpointer data);

/* @listener does not block, and outlives it. */
GdwControlAcceptor *gdw_control_acceptor_new (GSocket *listener, GMainContext *context,
                                              GdwControlAccepted accepted, gpointer data);
void gdw_control_acceptor_free (GdwControlAcceptor *acceptor);
