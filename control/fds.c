/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/fds.h"

#include <godwit/error.h>

#include "control/address.h"

#include <unistd.h>

struct GdwControlFds {
  GdwControl *control; /* NULL once the monitor is gone */
  GdwControlPassed passed;
  GHashTable *named; /* char * -> descriptor */
};

static void
close_fd (gpointer fd)
{
  close (GPOINTER_TO_INT (fd));
}

GdwControlFds *
gdw_control_fds_new (GdwControl *control)
{
  GdwControlFds *fds = g_new0 (GdwControlFds, 1);

  fds->control = control;
  fds->named = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, close_fd);
  g_ptr_array_add (control->monitors, fds);
  return fds;
}

void
gdw_control_fds_leave (GdwControlFds *fds)
{
  if (!fds->control)
    return;
  if (fds->control->monitor == fds)
    fds->control->monitor = NULL;
  g_ptr_array_remove_fast (fds->control->monitors, fds);
  fds->control = NULL;
  gdw_control_passed_close (&fds->passed);
  g_hash_table_remove_all (fds->named);
}

void
gdw_control_fds_free (GdwControlFds *fds)
{
  gdw_control_fds_leave (fds);
  g_hash_table_unref (fds->named);
  g_free (fds);
}

void
gdw_control_fds_begin (GdwControlFds *fds, GdwControlPassed *passed)
{
  fds->passed = *passed;
  *passed = (GdwControlPassed){ 0 };
  fds->control->monitor = fds;
}

void
gdw_control_fds_end (GdwControlFds *fds)
{
  if (fds->control)
    fds->control->monitor = NULL;
  gdw_control_passed_close (&fds->passed);
}

static gboolean
is_value (gpointer name, gpointer value, gpointer fd)
{
  return value == fd;
}

static gboolean
is_of_another (GdwControl *control, int fd)
{
  for (guint i = 0; i < control->monitors->len; i++) {
    const GdwControlFds *fds = control->monitors->pdata[i];

    if (fds != control->monitor &&
        g_hash_table_find (fds->named, is_value, GINT_TO_POINTER (fd)))
      return TRUE;
  }
  return FALSE;
}

gboolean
gdw_control_fds_resolve (GdwControl *control, GdwAddress *address, int *fd, GError **error)
{
  const GdwControlFds *fds = control->monitor;
  const char *name = gdw_control_address_fd (address);
  gpointer value;
  guint64 number;

  *fd = -1;
  if (name && fds && g_hash_table_lookup_extended (fds->named, name, NULL, &value))
    *fd = GPOINTER_TO_INT (value);
  else if (name && g_ascii_string_to_unsigned (name, 10, 0, G_MAXINT, &number, NULL))
    *fd = (int) number;
  if (*fd < 0)
    return TRUE;
  if (!is_of_another (control, *fd)) {
    gdw_control_address_set_fd (address, *fd);
    return TRUE;
  }
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "descriptor '%d': it is refused: another monitor sent it, and only that "
               "monitor can use it; send it here",
               *fd);
  return FALSE;
}

void
gdw_control_fds_used (GdwControl *control, int fd)
{
  const GdwControlFds *fds = control->monitor;

  if (fd < 0 ||
      (fds && g_hash_table_foreach_remove (fds->named, is_value, GINT_TO_POINTER (fd))))
    return;
  close (fd);
}

gboolean
gdw_cmd_getfd (GdwControl *control, const GdwQGetfdArgs *args, GError **error)
{
  GdwControlFds *fds = control->monitor;
  int fd;

  if (g_ascii_isdigit (*args->fdname) || !*args->fdname) {
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_INVALID,
                         "Parameter 'fdname' expects a name not starting with a digit");
    return FALSE;
  }
  fd = fds ? gdw_control_passed_take (&fds->passed) : -1;
  if (fd < 0) {
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_INVALID,
                         "No file descriptor supplied via SCM_RIGHTS");
    return FALSE;
  }
  g_hash_table_replace (fds->named, g_strdup (args->fdname), GINT_TO_POINTER (fd));
  return TRUE;
}

gboolean
gdw_cmd_closefd (GdwControl *control, const GdwQClosefdArgs *args, GError **error)
{
  if (control->monitor && g_hash_table_remove (control->monitor->named, args->fdname))
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_NOT_FOUND, "File descriptor named '%s' not found",
               args->fdname);
  return FALSE;
}
