/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "qapi/json.h"
#include "qapi/number.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *text, *expected; /* expected: as written, or the error without its head */
} Case;

static const Case good[] = {
  { "{}", "{}" },
  { " [ 1 , 2 ] \r\n\t", "[1,2]" },
  { "{\"b\":1,\"a\":{\"c\":[null,true,false]}}", "{\"b\":1,\"a\":{\"c\":[null,true,false]}}" },
  { "0", "0" },
  { "-0", "0" },
  { "-9223372036854775808", "-9223372036854775808" },
  { "9223372036854775807", "9223372036854775807" },
  { "9223372036854775808", "9223372036854775808" },
  { "18446744073709551615", "18446744073709551615" },
  { "0.1", "0.1" },
  { "1.5e3", "1500" },
  { "-2.5E-1", "-0.25" },
  { "0.30000000000000004", "0.30000000000000004" },
  { "\"\"", "\"\"" },
  { "'it\\'s \"so\"'", "\"it's \\\"so\\\"\"" },
  { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"" },
  { "\"\\u00e4\\u20ac\\ud83d\\ude00\\u0001\\u007f\"", "\"ä€😀\\u0001\\u007f\"" },
  { "\"}]{[\"", "\"}]{[\"" },
};

static const Case bad[] = {
  { "", "expecting value" },
  { "bad", "invalid keyword 'bad'" },
  { "True", "invalid keyword 'True'" },
  { "NaN", "invalid keyword 'NaN'" },
  { "var", "invalid keyword 'var'" },
  { "0x10", "invalid number '0x10'" },
  { "010", "invalid number '010'" },
  { "+1", "invalid keyword '+1'" },
  { "-", "invalid number '-'" },
  { "1.", "invalid number '1.'" },
  { ".5", "invalid keyword '.5'" },
  { "1e", "invalid number '1e'" },
  { "1e999", "invalid number '1e999'" },
  { "1 2", "unexpected text after the value" },
  { "{}{}", "unexpected text after the value" },
  { "{\"a\":1} x", "unexpected text after the value" },
  { "/* c */ 1", "stray '/'" },
  { "1 // c", "unexpected text after the value" },
  { "[1,]", "expecting value" },
  { "[1 2]", "expected separator in list" },
  { "[1", "expected separator in list" },
  { "{\"a\":1,}", "key is not a string in object" },
  { "{a:1}", "key is not a string in object" },
  { "{\"a\" 1}", "missing : in object pair" },
  { "{\"a\":1 \"b\":2}", "expected separator in dict" },
  { "{\"a\":1,\"a\":2}", "duplicate key" },
  { "{\"a\":1]", "expected separator in dict" },
  { "}", "expecting value" },
  { "\"abc", "string without end" },
  { "\"a\nb\"", "control character in string" },
  { "\"\\x41\"", "invalid escape sequence '\\x'" },
  { "\"\\ud800\"", "invalid escape sequence '\\ud800'" },
  { "\"\\udc00\"", "invalid escape sequence '\\udc00'" },
  { "\"\\u12g4\"", "invalid escape sequence '\\u12'" },
  { "\"\xff\"", "invalid UTF-8 sequence in string" },
  { "\"\xc0\x80\"", "invalid UTF-8 sequence in string" },
};

START_TEST (what_is_json_is_read_and_written)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = gdw_json_parse (good[_i].text, -1, &error);
  g_autofree char *written = NULL;

  ck_assert_msg (node, "%s: %s", good[_i].text, error ? error->message : "");
  written = gdw_json_write (node);
  ck_assert_str_eq (written, good[_i].expected);
}
END_TEST

START_TEST (what_is_not_json_is_refused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *expected = NULL;

  ck_assert_ptr_null (gdw_json_parse (bad[_i].text, -1, &error));
  expected = g_strconcat ("JSON parse error, ", bad[_i].expected, NULL);
  ck_assert_str_eq (error->message, expected);
}
END_TEST

START_TEST (a_number_is_got_only_as_what_it_is)
{
  g_autoptr (JsonNode) big = gdw_json_parse ("18446744073709551615", -1, NULL);
  g_autoptr (JsonNode) small = gdw_json_parse ("-1", -1, NULL);
  g_autoptr (JsonNode) real = gdw_json_parse ("1.0", -1, NULL);
  g_autoptr (JsonNode) text = gdw_json_parse ("\"18446744073709551615\"", -1, NULL);
  gint64 i;
  guint64 u;
  double d;

  ck_assert (gdw_number_get_uint (big, &u) && u == G_MAXUINT64);
  ck_assert (!gdw_number_get_int (big, &i));
  ck_assert (gdw_number_get_double (big, &d) && d == 18446744073709551616.0);
  ck_assert_ptr_null (gdw_number_get_string (big));
  ck_assert (gdw_number_get_int (small, &i) && i == -1);
  ck_assert (!gdw_number_get_uint (small, &u));
  ck_assert (gdw_number_get_double (small, &d) && d == -1);
  ck_assert (!gdw_number_get_int (real, &i) && !gdw_number_get_uint (real, &u));
  ck_assert (!gdw_number_get_uint (text, &u) && !gdw_number_get_double (text, &d));
  ck_assert_str_eq (gdw_number_get_string (text), "18446744073709551615");
}
END_TEST

START_TEST (what_is_not_utf8_is_replaced_in_the_output)
{
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (), "a\xfe\"b");
  g_autofree char *written = gdw_json_write (node);

  ck_assert_str_eq (written, "\"a\xef\xbf\xbd\\\"b\"");
}
END_TEST

START_TEST (nesting_is_limited)
{
  g_autofree char *open = g_strnfill (GDW_JSON_DEPTH_MAX, '[');
  g_autofree char *close = g_strnfill (GDW_JSON_DEPTH_MAX, ']');
  g_autofree char *fits = g_strconcat (open, close, NULL);
  g_autofree char *deep = g_strconcat ("[", open, close, "]", NULL);
  g_autofree char *hostile = g_strnfill (1000000, '[');
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = gdw_json_parse (fits, -1, NULL);

  ck_assert_ptr_nonnull (node);
  ck_assert_ptr_null (gdw_json_parse (deep, -1, NULL));
  ck_assert_ptr_null (gdw_json_parse (hostile, -1, &error));
  ck_assert_str_eq (error->message,
                    "JSON parse error, nesting depth limit exceeded: 64 levels");
}
END_TEST

/* All that comes out of @splitter now: values as JSON, errors in angle brackets. */
static char *
drain (GdwJsonSplitter *splitter)
{
  GString *out = g_string_new (NULL);

  for (;;) {
    g_autoptr (JsonNode) node = NULL;
    g_autoptr (GError) error = NULL;
    GdwJsonResult result = gdw_json_splitter_next (splitter, &node, &error);
    g_autofree char *text = NULL;

    if (result == GDW_JSON_NOTHING)
      return g_string_free (out, FALSE);
    text = result == GDW_JSON_VALUE ? gdw_json_write (node) : NULL;
    g_string_append_printf (out, text ? "%s" : "<%s>", text ? text : error->message);
    g_string_append_c (out, ';');
  }
}

#define ERR(text) "<JSON parse error, " text ">;"

static const Case streams[] = {
  { "", "" },
  { "  \n ", "" },
  { "{\"a\":1}{\"b\":2}", "{\"a\":1};{\"b\":2};" },
  { "{\"a\":1}\n[2]3 \"x\"4", "{\"a\":1};[2];3;\"x\";4;" },
  { "true false null", "true;false;null;" },
  { "bad{}", ERR ("invalid keyword 'bad'") "{};" },
  { "{\"a\":\"}{\\\"\"}{}", "{\"a\":\"}{\\\"\"};{};" },
  { "{'a':'\"'}{}", "{\"a\":\"\\\"\"};{};" },
  { "{\"a\":bad}{}", ERR ("invalid keyword 'bad'") "{};" },
  { "}{}", ERR ("expecting value") "{};" },
  { "1,2", "1;" ERR ("expecting value") "2;" },
  { "{\"a\":\"b\n{}", ERR ("control character in string") "{};" },
  { "{]{}", ERR ("key is not a string in object") "{};" },
  { "{\"a\":1", ERR ("expected separator in dict") },
  { "\"a", ERR ("string without end") },
  { "\xff{}", ERR ("stray '\uFFFD'") "{};" },
};

START_TEST (a_stream_is_cut_into_values)
{
  g_autoptr (GdwJsonSplitter) splitter = gdw_json_splitter_new ();
  g_autofree char *first = NULL;
  g_autofree char *rest = NULL;
  g_autofree char *all = NULL;

  gdw_json_splitter_feed (splitter, streams[_i].text, strlen (streams[_i].text));
  first = drain (splitter);
  gdw_json_splitter_end (splitter);
  rest = drain (splitter);
  all = g_strconcat (first, rest, NULL);
  ck_assert_str_eq (all, streams[_i].expected);
}
END_TEST

START_TEST (a_stream_may_arrive_byte_by_byte)
{
  g_autoptr (GdwJsonSplitter) splitter = gdw_json_splitter_new ();
  g_autoptr (GString) all = g_string_new (NULL);
  g_autofree char *rest = NULL;

  for (const char *p = streams[_i].text; *p; p++) {
    g_autofree char *some = NULL;

    gdw_json_splitter_feed (splitter, p, 1);
    some = drain (splitter);
    g_string_append (all, some);
  }
  gdw_json_splitter_end (splitter);
  rest = drain (splitter);
  g_string_append (all, rest);
  ck_assert_str_eq (all->str, streams[_i].expected);
}
END_TEST

/* @text in portions of @portion bytes, then {}. */
static char *
drain_portions (const char *text, gsize portion)
{
  g_autoptr (GdwJsonSplitter) splitter = gdw_json_splitter_new ();
  GString *all = g_string_new (NULL);
  g_autofree char *rest = NULL;

  for (gsize at = 0, length = strlen (text); at < length; at += portion) {
    g_autofree char *some = NULL;

    gdw_json_splitter_feed (splitter, text + at, MIN (portion, length - at));
    some = drain (splitter);
    g_string_append (all, some);
  }
  gdw_json_splitter_feed (splitter, "{}", 2);
  rest = drain (splitter);
  g_string_append (all, rest);
  return g_string_free (all, FALSE);
}

START_TEST (a_value_over_a_limit_is_refused_once_and_skipped)
{
  g_autofree char *open = g_strnfill (100000, '[');
  g_autofree char *close = g_strnfill (100000, ']');
  g_autofree char *deep = g_strconcat (open, "1", close, NULL);
  g_autofree char *deep_out = drain_portions (deep, 777);
  g_autofree char *filler = NULL;
  g_autofree char *large = NULL;
  g_autofree char *large_out = NULL;
  g_autofree char *word_out = NULL;

  ck_assert_str_eq (deep_out, ERR ("nesting depth limit exceeded: 64 levels") "{};");

  filler = g_strnfill (3 * GDW_JSON_SIZE_MAX, 'x');
  large = g_strconcat ("{\"a\":\"", filler, "}\"}", NULL);
  large_out = drain_portions (large, 4096);
  ck_assert_str_eq (large_out, ERR ("token size limit exceeded: 1 MiB") "{};");

  word_out = drain_portions (filler, 65536);
  ck_assert_str_eq (word_out, ERR ("token size limit exceeded: 1 MiB") "{};");
}
END_TEST

START_TEST (a_value_as_large_as_the_limit_passes)
{
  g_autofree char *filler = g_strnfill (GDW_JSON_SIZE_MAX - 2, 'x');
  g_autofree char *large = g_strconcat ("\"", filler, "\"", NULL);
  g_autofree char *expected = g_strconcat (large, ";{};", NULL);
  g_autofree char *out = drain_portions (large, 100000);

  ck_assert (strcmp (out, expected) == 0);
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("json");

  tcase_set_timeout (tcase, 30);
  tcase_add_loop_test (tcase, what_is_json_is_read_and_written, 0, G_N_ELEMENTS (good));
  tcase_add_loop_test (tcase, what_is_not_json_is_refused, 0, G_N_ELEMENTS (bad));
  tcase_add_test (tcase, a_number_is_got_only_as_what_it_is);
  tcase_add_test (tcase, what_is_not_utf8_is_replaced_in_the_output);
  tcase_add_test (tcase, nesting_is_limited);
  tcase_add_loop_test (tcase, a_stream_is_cut_into_values, 0, G_N_ELEMENTS (streams));
  tcase_add_loop_test (tcase, a_stream_may_arrive_byte_by_byte, 0, G_N_ELEMENTS (streams));
  tcase_add_test (tcase, a_value_over_a_limit_is_refused_once_and_skipped);
  tcase_add_test (tcase, a_value_as_large_as_the_limit_passes);
  return suite_run ("json", tcase, NULL);
}
