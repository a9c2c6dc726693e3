/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <pthread.h>

#include "core/link/channel.h"
#include "core/destination/destination.h"
#include "core/destination/phase.h"
#include "core/handover/verdict.h"
#include "core/memory/pageset.h"
#include "core/base/invoke.h"
#include "core/memory/regions.h"

typedef enum { UNIDENTIFIED, MAIN_LINK, MEMORY_LINK, ASKER } Role;

/* A peer that has connected. */
typedef struct {
  GdwChannel *channel;
  Role role;
  gint64 came_us;
  gint64 since_us; /* the same, but set so that a peer turned away is sent off a second later */
  gboolean closed, turned_away;
  gboolean goes; /* its link is ending */
  gboolean dead; /* the source has given up this link: its frames are ignored */
} Peer;

/* A section of which some chunks have arrived. */
typedef struct {
  char *name;
  guint32 version;
  guint64 total;
  GByteArray *data;
} Incoming;

struct GdwDestination {
  GdwAttempt attempt;
  GdwDestinationPhase phase; /* written by gdw_destination_enter alone */
  GdwStatus status;          /* shown */
  gboolean trust_zero;
  gboolean one_way;             /* from a file or a pipe: the peer is the source */
  gboolean one_peer;            /* nobody else can come: one_way, or a socket given by number */
  gboolean commit_read, at_end; /* one-way: COMMIT was read, and the stream ends there */
  GError *error;
  GdwVerdict verdict;
  char *id_text, *address; /* as text */
  GdwAddress *local_address;
  char *transport_name;
  char *machine; /* the digest of the host's machine, or "" */
  GCancellable *host_cancellable, *accept_cancellable;
  gint refs; /* atomic: the owner's and one for each post of the acceptor */

  GdwListening on_listening;
  gpointer listening_data;
  GError *listen_error; /* of the worker, until it is done */

  GdwStack *stack;
  GdwRegions *regions;
  GdwChannelConfig channel_config;
  GPtrArray *peers; /* of Peer */
  GdwChannel *links[GDW_LINKS_MAX];
  GdwChannel *main_link;  /* one of links: carries the control frames */
  GdwChannel *state_link; /* one of links: brought the sections; or NULL */
  gboolean prepare_again; /* the main link died after PREPARE: both are sent again */
  guint n_links, n_joined, n_dead;
  pthread_t acceptor;
  gboolean accepting, closing;
  gboolean source_knows; /* it knows of the failure: no question will come */
  gboolean lingered;     /* long enough for `over` to be told: only the listener may be left */
  gboolean told_over;
  pthread_mutex_t arrivals_lock;
  pthread_cond_t arrivals_changed; /* for the acceptor */
  GQueue arrivals; /* of GdwLink, from the acceptor; the next ones under lock too */
  gboolean stop_accepting;
  GError *refusal;                    /* of the last accept, or NULL */
  gint64 refused_us, refused_last_us; /* every accept between them was refused */

  GPtrArray *sections;      /* of GdwSection, complete */
  GdwSection *section_list; /* the array for the host */
  Incoming incoming;
  guint64 sections_bytes;
  gboolean guest_ran; /* at the source */
  guint host_calls;
  gint64 commit_us;
  GSource *tick, *grace, *linger, *crowded;
  GError *lost; /* the error of the first link that ended */

  /* Channel threads write memory between enter and leave of the gate. */
  pthread_mutex_t gate;
  gboolean gate_closed, discarding;
  guint gate_inside;
  GdwPageset *touched; /* pages that arrived, where memory began as zero */

  gint64 begin_us, end_us;
  guint64 received_bytes, normal_pages, zero_pages; /* atomic */
  guint64 rounds;
  GPtrArray *warnings;
};

/* memory.c */
gboolean gdw_destination_take_memory (GdwChannel *channel, const GdwFrame *frame,
                                      const GdwMem *mem, gpointer data, GError **error);
/* No page is written after this; FALSE if one is being written now. */
gboolean gdw_destination_close_memory (GdwDestination *destination);
/* Reads and drops all further pages: the links end when the source knows the cause. */
void gdw_destination_discard_memory (GdwDestination *destination);

/* peers.c */
Peer *gdw_destination_peer (GdwDestination *destination, GdwChannel *channel);
void gdw_destination_free_peer (gpointer peer);
/* Adds @text to x-warnings, once. */
void gdw_destination_warn (GdwDestination *destination, const char *text);
/* Tells the cause on every link, so that the first message to arrive names the root cause. */
void gdw_destination_say_why (GdwDestination *destination);
/* Finishes the links of peers with a role in this range. */
void gdw_destination_finish_links (GdwDestination *destination, Role from, Role to);
void gdw_destination_send_off (Peer *peer);
/* Sends off the peers with this role that came, or were turned away, @limit_us ago. */
void gdw_destination_drop (GdwDestination *destination, Role role, gint64 limit_us);
/* Sends off the unidentified peers and the askers that came, or were turned away, @limit_us
 * ago. */
void gdw_destination_drop_silent (GdwDestination *destination, gint64 limit_us);
/* Returns NULL if there is none. */
GdwLink *gdw_destination_take_arrival (GdwDestination *destination);
void gdw_destination_drop_arrivals (GdwDestination *destination);
/* Orders the acceptor to end. */
void gdw_destination_end_accepting (GdwDestination *destination);
/* Waits for its end, and closes the links that it accepted and that were not let in. */
void gdw_destination_stop_accepting (GdwDestination *destination);

/* outcome.c */
/* Makes the move and shows the status of the phase.  If the table has no such move, it fails
 * the attempt and returns FALSE, and the caller must go no further. */
gboolean gdw_destination_enter (GdwDestination *destination, GdwDestinationPhase phase);
void gdw_destination_fail (GdwDestination *destination, GError *error); /* takes it */
/* The source knows the outcome: stop listening. */
void gdw_destination_close (GdwDestination *destination);
/* Takes every step of the tidying up that is possible now. */
void gdw_destination_proceed (GdwDestination *destination);
void gdw_destination_free_workers (GdwDestination *destination);
void gdw_destination_unref (gpointer destination);

/* switchover.c */
/* Forgets the state: all of it will come again, on another link. */
void gdw_destination_forget_state (GdwDestination *destination);
gboolean gdw_destination_on_state (GdwDestination *destination, const GdwFrame *frame,
                                   const guint8 *meta, GError **error);
gboolean gdw_destination_on_prepare (GdwDestination *destination, const GdwFrame *frame,
                                     const guint8 *meta, GError **error);
/* One-way: takes the guest once all is loaded and the stream is read to its end. */
void gdw_destination_maybe_take (GdwDestination *destination);
gboolean gdw_destination_on_commit (GdwDestination *destination, const GdwFrame *frame,
                                    const guint8 *meta, GError **error);

/* loss.c */
/* A link of the source has ended. */
void gdw_destination_lose_link (GdwDestination *destination, Peer *peer, const GError *error);
/* Gives up a link that was silent for @limit_us.  Fails if all were. */
void gdw_destination_check_links (GdwDestination *destination, gint64 limit_us);
gboolean gdw_destination_on_link_dead (GdwDestination *destination, Peer *peer,
                                       const GdwFrame *frame, const guint8 *meta,
                                       GError **error);

/* accept.c */
gboolean gdw_destination_accept (GdwDestination *destination, GError **error);
/* Lets in waiting peers as far as there is room. */
void gdw_destination_let_in (GdwDestination *destination);
/* A peer could not be let in: fails the attempt if a link is missing. */
void gdw_destination_refuse_arrival (GdwDestination *destination, const GError *error);
/* Fails if links are missing and none can be let in for long. */
void gdw_destination_check_accepting (GdwDestination *destination, gint64 limit_us);

/* frames.c */
extern const GdwChannelOps gdw_destination_channel_ops;
