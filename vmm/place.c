/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <godwit/godwit.h>
#include <sys/stat.h>
#include <unistd.h>

static int
fail (const char *why, GError **error)
{
  g_set_error_literal (error, GDW_ERROR, GDW_ERROR_INVALID, why);
  return -1;
}

static gboolean
is_allowed (const struct stat *st, gboolean device)
{
  return S_ISREG (st->st_mode) || (device && S_ISCHR (st->st_mode));
}

/* Looks first: to open a device may already have an effect. */
static int
open_place (const char *path, int flags, gboolean device, GError **error)
{
  const char *wrong = device ? "it is neither a file nor a character device"
                             : "it is not a regular file";
  struct stat st;
  int fd;

  if (stat (path, &st) == 0 && !is_allowed (&st, device))
    return fail (wrong, error);
  fd = open (path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
  if (fd < 0)
    return fail (g_strerror (errno), error);
  if (fstat (fd, &st) == 0 && is_allowed (&st, device))
    return fd;
  close (fd);
  return fail (wrong, error);
}

int
place_open (const char *path, int flags, GError **error)
{
  return open_place (path, flags | O_WRONLY | O_CREAT, TRUE, error);
}

char *
place_read (const char *path, gsize most, gsize *size, GError **error)
{
  int fd = open_place (path, O_RDONLY, FALSE, error);
  char *text;
  gssize n = 1;

  if (fd < 0)
    return NULL;
  text = g_malloc (most + 1);
  for (*size = 0; n > 0 && *size<most; *size += n> 0 ? (gsize) n : 0)
    n = read (fd, text + *size, most - *size);
  text[*size] = '\0';
  if (n < 0) {
    fail (g_strerror (errno), error);
    g_clear_pointer (&text, g_free);
  }
  close (fd);
  return text;
}
