/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Sizes, rates and times in the form that people write and read. */
typedef enum { UNIT_NONE, UNIT_BYTES, UNIT_BYTES_PER_S, UNIT_MS, UNIT_US } Unit;

char *human_size (guint64 bytes);      /* 1.24 GiB */
char *human_rate (guint64 bytes);      /* 1.24 GiB/s */
char *human_us (guint64 microseconds); /* 38.2 ms, 4.2 s, 3 min 5 s */
char *human_ms (guint64 milliseconds);
/* Returns the text that human_parse() reads back, in this unit. */
char *human_value (guint64 n, Unit unit);

/* Reads "1G", "1.5 GiB", "100M/s", "300ms", "2s"; a number without a suffix is in @unit.
 * Refuses fractions of the unit. */
gboolean human_parse (const char *text, Unit unit, guint64 *out, GError **error);
