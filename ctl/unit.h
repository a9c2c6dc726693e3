/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "human.h"

/* Returns the unit of the member @name of the schema; query-qmp-schema has none, as in QEMU. */
Unit unit_of (const char *name);
