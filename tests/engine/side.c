/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "side.h"

#include <check.h>
#include <string.h>

#include "vmm/soft-log.h"
#include "wait.h"

static const char *const call_names[CALL_N] = { "pause",      "resume", "save_state",
                                                "load_state", "fence",  "reacquire",
                                                "reset" };

/* A callback of the host that is under way. */
typedef struct {
  Side *side;
  Call call;
  GdwReply *reply;
  GCancellable *cancellable;
  gulong handler;
  const GdwSection *sections;
  guint n_sections;
} Asked;

/* P1, looked at whenever anything happens. */
static void
expect_one_runs (Side *side)
{
  ck_assert_msg (!side->runs || !side->other || !side->other->runs,
                 "both sides run the guest: %s:%s; %s:%s", side->name, side->events->str,
                 side->other ? side->other->name : "",
                 side->other ? side->other->events->str : "");
}

static void
add_event (Side *side, const char *event)
{
  g_string_append_printf (side->events, " %s", event);
  expect_one_runs (side);
  if (side->on_event)
    side->on_event (side, event);
}

static void
on_status (GdwMigration *migration, guint status, gpointer data)
{
  add_event (data, gdw_status_name (status));
}

static void
on_run_state (GdwMigration *migration, guint state, gpointer data)
{
  add_event (data, gdw_run_state_name (state));
}

static void
on_round (GdwMigration *migration, guint64 number, gpointer data)
{
  Side *side = data;

  ck_assert_uint_eq (number, side->rounds + 1);
  side->rounds = number;
  if (side->on_event)
    side->on_event (side, "pass");
}

static void
on_ended (GdwMigration *migration, guint status, gpointer data)
{
  Side *side = data;

  ck_assert_uint_eq (status, gdw_migration_get_status (migration));
  side->ended++;
}

/* The host's callbacks. */

static char *
host_machine_digest (gpointer vm)
{
  return g_strdup (((Side *) vm)->digest);
}

static const GdwRegion *
host_regions (gpointer vm, guint *n_regions)
{
  Memory *memory = machine_memory (((Side *) vm)->machine);

  *n_regions = memory->n_regions;
  return memory->regions;
}

static void
answer (Asked *asked, GError *error)
{
  if (error)
    gdw_reply_fail (asked->reply, error);
  else
    gdw_reply_done (asked->reply);
  g_clear_object (&asked->cancellable);
  g_free (asked);
}

static void
was_paused (gpointer data, const GError *error)
{
  Asked *asked = data;

  asked->side->runs = FALSE;
  answer (asked, error ? g_error_copy (error) : NULL);
}

static void
was_reset (gpointer data, const GError *error)
{
  answer (data, error ? g_error_copy (error) : NULL);
}

static void
add_section (gpointer data, const char *name, guint32 version, GBytes *bytes)
{
  gdw_reply_add_section (data, name, version, bytes);
}

static void
resume_machine (Side *side)
{
  ck_assert_msg (!side->fenced, "%s runs without its resources:%s", side->name,
                 side->events->str);
  side->runs = TRUE;
  expect_one_runs (side);
  machine_resume (side->machine);
}

static void
carry_out (Asked *asked)
{
  Side *side = asked->side;
  GError *error = NULL;

  switch (asked->call) {
  case CALL_PAUSE:
    machine_pause (side->machine, was_paused, asked);
    return;
  case CALL_RESET:
    machine_reset (side->machine, was_reset, asked);
    return;
  case CALL_RESUME:
    resume_machine (side);
    break;
  case CALL_SAVE:
    machine_save (side->machine, add_section, asked->reply, &error);
    break;
  case CALL_LOAD:
    machine_load (side->machine, asked->sections, asked->n_sections, &error);
    break;
  case CALL_FENCE:
  case CALL_REACQUIRE:
    side->fenced = asked->call == CALL_FENCE;
    break;
  default:
    g_assert_not_reached ();
  }
  answer (asked, error);
}

static void
on_cancelled (GCancellable *cancellable, gpointer data)
{
  Asked *asked = data;

  if (asked->side->held != asked)
    return;
  asked->side->held = NULL;
  answer (asked, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "host '%s': %s was cancelled",
                              asked->side->name, call_names[asked->call]));
}

static void
hold (Asked *asked)
{
  ck_assert_ptr_null (asked->side->held);
  asked->side->held = asked;
  if (asked->cancellable)
    asked->handler = g_cancellable_connect (asked->cancellable, G_CALLBACK (on_cancelled),
                                            asked, NULL);
}

void
side_release (Side *side)
{
  Asked *asked = g_steal_pointer (&side->held);

  ck_assert_ptr_nonnull (asked);
  if (asked->handler)
    g_cancellable_disconnect (asked->cancellable, asked->handler);
  carry_out (asked);
}

G_GNUC_PRINTF (2, 3)
static GError *
make_error (Side *side, const char *format, ...)
{
  GQuark domain = side->fails_domain ? side->fails_domain : GDW_ERROR;
  int code = side->fails_domain ? side->fails_code : GDW_ERROR_HOST;
  GError *error;
  va_list values;

  va_start (values, format);
  error = g_error_new_valist (domain, code, format, values);
  va_end (values);
  return error;
}

static void
ask (Side *side, Call call, GdwReply *reply, GCancellable *cancellable,
     const GdwSection *sections, guint n_sections)
{
  Asked *asked = g_new (Asked, 1);

  *asked = (Asked){ side, call,     reply,     cancellable ? g_object_ref (cancellable) : NULL,
                    0,    sections, n_sections };
  side->calls[call]++;
  expect_one_runs (side);
  if (side->on_call)
    side->on_call (side, call);
  if (side->fails & BIT (call))
    answer (asked, make_error (side, "host '%s': %s failed: the test wants it; do not",
                               side->name, call_names[call]));
  else if (side->holds & BIT (call))
    hold (asked);
  else
    carry_out (asked);
}

static void
host_pause (gpointer vm, GdwReply *reply, GCancellable *cancellable)
{
  ask (vm, CALL_PAUSE, reply, cancellable, NULL, 0);
}

static void
host_resume (gpointer vm, GdwReply *reply)
{
  ask (vm, CALL_RESUME, reply, NULL, NULL, 0);
}

static void
host_save_state (gpointer vm, GdwReply *reply, GCancellable *cancellable)
{
  ck_assert (!((Side *) vm)->runs);
  ask (vm, CALL_SAVE, reply, cancellable, NULL, 0);
}

static void
host_load_state (gpointer vm, const GdwSection *sections, guint n_sections, GdwReply *reply,
                 GCancellable *cancellable)
{
  ck_assert (!((Side *) vm)->runs);
  ask (vm, CALL_LOAD, reply, cancellable, sections, n_sections);
}

static void
host_fence (gpointer vm, GdwReply *reply, GCancellable *cancellable)
{
  ck_assert (!((Side *) vm)->runs);
  ask (vm, CALL_FENCE, reply, cancellable, NULL, 0);
}

static void
host_reacquire (gpointer vm, GdwReply *reply)
{
  ask (vm, CALL_REACQUIRE, reply, NULL, NULL, 0);
}

static void
host_reset (gpointer vm, GdwReply *reply)
{
  ask (vm, CALL_RESET, reply, NULL, NULL, 0);
}

static void
host_checked (gpointer data, const MachineCheck *check, const GError *error)
{
  if (check)
    gdw_reply_set_check (data, check->stats.passes, check->pages_checked, check->pages_bad);
  if (error)
    gdw_reply_fail (data, g_error_copy (error));
  else
    gdw_reply_done (data);
}

static void
host_guest_check (gpointer vm, gboolean running, GdwReply *reply, GCancellable *cancellable)
{
  machine_check (((Side *) vm)->machine, cancellable, host_checked, reply);
}

/* The dirty log. */

static gboolean
log_result (Side *side, const char *what, gboolean fails, GError **error)
{
  if (!fails && !g_atomic_int_get (&side->log_fails))
    return TRUE;
  g_propagate_error (
      error, make_error (side, "dirty log 'side': %s failed: the test wants it; do not", what));
  return FALSE;
}

static const GdwDirtyLog *
real_log (Side *side)
{
  return machine_dirty_log (side->machine);
}

static gboolean
log_enable (gpointer self, guint32 mode, GError **error)
{
  return real_log (self)->enable (real_log (self)->self, mode, error);
}

static gboolean
log_disable (gpointer self, GError **error)
{
  return real_log (self)->disable (real_log (self)->self, error);
}

static gboolean
log_get (gpointer self, guint region, guint64 *bits, GError **error)
{
  Side *side = self;

  if (side->on_get)
    side->on_get (side, region);
  return log_result (side, "get", FALSE, error) &&
         real_log (side)->get (real_log (side)->self, region, bits, error);
}

static gboolean
log_clear (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
           GError **error)
{
  Side *side = self;

  if (side->on_clear)
    side->on_clear (side, region, first, n, bits);
  return log_result (side, "clear", g_atomic_int_get (&side->clear_fails), error) &&
         real_log (side)->clear (real_log (side)->self, region, first, n, bits, error);
}

static gboolean
log_locate (gpointer self, guint32 slot, guint64 offset, guint *region, guint64 *page,
            GError **error)
{
  return real_log (self)->locate (real_log (self)->self, slot, offset, region, page, error);
}

static gboolean
log_reset_rings (gpointer self, guint64 *n_pages, GError **error)
{
  Side *side = self;

  if (side->on_reset)
    side->on_reset (side);
  return log_result (side, "reset_rings", FALSE, error) &&
         real_log (side)->reset_rings (real_log (side)->self, n_pages, error);
}

/* The machine's events, on any thread. */

static void
on_serial (gpointer data, char c)
{
  if (c == '!')
    g_atomic_int_inc (&((Side *) data)->filled);
}

static void
on_wrote (gpointer data, guint64 gpa, guint64 size)
{
  Side *side = data;

  if (side->migration)
    gdw_migration_mark_dirty (side->migration, gpa, size);
}

static void
on_ring_full (gpointer data, guint vcpu)
{
  Side *side = data;

  g_atomic_int_inc (&side->came);
  if (side->migration)
    gdw_migration_ring_full (side->migration, vcpu);
  g_atomic_int_inc (&side->left);
}

static void
fill_host (Side *side)
{
  side->log = (GdwDirtyLog){ .size = sizeof side->log,
                             .self = side,
                             .modes = real_log (side)->modes,
                             .enable = log_enable,
                             .disable = log_disable,
                             .get = log_get,
                             .clear = log_clear,
                             .n_rings = real_log (side)->n_rings,
                             .rings = real_log (side)->rings,
                             .locate = log_locate,
                             .reset_rings = log_reset_rings };
  side->host = (GdwHost){ .size = sizeof side->host,
                          .vm = side,
                          .name = side->name,
                          .dirty_log = &side->log,
                          .regions = host_regions,
                          .pause = host_pause,
                          .resume = host_resume,
                          .save_state = host_save_state,
                          .load_state = host_load_state,
                          .fence = side->fences ? host_fence : NULL,
                          .reacquire = side->fences ? host_reacquire : NULL,
                          .reset = host_reset,
                          .guest_check = host_guest_check,
                          .machine_digest = side->digest ? host_machine_digest : NULL };
}

void
side_open (Side *side, const char *name, const MachineConfig *config, gboolean incoming)
{
  g_autoptr (GError) error = NULL;
  MachineEvents events = {
    .data = side, .serial = on_serial, .wrote = on_wrote, .ring_full = on_ring_full
  };

  side->name = name;
  side->events = g_string_new (NULL);
  side->machine = machine_new (config, &events, &error);
  ck_assert_msg (side->machine != NULL, "%s", error ? error->message : "");
  fill_host (side);
  side->migration = gdw_migration_new (&side->host, NULL, NULL, incoming, &error);
  ck_assert_msg (side->migration != NULL, "%s", error ? error->message : "");
  g_signal_connect (side->migration, "status", G_CALLBACK (on_status), side);
  g_signal_connect (side->migration, "run-state", G_CALLBACK (on_run_state), side);
  g_signal_connect (side->migration, "pass", G_CALLBACK (on_round), side);
  g_signal_connect (side->migration, "ended", G_CALLBACK (on_ended), side);
}

static void
was_stopped (gpointer data, const GError *error)
{
  *(gboolean *) data = TRUE;
}

static void
was_closed (GdwMigration *migration, const GError *error, gpointer data)
{
  *(gboolean *) data = TRUE;
}

/* The guest stands still before the migration goes: its device reports to it. */
void
side_close (Side *side)
{
  gboolean closed = FALSE, still = FALSE;

  if (!side->machine)
    return;
  gdw_migration_close (side->migration, was_closed, &closed);
  WAIT_UNTIL (closed);
  machine_pause (side->machine, was_stopped, &still);
  WAIT_UNTIL (still);
  if (side->other)
    side->other->other = NULL;
  g_signal_handlers_disconnect_by_data (side->migration, side);
  g_clear_object (&side->migration);
  g_clear_pointer (&side->machine, machine_free);
  g_string_free (side->events, TRUE);
  *side = (Side){ 0 };
}

GdwStatus
side_status (Side *side)
{
  return gdw_migration_get_status (side->migration);
}

const char *
side_error (Side *side)
{
  const GError *error = gdw_migration_get_error (side->migration);

  return error ? error->message : "";
}

GdwInfo
side_info (Side *side)
{
  GdwInfo info;

  gdw_migration_get_info (side->migration, &info);
  return info;
}

/* The operator. */

typedef struct {
  gboolean done;
  char *text;
} Answer;

static void
on_answer (GdwMigration *migration, const GError *error, gpointer data)
{
  Answer *a = data;

  a->done = TRUE;
  a->text = error ? g_strdup (error->message) : NULL;
}

char *
side_cont (Side *side)
{
  Answer a = { 0 };

  gdw_migration_cont (side->migration, on_answer, &a);
  WAIT_UNTIL (a.done);
  return a.text;
}

char *
side_stop (Side *side)
{
  Answer a = { 0 };

  gdw_migration_stop (side->migration, on_answer, &a);
  WAIT_UNTIL (a.done);
  return a.text;
}

char *
side_resolve (Side *side, gboolean here)
{
  Answer a = { 0 };

  gdw_migration_resolve (side->migration, here, on_answer, &a);
  WAIT_UNTIL (a.done);
  return a.text;
}

/* Memory. */

guint8 *
side_page (Side *side, guint64 gpa)
{
  return memory_at (machine_memory (side->machine), gpa, GDW_PAGE_SIZE);
}

/* The engine reads guest memory while it is written; that is no data race to report. */
__attribute__ ((no_sanitize ("thread"))) static void
store (Side *side, guint64 gpa, guint8 value)
{
  *(volatile guint8 *) side_page (side, gpa) = value;
  __atomic_signal_fence (__ATOMIC_SEQ_CST);
}

void
side_vcpu_writes (Side *side, guint64 gpa, guint8 value)
{
  store (side, gpa, value);
  soft_log_mark (real_log (side)->self, 0, gpa);
}

void
side_device_writes (Side *side, guint64 gpa, guint8 value)
{
  store (side, gpa, value);
  gdw_migration_mark_dirty (side->migration, gpa, 1);
}

typedef struct {
  gboolean done;
  GdwCheckResult result;
  char *text;
} Checked;

static void
on_checked (GdwMigration *migration, const GdwCheckResult *result, const GError *error,
            gpointer data)
{
  Checked *c = data;

  c->done = TRUE;
  if (result)
    c->result = *result;
  c->text = error ? g_strdup (error->message) : NULL;
}

void
side_expect_good_guest (Side *side)
{
  Checked c = { 0 };

  gdw_migration_check (side->migration, on_checked, &c);
  WAIT_UNTIL (c.done);
  ck_assert_msg (c.text == NULL, "%s: %s", side->name, c.text);
  ck_assert_uint_gt (c.result.pages_checked, 0);
  ck_assert_msg (c.result.pages_bad == 0, "%s: %" G_GUINT64_FORMAT " pages are bad", side->name,
                 c.result.pages_bad);
}
