/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Addresses with mutations.  Each is refused with the error of an address, or is written as a
 * text that is read as the same address.  Round N has the seed N. */
#include <check.h>
#include <godwit/error.h>
#include <string.h>

#include "tests/support/address-text.h"
#include "tests/support/suite.h"

#define ROUNDS 200
#define TEXTS 500u

static const char *const seeds[] = {
  "tcp:[::1]:7000,sndbuf=4M,ipv6=off|delay:ms=20|fault:at=COMMIT,kind=stall",
  "tcp:,host=fe80::1%eth0,port=7000",
  "multi-tcp::0|rate:bytes-per-second=10M",
  "unix:@vm,literal=on",
  "unix:/run/a\\,b\\|c\\\\,peer-uid=1000|log:file=/tmp/x\\|y",
  "file:/var/guest\\\\,offset=4096",
  "fd:link",
};

static void
mutate (GRand *rand, GString *text)
{
  static const char marks[] = "\\\\\\|||,,,::==@[]/\xff\xc3\x01\n a";
  guint at = (guint) g_rand_int_range (rand, 0, (gint) text->len + 1);

  switch (g_rand_int_range (rand, 0, 4)) {
  case 0:
    g_string_truncate (text, at);
    break;
  case 1:
    g_string_erase (text, at, MIN ((gssize) (text->len - at), 3));
    break;
  case 2:
    if (at < text->len)
      text->str[at] = (char) g_rand_int_range (rand, 1, 256);
    break;
  default:
    for (gint n = g_rand_int_range (rand, 1, 6); n > 0; n--)
      g_string_insert_c (text, at, marks[g_rand_int_range (rand, 0, sizeof marks - 1)]);
  }
}

static void
expect_read_as_written (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GdwAddress) address = gdw_address_parse (text, &error);
  g_autofree char *written = NULL;
  g_autoptr (GdwAddress) again = NULL;

  if (!address) {
    ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_INVALID));
    ck_assert_msg (g_str_has_prefix (error->message, "address '"), "%s", error->message);
    ck_assert_msg (strstr (error->message, "': parse failed: "), "%s", error->message);
    return;
  }
  written = gdw_address_to_string (address);
  again = gdw_address_parse (written, NULL);
  ck_assert_msg (again != NULL && address_equal (address, again), "'%s' from '%s'", written,
                 text);
}

START_TEST (an_address_is_refused_or_read_as_written)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed ((guint32) _i);

  for (guint i = 0; i < TEXTS; i++) {
    const gint which = g_rand_int_range (rand, 0, (gint) G_N_ELEMENTS (seeds));
    g_autoptr (GString) text = g_string_new (seeds[which]);

    for (gint n = g_rand_int_range (rand, 0, 8); n > 0; n--)
      mutate (rand, text);
    expect_read_as_written (text->str);
  }
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("address");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, an_address_is_refused_or_read_as_written, 0, ROUNDS);
  return suite_run ("fuzz-address", tcase, NULL);
}
