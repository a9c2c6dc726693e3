/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "plugins/trust.h"

#include <errno.h>
#include <godwit/error.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Tells whether only the owner is in the group, as where each user has one and umask is 002. */
static gboolean
group_is_private (gid_t gid, uid_t owner)
{
  const struct passwd *user = getpwuid (owner);
  const struct group *group = getgrgid (gid);

  if (!user || !group || user->pw_gid != gid || strcmp (user->pw_name, group->gr_name) != 0)
    return FALSE;
  for (char **member = group->gr_mem; *member; member++) {
    if (strcmp (*member, user->pw_name) != 0)
      return FALSE;
  }
  return TRUE;
}

static gboolean
writable_by_others (const char *path, const struct stat *st)
{
  if (st->st_mode & S_IWOTH)
    return TRUE;
  /* With an access list the group bits are the maximum for anyone named in it. */
  return (st->st_mode & S_IWGRP) && (!group_is_private (st->st_gid, st->st_uid) ||
                                     getxattr (path, "system.posix_acl_access", NULL, 0) > 0);
}

static gboolean
trust_part (const char *path, gboolean sticky_is_fine, GError **error)
{
  struct stat st;

  if (lstat (path, &st) != 0) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_NOT_FOUND, "'%s': %s", path, g_strerror (errno));
    return FALSE;
  }
  if (st.st_uid != 0 && st.st_uid != geteuid ()) {
    g_set_error (
        error, GDW_ERROR, GDW_ERROR_INVALID,
        "'%s' belongs to user %u; make it belong to root or to the user that runs this", path,
        (guint) st.st_uid);
    return FALSE;
  }
  if (writable_by_others (path, &st) &&
      !(sticky_is_fine && S_ISDIR (st.st_mode) && (st.st_mode & S_ISVTX))) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "'%s' can be written by others (mode %04o); chmod go-w it", path,
                 (guint) st.st_mode & 07777);
    return FALSE;
  }
  return TRUE;
}

gboolean
gdw_trust_path (const char *path, guint strict, GError **error)
{
  g_autofree char *part = g_strdup (path);

  for (guint depth = 0; trust_part (part, depth >= strict, error); depth++) {
    char *slash = strrchr (part, '/');

    if (strcmp (part, "/") == 0)
      return TRUE;
    slash[slash == part ? 1 : 0] = '\0';
  }
  return FALSE;
}
