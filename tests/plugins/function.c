/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* A gdw_plugin that is no struct. */

#include <godwit/plugin.h>

GDW_EXPORT int gdw_plugin (void);

int
gdw_plugin (void)
{
  return GDW_ABI;
}
