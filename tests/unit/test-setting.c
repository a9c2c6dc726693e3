/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "parameters.h"
#include "tests/support/suite.h"

static char *
all_text (const GdwSetting *settings, gconstpointer values)
{
  GString *text = g_string_new (NULL);

  for (; settings->name; settings++) {
    g_autofree char *value = gdw_setting_get (settings, values);

    g_string_append_printf (text, "%s=%s ", settings->name, value);
  }
  return g_string_free (text, FALSE);
}

START_TEST (parameters_begin_with_the_documented_defaults)
{
  GdwParameters p;
  g_autofree char *text = NULL;

  gdw_settings_init (gdw_parameters, &p);
  text = all_text (gdw_parameters, &p);
  ck_assert_str_eq (text, "max-bandwidth=0 avail-switchover-bandwidth=0 downtime-limit=300 "
                          "multifd-channels=2 tracker=auto x-peer-timeout=30000 "
                          "x-max-downtime=0 ");
  gdw_settings_clear (gdw_parameters, &p);
}
END_TEST

START_TEST (capabilities_are_off_at_first)
{
  GdwCapabilities c = { .multifd = TRUE };
  g_autofree char *text = NULL;

  gdw_settings_init (gdw_capabilities, &c);
  text = all_text (gdw_capabilities, &c);
  ck_assert_str_eq (text, "events=false multifd=false pause-before-switchover=false "
                          "return-path=false validate-uuid=false ");
}
END_TEST

static const struct {
  const char *name, *text, *error; /* error: NULL if it is taken */
} typed[] = {
  { "max-bandwidth", "18446744073709551615", NULL },
  { "multifd-channels", "16", NULL },
  { "tracker", "dirty-ring", NULL },
  { "tracker", "7", NULL },
  { "downtime-limit", "10x", "Parameter 'downtime-limit' expects uint64" },
  { "downtime-limit", "-1", "Parameter 'downtime-limit' expects uint64" },
  { "downtime-limit", "", "Parameter 'downtime-limit' expects uint64" },
  { "downtime-limit", "2000001",
    "Parameter 'downtime_limit' expects an integer in the range of 0 to 2000000 ms" },
  { "multifd-channels", "0", "Parameter 'multifd_channels' expects a value between 1 and 255" },
  { "multifd-channels", "256", "Parameter 'multifd-channels' expects uint8_t" },
  { "nope", "1", "Parameter 'nope' is unexpected" },
};

START_TEST (a_parameter_can_be_typed)
{
  GdwParameters p;
  g_autofree char *before = NULL, *after = NULL;
  g_autoptr (GError) error = NULL;
  gboolean taken;

  gdw_settings_init (gdw_parameters, &p);
  before = all_text (gdw_parameters, &p);
  taken = gdw_settings_set (gdw_parameters, &p, typed[_i].name, typed[_i].text, &error);
  ck_assert_pstr_eq (error ? error->message : NULL, typed[_i].error);
  after = all_text (gdw_parameters, &p);
  ck_assert_int_eq (taken, typed[_i].error == NULL);
  ck_assert_int_eq (strcmp (before, after) != 0, taken);
  ck_assert (!taken || strstr (after, typed[_i].text));
  gdw_settings_clear (gdw_parameters, &p);
}
END_TEST

START_TEST (a_copy_has_its_own_text)
{
  GdwParameters p, copy;

  gdw_settings_init (gdw_parameters, &p);
  ck_assert (gdw_settings_set (gdw_parameters, &p, "multifd-channels", "9", NULL));
  gdw_settings_copy (gdw_parameters, &copy, &p);
  gdw_settings_clear (gdw_parameters, &p);
  ck_assert_str_eq (copy.tracker, "auto");
  ck_assert_uint_eq (copy.multifd_channels, 9);
  ck_assert_uint_eq (copy.x_peer_timeout, 30000);
  gdw_settings_clear (gdw_parameters, &copy);
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("setting");

  tcase_set_timeout (tcase, 30);
  tcase_add_test (tcase, parameters_begin_with_the_documented_defaults);
  tcase_add_test (tcase, capabilities_are_off_at_first);
  tcase_add_loop_test (tcase, a_parameter_can_be_typed, 0, G_N_ELEMENTS (typed));
  tcase_add_test (tcase, a_copy_has_its_own_text);
  return suite_run ("setting", tcase, NULL);
}
