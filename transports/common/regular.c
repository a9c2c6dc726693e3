/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "regular.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The system never says this about a file. */
#define NOT_REGULAR EMEDIUMTYPE

int
regular_open (const char *path, int flags, mode_t mode)
{
  struct stat st;
  int fd;

  /* Look first: to open a device may already have an effect. */
  if (stat (path, &st) == 0 && !S_ISREG (st.st_mode)) {
    errno = NOT_REGULAR;
    return -1;
  }
  fd = open (path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode);
  if (fd >= 0 && (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode))) {
    close (fd);
    errno = NOT_REGULAR;
    return -1;
  }
  return fd;
}

const char *
regular_strerror (int why)
{
  return why == NOT_REGULAR ? "it is not a regular file" : g_strerror (why);
}
