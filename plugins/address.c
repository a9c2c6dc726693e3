/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "plugins/address-private.h"

#include <godwit/error.h>

G_DEFINE_BOXED_TYPE (GdwAddress, gdw_address, gdw_address_copy, gdw_address_free)

static void
free_filter (gpointer data)
{
  GdwAddressFilter *filter = data;

  g_free (filter->name);
  g_ptr_array_unref (filter->options);
  g_free (filter);
}

/* Takes all arguments. */
static GdwAddress *
take_new (char *transport, char *location, GPtrArray *options)
{
  GdwAddress *address = g_new0 (GdwAddress, 1);

  address->transport = transport;
  address->location = location;
  address->options = options;
  address->filters = g_ptr_array_new_with_free_func (free_filter);
  return address;
}

GdwAddress *
gdw_address_new (const char *transport, const char *location)
{
  return take_new (g_strdup (transport), g_strdup (location), gdw_pairs_new ());
}

void
gdw_address_free (GdwAddress *address)
{
  if (!address)
    return;
  g_free (address->transport);
  g_free (address->location);
  g_ptr_array_unref (address->options);
  g_ptr_array_unref (address->filters);
  g_free (address);
}

const char *
gdw_address_get_transport (const GdwAddress *address)
{
  return address->transport;
}

const char *
gdw_address_get_location (const GdwAddress *address)
{
  return address->location;
}

void
gdw_address_set_location (GdwAddress *address, const char *location)
{
  char *copy = g_strdup (location); /* it may be a part of the present one */

  g_free (address->location);
  address->location = copy;
}

/* Takes @name and @options. */
static void
add_filter (GdwAddress *address, char *name, GPtrArray *options)
{
  GdwAddressFilter *filter = g_new0 (GdwAddressFilter, 1);

  filter->name = name;
  filter->options = options;
  g_ptr_array_add (address->filters, filter);
}

void
gdw_address_add_filter (GdwAddress *address, const char *name)
{
  add_filter (address, g_strdup (name), gdw_pairs_new ());
}

void
gdw_address_add_option (GdwAddress *address, const char *key, const char *value)
{
  guint n = address->filters->len;
  const GdwAddressFilter *last = n ? address->filters->pdata[n - 1] : NULL;

  g_ptr_array_add (last ? last->options : address->options, gdw_pair_new (key, value));
}

/* Reads the options after the character at @at; there are none if it is not @mark. */
static GPtrArray *
parse_options (const char **at, char mark)
{
  if (**at != mark)
    return gdw_pairs_new ();
  (*at)++;
  return gdw_pairs_read (at, ",|");
}

/* Returns NULL, or the error. */
static const char *
parse_filter (GdwAddress *address, const char **at)
{
  g_autofree char *name = gdw_text_read (at, ":|");

  if (!*name)
    return "the name of a filter is missing";
  add_filter (address, g_steal_pointer (&name), parse_options (at, ':'));
  return NULL;
}

static const char *
parse (const char *at, GdwAddress **address)
{
  g_autofree char *transport = gdw_text_read (&at, ":|");
  const char *why = NULL;
  char *location;

  if (*at != ':')
    return "there is no ':' after the name of the transport";
  at++;
  location = gdw_text_read (&at, ",|");
  *address = take_new (g_steal_pointer (&transport), location, parse_options (&at, ','));
  while (!why && *at == '|') {
    at++;
    why = parse_filter (*address, &at);
  }
  return why;
}

GdwAddress *
gdw_address_parse (const char *text, GError **error)
{
  g_autoptr (GdwAddress) address = NULL;
  const char *why = parse (text, &address);

  if (!why)
    return g_steal_pointer (&address);
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "address '%s': parse failed: %s; write TRANSPORT:ADDRESS|FILTER:key=value", text,
               why);
  return NULL;
}

char *
gdw_address_to_string (const GdwAddress *address)
{
  GString *text = g_string_new (NULL);

  gdw_text_append (text, address->transport);
  gdw_text_append_mark (text, ':');
  gdw_text_append (text, address->location);
  gdw_pairs_append (text, ',', address->options);
  for (guint i = 0; i < address->filters->len; i++) {
    const GdwAddressFilter *filter = address->filters->pdata[i];

    gdw_text_append_mark (text, '|');
    gdw_text_append (text, filter->name);
    gdw_pairs_append (text, ':', filter->options);
  }
  return g_string_free (text, FALSE);
}

GdwAddress *
gdw_address_copy (const GdwAddress *address)
{
  GdwAddress *copy = take_new (g_strdup (address->transport), g_strdup (address->location),
                               gdw_pairs_copy (address->options));

  for (guint i = 0; i < address->filters->len; i++) {
    const GdwAddressFilter *filter = address->filters->pdata[i];

    add_filter (copy, g_strdup (filter->name), gdw_pairs_copy (filter->options));
  }
  return copy;
}
