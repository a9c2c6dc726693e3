/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

/* What a request is answered with; takes @node. */
void gdw_http_answer (SoupServerMessage *msg, guint status, JsonNode *node);

/* The same shape as an error of QMP.  A body that still comes is not kept. */
void gdw_http_refuse (SoupServerMessage *msg, guint status, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* Bytes that are always there. */
void gdw_http_answer_static (SoupServerMessage *msg, const char *type, const char *bytes,
                             gsize size);
