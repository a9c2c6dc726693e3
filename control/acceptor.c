/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/acceptor.h"

#include "core/base/invoke.h"

#define PAUSE_MS 100

struct GdwControlAcceptor {
  GSocket *listener;
  GMainContext *context;
  GdwControlAccepted accepted;
  gpointer data;
  GSource *ready, *pause; /* one of both */
};

static void start (GdwControlAcceptor *acceptor);

static void
stop (GdwControlAcceptor *acceptor)
{
  if (acceptor->ready)
    g_source_destroy (acceptor->ready);
  g_clear_pointer (&acceptor->ready, g_source_unref);
}

static gboolean
on_pause_over (gpointer data)
{
  GdwControlAcceptor *acceptor = data;
  gdw_timer_clear (&acceptor->pause);
  start (acceptor);
  return G_SOURCE_REMOVE;
}

static gboolean
on_ready (GSocket *listener, GIOCondition condition, gpointer data)
{
  GdwControlAcceptor *acceptor = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) client = g_socket_accept (listener, NULL, &error);
  if (client) {
    acceptor->accepted (client, acceptor->data);
    return G_SOURCE_CONTINUE;
  }
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return G_SOURCE_CONTINUE;
  stop (acceptor);
  gdw_timer_set (&acceptor->pause, acceptor->context, PAUSE_MS, on_pause_over, acceptor);
  return G_SOURCE_REMOVE;
}

static void
start (GdwControlAcceptor *acceptor)
{
  acceptor->ready = g_socket_create_source (acceptor->listener, G_IO_IN, NULL);
  g_source_set_callback (acceptor->ready, G_SOURCE_FUNC (on_ready), acceptor, NULL);
  g_source_attach (acceptor->ready, acceptor->context);
}

GdwControlAcceptor *
gdw_control_acceptor_new (GSocket *listener, GMainContext *context, GdwControlAccepted accepted,
                          gpointer data)
{
  GdwControlAcceptor *acceptor = g_new0 (GdwControlAcceptor, 1);
  acceptor->listener = listener;
  acceptor->context = context;
  acceptor->accepted = accepted;
  acceptor->data = data;
  start (acceptor);
  return acceptor;
}

void
gdw_control_acceptor_free (GdwControlAcceptor *acceptor)
{
  if (!acceptor)
    return;
  stop (acceptor);
  gdw_timer_clear (&acceptor->pause);
  g_free (acceptor);
}
