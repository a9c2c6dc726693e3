/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Checks that @file is a complete ELF file of this machine.  dlopen blocks on a pipe, and kills
 * the process when it touches a missing part of a truncated file. */
gboolean gdw_module_file_check (const char *file, GError **error);
