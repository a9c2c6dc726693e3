/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

/* The dashboard's files, which are bundled.  They tell nothing of the VM. */

/* Which one is at @path; -1: none. */
int gdw_http_page_find (const char *path);

void gdw_http_page_answer (int page, SoupServerMessage *msg);
