/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "flow.h"
#include "link-cases.h"

LINK_CASES (DECLARE_CASE)

#define LINKS 16
#define SHARE ((guint64) 1 << 20)

typedef struct {
  End *in[LINKS], *out[LINKS];
  Flow flows[LINKS][4];
} Many;

/* Links may be accepted in any order, so each first sends its number. */
static void
sort_links (Many *many, guint n)
{
  End *sorted[LINKS] = { NULL };

  for (guint i = 0; i < n; i++) {
    guint8 number = (guint8) i;
    struct iovec iov = { &number, 1 };
    g_autoptr (GError) error = NULL;

    EXPECT (end_write (many->out[i], &iov, 1, NULL, &error) == 1,
            PROMISE ("transport.h", "Write some of @iov, at least one byte"),
            "write to link %u failed: %s", i, error->message);
  }
  for (guint i = 0; i < n; i++) {
    Call reading = { .kind = CALL_READ, .end = many->in[i], .size = 1 };
    guint8 number;

    call_start (&reading);
    call_end (&reading, PROMISE ("transport.h", "What one link or instance does never shows on "
                                                "another"));
    number = reading.count == 1 ? reading.buffer.data[0] : LINKS;
    EXPECT (number < n && !sorted[number],
            PROMISE ("transport.h", "What one link or instance does never shows on another"),
            "link %u gave the byte of link %u, which had come already or is none", i, number);
    sorted[number] = many->in[i];
  }
  for (guint i = 0; i < n; i++)
    many->in[i] = sorted[i];
}

static void
flow_on_all (Many *many, guint n, guint64 seed)
{
  for (guint i = 0; i < n; i++) {
    End *ends[2] = { many->out[i], many->in[i] };

    for (guint k = 0; k < 4; k++) {
      Flow *flow = &many->flows[i][k];

      *flow = (Flow){ .end = ends[k % 2],
                      .tag = 2 * i + (k == 1 || k == 2),
                      .size = SHARE,
                      .chunk = 5000 + 700 * k,
                      .vectors = 1 + k,
                      .seed = seed + i };
      flow_start (flow, k < 2 ? flow_write : flow_read);
    }
  }
  for (guint i = 0; i < n; i++)
    for (guint k = 0; k < 4; k++)
      flow_end (&many->flows[i][k]);
}

void
link_links_do_not_mix (const Subject *subject)
{
  guint n = MIN (subject_transport (subject)->max_links, LINKS);
  g_autofree Many *many = g_new0 (Many, 1);
  Pair pair;

  if (n < 2)
    skip ("it has one link only");
  pair_open_at_an_address (&pair, subject);
  many->in[0] = pair.in;
  many->out[0] = pair.out;
  for (guint i = 1; i < n; i++)
    pair_connect (&pair, &many->in[i], &many->out[i]);
  sort_links (many, n);
  flow_on_all (many, n, subject->seed);
  for (guint i = 0; i < n; i++) {
    end_close (many->in[i]);
    end_close (many->out[i]);
  }
  pair.in = pair.out = NULL;
  pair_close (&pair);
}

/* Reads part of the bytes of one link, uses another link, then reads the rest. */
void
link_what_one_link_keeps_is_its_own (const Subject *subject)
{
  Many many = { 0 };
  Pair pair;

  if (subject_transport (subject)->max_links < 2)
    skip ("it has one link only");
  pair_open (&pair, subject);
  many.in[0] = pair.in;
  many.out[0] = pair.out;
  pair_connect (&pair, &many.in[1], &many.out[1]);
  sort_links (&many, 2);
  for (guint i = 0; i < 2; i++) {
    many.flows[i][0] = (Flow){ .end = many.out[i], .tag = i, .size = 3000 };
    flow_write (&many.flows[i][0]);
    many.flows[i][1] = (Flow){ .end = many.in[i], .tag = i, .size = 3000, .chunk = 10 };
  }
  for (guint part = 10; part <= 3000; part += 10) {
    for (guint i = 0; i < 2; i++) {
      Flow *flow = &many.flows[i][1];

      flow->size = part;
      flow_start (flow, flow_read);
      flow_end (flow);
    }
  }
  for (guint i = 0; i < 2; i++) {
    end_close (many.in[i]);
    end_close (many.out[i]);
  }
  pair.in = pair.out = NULL;
  pair_close (&pair);
}

void
link_instances_do_not_meet (const Subject *subject)
{
  Pair one, two = { 0 };
  Flow flows[4];

  pair_open (&one, subject);
  if (one.descriptors) {
    pair_open (&two, subject);
  } else {
    two.listening = side_listen_too (subject);
    if (!two.listening)
      skip ("there is no second address to try");
    two.connecting = side_towards (two.listening);
    pair_connect (&two, &two.in, &two.out);
  }
  for (guint i = 0; i < 4; i++) {
    Pair *pair = i % 2 ? &two : &one;

    flows[i] = (Flow){
      .end = i < 2 ? pair->out : pair->in, .tag = i % 2, .size = 4 * SHARE, .chunk = 6000
    };
    flow_start (&flows[i], i < 2 ? flow_write : flow_read);
  }
  for (guint i = 0; i < 4; i++)
    flow_end (&flows[i]);
  pair_close (&two);
  flow_through (one.in, one.out, 5, 5000);
  pair_close (&one);
}
