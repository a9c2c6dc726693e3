/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/http/answer.h"

#include <godwit/error.h>

#include "control/request.h"
#include "qapi/json.h"

#include <string.h>

void
gdw_http_answer (SoupServerMessage *msg, guint status, JsonNode *node)
{
  char *text = gdw_json_write (node);

  json_node_unref (node);
  soup_server_message_set_status (msg, status, NULL);
  soup_server_message_set_response (msg, "application/json", SOUP_MEMORY_TAKE, text,
                                    strlen (text));
}

void
gdw_http_refuse (SoupServerMessage *msg, guint status, const char *format, ...)
{
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, format);
  error = g_error_new_valist (GDW_ERROR, GDW_ERROR_INVALID, format, args);
  va_end (args);
  soup_message_body_set_accumulate (soup_server_message_get_request_body (msg), FALSE);
  gdw_http_answer (msg, status, gdw_control_answer (NULL, NULL, error));
}

void
gdw_http_answer_static (SoupServerMessage *msg, const char *type, const char *bytes, gsize size)
{
  soup_server_message_set_status (msg, SOUP_STATUS_OK, NULL);
  soup_server_message_set_response (msg, type, SOUP_MEMORY_STATIC, bytes, size);
}
