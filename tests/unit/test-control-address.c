/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* What QMP has in parts is an address literally, and the address of a listener is told in
 * parts. */
#include <check.h>
#include <godwit/error.h>

#include "control/address.h"
#include "qapi/json.h"
#include "tests/support/address-text.h"
#include "tests/support/suite.h"

#define MAIN(members)                                                                          \
  "{\"channels\":[{\"channel-type\":\"main\",\"addr\":{\"transport\":" members "}}]}"
#define INET(members) MAIN ("\"socket\",\"type\":\"inet\"," members)
#define UNIX(members) MAIN ("\"socket\",\"type\":\"unix\"," members)
#define HARD_JSON "a,b|c\\\\"
#define HARD "a,b|c\\"

static const struct {
  const char *channels, *transport, *location, *options[5];
} given[] = {
  { INET ("\"host\":\"::1\",\"port\":\"7\""), "tcp", "", { "host", "::1", "port", "7" } },
  { INET ("\"host\":\"h,ipv4=off|log\",\"port\":\"7,\\\\\""),
    "tcp",
    "",
    { "host", "h,ipv4=off|log", "port", "7,\\" } },
  { UNIX ("\"path\":\"/a\""), "unix", "/a", { "literal", "on" } },
  { UNIX ("\"path\":\"@vm\""), "unix", "@vm", { "literal", "on" } },
  { UNIX ("\"path\":\"@vm\",\"abstract\":false"), "unix", "@vm", { "literal", "on" } },
  { UNIX ("\"path\":\"vm\",\"abstract\":true"), "unix", "@vm", { 0 } },
  { UNIX ("\"path\":\"@vm\",\"abstract\":true"), "unix", "@@vm", { 0 } },
  { UNIX ("\"path\":\"" HARD_JSON "\""), "unix", HARD, { "literal", "on" } },
  { UNIX ("\"path\":\"" HARD_JSON "\",\"abstract\":true"), "unix", "@" HARD, { 0 } },
  { MAIN ("\"file\",\"filename\":\"" HARD_JSON "\",\"offset\":18446744073709551615"),
    "file",
    HARD,
    { "offset", "18446744073709551615" } },
  { MAIN ("\"file\",\"filename\":\"a,offset=1\",\"offset\":0"),
    "file",
    "a,offset=1",
    { "offset", "0" } },
  { MAIN ("\"socket\",\"type\":\"fd\",\"str\":\"" HARD_JSON "\""), "fd", HARD, { 0 } },
};

START_TEST (parts_are_literal)
{
  g_autoptr (JsonNode) node = gdw_json_parse (given[_i].channels, -1, NULL);
  g_autoptr (GdwQMigrateArgs) args = gdw_q_migrate_args_read (node, NULL);
  g_autoptr (GdwAddress) expected = gdw_address_new (given[_i].transport, given[_i].location);
  g_autoptr (GdwAddress) address = NULL;
  g_autofree char *text = NULL;

  ck_assert_ptr_nonnull (args);
  for (guint i = 0; given[_i].options[i]; i += 2)
    gdw_address_add_option (expected, given[_i].options[i], given[_i].options[i + 1]);
  address = gdw_control_address (args->uri, args->channels, NULL);
  ck_assert_ptr_nonnull (address);
  text = gdw_address_to_string (address);
  ck_assert_msg (address_equal (address, expected), "%s", text);
}
END_TEST

/* NULL: QMP cannot name it. */
static const struct {
  const char *transport, *location, *told;
} listeners[] = {
  { "tcp", "127.0.0.1:7", "{\"type\":\"inet\",\"host\":\"127.0.0.1\",\"port\":\"7\"}" },
  { "multi-tcp", "[::1]:7", "{\"type\":\"inet\",\"host\":\"::1\",\"port\":\"7\"}" },
  { "tcp", "[fe80::1%eth0]:7", "{\"type\":\"inet\",\"host\":\"fe80::1%eth0\",\"port\":\"7\"}" },
  { "unix", "/a", "{\"type\":\"unix\",\"path\":\"/a\"}" },
  { "unix", "./@vm", "{\"type\":\"unix\",\"path\":\"@vm\"}" },
  { "unix", "@vm", "{\"type\":\"unix\",\"path\":\"vm\",\"abstract\":true}" },
  { "unix", "@@vm", "{\"type\":\"unix\",\"path\":\"@vm\",\"abstract\":true}" },
  { "unix", HARD, "{\"type\":\"unix\",\"path\":\"" HARD_JSON "\"}" },
  { "unix", "/a\\\\,", "{\"type\":\"unix\",\"path\":\"/a\\\\\\\\,\"}" },
  { "fd", "7", NULL },
  { "file", "/a", NULL },
  { "tcp", "somebody", NULL },
};

START_TEST (a_listener_is_told_literally)
{
  g_autoptr (GdwAddress)
      address = gdw_address_new (listeners[_i].transport, listeners[_i].location);
  g_autoptr (GdwQSocketAddress) socket = gdw_control_address_socket (address);
  g_autoptr (JsonNode) node = socket ? gdw_q_socket_address_write (socket) : NULL;
  g_autoptr (JsonNode) told = NULL;

  ck_assert (!socket == !listeners[_i].told);
  if (!socket)
    return;
  told = gdw_json_parse (listeners[_i].told, -1, NULL);
  ck_assert_ptr_nonnull (told);
  ck_assert_msg (json_node_equal (node, told), "%s: %s", listeners[_i].told,
                 gdw_json_write (node));
}
END_TEST

START_TEST (the_name_of_a_descriptor_gives_way_to_its_number)
{
  g_autoptr (GdwAddress) address = gdw_address_parse ("fd:a\\,b\\|c,k=v|log:file=x", NULL);
  g_autoptr (GdwAddress) other = gdw_address_parse ("unix:7", NULL);
  g_autofree char *text = NULL;

  ck_assert_str_eq (gdw_control_address_fd (address), "a,b|c");
  gdw_control_address_set_fd (address, 7);
  text = gdw_address_to_string (address);
  ck_assert_str_eq (text, "fd:7,k=v|log:file=x");
  ck_assert_ptr_null (gdw_control_address_fd (other));
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("control-address");

  tcase_add_loop_test (tc, parts_are_literal, 0, G_N_ELEMENTS (given));
  tcase_add_loop_test (tc, a_listener_is_told_literally, 0, G_N_ELEMENTS (listeners));
  tcase_add_test (tc, the_name_of_a_descriptor_gives_way_to_its_number);
  return suite_run ("control-address", tc, NULL);
}
