/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "human.h"

/* The unit of what the schema calls @name; query-qmp-schema, as QEMU made it, has none. */
Unit unit_of (const char *name);
