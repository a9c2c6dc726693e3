/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

#include "qapi/json.h"

/* One command, as over QMP. */
#define GDW_HTTP_BODY_MAX GDW_JSON_SIZE_MAX

/* Whom a server trusts. */
typedef struct {
  const char *token;    /* or NULL: who is on this host */
  gboolean unix_socket; /* the file's mode decides, a name of a host means nothing */
} GdwHttpTrust;

/* Looks at the head of a request.  FALSE: refused, and answered.  @open: this path tells
 * nothing and needs no token. */
gboolean gdw_http_check (const GdwHttpTrust *trust, SoupServerMessage *msg, gboolean open);
