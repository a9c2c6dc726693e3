/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/http/page.h"

#include "control/http/answer.h"

#include "dashboard-files.h"

#include <string.h>

#define FIRST "/index.html"

/* The page may load only its own files and may not be put into a frame. */
#define POLICY                                                                                 \
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "              \
  "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

int
gdw_http_page_find (const char *path)
{
  if (strcmp (path, "/") == 0)
    path = FIRST;
  else if (strcmp (path, FIRST) == 0)
    return -1;
  for (guint i = 0; path[0] == '/' && i < G_N_ELEMENTS (dashboard_files); i++)
    if (strcmp (dashboard_files[i].name, path + 1) == 0)
      return (int) i;
  return -1;
}

static const char *
type_of (const char *name)
{
  static const struct {
    const char *suffix, *type;
  } types[] = { { ".html", "text/html; charset=utf-8" },
                { ".css", "text/css; charset=utf-8" },
                { ".svg", "image/svg+xml" } };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_str_has_suffix (name, types[i].suffix))
      return types[i].type;
  return "text/javascript; charset=utf-8";
}

void
gdw_http_page_answer (int page, SoupServerMessage *msg)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);

  soup_message_headers_replace (headers, "Content-Security-Policy", POLICY);
  soup_message_headers_replace (headers, "X-Frame-Options", "DENY");
  soup_message_headers_replace (headers, "Referrer-Policy", "no-referrer");
  soup_message_headers_replace (headers, "Cross-Origin-Resource-Policy", "same-origin");
  gdw_http_answer_static (msg, type_of (dashboard_files[page].name),
                          (const char *) dashboard_files[page].bytes,
                          dashboard_files[page].size);
}
