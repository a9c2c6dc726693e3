/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

#include "control/http/client.h"
#include "control/control.h"

/* POST /qmp: the commands that are under way. */
typedef struct GdwHttpCalls GdwHttpCalls;

GdwHttpCalls *gdw_http_calls_new (GdwControl *control, GdwHttpClients *clients);

/* Execute the command in the body of @msg, and answer. */
void gdw_http_calls_execute (GdwHttpCalls *calls, SoupServerMessage *msg);

/* What is under way is answered to nobody. */
void gdw_http_calls_free (GdwHttpCalls *calls);
