/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/http/check.h"

#include "control/http/answer.h"

#include <string.h>

static gboolean
is_local_name (const char *host)
{
  static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    gsize size = strlen (names[i]);

    if (g_ascii_strncasecmp (host, names[i], size) == 0 &&
        (host[size] == '\0' || host[size] == ':'))
      return TRUE;
  }
  return FALSE;
}

/* Refuses requests under a rebound host name and requests from pages of other sites.  Command
 * line clients send no Origin. */
static gboolean
is_from_here (const GdwHttpTrust *trust, SoupServerMessage *msg)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (msg);
  const char *host = soup_message_headers_get_one (headers, "Host");
  const char *origin = soup_message_headers_get_one (headers, "Origin");

  if (!trust->token && !trust->unix_socket && (!host || !is_local_name (host))) {
    gdw_http_refuse (msg, SOUP_STATUS_FORBIDDEN,
                     "http: the request is refused: its Host is '%s', not this host; use "
                     "localhost, or give the server a token",
                     host ? host : "");
    return FALSE;
  }
  if (!origin || (host && g_str_has_prefix (origin, "http://") &&
                  g_ascii_strcasecmp (origin + strlen ("http://"), host) == 0))
    return TRUE;
  gdw_http_refuse (msg, SOUP_STATUS_FORBIDDEN,
                   "http: the request is refused: it comes from the page of another site, "
                   "'%s'; use the page of this server",
                   origin);
  return FALSE;
}

/* Takes the same time for all tokens of one length. */
static gboolean
is_same (const char *a, const char *b)
{
  gsize size = strlen (b);
  guint8 other = 0;

  if (strlen (a) != size)
    return FALSE;
  for (gsize i = 0; i < size; i++)
    other |= (guint8) (a[i] ^ b[i]);
  return other == 0;
}

static gboolean
has_token (const GdwHttpTrust *trust, SoupServerMessage *msg)
{
  const char *given = soup_message_headers_get_one (
      soup_server_message_get_request_headers (msg), "Authorization");

  if (!trust->token || (given && g_str_has_prefix (given, "Bearer ") &&
                        is_same (given + strlen ("Bearer "), trust->token)))
    return TRUE;
  soup_message_headers_replace (soup_server_message_get_response_headers (msg),
                                "WWW-Authenticate", "Bearer");
  gdw_http_refuse (msg, SOUP_STATUS_UNAUTHORIZED,
                   "http: the request is refused: it has no token, or a wrong one; send the "
                   "header Authorization: Bearer TOKEN");
  return FALSE;
}

static gboolean
is_small (SoupServerMessage *msg)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (msg);

  if (soup_message_headers_get_encoding (headers) != SOUP_ENCODING_CONTENT_LENGTH ||
      soup_message_headers_get_content_length (headers) <= GDW_HTTP_BODY_MAX)
    return TRUE;
  gdw_http_refuse (msg, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
                   "http: the request is refused: its body is larger than %d bytes; send one "
                   "command",
                   GDW_HTTP_BODY_MAX);
  return FALSE;
}

gboolean
gdw_http_check (const GdwHttpTrust *trust, SoupServerMessage *msg, gboolean open)
{
  return is_from_here (trust, msg) && (open || has_token (trust, msg)) && is_small (msg);
}
