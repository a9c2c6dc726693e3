/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "plugins/address.h"

#include <godwit/error.h>

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
take_new (char *transport, char *text, GPtrArray *options)
{
  GdwAddress *address = g_new0 (GdwAddress, 1);

  address->transport = transport;
  address->address = text;
  address->options = options;
  address->filters = g_ptr_array_new_with_free_func (free_filter);
  return address;
}

GdwAddress *
gdw_address_new (const char *transport, const char *address)
{
  return take_new (g_strdup (transport), g_strdup (address), gdw_pairs_new ());
}

void
gdw_address_free (GdwAddress *address)
{
  if (!address)
    return;
  g_free (address->transport);
  g_free (address->address);
  g_ptr_array_unref (address->options);
  g_ptr_array_unref (address->filters);
  g_free (address);
}

void
gdw_address_add_option (GdwAddress *address, const char *key, const char *value)
{
  g_ptr_array_add (address->options, gdw_pair_new (key, value));
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
  GdwAddressFilter *filter;

  if (!*name)
    return "the name of a filter is missing";
  filter = g_new0 (GdwAddressFilter, 1);
  filter->name = g_steal_pointer (&name);
  filter->options = parse_options (at, ':');
  g_ptr_array_add (address->filters, filter);
  return NULL;
}

static const char *
parse (const char *at, GdwAddress **address)
{
  g_autofree char *transport = gdw_text_read (&at, ":|");
  const char *why = NULL;
  char *text;

  if (*at != ':')
    return "there is no ':' after the name of the transport";
  at++;
  text = gdw_text_read (&at, ",|");
  *address = take_new (g_steal_pointer (&transport), text, parse_options (&at, ','));
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
  gdw_text_append (text, address->address);
  gdw_pairs_append (text, ',', address->options);
  for (guint i = 0; i < address->filters->len; i++) {
    const GdwAddressFilter *filter = address->filters->pdata[i];

    gdw_text_append_mark (text, '|');
    gdw_text_append (text, filter->name);
    gdw_pairs_append (text, ':', filter->options);
  }
  return g_string_free (text, FALSE);
}

static GdwAddressFilter *
copy_filter (const GdwAddressFilter *filter)
{
  GdwAddressFilter *copy = g_new0 (GdwAddressFilter, 1);

  copy->name = g_strdup (filter->name);
  copy->options = gdw_pairs_copy (filter->options);
  return copy;
}

GdwAddress *
gdw_address_copy (const GdwAddress *address)
{
  GdwAddress *copy = take_new (g_strdup (address->transport), g_strdup (address->address),
                               gdw_pairs_copy (address->options));

  for (guint i = 0; i < address->filters->len; i++)
    g_ptr_array_add (copy->filters, copy_filter (address->filters->pdata[i]));
  return copy;
}
