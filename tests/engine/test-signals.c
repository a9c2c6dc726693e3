/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A small VMM that leaves all signals as the system has them: whatever becomes of the other
 * end, of a pipe or of a disk, it is told by an error and lives. */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOW "1000000" /* bytes/s: the other end dies long before the guest is there */
#define FILE_LIMIT (2 * MIB)

static const MachineConfig machine = { .soft = TRUE,
                                       .memory_bytes = 16 * MIB,
                                       .vcpus = 1,
                                       .ws_bytes = 4 * MIB,
                                       .writers = 1,
                                       .rate = 1000,
                                       .fill = TRUE };

/* The last ones keep bytes: not on a one-way link. */
static const char *const filters[] = { "",
                                       "|log:file=calls",
                                       "|rate:bytes-per-second=4M",
                                       "|fault:at=COMMIT,kind=stall",
                                       "|delay:ms=1",
                                       "|log:file=calls|delay:ms=1|rate:bytes-per-second=4M" };
#define FILTERS ((int) G_N_ELEMENTS (filters))
#define ONE_WAY_FILTERS (FILTERS - 2)

typedef enum { TCP, MULTI_TCP, UNIX, FD_SOCKET, TWO_WAYS } TwoWay;

typedef struct {
  Side side;
  char *folder; /* where it works */
} Vmm;

/* Before the first thread. */
static Vmm *
vmm_new (void)
{
  Vmm *vmm = g_new0 (Vmm, 1);

  signal (SIGPIPE, SIG_DFL);
  signal (SIGXFSZ, SIG_DFL);
  vmm->folder = g_dir_make_tmp ("godwit-signals-XXXXXX", NULL);
  ck_assert_int_eq (chdir (vmm->folder), 0);
  return vmm;
}

static void
vmm_open (Vmm *vmm, gboolean incoming, const char *rate)
{
  GdwMigration *migration;
  g_autofree char *error = NULL;

  side_open (&vmm->side, incoming ? "destination" : "source", &machine, incoming);
  migration = vmm->side.migration;
  ck_assert (gdw_migration_set_parameter (migration, "max-bandwidth", rate, NULL));
  ck_assert (gdw_migration_set_parameter (migration, "multifd-channels", "3", NULL));
  if (incoming)
    return;
  ck_assert (machine_boot (vmm->side.machine, NULL));
  error = side_cont (&vmm->side);
  ck_assert_msg (error == NULL, "%s", error);
  WAIT_UNTIL (g_atomic_int_get (&vmm->side.filled));
}

static void
expect_default (int number)
{
  struct sigaction action;

  ck_assert_int_eq (sigaction (number, NULL, &action), 0);
  ck_assert (action.sa_handler == SIG_DFL);
}

static void
vmm_free (Vmm *vmm)
{
  g_autoptr (GDir) folder = g_dir_open (vmm->folder, 0, NULL);
  const char *name;

  side_close (&vmm->side);
  expect_default (SIGPIPE);
  expect_default (SIGXFSZ);
  while ((name = g_dir_read_name (folder)))
    g_unlink (name);
  g_rmdir (vmm->folder);
  g_free (vmm->folder);
  g_free (vmm);
}

static void
migrate (Vmm *vmm, const char *address, const char *filter)
{
  g_autofree char *uri = g_strconcat (address, filter, NULL);
  g_autoptr (GError) error = NULL;

  ck_assert_msg (gdw_migration_start (vmm->side.migration, uri, &error), "%s: %s", uri,
                 error ? error->message : "");
}

static void
listen_at (Vmm *vmm, const char *address, const char *filter)
{
  g_autofree char *uri = g_strconcat (address, filter, NULL);
  g_autoptr (GError) error = NULL;

  ck_assert_msg (gdw_migration_incoming (vmm->side.migration, uri, &error), "%s: %s", uri,
                 error ? error->message : "");
  WAIT_UNTIL (side_status (&vmm->side) != GDW_STATUS_NONE);
}

/* The attempt has failed, and the guest runs as if nothing had been. */
static void
expect_kept (Vmm *vmm, const char *why)
{
  const char *text;

  WAIT_UNTIL (vmm->side.ended);
  text = side_error (&vmm->side);
  ck_assert_msg (side_status (&vmm->side) == GDW_STATUS_FAILED, "%s", vmm->side.events->str);
  ck_assert_msg (strstr (text, why) != NULL, "%s", text);
  ck_assert (vmm->side.runs);
  ck_assert_uint_eq (gdw_migration_get_outcome (vmm->side.migration), GDW_OUTCOME_SOURCE);
  side_expect_good_guest (&vmm->side);
}

/* Two processes, one of which is killed while memory travels. */
typedef struct {
  TwoWay way;
  int sockets[2]; /* of fd:, the source's first */
  int talk[2];    /* the destination says on the second where it listens */
  pid_t other;
} Two;

/* Whether this is the other process. */
static gboolean
two_fork (Two *two, TwoWay way)
{
  two->way = way;
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM, 0, two->sockets), 0);
  ck_assert_int_eq (pipe (two->talk), 0);
  two->other = fork ();
  ck_assert_int_ge (two->other, 0);
  if (two->other == 0)
    prctl (PR_SET_PDEATHSIG, SIGKILL);
  return two->other == 0;
}

static void
two_kill (Two *two)
{
  ck_assert_int_eq (kill (two->other, SIGKILL), 0);
  ck_assert_int_eq (waitpid (two->other, NULL, 0), two->other);
}

/* The descriptors of the other side are closed, and those of this one are godwit's. */
static void
two_close (Two *two)
{
  close (two->sockets[0]);
  close (two->sockets[1]);
  close (two->talk[0]);
  close (two->talk[1]);
}

static void
be_destination (Vmm *vmm, Two *two, const char *filter)
{
  static const char *const addresses[TWO_WAYS] = { "tcp:127.0.0.1:0", "multi-tcp:127.0.0.1:0",
                                                   "unix:socket" };
  g_autofree char *fd = g_strdup_printf ("fd:%d", two->sockets[1]), *line = NULL;

  vmm_open (vmm, TRUE, "0");
  listen_at (vmm, two->way == FD_SOCKET ? fd : addresses[two->way], filter);
  if (two->way == FD_SOCKET)
    line = g_strdup_printf ("fd:%d", two->sockets[0]);
  else
    line = gdw_address_to_string (side_info (&vmm->side).local_address);
  ck_assert_int_eq (write (two->talk[1], line, strlen (line)), (gssize) strlen (line));
  two_close (two);
}

static void
be_source (Vmm *vmm, Two *two, const char *filter)
{
  char line[256] = "";

  close (two->talk[1]);
  two->talk[1] = -1;
  ck_assert_int_gt (read (two->talk[0], line, sizeof line - 1), 0);
  vmm_open (vmm, FALSE, SLOW);
  migrate (vmm, line, filter);
  two_close (two);
}

static void
run_until_killed (void)
{
  for (;;)
    g_main_context_iteration (NULL, TRUE);
}

START_TEST (a_destination_that_dies_is_an_error)
{
  Vmm *vmm = vmm_new ();
  Two two;

  if (two_fork (&two, (TwoWay) (_i / FILTERS))) {
    be_destination (vmm, &two, "");
    run_until_killed ();
  }
  be_source (vmm, &two, filters[_i % FILTERS]);
  WAIT_UNTIL (side_info (&vmm->side).transferred_bytes > 128 * 1024);
  two_kill (&two);
  expect_kept (vmm, "");
  vmm_free (vmm);
}
END_TEST

START_TEST (a_source_that_dies_is_an_error)
{
  Vmm *vmm = vmm_new ();
  Two two;

  if (two_fork (&two, (TwoWay) (_i / FILTERS))) {
    be_source (vmm, &two, "");
    run_until_killed ();
  }
  be_destination (vmm, &two, filters[_i % FILTERS]);
  WAIT_UNTIL (side_info (&vmm->side).transferred_bytes > 128 * 1024);
  two_kill (&two);
  WAIT_UNTIL (vmm->side.ended);
  ck_assert_uint_eq (side_status (&vmm->side), GDW_STATUS_FAILED);
  ck_assert (!vmm->side.runs);
  vmm_free (vmm);
}
END_TEST

/* A pipe: what the reader has not taken is there when it goes. */
START_TEST (a_reader_that_dies_is_an_error)
{
  Vmm *vmm = vmm_new ();
  g_autofree char *address = NULL;
  int ends[2], queued = 0;

  ck_assert_int_eq (pipe (ends), 0);
  address = g_strdup_printf ("fd:%d", ends[1]);
  vmm_open (vmm, FALSE, SLOW);
  migrate (vmm, address, filters[_i]);
  WAIT_UNTIL (ioctl (ends[0], FIONREAD, &queued) == 0 && queued > 0);
  close (ends[0]);
  expect_kept (vmm, g_strerror (EPIPE));
  close (ends[1]);
  vmm_free (vmm);
}
END_TEST

static void
limit_files (void)
{
  struct rlimit limit;

  ck_assert_int_eq (getrlimit (RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = FILE_LIMIT;
  ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
}

static const char *const files[] = { "file:guest", "file:guest,offset=1M",
                                     "file:guest,offset=4M", "fd:" };
#define FILES ((int) G_N_ELEMENTS (files))

START_TEST (a_file_that_grows_too_large_is_an_error)
{
  Vmm *vmm = vmm_new ();
  const char *name = files[_i / ONE_WAY_FILTERS];
  g_autofree char *address = NULL;
  int fd = open ("given", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  ck_assert (g_file_set_contents ("guest", "head", 4, NULL));
  address = g_str_equal (name, "fd:") ? g_strdup_printf ("fd:%d", fd) : g_strdup (name);
  vmm_open (vmm, FALSE, "0");
  limit_files ();
  migrate (vmm, address, filters[_i % ONE_WAY_FILTERS]);
  expect_kept (vmm, g_strerror (EFBIG));
  close (fd);
  vmm_free (vmm);
}
END_TEST

static void
add (Suite *suite)
{
  tcase_add_loop_test (add_case (suite, "destination"), a_destination_that_dies_is_an_error, 0,
                       TWO_WAYS * FILTERS);
  tcase_add_loop_test (add_case (suite, "source"), a_source_that_dies_is_an_error, 0,
                       TWO_WAYS * FILTERS);
  tcase_add_loop_test (add_case (suite, "pipe"), a_reader_that_dies_is_an_error, 0,
                       ONE_WAY_FILTERS);
  tcase_add_loop_test (add_case (suite, "file"), a_file_that_grows_too_large_is_an_error, 0,
                       FILES * ONE_WAY_FILTERS);
}

int
main (void)
{
  return engine_main ("signals", add);
}
