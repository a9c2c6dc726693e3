/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "plugins/module-file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <godwit/error.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
fail (GError **error, const char *why)
{
  g_set_error_literal (error, GDW_ERROR, GDW_ERROR_PLUGIN, why);
  return FALSE;
}

static gboolean
has_segments (int fd, const ElfW (Ehdr) * head, guint64 size)
{
  for (guint i = 0; i < head->e_phnum; i++) {
    ElfW (Phdr) part;
    off_t at = (off_t) (head->e_phoff + (guint64) i * sizeof part);

    if (pread (fd, &part, sizeof part, at) != sizeof part)
      return FALSE;
    if (part.p_type == PT_LOAD &&
        (part.p_offset > size || part.p_filesz > size - part.p_offset))
      return FALSE;
  }
  return TRUE;
}

static gboolean
check (int fd, GError **error)
{
  ElfW (Ehdr) head = { 0 };
  struct stat file;
  gssize n;

  if (fstat (fd, &file) != 0)
    return fail (error, g_strerror (errno));
  if (!S_ISREG (file.st_mode))
    return fail (error, "it is not a regular file");
  n = pread (fd, &head, sizeof head, 0);
  if (n < SELFMAG || memcmp (head.e_ident, ELFMAG, SELFMAG) != 0)
    return fail (error, "it is not an ELF file");
  /* dlopen refuses a file for another processor. */
  if (n == sizeof head &&
      (head.e_ident[EI_CLASS] != (sizeof (void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
       head.e_phentsize != sizeof (ElfW (Phdr))))
    return TRUE;
  return (n == sizeof head && has_segments (fd, &head, (guint64) file.st_size)) ||
         fail (error, "a part of it is missing; copy it again");
}

static gboolean
fail_to_open (int why, GError **error)
{
  if (why != EMFILE && why != ENFILE)
    return fail (error, g_strerror (why));
  g_set_error (error, GDW_ERROR, GDW_ERROR_EXHAUSTED, "%s; raise the limit of open files",
               g_strerror (why));
  return FALSE;
}

gboolean
gdw_module_file_check (const char *file, GError **error)
{
  int fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  gboolean good = fd >= 0 ? check (fd, error) : fail_to_open (errno, error);

  if (fd >= 0)
    close (fd);
  return good;
}
