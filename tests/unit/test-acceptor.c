/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A client connects to the monitor while the process has no free descriptor. */
#include "control/acceptor.h"
#include "tests/support/suite.h"

#include <check.h>
#include <gio/gunixsocketaddress.h>
#include <stdlib.h>
#include <sys/resource.h>

#define LOOKS 1000

static GSocket *
new_socket (void)
{
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, NULL);

  ck_assert_ptr_nonnull (socket);
  return socket;
}

static void
on_accepted (GSocket *client, gpointer data)
{
  ++*(guint *) data;
}

static void
set_limit (rlim_t descriptors)
{
  struct rlimit limit;

  ck_assert_int_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = descriptors;
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
}

/* He is let in as soon as there is one, and the main loop does not spin meanwhile. */
START_TEST (he_waits_and_nobody_spins)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new_with_type (
      "godwit-test-acceptor", -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);
  g_autoptr (GSocket) listener = new_socket ();
  g_autoptr (GSocket) client = new_socket ();
  guint accepted = 0, busy = 0;
  GdwControlAcceptor *acceptor;

  g_socket_set_blocking (listener, FALSE);
  ck_assert (g_socket_bind (listener, address, FALSE, NULL));
  ck_assert (g_socket_listen (listener, NULL));
  acceptor = gdw_control_acceptor_new (listener, context, on_accepted, &accepted);
  ck_assert (g_socket_connect (client, address, NULL, NULL));
  set_limit (3);
  for (guint i = 0; i < LOOKS; i++)
    busy += g_main_context_iteration (context, FALSE);
  ck_assert_uint_eq (accepted, 0);
  ck_assert_uint_gt (busy, 0);
  ck_assert_uint_lt (busy, LOOKS);
  set_limit (1024);
  while (accepted == 0)
    g_main_context_iteration (context, TRUE);
  gdw_control_acceptor_free (acceptor);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("acceptor");

  tcase_add_test (tc, he_waits_and_nobody_spins);
  return suite_run ("acceptor", tc, NULL);
}
