/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/acceptor.h"

#define PAUSE_MS 100

struct GdwControlAcceptor {
  GSocket *listener;
  GMainContext *context;
  GdwControlAccepted accepted;
  gpointer data;
  GSource *ready, *pause; /* exactly one is set */
};

static void start (GdwControlAcceptor *acceptor);

static void
stop (GSource **source)
{
  if (*source)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static gboolean
on_pause_over (gpointer data)
{
  GdwControlAcceptor *acceptor = data;

  stop (&acceptor->pause);
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
  stop (&acceptor->ready);
  acceptor->pause = g_timeout_source_new (PAUSE_MS);
  g_source_set_callback (acceptor->pause, on_pause_over, acceptor, NULL);
  g_source_attach (acceptor->pause, acceptor->context);
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
  stop (&acceptor->ready);
  stop (&acceptor->pause);
  g_free (acceptor);
}
