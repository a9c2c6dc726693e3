/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

/* Answers the request with @node, which it takes. */
void gdw_http_answer (SoupServerMessage *msg, guint status, JsonNode *node);

/* Answers with an error in the shape of a QMP error.  The rest of the body is read and
 * dropped. */
void gdw_http_refuse (SoupServerMessage *msg, guint status, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* @bytes must stay valid for ever. */
void gdw_http_answer_static (SoupServerMessage *msg, const char *type, const char *bytes,
                             gsize size);
