/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "plugins/options.h"

typedef struct {
  char *name;
  GPtrArray *options; /* of GdwPair */
} GdwAddressFilter;

/* Where a migration goes, and through what.  Every text is literal: the escapes of the written
 * form are gone, and nothing reads it a second time to find parts in it. */
typedef struct {
  char *transport;
  char *address;      /* in the transport's own language */
  GPtrArray *options; /* of GdwPair */
  GPtrArray *filters; /* of GdwAddressFilter; [0] is nearest the wire */
} GdwAddress;

/* @transport: the name of a plugin.  Without options and filters. */
GdwAddress *gdw_address_new (const char *transport, const char *address);
/* @key: the name of an option; @value: any text. */
void gdw_address_add_option (GdwAddress *address, const char *key, const char *value);

/* "NAME:ADDRESS[,key=value...][|filter:key=value,...|filter]".  A backslash saves a bar or a
 * comma, and a backslash before one of them is written twice.  Whether the plugins exist and
 * accept it is known when the stack is opened. */
GdwAddress *gdw_address_parse (const char *text, GError **error);
/* The text that is parsed into an equal address; for people, and for the other side. */
char *gdw_address_to_string (const GdwAddress *address);
GdwAddress *gdw_address_copy (const GdwAddress *address);
void gdw_address_free (GdwAddress *address);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GdwAddress, gdw_address_free)
