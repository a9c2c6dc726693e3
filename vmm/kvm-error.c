/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "kvm.h"

#include <errno.h>

gboolean
kvm_fail (GError **error, const char *what, const char *todo)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST, "kvm: %s failed: %s%s", what,
               g_strerror (errno), todo);
  return FALSE;
}
