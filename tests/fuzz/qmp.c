/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Requests with mutations, in pieces, to a QMP socket.  Whatever was sent: each line that comes
 * is JSON, and a client that breaks off gets back in step.  Session N has the seed N. */
#include "qapi/json.h"
#include "tests/support/qmp-client.h"
#include "tests/support/suite.h"

#define SESSIONS 300
#define REQUESTS 24u
#define LAST "{\"execute\":\"query-version\",\"id\":\"the last one\"}"

static const char *const requests[] = {
  NEGOTIATE,
  NEGOTIATE_OOB,
  "{\"execute\":\"query-migrate\",\"id\":[1,{\"a\":null},\"\\u00e9\\n\"]}",
  "{\"exec-oob\":\"query-yank\",\"id\":18446744073709551615}",
  "{\"exec-oob\":\"yank\",\"arguments\":{\"instances\":[{\"type\":\"migration\"}]}}",
  "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"tcp:[::1]:0|delay:ms=1\",\"detach\":true}"
  "}",
  "{\"execute\":\"migrate\",\"arguments\":{\"channels\":[{\"channel-type\":\"main\",\"addr\":"
  "{\"transport\":\"socket\",\"type\":\"unix\",\"path\":\"/nowhere\"}}]}}",
  "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"max-bandwidth\":1.5e3,"
  "\"downtime-limit\":300,\"tracker\":\"auto\"}}",
  "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":["
  "{\"capability\":\"events\",\"state\":true}]}}",
  "{'execute':'cont'}",
  "{'execute':'stop','id':-0.5e-7}",
  "{\"execute\":\"query-plugins\"}",
  "{\"execute\":\"plugin-load\",\"arguments\":{\"file\":\"/nowhere/gdw-filter-a.so\"}}",
  "{\"execute\":\"closefd\",\"arguments\":{\"fdname\":\"link\"}}",
};

/* Turn until nothing moves: what was sent has been read, as far as it will be. */
static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
mutate (GRand *rand, GString *text)
{
  static const char marks[] = "{}[]:,\"'\\\xff\xfe\xc3\x80\x01\t\n 0e-.u";
  guint at = g_rand_int_range (rand, 0, (gint) MAX (text->len, 1));

  switch (g_rand_int_range (rand, 0, 5)) {
  case 0:
    g_string_insert_c (text, at, marks[g_rand_int_range (rand, 0, sizeof marks - 1)]);
    break;
  case 1:
    g_string_truncate (text, at);
    break;
  case 2:
    g_string_erase (text, at, MIN (text->len - at, 3));
    break;
  case 3:
    if (text->len)
      text->str[at] = (char) g_rand_int_range (rand, 0, 256);
    break;
  default:
    for (gint n = g_rand_int_range (rand, 1, 80); n > 0; n--)
      g_string_insert_c (text, at, "[{"[n & 1]);
  }
}

static void
transmit_bytes (Client *client, const GString *text)
{
  for (gsize at = 0; at < text->len && !client->closed;) {
    ssize_t n = send (client->fd, text->str + at, text->len - at, MSG_NOSIGNAL);

    if (n > 0)
      at += (gsize) n;
    else if (errno == EAGAIN)
      turn (client->fd, G_IO_OUT);
    else
      client->closed = TRUE;
  }
}

static void
transmit_mutated (GRand *rand, Client *client)
{
  const guint which = g_rand_int_range (rand, 0, G_N_ELEMENTS (requests));
  g_autoptr (GString) text = g_string_new (requests[which]);

  for (gint n = g_rand_int_range (rand, 0, 3); n > 0; n--)
    mutate (rand, text);
  transmit_bytes (client, text);
  if (g_rand_boolean (rand))
    settle ();
}

/* All lines up to the answer to LAST. */
static void
expect_json_up_to_last (Client *client)
{
  for (;;) {
    g_autofree char *line = receive (client);
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonNode) node = line ? gdw_json_parse (line, -1, &error) : NULL;

    ck_assert_msg (line != NULL, "the client was dropped");
    ck_assert_msg (node != NULL, "%s: %s", error->message, line);
    if (strstr (line, "\"id\":\"the last one\"") && strstr (line, "\"return\""))
      return;
  }
}

START_TEST (a_client_gets_back_in_step)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed ((guint32) _i);
  Client client = connect_negotiated ();

  for (guint i = 0; i < REQUESTS; i++)
    transmit_mutated (rand, &client);
  transmit (&client, "\xff" LAST);
  expect_json_up_to_last (&client);
  disconnect (&client);
}
END_TEST

START_TEST (a_client_that_half_closes_is_let_go)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed ((guint32) _i);
  Client client = connect_raw (vm.path);

  for (guint i = 0; i < REQUESTS; i++)
    transmit_mutated (rand, &client);
  shutdown (client.fd, SHUT_WR);
  for (;;) {
    g_autofree char *line = receive (&client);

    if (!line)
      break;
  }
  disconnect (&client);
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("qmp");

  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_loop_test (tcase, a_client_gets_back_in_step, 0, SESSIONS);
  tcase_add_loop_test (tcase, a_client_that_half_closes_is_let_go, 0, SESSIONS);
  return suite_run ("fuzz-qmp", tcase, NULL);
}
