/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Transports that make the mistake BUG and are right otherwise. */
#include <godwit/transport.h>
#include <sys/ioctl.h>

#include "bugs.h"
#define BUG_CALLS "tests/conformance/bad/bug-calls.h"
#include "conformance/local-transport.h"

GDW_DEFINE_TRANSPORT (.plugin.name = LOCAL_NAME, .plugin.summary = "makes a mistake",
                      LOCAL_CALLBACKS);
