/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/version.h>

const char *
gdw_version (void)
{
  return GDW_VERSION;
}
