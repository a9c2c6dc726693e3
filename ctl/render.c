/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "render.h"

#include "human.h"
#include "terminal.h"

guint
render_percent (const Progress *p)
{
  return (guint) (100 * progress_fraction (p));
}

static void
append_times (GString *out, const char *text, guint n)
{
  for (guint i = 0; i < n; i++)
    g_string_append (out, text);
}

char *
render_bar (double fraction, guint width)
{
  GString *out = g_string_new (NULL);
  gboolean utf8 = terminal_has_utf8 ();
  guint full = (guint) (CLAMP (fraction, 0, 1) * width);

  append_times (out, utf8 ? "█" : "#", full);
  append_times (out, utf8 ? "░" : "-", width - full);
  return g_string_free (out, FALSE);
}

const char *
render_meaning (const Progress *p)
{
  if (progress_is (p, "setup"))
    return p->address ? "waiting for the source" : "connecting";
  if (progress_is (p, "pre-switchover"))
    return "the guest is paused until 'godwitctl continue'";
  if (progress_is (p, "device"))
    return "the guest is paused while the rest is transferred";
  if (progress_is (p, "cancelling"))
    return "the migration is being cancelled";
  if (progress_is (p, "active") && !p->has_memory)
    return "receiving memory";
  return NULL;
}

static char *
numbers (const Progress *p)
{
  g_autofree char *rate = human_rate (p->rate);
  gboolean known = p->dirty_rate || p->rounds > 1;
  g_autofree char *dirty = known ? human_rate (p->dirty_rate) : g_strdup ("?");
  g_autofree char *downtime = p->expected_us ? human_us (p->expected_us) : g_strdup ("?");

  return g_strdup_printf ("%s, dirty %s, round %" G_GUINT64_FORMAT ", downtime about %s", rate,
                          dirty, p->rounds, downtime);
}

char *
render_plain (const Progress *p)
{
  const char *means = render_meaning (p);
  g_autofree char *rest = NULL, *sent = NULL, *left = NULL;

  if (!p->has_memory)
    return g_strdup_printf ("%s: %s%s%s", p->status, means ? means : "",
                            p->address ? " at " : "", p->address ? p->address : "");
  rest = numbers (p);
  sent = human_size (p->sent);
  left = human_size (p->remaining);
  return g_strdup_printf ("%s: %u %%, sent %s, left %s, %s", p->status, render_percent (p),
                          sent, left, rest);
}

char *
render_live (const Progress *p, guint columns)
{
  const char *means = render_meaning (p);
  g_autofree char *left = human_size (p->remaining), *sent = human_size (p->sent);
  g_autofree char *head = NULL, *tail = NULL, *bar = NULL, *below = NULL;
  guint used;

  if (!p->has_memory) {
    head = render_plain (p);
    below = g_strconcat (head, "\n", NULL);
    return g_steal_pointer (&below);
  }
  head = g_strdup_printf ("%s %3u %% ", p->status, render_percent (p));
  tail = g_strdup_printf (" %s sent, %s left", sent, left);
  used = terminal_width (head) + terminal_width (tail) + 1;
  bar = render_bar (progress_fraction (p), used + 4 < columns ? MIN (columns - used, 40) : 4);
  below = means ? g_strdup (means) : numbers (p);
  return g_strdup_printf ("%s%s%s\n  %s", head, bar, tail, below);
}

static const char *
part_mark (guint part)
{
  static const char *const utf8[PROGRESS_PARTS] = { "█", "░", "▓", "▒", "▚", "▖" };
  static const char *const ascii[PROGRESS_PARTS] = { "#", "-", "=", "+", "*", "." };

  return (terminal_has_utf8 () ? utf8 : ascii)[part];
}

/* Names the parts and their times in one line or in two. */
static char *
name_parts (const Progress *p, guint columns, const char *indent)
{
  for (guint per_line = PROGRESS_PARTS;; per_line = PROGRESS_PARTS / 2) {
    GString *out = g_string_new (NULL);

    for (guint i = 0; i < PROGRESS_PARTS; i++) {
      g_autofree char *time = human_us (p->blackout_us[i]);

      g_string_append (out, i % per_line ? "  " : i ? "\n" : "");
      g_string_append_printf (out, "%s%s %s %s", i % per_line ? "" : indent, part_mark (i),
                              progress_parts[i], time);
    }
    if (per_line < PROGRESS_PARTS || terminal_width (out->str) < columns)
      return g_string_free (out, FALSE);
    g_string_free (out, TRUE);
  }
}

char *
render_blackout (const Progress *p, guint columns, const char *indent)
{
  GString *out = g_string_new (indent);
  g_autofree char *names = name_parts (p, columns, indent);
  guint width = MIN (columns > 30 ? columns - 14 : 16, 60);
  guint64 sum = 0, upto = 0;
  guint drawn = 0;

  for (guint i = 0; i < PROGRESS_PARTS; i++)
    sum += p->blackout_us[i];
  for (guint i = 0; i < PROGRESS_PARTS; i++) {
    guint end;

    upto += p->blackout_us[i];
    end = sum ? (guint) ((double) upto / (double) sum * width + 0.5) : 0;
    append_times (out, part_mark (i), end - drawn);
    drawn = end;
  }
  g_string_append_printf (out, "\n%s", names);
  return g_string_free (out, FALSE);
}

char *
render_rounds (const Progress *p, guint rows)
{
  GString *out = g_string_new ("  round      pages        sent       time  left dirty");
  guint first = p->round->len > rows ? p->round->len - rows : 0;

  for (guint i = first; i < p->round->len; i++) {
    const Round *round = &g_array_index (p->round, Round, i);
    g_autofree char *sent = human_size (round->bytes), *time = human_ms (round->ms);

    g_string_append_printf (out,
                            "\n  %5u %10" G_GUINT64_FORMAT " %11s %10s %11" G_GUINT64_FORMAT,
                            i + 1, round->pages, sent, time, round->dirty_pages);
  }
  return g_string_free (out, FALSE);
}

char *
render_links (const Progress *p)
{
  GString *out;

  if (p->link->len < 2)
    return NULL;
  out = g_string_new (NULL);
  for (guint i = 0; i < p->link->len; i++) {
    const Link *link = &g_array_index (p->link, Link, i);
    g_autofree char *bytes = human_size (link->bytes);

    g_string_append_printf (out, "%s%" G_GUINT64_FORMAT ": %s%s", i ? ", " : "", link->id,
                            bytes, link->lost ? " (lost)" : "");
  }
  return g_string_free (out, FALSE);
}

static void
append_sent (GString *out, const Progress *p)
{
  g_autofree char *sent = human_size (p->sent);
  g_autofree char *links = render_links (p);
  guint64 ms = p->total_ms > p->setup_ms ? p->total_ms - p->setup_ms : 1;
  g_autofree char *rate = human_rate (p->sent / ms * 1000 + p->sent % ms * 1000 / ms);

  g_string_append_printf (out,
                          "\n  sent      %s in %u round%s, %s on average; %s, %u link%s, "
                          "tracker %s",
                          sent, p->round->len, p->round->len == 1 ? "" : "s", rate,
                          p->transport, p->links, p->links == 1 ? "" : "s", p->tracker);
  if (links)
    g_string_append_printf (out, "\n  links     %s", links);
}

static void
append_downtime (GString *out, const Progress *p, guint64 predicted_us, guint columns)
{
  g_autofree char *downtime = human_ms (p->downtime_ms);
  g_autofree char *predicted = human_us (predicted_us);
  g_autofree char *parts = NULL;

  g_string_append_printf (out, "\n  downtime  %s", downtime);
  if (predicted_us)
    g_string_append_printf (out, ", predicted %s", predicted);
  if (!p->has_blackout)
    return;
  parts = render_blackout (p, columns, "            ");
  g_string_append_printf (out, "\n  blackout%s", parts + 10);
}

char *
render_summary (const Progress *p, guint64 predicted_us, guint columns)
{
  GString *out = g_string_new (progress_word (p));
  g_autofree char *total = human_ms (p->total_ms), *rounds = NULL;

  if (p->total_ms)
    g_string_append_printf (out, " in %s", total);
  if (progress_is (p, "completed"))
    g_string_append (out, p->has_memory ? ": the guest is at the destination"
                                        : ": the guest is here");
  if (p->expected_us)
    predicted_us = p->expected_us;
  if (p->has_memory) {
    append_sent (out, p);
    if (progress_is (p, "completed"))
      append_downtime (out, p, predicted_us, columns);
  }
  if (p->round->len) {
    rounds = render_rounds (p, G_MAXUINT);
    g_string_append_printf (out, "\n%s", rounds);
  }
  for (guint i = 0; i < p->warnings->len; i++)
    g_string_append_printf (out, "\n  warning   %s", (char *) p->warnings->pdata[i]);
  return g_string_free (out, FALSE);
}

char *
render_paragraph (const char *text, guint columns, guint indent)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  GString *out = g_string_new (NULL);
  guint used = indent;

  for (char **word = words; *word; word++) {
    guint width = terminal_width (*word);

    if (out->len && used + 1 + width > columns) {
      g_string_append_printf (out, "\n%*s", (int) indent, "");
      used = indent;
    } else if (out->len) {
      g_string_append_c (out, ' ');
      used++;
    }
    g_string_append (out, *word);
    used += width;
  }
  return g_string_free (out, FALSE);
}

char *
render_history (const GArray *values, guint width, guint64 scale)
{
  static const char *const utf8[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
  static const char *const ascii[] = { " ", "_", ".", ":", "-", "=", "+", "*", "#" };
  const char *const *steps = terminal_has_utf8 () ? utf8 : ascii;
  guint first = values->len > width ? values->len - width : 0;
  GString *out = g_string_new (NULL);

  for (guint i = first; i < values->len; i++)
    scale = MAX (scale, g_array_index (values, guint64, i));
  for (guint i = first; i < values->len; i++) {
    double share = scale ? (double) g_array_index (values, guint64, i) / (double) scale : 0;

    g_string_append (out, steps[(guint) (share * 8 + 0.5)]);
  }
  return g_string_free (out, FALSE);
}
