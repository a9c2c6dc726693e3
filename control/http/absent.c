/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/control.h>
#include <godwit/error.h>

/* Replaces HTTP in a build without libsoup: the library keeps the same functions. */

struct GdwControlHttp {
  char none;
};

static GdwControlHttp *
copy (GdwControlHttp *http)
{
  return http;
}

G_DEFINE_BOXED_TYPE (GdwControlHttp, gdw_control_http, copy, gdw_control_http_free)

GdwControlHttp *
gdw_control_http_new (GdwControl *control, const char *address, const char *token,
                      GError **error)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
               "http '%s': cannot listen: godwit was built without HTTP; build it with "
               "-Dhttp=enabled, or use QMP",
               address);
  return NULL;
}

char *
gdw_control_http_get_address (GdwControlHttp *http)
{
  return NULL;
}

void
gdw_control_http_free (GdwControlHttp *http)
{
}
