/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/address.h>

#include "plugins/pairs.h"

typedef struct {
  char *name;
  GPtrArray *options; /* of GdwPair */
} GdwAddressFilter;

struct _GdwAddress {
  char *transport;
  char *location;
  GPtrArray *options; /* of GdwPair */
  GPtrArray *filters; /* of GdwAddressFilter; [0] is nearest the wire */
};
