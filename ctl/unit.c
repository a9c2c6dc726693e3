/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "unit.h"

#include "unit-table.h"

#include <string.h>

Unit
unit_of (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (unit_table); i++)
    if (strcmp (unit_table[i].name, name) == 0)
      return unit_table[i].unit;
  return UNIT_NONE;
}
