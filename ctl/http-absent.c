/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "connection.h"

#include "error.h"

/* Replaces HTTP in a build without libsoup. */
Connection *
connection_new_http (const char *url, const char *token, GError **error)
{
  g_set_error (error, CTL_ERROR, CTL_ERROR_SERVER,
               "server '%s': cannot be reached: godwitctl was built without HTTP; give the "
               "socket of its QMP with -s",
               url);
  return NULL;
}
