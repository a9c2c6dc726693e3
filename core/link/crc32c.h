/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* CRC-32C (Castagnoli, RFC 3720 B.4: initial and final XOR with ~0).  Start with @crc 0; pass
 * the result as @crc to go on. */
guint32 gdw_crc32c (guint32 crc, gconstpointer data, gsize size);

/* The same without special instructions, as on a CPU that has none.  A test compares the two.
 */
guint32 gdw_crc32c_portable (guint32 crc, gconstpointer data, gsize size);
