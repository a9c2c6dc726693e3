/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "tests/support/qmp-client.h"
#include "tests/support/suite.h"

#define QUERY "{\"execute\":\"query-migrate\"}"
#define MIGRATE "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"unix:/nowhere\"}}"

START_TEST (a_blocked_vm_is_not_migrated)
{
  Client client = connect_negotiated ();
  guint gpu = gdw_migration_block (vm.migration, "gpu: its state cannot be saved", NULL);
  guint disk = gdw_migration_block (vm.migration, "disk: it is local", NULL);

  ck_assert (gpu && disk && gpu != disk);
  transmit (&client, QUERY MIGRATE);
  expect (&client, "{\"return\":{\"blocked-reasons\":[\"gpu: its state cannot be saved\","
                   "\"disk: it is local\"]}}");
  expect (&client, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"guest: it cannot be "
                   "migrated: gpu: its state cannot be saved; the VMM blocks it for that, see "
                   "blocked-reasons of query-migrate\"}}");
  gdw_migration_unblock (vm.migration, gpu);
  gdw_migration_unblock (vm.migration, gpu);
  transmit (&client, QUERY);
  expect (&client, "{\"return\":{\"blocked-reasons\":[\"disk: it is local\"]}}");
  gdw_migration_unblock (vm.migration, disk);
  transmit (&client, QUERY);
  expect (&client, "{\"return\":{}}");
  disconnect (&client);
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("blockers");

  tcase_set_timeout (tcase, 30);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, a_blocked_vm_is_not_migrated);
  return suite_run ("blockers", tcase, NULL);
}
