/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/control-fds.h"

#include <godwit/error.h>

#include "core/control-address.h"

#include <unistd.h>

#define WAITING_MAX 16u

struct GdwControlFds {
  GQueue waiting;    /* of descriptors without a name */
  GHashTable *named; /* char * -> descriptor */
};

static void
close_fd (gpointer fd)
{
  close (GPOINTER_TO_INT (fd));
}

GdwControlFds *
gdw_control_fds_new (void)
{
  GdwControlFds *fds = g_new0 (GdwControlFds, 1);
  g_queue_init (&fds->waiting);
  fds->named = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, close_fd);
  return fds;
}

void
gdw_control_fds_free (GdwControlFds *fds)
{
  g_queue_clear_full (&fds->waiting, close_fd);
  g_hash_table_unref (fds->named);
  g_free (fds);
}

void
gdw_control_fds_receive (GdwControlFds *fds, int fd)
{
  g_queue_push_tail (&fds->waiting, GINT_TO_POINTER (fd));
  if (g_queue_get_length (&fds->waiting) > WAITING_MAX)
    close_fd (g_queue_pop_head (&fds->waiting));
}

char *
gdw_control_fds_resolve (GdwControlFds *fds, const char *uri, int *fd)
{
  g_autofree char *name = gdw_control_address_fd (uri);
  gpointer value;
  guint64 number;
  *fd = -1;
  if (name && g_hash_table_lookup_extended (fds->named, name, NULL, &value))
    *fd = GPOINTER_TO_INT (value);
  else if (name && g_ascii_string_to_unsigned (name, 10, 0, G_MAXINT, &number, NULL))
    *fd = (int) number;
  return *fd < 0 ? g_strdup (uri) : gdw_control_address_with_fd (uri, *fd);
}

static gboolean
is_value (gpointer name, gpointer value, gpointer fd)
{
  return value == fd;
}

void
gdw_control_fds_used (GdwControlFds *fds, int fd)
{
  if (fd >= 0 && !g_hash_table_foreach_remove (fds->named, is_value, GINT_TO_POINTER (fd)))
    close (fd);
}

gboolean
gdw_cmd_getfd (GdwControl *control, const GdwQGetfdArgs *args, GError **error)
{
  GdwControlFds *fds = control->fds;
  if (g_ascii_isdigit (*args->fdname) || !*args->fdname) {
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_INVALID,
                         "Parameter 'fdname' expects a name not starting with a digit");
    return FALSE;
  }
  if (g_queue_is_empty (&fds->waiting)) {
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_INVALID,
                         "No file descriptor supplied via SCM_RIGHTS");
    return FALSE;
  }
  g_hash_table_replace (fds->named, g_strdup (args->fdname), g_queue_pop_head (&fds->waiting));
  return TRUE;
}

gboolean
gdw_cmd_closefd (GdwControl *control, const GdwQClosefdArgs *args, GError **error)
{
  if (g_hash_table_remove (control->fds->named, args->fdname))
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_NOT_FOUND, "File descriptor named '%s' not found",
               args->fdname);
  return FALSE;
}
