/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "qapi/json.h"
#include "qapi-commands.h"
#include "qapi-events.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const GdwVisitType *type;
  const char *text, *expected; /* expected: as written again, or the error */
} Case;

#define MIGRATE &gdw_q_type_migrate_args
#define INCOMING &gdw_q_type_migrate_incoming_args
#define CAPABILITIES &gdw_q_type_migrate_set_capabilities_args
#define PARAMETERS &gdw_q_type_migration_parameters
#define MAIN(addr) "{\"channels\":[{\"channel-type\":\"main\",\"addr\":" addr "}]}"

static const Case taken[] = {
  { MIGRATE, "{}", "{}" },
  { MIGRATE, "{\"uri\":\"tcp:a:1\",\"resume\":false}",
    "{\"uri\":\"tcp:a:1\",\"resume\":false}" },
  { MIGRATE, "{\"channels\":[]}", "{\"channels\":[]}" },
  { MIGRATE,
    MAIN ("{\"port\":\"1\",\"host\":\"a\",\"type\":\"inet\",\"transport\":\"socket\"}"),
    MAIN ("{\"transport\":\"socket\",\"type\":\"inet\",\"host\":\"a\",\"port\":\"1\"}") },
  { MIGRATE,
    MAIN ("{\"transport\":\"socket\",\"type\":\"unix\",\"path\":\"/a\",\"abstract\":true}"),
    MAIN ("{\"transport\":\"socket\",\"type\":\"unix\",\"path\":\"/a\",\"abstract\":true}") },
  { MIGRATE, MAIN ("{\"transport\":\"socket\",\"type\":\"fd\",\"str\":\"7\"}"),
    MAIN ("{\"transport\":\"socket\",\"type\":\"fd\",\"str\":\"7\"}") },
  { MIGRATE, MAIN ("{\"transport\":\"file\",\"filename\":\"/a\",\"offset\":4096}"),
    MAIN ("{\"transport\":\"file\",\"filename\":\"/a\",\"offset\":4096}") },
  { INCOMING, "{\"uri\":\"unix:/a\",\"exit-on-error\":true}",
    "{\"uri\":\"unix:/a\",\"exit-on-error\":true}" },
  { CAPABILITIES, "{\"capabilities\":[{\"capability\":\"multifd\",\"state\":true}]}",
    "{\"capabilities\":[{\"capability\":\"multifd\",\"state\":true}]}" },
  { PARAMETERS, "{\"max-bandwidth\":18446744073709551615}",
    "{\"max-bandwidth\":18446744073709551615}" },
  { PARAMETERS, "{\"downtime-limit\":2000000,\"multifd-channels\":255,\"tracker\":\"\"}",
    "{\"downtime-limit\":2000000,\"multifd-channels\":255,\"tracker\":\"\"}" },
};

static const Case refused[] = {
  { MIGRATE, "{\"bogus\":1}", "Parameter 'bogus' is unexpected" },
  { MIGRATE, "{\"uri\":1}", "Invalid parameter type for 'uri', expected: string" },
  { MIGRATE, "{\"uri\":18446744073709551615}",
    "Invalid parameter type for 'uri', expected: string" },
  { MIGRATE, "{\"uri\":null}", "Invalid parameter type for 'uri', expected: string" },
  { MIGRATE, "{\"resume\":1}", "Invalid parameter type for 'resume', expected: boolean" },
  { MIGRATE, "{\"channels\":{}}", "Invalid parameter type for 'channels', expected: array" },
  { MIGRATE, "{\"channels\":[1]}",
    "Invalid parameter type for 'channels[0]', expected: object" },
  { MIGRATE, "{\"channels\":[{\"channel-type\":\"main\"}]}",
    "Parameter 'channels[0].addr' is missing" },
  { MIGRATE, MAIN ("{\"transport\":\"rdma\"}"),
    "Parameter 'transport' does not accept value 'rdma'" },
  { MIGRATE, MAIN ("{\"transport\":\"socket\"}"),
    "Parameter 'channels[0].addr.type' is missing" },
  { MIGRATE, MAIN ("{\"transport\":\"socket\",\"type\":\"inet\",\"host\":\"a\"}"),
    "Parameter 'channels[0].addr.port' is missing" },
  { MIGRATE,
    MAIN ("{\"transport\":\"socket\",\"type\":\"unix\",\"path\":\"a\",\"port\":\"1\"}"),
    "Parameter 'channels[0].addr.port' is unexpected" },
  { MIGRATE, MAIN ("{\"transport\":\"file\",\"filename\":\"a\",\"offset\":-1}"),
    "Parameter 'channels[0].addr.offset' expects uint64" },
  { CAPABILITIES, "{}", "Parameter 'capabilities' is missing" },
  { CAPABILITIES, "{\"capabilities\":[{\"capability\":\"nope\",\"state\":true}]}",
    "Parameter 'capability' does not accept value 'nope'" },
  { CAPABILITIES, "{\"capabilities\":[{\"capability\":1,\"state\":true}]}",
    "Invalid parameter type for 'capabilities[0].capability', expected: string" },
  { CAPABILITIES,
    "{\"capabilities\":[{\"capability\":\"events\",\"state\":true},{\"capability\":\"events\"}]"
    "}",
    "Parameter 'capabilities[1].state' is missing" },
  { PARAMETERS, "{\"max-bandwidth\":\"1\"}", "Parameter 'max-bandwidth' expects uint64" },
  { PARAMETERS, "{\"max-bandwidth\":-1}", "Parameter 'max-bandwidth' expects uint64" },
  { PARAMETERS, "{\"max-bandwidth\":1.0}", "Parameter 'max-bandwidth' expects uint64" },
  { PARAMETERS, "{\"max-bandwidth\":18446744073709551616}",
    "Parameter 'max-bandwidth' expects uint64" },
  { PARAMETERS, "{\"multifd-channels\":256}", "Parameter 'multifd-channels' expects uint8_t" },
  { PARAMETERS, "{\"multifd-channels\":0}",
    "Parameter 'multifd_channels' expects a value between 1 and 255" },
  { PARAMETERS, "{\"downtime-limit\":2000001}",
    "Parameter 'downtime_limit' expects an integer in the range of 0 to 2000000 ms" },
  { PARAMETERS, "{\"x-peer-timeout\":99}",
    "Parameter 'x_peer_timeout' expects an integer in the range of 100 to 3600000 ms" },
  { PARAMETERS, "{\"max-bandwidth\":1,\"zlib\":1}", "Parameter 'zlib' is unexpected" },
};

START_TEST (what_fits_the_schema_survives_a_round_trip)
{
  const Case *c = &taken[_i];
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = gdw_json_parse (c->text, -1, NULL);
  gpointer value = gdw_visit_read (c->type, node, &error);
  g_autoptr (JsonNode) again = NULL;
  g_autofree char *written = NULL;

  ck_assert_msg (value != NULL, "%s: %s", c->text, error ? error->message : "");
  again = gdw_visit_write (c->type, value);
  written = gdw_json_write (again);
  ck_assert_str_eq (written, c->expected);
  gdw_visit_free (c->type, value);
}
END_TEST

START_TEST (what_does_not_is_refused_in_the_words_of_qemu)
{
  const Case *c = &refused[_i];
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = gdw_json_parse (c->text, -1, NULL);

  ck_assert_ptr_nonnull (node);
  ck_assert_ptr_null (gdw_visit_read (c->type, node, &error));
  ck_assert_str_eq (error->message, c->expected);
  ck_assert (g_error_matches (error, GDW_VISIT_ERROR, GDW_VISIT_ERROR_GENERIC));
}
END_TEST

START_TEST (an_absent_argument_has_its_default)
{
  g_autoptr (GdwQMigrateIncomingArgs) args = gdw_q_migrate_incoming_args_read (NULL, NULL);

  ck_assert (!args->has_exit_on_error && args->exit_on_error);
  ck_assert_ptr_null (args->uri);
  ck_assert_ptr_null (args->channels);
}
END_TEST

START_TEST (a_union_has_the_branch_of_its_tag)
{
  g_autoptr (JsonNode) node = gdw_json_parse (
      MAIN ("{\"transport\":\"socket\",\"type\":\"unix\",\"path\":\"/a\"}"), -1, NULL);
  g_autoptr (GdwQMigrateArgs) args = gdw_q_migrate_args_read (node, NULL);
  GdwQMigrationChannel *channel = g_ptr_array_index (args->channels, 0);
  GdwQSocketAddress *socket;

  ck_assert_int_eq (channel->channel_type, GDW_Q_MIGRATION_CHANNEL_TYPE_MAIN);
  ck_assert_int_eq (channel->addr->transport, GDW_Q_MIGRATION_ADDRESS_TYPE_SOCKET);
  ck_assert_ptr_null (channel->addr->file);
  socket = channel->addr->socket;
  ck_assert_int_eq (socket->type, GDW_Q_SOCKET_ADDRESS_TYPE_UNIX);
  ck_assert_ptr_null (socket->inet);
  ck_assert_str_eq (socket->q_unix->path, "/a");
  ck_assert (!socket->q_unix->has_abstract && !socket->q_unix->abstract);
}
END_TEST

START_TEST (what_is_absent_is_not_written)
{
  GdwQMigrationInfo info = { 0 };
  g_autoptr (JsonNode) empty = gdw_q_migration_info_write (&info);
  g_autofree char *text = gdw_json_write (empty);
  GdwQMigrationRound round = { .pages = 1, .bytes = 4096, .ms = 2, .dirty_pages = 3 };
  g_autoptr (GPtrArray) rounds = NULL;
  g_autoptr (GPtrArray) warnings = NULL;
  g_autoptr (JsonNode) some = NULL;
  g_autofree char *more = NULL;

  ck_assert_str_eq (text, "{}");

  rounds = g_ptr_array_new ();
  g_ptr_array_add (rounds, &round);
  warnings = g_ptr_array_new ();
  g_ptr_array_add (warnings, (gpointer) "one link");
  info = (GdwQMigrationInfo){ .has_status = TRUE,
                              .status = GDW_Q_MIGRATION_STATUS_PRE_SWITCHOVER,
                              .has_total_time = TRUE,
                              .x_rounds = rounds,
                              .x_warnings = warnings };
  some = gdw_q_migration_info_write (&info);
  more = gdw_json_write (some);
  ck_assert_str_eq (more, "{\"status\":\"pre-switchover\",\"total-time\":0,\"x-rounds\":[{"
                          "\"pages\":1,\"bytes\":4096,\"ms\":2,\"dirty-pages\":3}],"
                          "\"x-warnings\":[\"one link\"]}");
}
END_TEST

START_TEST (an_event_has_its_data)
{
  g_autoptr (JsonNode) data = NULL;
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) pass = NULL;
  g_autofree char *pass_text = NULL;

  ck_assert_ptr_null (gdw_event_stop ());
  data = gdw_event_shutdown (FALSE, GDW_Q_SHUTDOWN_CAUSE_HOST_QMP_QUIT);
  text = gdw_json_write (data);
  ck_assert_str_eq (text, "{\"guest\":false,\"reason\":\"host-qmp-quit\"}");
  pass = gdw_event_migration_pass (2);
  pass_text = gdw_json_write (pass);
  ck_assert_str_eq (pass_text, "{\"pass\":2}");
  ck_assert_str_eq (GDW_EVENT_MIGRATION_PASS, "MIGRATION_PASS");
}
END_TEST

/* Returns the schema's entry of @name, or NULL. */
static const GdwQSchemaInfo *
find_info (const GPtrArray *list, const char *name)
{
  for (guint i = 0; i < list->len; i++) {
    const GdwQSchemaInfo *info = g_ptr_array_index (list, i);

    if (strcmp (info->name, name) == 0)
      return info;
  }
  return NULL;
}

START_TEST (the_schema_describes_itself_and_is_closed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = gdw_json_parse (gdw_qapi_schema, -1, &error);
  GPtrArray *list;

  ck_assert_msg (node != NULL, "%s", error ? error->message : "");
  list = gdw_visit_read (&gdw_q_type_schema_info_list, node, &error);
  ck_assert_msg (list != NULL, "%s", error ? error->message : "");
  for (guint i = 0; i < gdw_n_commands; i++) {
    const GdwQSchemaInfo *info = find_info (list, gdw_commands[i].name);

    ck_assert (info && info->meta_type == GDW_Q_SCHEMA_META_TYPE_COMMAND);
    ck_assert_ptr_nonnull (find_info (list, info->command->arg_type));
    ck_assert_ptr_nonnull (find_info (list, info->command->ret_type));
  }
  for (guint i = 0; i < list->len; i++) {
    const GdwQSchemaInfo *info = g_ptr_array_index (list, i);

    for (guint j = 0; info->object && j < info->object->members->len; j++) {
      GdwQSchemaInfoObjectMember *member = g_ptr_array_index (info->object->members, j);

      ck_assert_ptr_nonnull (find_info (list, member->type));
    }
  }
  gdw_visit_free (&gdw_q_type_schema_info_list, list);
}
END_TEST

START_TEST (a_command_is_found_by_its_whole_name)
{
  ck_assert_uint_eq (gdw_command_find ("cont")->flags, GDW_COMMAND_ASYNC);
  ck_assert_uint_eq (gdw_command_find ("migrate_cancel")->flags, 0);
  ck_assert_ptr_null (gdw_command_find ("migrate-cancel"));
  ck_assert_ptr_null (gdw_command_find ("con"));
  ck_assert_ptr_null (gdw_command_find (""));
}
END_TEST

START_TEST (an_enum_knows_its_names)
{
  ck_assert_str_eq (gdw_q_migration_status_name (GDW_Q_MIGRATION_STATUS_PRE_SWITCHOVER),
                    "pre-switchover");
  ck_assert_ptr_null (gdw_q_migration_status_name (GDW_Q_MIGRATION_STATUS__N));
  ck_assert_int_eq (gdw_visit_enum (&gdw_q_type_run_state, "running"), GDW_Q_RUN_STATE_RUNNING);
  ck_assert_int_eq (gdw_visit_enum (&gdw_q_type_run_state, "Running"), -1);
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("qapi");

  tcase_set_timeout (tcase, 30);
  tcase_add_loop_test (tcase, what_fits_the_schema_survives_a_round_trip, 0,
                       G_N_ELEMENTS (taken));
  tcase_add_loop_test (tcase, what_does_not_is_refused_in_the_words_of_qemu, 0,
                       G_N_ELEMENTS (refused));
  tcase_add_test (tcase, an_absent_argument_has_its_default);
  tcase_add_test (tcase, a_union_has_the_branch_of_its_tag);
  tcase_add_test (tcase, what_is_absent_is_not_written);
  tcase_add_test (tcase, an_event_has_its_data);
  tcase_add_test (tcase, the_schema_describes_itself_and_is_closed);
  tcase_add_test (tcase, a_command_is_found_by_its_whole_name);
  tcase_add_test (tcase, an_enum_knows_its_names);
  return suite_run ("qapi", tcase, NULL);
}
