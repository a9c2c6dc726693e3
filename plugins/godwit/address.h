/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/**
 * GdwAddress:
 *
 * Where a migration goes, and through what: a transport, its location and options, and
 * filters with theirs.
 *
 * Each part is literal: a comma, a bar or a backslash in it means nothing.  Only
 * gdw_address_parse() and gdw_address_to_string() know the written form, which has escapes.
 *
 * All texts are copied.  No call blocks, looks at a plugin or asks the system.  Any thread may
 * call, and several may read one address at the same time; nobody else uses it while it
 * is changed or freed.
 */
#define GDW_TYPE_ADDRESS (gdw_address_get_type ())
typedef struct _GdwAddress GdwAddress;
GType gdw_address_get_type (void);

/**
 * gdw_address_new:
 * @transport: the name of a plugin
 * @location: in the words of that transport: "127.0.0.1:7000" of tcp, a path of unix
 *
 * An address without options and filters.  Whether the plugins exist and accept it is known
 * when a migration begins.
 *
 * Returns: (transfer full): free with gdw_address_free()
 */
GdwAddress *gdw_address_new (const char *transport, const char *location);

/**
 * gdw_address_parse:
 * @text: "TRANSPORT:LOCATION[,key=value...][|FILTER[:key=value,...]]...", as users type it
 *
 * A backslash makes a bar or a comma an ordinary character.  A backslash directly before one
 * of them is written twice; all others stand for themselves.
 *
 * Returns: (transfer full): free with gdw_address_free(); NULL with GDW_ERROR_INVALID where
 *   the form is wrong
 */
GdwAddress *gdw_address_parse (const char *text, GError **error);

/**
 * gdw_address_to_string:
 *
 * For people, and for programs that take text: gdw_address_parse() makes an equal address of
 * it, if all names in it are such as plugins and options can have.
 *
 * Returns: (transfer full): free with g_free()
 */
char *gdw_address_to_string (const GdwAddress *address);

/**
 * gdw_address_copy:
 *
 * Returns: (transfer full): free with gdw_address_free()
 */
GdwAddress *gdw_address_copy (const GdwAddress *address);

/* NULL is allowed. */
void gdw_address_free (GdwAddress *address);

/**
 * gdw_address_add_option:
 * @key: the name of an option
 * @value: (nullable): its value; NULL: none is given, as in "key" without an equals sign
 *
 * One more option of the filter that was added last, or of the transport while there is no
 * filter.
 */
void gdw_address_add_option (GdwAddress *address, const char *key, const char *value);

/**
 * gdw_address_add_filter:
 * @name: of a plugin
 *
 * One more filter, without options, farther from the wire than those before it.
 */
void gdw_address_add_filter (GdwAddress *address, const char *name);

/* Both are valid until @address is freed; the location, until it is set. */
const char *gdw_address_get_transport (const GdwAddress *address);
const char *gdw_address_get_location (const GdwAddress *address);

/* Put @location in the place of the present one; all else stays. */
void gdw_address_set_location (GdwAddress *address, const char *location);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GdwAddress, gdw_address_free)

G_END_DECLS
