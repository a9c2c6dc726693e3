/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "ctl/json.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char *const answers[] = {
  "{\"return\": {\"a\": 18446744073709551615, \"b\": [1, {\"return\": 2}]}, \"id\": "
  "\"}\\\"{\"}",
  "{\"id\":{\"return\":[1,\"]\"]},\"return\":\"a\\\\\"}",
  "{ \"x\" : \"return\" , \"return\" : [ ] }",
  "{\"error\": {\"class\": \"GenericError\", \"desc\": \"\\u001b[2J\"}}",
};

START_TEST (a_slice_is_the_value_as_it_came)
{
  static const struct {
    const char *text, *name, *value;
  } cases[] = {
    { "{\"return\": {}}", "return", "{}" },
    { "{\"return\":18446744073709551615}", "return", "18446744073709551615" },
    { " { \"id\" : 1 , \"return\" : [ 1 , 2 ] } ", "return", "[ 1 , 2 ]" },
    { "{\"a\": {\"return\": 1}, \"return\": 2}", "return", "2" },
    { "{\"a\": \"\\\"return\\\": 1\", \"return\": \"}\"}", "return", "\"}\"" },
    { "{\"returns\": 1, \"return\": null}", "return", "null" },
    { "{\"a\": [1, 2, {\"b\": \"]\"}], \"return\": true, \"c\": 0}", "return", "true" },
    { "{\"a\": 1}", "return", NULL },
    { "{}", "return", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *value = json_slice (cases[i].text, cases[i].name);

    ck_assert_pstr_eq (value, cases[i].value);
  }
}
END_TEST

START_TEST (pretty_changes_only_space)
{
  g_autofree char *text = json_pretty (
      "{\"a\":18446744073709551615,\"b\": [ ],\"c\":[1, {\"d e\":\"x, [y]\"}],\"f\":{}}");

  ck_assert_str_eq (text,
                    "{\n  \"a\": 18446744073709551615,\n  \"b\": [],\n  \"c\": [\n    1,\n"
                    "    {\n      \"d e\": \"x, [y]\"\n    }\n  ],\n  \"f\": {}\n}");
}
END_TEST

START_TEST (only_objects_that_are_not_deep_are_taken)
{
  g_autoptr (GString) deep = g_string_new ("{\"a\": ");
  g_autofree char *rest = NULL;

  for (guint i = 0; i < 100000; i++)
    g_string_append_c (deep, '[');
  ck_assert_ptr_null (json_parse (deep->str, NULL));
  ck_assert_ptr_null (json_parse ("[1]", NULL));
  ck_assert_ptr_null (json_parse ("1", NULL));
  ck_assert_ptr_null (json_parse ("", NULL));
  ck_assert_ptr_null (json_parse ("{\"a\": \"\\", NULL));
  /* Brackets in strings are no depth. */
  rest = g_strnfill (1000, '[');
  g_string_printf (deep, "{\"a\": \"%s\"}", rest);
  json_node_unref (json_parse (deep->str, NULL));
}
END_TEST

START_TEST (members_of_other_types_are_nothing)
{
  g_autoptr (JsonNode) node = json_parse (
      "{\"n\": 5, \"s\": \"x\", \"o\": {}, \"a\": [1, {\"n\": 2}], \"z\": null}", NULL);
  JsonObject *object = json_node_get_object (node);

  ck_assert_uint_eq (json_uint (object, "n"), 5);
  ck_assert_uint_eq (json_uint (object, "o") + json_uint (object, "a"), 0);
  ck_assert_uint_eq (json_uint (object, "z") + json_uint (object, "none"), 0);
  ck_assert_uint_eq (json_uint (NULL, "n"), 0);
  ck_assert_ptr_null (json_string (object, "n"));
  ck_assert_ptr_null (json_string (object, "o"));
  ck_assert_ptr_null (json_object (object, "a"));
  ck_assert_ptr_null (json_array (object, "o"));
  ck_assert_uint_eq (json_length (json_array (object, "a")), 2);
  ck_assert_uint_eq (json_length (NULL), 0);
  ck_assert_ptr_null (json_element (json_array (object, "a"), 0));
  ck_assert_uint_eq (json_uint (json_element (json_array (object, "a"), 1), "n"), 2);
}
END_TEST

START_TEST (nothing_that_a_terminal_obeys_is_printable)
{
  g_autofree char *text = json_printable ("a\033[2J\n\xC2\x9B"
                                          "b\x7F\xFF\xC3\xA9\xC2\xA0");
  g_autofree char *none = json_printable (NULL);

  ck_assert_str_eq (text, "a [2J   b \xEF\xBF\xBD\xC3\xA9\xC2\xA0");
  ck_assert_str_eq (none, "");
}
END_TEST

START_TEST (a_request_is_quoted)
{
  g_autofree char *plain = json_request ("quit", NULL);
  g_autofree char *odd = json_request ("a\"b\n", "{\"c\": 1}");

  ck_assert_str_eq (plain, "{\"execute\": \"quit\"}");
  ck_assert_str_eq (odd, "{\"execute\": \"a\\\"b\\n\", \"arguments\": {\"c\": 1}}");
}
END_TEST

START_TEST (json_is_read_as_the_server_reads_it)
{
  static const char *const bad[] = {
    "{\"a\":1,\"a\":2}", "{\"a\":010}",      "{\"a\":0x10}",
    "{\"a\":1} {}",      "{\"a\":1}/* c */", "{\"a\":\"\\ud800\"}",
  };
  g_autoptr (JsonNode) node = json_parse ("{'a':18446744073709551615}", NULL);

  ck_assert_uint_eq (json_uint (json_node_get_object (node), "a"), G_MAXUINT64);
  ck_assert_ptr_null (json_string (json_node_get_object (node), "a"));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    ck_assert_ptr_null (json_parse (bad[i], NULL));
}
END_TEST

/* Whatever comes is read within its bounds; a sanitizer watches. */
START_TEST (mutated_answers_do_no_harm)
{
  static const char some[] = "{}[]\",:\\ 0a\033\xC2\x9B";
  g_autoptr (GRand) rand = g_rand_new_with_seed (_i);

  for (guint n = 0; n < 20000; n++) {
    g_autofree char *text = g_strdup (
        answers[g_rand_int_range (rand, 0, G_N_ELEMENTS (answers))]);
    g_autofree char *slice = NULL, *pretty = NULL, *shown = NULL;
    g_autoptr (JsonNode) node = NULL;

    for (int left = g_rand_int_range (rand, 0, 6); left > 0 && *text; left--)
      text[g_rand_int_range (rand, 0, strlen (text))] =
          some[g_rand_int_range (rand, 0, sizeof some)];
    node = json_parse (text, NULL);
    slice = json_slice (text, "return");
    pretty = json_pretty (slice ? slice : text);
    shown = json_printable (text);
    ck_assert (g_utf8_validate (shown, -1, NULL));
  }
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("json");

  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, a_slice_is_the_value_as_it_came);
  tcase_add_test (tcase, pretty_changes_only_space);
  tcase_add_test (tcase, only_objects_that_are_not_deep_are_taken);
  tcase_add_test (tcase, members_of_other_types_are_nothing);
  tcase_add_test (tcase, nothing_that_a_terminal_obeys_is_printable);
  tcase_add_test (tcase, a_request_is_quoted);
  tcase_add_test (tcase, json_is_read_as_the_server_reads_it);
  tcase_add_loop_test (tcase, mutated_answers_do_no_harm, 0, 4);
  return suite_run ("json", tcase, NULL);
}
