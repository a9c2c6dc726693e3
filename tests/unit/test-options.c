/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <check.h>
#include <godwit/error.h>
#include <string.h>

#include "plugins/loader.h"
#include "tests/support/suite.h"

static const char *const kinds[] = { "reset", "stall", NULL };

static const GdwOption declared[] = {
  { .name = "text", .type = GDW_OPTION_STRING },
  { .name = "named", .type = GDW_OPTION_STRING, .default_value = "x" },
  { .name = "number", .type = GDW_OPTION_UINT, .default_value = "5", .min = 1, .max = 10 },
  { .name = "size", .type = GDW_OPTION_SIZE, .default_value = "4K" },
  { .name = "flag", .type = GDW_OPTION_BOOL, .default_value = "off" },
  { .name = "kind", .type = GDW_OPTION_ENUM, .choices = kinds },
  { 0 },
};

enum { TEXT, NAMED, NUMBER, SIZE, FLAG, KIND };

static const GdwPlugin plugin = {
  .kind = GDW_PLUGIN_FILTER, .name = "f", .options = declared, .option_size = sizeof (GdwOption)
};

static GdwValue *
must_parse (const char *text)
{
  GError *error = NULL;
  GdwValue *values = gdw_options_parse (&plugin, text, &error);

  ck_assert_msg (values != NULL, "%s", error ? error->message : "no error");
  return values;
}

START_TEST (what_is_not_typed_has_its_default)
{
  GdwValue *values = must_parse ("kind=stall");

  ck_assert (!values[TEXT].set && values[TEXT].string == NULL);
  ck_assert_str_eq (values[NAMED].string, "x");
  ck_assert (!values[NUMBER].set);
  ck_assert_uint_eq (values[NUMBER].number, 5);
  ck_assert_uint_eq (values[SIZE].number, 4096);
  ck_assert_uint_eq (values[FLAG].number, 0);
  ck_assert (values[KIND].set);
  ck_assert_uint_eq (values[KIND].number, 1);
  ck_assert_str_eq (values[KIND].string, "stall");
  gdw_options_free (&plugin, values);
}
END_TEST

START_TEST (what_is_typed_counts_in_any_order)
{
  GdwValue *values = must_parse ("size=3G,flag=yes,number=10,kind=reset,text=a=b c,named=");

  ck_assert (values[TEXT].set);
  ck_assert_str_eq (values[TEXT].string, "a=b c");
  ck_assert_str_eq (values[NAMED].string, "");
  ck_assert_uint_eq (values[NUMBER].number, 10);
  ck_assert_uint_eq (values[SIZE].number, G_GUINT64_CONSTANT (3) << 30);
  ck_assert_uint_eq (values[FLAG].number, 1);
  ck_assert_uint_eq (values[KIND].number, 0);
  gdw_options_free (&plugin, values);
}
END_TEST

START_TEST (a_backslash_saves_a_comma_and_a_bar)
{
  GdwValue *values = must_parse ("text=a\\,b\\|c\\d,kind=reset");

  ck_assert_str_eq (values[TEXT].string, "a,b|c\\d");
  gdw_options_free (&plugin, values);
}
END_TEST

static const struct {
  const char *text;
  guint64 bytes;
} sizes[] = {
  { "0", 0 },
  { "1", 1 },
  { "1k", 1024 },
  { "2M", 2 << 20 },
  { "1T", G_GUINT64_CONSTANT (1) << 40 },
  { "18446744073709551615", G_MAXUINT64 },
  { "16777215T", G_GUINT64_CONSTANT (16777215) << 40 },
};

START_TEST (sizes_have_suffixes)
{
  g_autofree char *text = g_strdup_printf ("kind=reset,size=%s", sizes[_i].text);
  GdwValue *values = must_parse (text);

  ck_assert_uint_eq (values[SIZE].number, sizes[_i].bytes);
  gdw_options_free (&plugin, values);
}
END_TEST

static const struct {
  const char *text, *message;
} wrong[] = {
  { NULL, "filter 'f': option 'kind' failed: it is missing and has no default; add kind=..." },
  { "", "option 'kind' failed: it is missing" },
  { "knd=reset",
    "filter 'f': option 'knd' failed: there is no such option; it has text, named, "
    "number, size, flag, kind" },
  { "kind", "filter 'f': option 'kind' failed: it has no value; write key=value" },
  { ",kind=reset", "option '' failed: it has no value" },
  { "kind=reset,", "option '' failed: it has no value" },
  { "kind=reset,kind=stall", "option 'kind' failed: it is given twice" },
  { "kind=Reset",
    "filter 'f': option 'kind=Reset' failed: the value is not accepted; give one of "
    "reset, stall" },
  { "kind=", "option 'kind=' failed" },
  { "number=0",
    "option 'number=0' failed: the value is not accepted; give a whole number, 1 to "
    "10" },
  { "number=11", "option 'number=11' failed" },
  { "number=2K", "option 'number=2K' failed" },
  { "number=+2", "option 'number=+2' failed" },
  { "number=-2", "option 'number=-2' failed" },
  { "number= 2", "option 'number= 2' failed" },
  { "number=", "option 'number=' failed" },
  { "number=0x2", "option 'number=0x2' failed" },
  { "size=1Q", "option 'size=1Q' failed: the value is not accepted; give a number of bytes, "
               "optionally with K, M, G or T" },
  { "size=1KB", "option 'size=1KB' failed" },
  { "size=K", "option 'size=K' failed" },
  { "size=18446744073709551616", "option 'size=18446744073709551616' failed" },
  { "size=16777216T", "option 'size=16777216T' failed" },
  { "flag=maybe", "option 'flag=maybe' failed: the value is not accepted; give on or off" },
};

START_TEST (what_is_wrong_is_said)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!gdw_options_parse (&plugin, wrong[_i].text, &error));
  ck_assert_msg (strstr (error->message, wrong[_i].message), "%s", error->message);
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_INVALID));
}
END_TEST

START_TEST (a_plugin_without_options_takes_none)
{
  const GdwPlugin none = { .kind = GDW_PLUGIN_TRACKER, .name = "t" };
  GdwValue *values = gdw_options_parse (&none, NULL, NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (values != NULL);
  gdw_options_free (&none, values);
  ck_assert (!gdw_options_parse (&none, "a=1", &error));
  ck_assert_str_eq (error->message,
                    "tracker 't': option 'a' failed: there is no such option; it "
                    "takes no options");
}
END_TEST

static const struct {
  GdwOption options[3];
  const char *why;
} flaws[] = {
  { { { .name = "a=b", .type = GDW_OPTION_UINT } },
    "its name is empty, or has a space or one of" },
  { { { .name = "", .type = GDW_OPTION_UINT } },
    "its name is empty, or has a space or one of" },
  { { { .name = "a", .type = GDW_OPTION_UINT }, { .name = "a", .type = GDW_OPTION_UINT } },
    "it is declared twice" },
  { { { .name = "a", .type = 0 } }, "its type is unknown" },
  { { { .name = "a", .type = 6 } }, "its type is unknown" },
  { { { .name = "a", .type = GDW_OPTION_ENUM } }, "it has no choices" },
  { { { .name = "a", .type = GDW_OPTION_UINT, .min = 2, .max = 1 } }, "its range is empty" },
  { { { .name = "a", .type = GDW_OPTION_UINT, .default_value = "9", .max = 8 } },
    "its default is not accepted" },
};

START_TEST (a_wrong_declaration_is_found)
{
  const GdwPlugin flawed = { .kind = GDW_PLUGIN_TRACKER, .options = flaws[_i].options };
  g_autoptr (GError) error = NULL;

  ck_assert (!gdw_options_check (&flawed, &error));
  ck_assert_msg (strstr (error->message, flaws[_i].why), "%s", error->message);
  ck_assert (gdw_options_check (&plugin, NULL));
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("options");

  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, what_is_not_typed_has_its_default);
  tcase_add_test (tc, what_is_typed_counts_in_any_order);
  tcase_add_test (tc, a_backslash_saves_a_comma_and_a_bar);
  tcase_add_loop_test (tc, sizes_have_suffixes, 0, G_N_ELEMENTS (sizes));
  tcase_add_loop_test (tc, what_is_wrong_is_said, 0, G_N_ELEMENTS (wrong));
  tcase_add_test (tc, a_plugin_without_options_takes_none);
  tcase_add_loop_test (tc, a_wrong_declaration_is_found, 0, G_N_ELEMENTS (flaws));
  return suite_run ("options", tc, NULL);
}
