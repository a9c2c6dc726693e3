/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "transports/common/inet.h"
#include "transports/common/socket.h"

static gpointer
multi_tcp_open (const GdwTransportConfig *config, GError **error)
{
  return inet_open ("multi-tcp", config, error);
}

GDW_DEFINE_TRANSPORT (.plugin.name = "multi-tcp", .plugin.summary = "1 to 255 TCP connections",
                      .plugin.options = inet_options,
                      .traits = GDW_TRANSPORT_TWO_WAY | GDW_TRANSPORT_MANY_LINKS,
                      .max_links = 255, .open = multi_tcp_open, .close = inet_close,
                      .listen = inet_listen, .accept = inet_accept, .connect = inet_connect,
                      .read = socket_read, .write = socket_write,
                      .close_link = socket_close_link, .shutdown = socket_shutdown,
                      .local_address = inet_local_address);
