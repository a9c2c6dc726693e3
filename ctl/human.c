/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "human.h"

#include "error.h"

#include <string.h>

/* The most digits before and after the point that cannot overflow below. */
#define WHOLE_DIGITS 20
#define PART_DIGITS 9

typedef unsigned __int128 Wide;

static char *
with_digits (double n, const char *unit)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (text, sizeof text, n < 10 ? "%.2f" : n < 100 ? "%.1f" : "%.0f", n);
  return g_strdup_printf ("%s %s", text, unit);
}

char *
human_size (guint64 bytes)
{
  static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
  double n = (double) bytes / 1024;
  guint i = 0;

  if (bytes < 1024)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " B", bytes);
  for (; n >= 1023.5 && i + 1 < G_N_ELEMENTS (units); i++)
    n /= 1024;
  return with_digits (n, units[i]);
}

char *
human_rate (guint64 bytes)
{
  g_autofree char *size = human_size (bytes);

  return g_strconcat (size, "/s", NULL);
}

char *
human_us (guint64 us)
{
  guint64 s = us / G_USEC_PER_SEC;

  if (us < 1000)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " us", us);
  if (us < G_USEC_PER_SEC)
    return with_digits ((double) us / 1000, "ms");
  if (s < 60)
    return with_digits ((double) us / G_USEC_PER_SEC, "s");
  if (s < 3600)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " min %" G_GUINT64_FORMAT " s", s / 60,
                            s % 60);
  return g_strdup_printf ("%" G_GUINT64_FORMAT " h %" G_GUINT64_FORMAT " min", s / 3600,
                          s / 60 % 60);
}

char *
human_ms (guint64 ms)
{
  if (ms < 1000)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " ms", ms);
  return human_us (MIN (ms, G_MAXUINT64 / 1000) * 1000);
}

/* Exact, such as 1G, 1536M, 300ms. */
char *
human_value (guint64 n, Unit unit)
{
  static const char suffixes[] = "KMGT";
  gboolean bytes = unit == UNIT_BYTES || unit == UNIT_BYTES_PER_S;
  int i = -1;

  for (; bytes && n && n % 1024 == 0 && i < 3; i++)
    n /= 1024;
  return g_strdup_printf ("%" G_GUINT64_FORMAT "%.*s%s", n, i < 0 ? 0 : 1,
                          suffixes + MAX (i, 0),
                          unit == UNIT_MS   ? "ms"
                          : unit == UNIT_US ? "us"
                                            : "");
}

typedef struct {
  const char *suffix;
  gboolean time;
  guint64 scale; /* bytes; microseconds */
} Suffix;

static const Suffix suffixes[] = {
  { "B", FALSE, 1 },
  { "K", FALSE, 1ull << 10 },
  { "KiB", FALSE, 1ull << 10 },
  { "M", FALSE, 1ull << 20 },
  { "MiB", FALSE, 1ull << 20 },
  { "G", FALSE, 1ull << 30 },
  { "GiB", FALSE, 1ull << 30 },
  { "T", FALSE, 1ull << 40 },
  { "TiB", FALSE, 1ull << 40 },
  { "us", TRUE, 1 },
  { "ms", TRUE, 1000 },
  { "s", TRUE, G_USEC_PER_SEC },
  { "min", TRUE, 60ull * G_USEC_PER_SEC },
};

static gboolean
find_scale (const char *suffix, Unit unit, guint64 *scale)
{
  gboolean time = unit == UNIT_MS || unit == UNIT_US;
  g_autofree char *text = g_strstrip (g_strdup (suffix));
  gsize size = strlen (text);

  if (unit == UNIT_BYTES_PER_S && g_str_has_suffix (text, "/s"))
    text[size - 2] = '\0';
  if (*text == '\0') {
    *scale = unit == UNIT_MS ? 1000 : 1;
    return TRUE;
  }
  for (guint i = 0; unit != UNIT_NONE && i < G_N_ELEMENTS (suffixes); i++)
    if (suffixes[i].time == time && g_ascii_strcasecmp (text, suffixes[i].suffix) == 0) {
      *scale = suffixes[i].scale;
      return TRUE;
    }
  return FALSE;
}

/* Reads digits into @n and returns their number. */
static guint
take_digits (const char **at, Wide *n)
{
  guint count = 0;

  for (; g_ascii_isdigit (**at); (*at)++, count++)
    *n = count < WHOLE_DIGITS + PART_DIGITS ? *n * 10 + (**at - '0') : *n;
  return count;
}

static const char *
parse (const char *at, Unit unit, guint64 *out)
{
  Wide n = 0, divisor = unit == UNIT_MS ? 1000 : 1;
  guint whole = take_digits (&at, &n), part = 0;
  guint64 scale = 1;

  if (*at == '.' && whole) {
    at++;
    part = take_digits (&at, &n);
  }
  if (!whole || whole > WHOLE_DIGITS || part > PART_DIGITS || !find_scale (at, unit, &scale))
    return "it is not understood";
  for (guint i = 0; i < part; i++)
    divisor *= 10;
  /* divisor < 2^40, n < 2^97, scale <= 2^40: n * scale alone might overflow. */
  if (n > (Wide) G_MAXUINT64 * divisor / scale)
    return "it is too large";
  n *= scale;
  if (n % divisor)
    return "it is not a whole number of the parameter's unit";
  *out = n / divisor;
  return NULL;
}

gboolean
human_parse (const char *text, Unit unit, guint64 *out, GError **error)
{
  static const char *const todo[] = {
    [UNIT_NONE] = "write a number",
    [UNIT_BYTES] = "write a size, for example 512M or 1.5G",
    [UNIT_BYTES_PER_S] = "write bytes per second, for example 100M or 1.5G",
    [UNIT_MS] = "write a time, for example 300ms or 2s",
    [UNIT_US] = "write a time, for example 300us or 2ms",
  };
  const char *why = parse (text, unit, out);

  if (why)
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "'%s': %s; %s", text, why, todo[unit]);
  return !why;
}
