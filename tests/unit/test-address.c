/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <check.h>
#include <godwit/error.h>
#include <string.h>

#include "plugins/address-private.h"
#include "tests/support/address-text.h"
#include "tests/support/suite.h"

#define BUILT 20000

/* Shows an address as it was read: "<" before each literal text, ">" after each value. */
static char *
describe (const GdwAddress *address)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "<%s><%s>", address->transport, address->location);
  for (guint i = 0; i < address->options->len; i++) {
    const GdwPair *pair = address->options->pdata[i];

    g_string_append_printf (text, " <%s>=<%s>", pair->key, pair->value ? pair->value : "NONE");
  }
  for (guint i = 0; i < address->filters->len; i++) {
    const GdwAddressFilter *filter = address->filters->pdata[i];

    g_string_append_printf (text, " <%s>:", filter->name);
    for (guint j = 0; j < filter->options->len; j++) {
      const GdwPair *pair = filter->options->pdata[j];

      g_string_append_printf (text, " <%s>=<%s>", pair->key,
                              pair->value ? pair->value : "NONE");
    }
  }
  return g_string_free (text, FALSE);
}

/* "" for @printed: the same as @text. */
static const struct {
  const char *text, *read, *printed;
} good[] = {
  { "tcp:[::1]:7000", "<tcp><[::1]:7000>", "" },
  { ":", "<><>", "" },
  { "tcp:h:1,a=1,b=x=y", "<tcp><h:1> <a>=<1> <b>=<x=y>", "" },
  { "tcp:h:1,", "<tcp><h:1>", "tcp:h:1" },
  { "tcp:h:1,a", "<tcp><h:1> <a>=<NONE>", "" },
  { "tcp:h:1,a=", "<tcp><h:1> <a>=<>", "" },
  { "tcp:h:1,,", "<tcp><h:1> <>=<NONE> <>=<NONE>", "" },
  { "t:x|f", "<t><x> <f>:", "" },
  { "t:x|f:", "<t><x> <f>:", "t:x|f" },
  { "t:x,k=v|f:a=1,b=2|g", "<t><x> <k>=<v> <f>: <a>=<1> <b>=<2> <g>:", "" },
  { "file:a\\,b\\|c", "<file><a,b|c>", "" },
  { "file:a,k=x\\,y\\|z|f:file=b\\,c", "<file><a> <k>=<x,y|z> <f>: <file>=<b,c>", "" },
  /* Only before a bar or a comma does a backslash mean something. */
  { "file:a\\b\\\\c", "<file><a\\b\\\\c>", "" },
  { "file:a\\", "<file><a\\>", "" },
  { "file:a\\\\", "<file><a\\\\>", "" },
  { "file:a\\\\,k=v", "<file><a\\> <k>=<v>", "" },
  { "file:a\\\\|f", "<file><a\\> <f>:", "" },
  { "file:a\\\\\\,b", "<file><a\\,b>", "" },
  { "file:a,k=v\\\\|f:l=w\\\\|g", "<file><a> <k>=<v\\> <f>: <l>=<w\\> <g>:", "" },
};

START_TEST (text_is_read_and_written)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GdwAddress) address = gdw_address_parse (good[_i].text, &error);
  g_autofree char *read = NULL, *printed = NULL;

  ck_assert_msg (address != NULL, "%s", error ? error->message : "no error");
  read = describe (address);
  printed = gdw_address_to_string (address);
  ck_assert_str_eq (read, good[_i].read);
  ck_assert_str_eq (printed, *good[_i].printed ? good[_i].printed : good[_i].text);
}
END_TEST

static const struct {
  const char *text, *why;
} bad[] = {
  { "", "there is no ':' after the name of the transport" },
  { "tcp", "there is no ':' after the name of the transport" },
  { "tcp|f:a=1", "there is no ':' after the name of the transport" },
  { "tcp\\|f", "there is no ':' after the name of the transport" },
  { "t:x|", "the name of a filter is missing" },
  { "t:x||f", "the name of a filter is missing" },
  { "t:x|f|", "the name of a filter is missing" },
  { "t:x|:a=1", "the name of a filter is missing" },
};

START_TEST (what_is_no_address_is_said)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *message = g_strdup_printf (
      "address '%s': parse failed: %s; write TRANSPORT:ADDRESS|FILTER:key=value", bad[_i].text,
      bad[_i].why);

  ck_assert (!gdw_address_parse (bad[_i].text, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_INVALID));
  ck_assert_str_eq (error->message, message);
}
END_TEST

/* All that has a meaning somewhere. */
static char *
hostile_text (GRand *rand)
{
  static const char marks[] = "\\\\\\\\||,,::==@[]/.a %\n\xff";
  GString *text = g_string_new (NULL);

  for (gint n = g_rand_int_range (rand, 0, 9); n > 0; n--)
    g_string_append_c (text, marks[g_rand_int_range (rand, 0, sizeof marks - 1)]);
  return g_string_free (text, FALSE);
}

static GdwAddress *
hostile_address (GRand *rand)
{
  static const char *const keys[] = { "host", "offset", "literal", "k" };
  g_autofree char *text = hostile_text (rand);
  GdwAddress *address = gdw_address_new ("unix", text);

  for (gint n = g_rand_int_range (rand, 0, 4); n > 0; n--) {
    g_autofree char *value = hostile_text (rand);

    gdw_address_add_option (address, keys[n], value);
  }
  for (gint n = g_rand_int_range (rand, 0, 3); n > 0; n--) {
    g_autofree char *value = hostile_text (rand);

    gdw_address_add_filter (address, "log");
    if (n > 1)
      gdw_address_add_option (address, "file", value);
  }
  return address;
}

START_TEST (what_is_written_is_read_as_it_was)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < BUILT; i++) {
    g_autoptr (GdwAddress) address = hostile_address (rand);
    g_autoptr (GdwAddress) copy = gdw_address_copy (address);
    g_autofree char *text = gdw_address_to_string (address);
    g_autoptr (GError) error = NULL;
    g_autoptr (GdwAddress) again = gdw_address_parse (text, &error);

    ck_assert_msg (again != NULL, "%s", error ? error->message : "no error");
    ck_assert_msg (address_equal (again, address), "%s", text);
    ck_assert_msg (address_equal (copy, address), "%s", text);
  }
}
END_TEST

START_TEST (parts_are_taken_as_they_are)
{
  g_autoptr (GdwAddress) address = gdw_address_new ("unix", "@a,b|c\\");
  g_autoptr (GdwAddress) boxed = NULL;
  g_autofree char *read = NULL, *changed = NULL;

  gdw_address_add_option (address, "k", "v,w|x\\");
  gdw_address_add_option (address, "l", NULL);
  gdw_address_add_filter (address, "f");
  gdw_address_add_filter (address, "g");
  gdw_address_add_option (address, "m", "");
  read = describe (address);
  ck_assert_str_eq (read, "<unix><@a,b|c\\> <k>=<v,w|x\\> <l>=<NONE> <f>: <g>: <m>=<>");
  ck_assert_str_eq (gdw_address_get_transport (address), "unix");
  ck_assert_str_eq (gdw_address_get_location (address), "@a,b|c\\");

  boxed = g_boxed_copy (GDW_TYPE_ADDRESS, address);
  gdw_address_set_location (address, gdw_address_get_location (address) + 1);
  ck_assert_str_eq (gdw_address_get_location (address), "a,b|c\\");
  changed = describe (boxed);
  ck_assert_str_eq (changed, read);
}
END_TEST

static const char *const different[] = {
  "t:x,k=v|f:a=1|g", "u:x,k=v|f:a=1|g", "t:y,k=v|f:a=1|g", "t:x,l=v|f:a=1|g",
  "t:x,k=w|f:a=1|g", "t:x,k|f:a=1|g",   "t:x,k=|f:a=1|g",  "t:x,k=v|f:a=1",
  "t:x|f:a=1|g",     "t:x,k=v|f|g",     "t:x,k=v|g|f:a=1", "t:x,k=v|f:a=1|g|g",
};

START_TEST (equal_is_what_is_the_same_in_all)
{
  for (guint i = 0; i < G_N_ELEMENTS (different); i++) {
    for (guint j = 0; j < G_N_ELEMENTS (different); j++) {
      g_autoptr (GdwAddress) a = gdw_address_parse (different[i], NULL);
      g_autoptr (GdwAddress) b = gdw_address_parse (different[j], NULL);

      ck_assert_msg (address_equal (a, b) == (i == j), "%s %s", different[i], different[j]);
    }
  }
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("address");

  tcase_set_timeout (tc, 30);
  tcase_add_loop_test (tc, text_is_read_and_written, 0, G_N_ELEMENTS (good));
  tcase_add_loop_test (tc, what_is_no_address_is_said, 0, G_N_ELEMENTS (bad));
  tcase_add_test (tc, what_is_written_is_read_as_it_was);
  tcase_add_test (tc, parts_are_taken_as_they_are);
  tcase_add_test (tc, equal_is_what_is_the_same_in_all);
  return suite_run ("address", tc, NULL);
}
