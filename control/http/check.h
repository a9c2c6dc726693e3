/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

#include "qapi/json.h"

/* One command, as over QMP. */
#define GDW_HTTP_BODY_MAX GDW_JSON_SIZE_MAX

/* Which requests a server accepts. */
typedef struct {
  const char *token;    /* NULL: any process on this host may connect */
  gboolean unix_socket; /* the mode of the file protects it, and host names mean nothing */
} GdwHttpTrust;

/* Checks the head of a request.  If it returns FALSE it has refused and answered the request.
 * @open: this path reveals nothing and needs no token. */
gboolean gdw_http_check (const GdwHttpTrust *trust, SoupServerMessage *msg, gboolean open);
