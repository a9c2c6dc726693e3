/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

#include "control/http/client.h"
#include "control/control.h"

/* The commands of POST /qmp that are running. */
typedef struct GdwHttpCalls GdwHttpCalls;

GdwHttpCalls *gdw_http_calls_new (GdwControl *control, GdwHttpClients *clients);

/* Executes the command in the body of @msg and answers. */
void gdw_http_calls_execute (GdwHttpCalls *calls, SoupServerMessage *msg);

/* Running commands continue without an answer. */
void gdw_http_calls_free (GdwHttpCalls *calls);
