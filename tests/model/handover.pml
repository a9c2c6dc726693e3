/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: The godwit authors */

/* The handover: who may run the guest.  docs/handover.md tells it in words; check.py checks it.
 *
 * Each step of a side is one d_step, and a side may be killed between any two of them.
 * Macros choose what is checked:
 *   NO_OPERATOR        nobody ever says x-migrate-resolve
 *   SOURCE_LIVES       the source is not killed
 *   ONLY_LINK_1_FAILS  nobody is killed, and a query is answered in the end
 *   the others         a wrong protocol, to be rejected: each adds one forbidden step */

#ifdef ONLY_LINK_1_FAILS
#define SOURCE_LIVES
#endif

mtype = {
  /* source */
  LIVE, PAUSED, PREPARING, READY,   /* not committed: the guest is the source's */
  CANCELLED,                        /* ended before commit: the guest is the source's */
  COMMITTING, WAITING, ASKING,      /* from COMMIT's first byte on: nobody knows yet */
  COMPLETED, GIVEN_BACK, UNKNOWN,   /* committed; the answer was `aborted`; none yet */
  HERE, THERE,                      /* the operator resolved UNKNOWN */
  /* destination */
  FRESH, PREPARED,                  /* undecided */
  COMMITTED, ABORTED,               /* decided, for good */
  /* either */
  DEAD
};

mtype src = LIVE, dst = FRESH;
bool src_runs, dst_runs;    /* the guest executes there, now */
bool was_running;           /* at the source, when the migration began */
bool run_state;             /* what PREPARE told the destination about it */
bool autostart;             /* destination: not started with --paused, or told `cont` */
bool started;               /* destination: has acted upon its decision to commit */
bool listening = true;      /* destination: still answers queries */
bool commit_begun;          /* source: the next thing is to hand COMMIT to write () */
bool write_error;           /* source: write () of COMMIT said it failed */
bool commit_refused;        /* destination: a COMMIT came after it had aborted */
bool doubted;               /* source: has been UNKNOWN */
bool returned;              /* source: a blackout took too long, and gave the guest back */
bool prepare_said;          /* source: PREPARE is on its way, with what memory was then */
bool stale;                 /* the guest has run at the source since */

/* A message that was sent stays in the net: it arrives late, in any order, on any link, and as
 * often as the receiver looks.  Unless the net loses it. */
typedef Net {
  bool prepare, prepared, commit, committed, confirm, abort;
  bool query, says_committed, says_aborted, says_unknown_id
};
Net net;

#define BEFORE_COMMIT (src == LIVE || src == PAUSED || src == PREPARING || src == READY)
#define UNDECIDED     (dst == FRESH || dst == PREPARED)
#define SOURCE_OWNS   (BEFORE_COMMIT || src == CANCELLED || src == GIVEN_BACK || src == HERE)

active proctype Source ()
{
  if
  :: d_step { was_running = true; src_runs = true }
  :: was_running = false
  fi;

end:
  do
  :: d_step { src == LIVE -> src = PAUSED; src_runs = false }
  :: d_step { src == PAUSED -> src = PREPARING; net.prepare = true; prepare_said = true }

  /* x-max-downtime, before PREPARE: precopy goes on.  Once is enough to see. */
  :: d_step { src == PAUSED && !returned ->
              src = LIVE; src_runs = was_running; returned = true }
  :: d_step { src == PREPARING && net.prepared -> src = READY }
  :: d_step { src == READY -> src = COMMITTING; commit_begun = true }

  /* Cancel, failure, timeout. */
  :: d_step { BEFORE_COMMIT -> src = CANCELLED; net.abort = true }

  /* write () works; or fails before, or after, COMMIT has left the machine. */
  :: d_step { src == COMMITTING -> src = WAITING; net.commit = true }
  :: d_step { src == COMMITTING -> src = ASKING; write_error = true }
  :: d_step { src == COMMITTING -> src = ASKING; write_error = true; net.commit = true }

  /* Link 1 fails or is silent: ask on a new link, again if need be. */
  :: d_step { src == WAITING -> src = ASKING }
  :: d_step { src == ASKING && !net.query -> net.query = true }

  :: d_step { (src == WAITING || src == ASKING) && net.committed ->
              src = COMPLETED; net.confirm = true }
  :: d_step { src == ASKING && net.says_committed -> src = COMPLETED; net.confirm = true }
  :: d_step { src == ASKING && net.says_aborted -> src = GIVEN_BACK; net.confirm = true }
  :: d_step { src == ASKING && net.says_unknown_id -> src = UNKNOWN; doubted = true }
  :: d_step { src == ASKING -> src = UNKNOWN; doubted = true }

  /* The attempt has failed, and it asks on: an answer or the operator, the first decides.
   * `unknown-id` is no answer to wait for, and none that decides. */
#ifndef DOUBT_IS_FINAL
  :: d_step { src == UNKNOWN && !net.query -> net.query = true }
  :: d_step { src == UNKNOWN && net.says_committed -> src = COMPLETED; net.confirm = true }
  :: d_step { src == UNKNOWN && net.says_aborted -> src = GIVEN_BACK; net.confirm = true }
#endif

  /* The one place where the source resumes. */
  :: d_step { (src == CANCELLED || src == GIVEN_BACK || src == HERE) &&
              was_running && !src_runs -> src_runs = true; stale = prepare_said }

  /* x-migrate-resolve, by an operator who looked at the destination first. */
#ifndef NO_OPERATOR
  :: d_step { src == UNKNOWN && (dst == ABORTED || dst == DEAD) -> src = HERE }
  :: d_step { src == UNKNOWN && dst == COMMITTED -> src = THERE }
#endif

#ifndef SOURCE_LIVES
  :: d_step { src != DEAD -> src = DEAD; src_runs = false }
#endif

#ifdef RESUME_AFTER_COMMIT_WRITE_ERROR
  :: d_step { src == COMMITTING -> src = CANCELLED; net.commit = true }
#endif
#ifdef RETURN_AFTER_PREPARE
  :: d_step { (src == PREPARING || src == READY) && was_running && !returned ->
              src = LIVE; src_runs = true; returned = true; stale = prepare_said }
#endif
#ifdef RETURN_AFTER_COMMIT
  :: d_step { src == WAITING && was_running && !returned ->
              src = LIVE; src_runs = true; returned = true; stale = prepare_said }
#endif
#ifdef CANCEL_AFTER_COMMIT
  :: d_step { src == WAITING -> src = CANCELLED; net.abort = true }
#endif
#ifdef CANCEL_LEAVES_PAUSED
  :: d_step { src == CANCELLED && !src_runs -> src = UNKNOWN }
#endif
#ifdef UNKNOWN_ID_MEANS_ABORTED
  :: d_step { (src == ASKING || src == UNKNOWN) && net.says_unknown_id -> src = CANCELLED }
#endif
#ifdef SILENCE_MEANS_ABORTED
  :: d_step { src == UNKNOWN -> src = GIVEN_BACK }
#endif
#ifdef ANSWER_AFTER_RESOLVE
  :: d_step { (src == HERE || src == THERE) && net.says_committed -> src = COMPLETED }
  :: d_step { (src == HERE || src == THERE) && net.says_aborted -> src = GIVEN_BACK }
#endif
#ifdef CONT_WHILE_UNKNOWN
  :: d_step { src == UNKNOWN -> src_runs = true }
#endif
#ifdef OPERATOR_GUESSES
  :: d_step { src == UNKNOWN -> src = HERE }
#endif
  od
}

active proctype Destination ()
{
  if
  :: autostart = true
  :: autostart = false
  fi;

end:
  do
  :: d_step { dst == FRESH && net.prepare ->
              dst = PREPARED; run_state = was_running; net.prepared = true }

  /* The source says so, or a link failed, or it is tired of waiting. */
  :: d_step { UNDECIDED && net.abort -> dst = ABORTED }
  :: d_step { UNDECIDED -> dst = ABORTED }

  /* The decision first, the guest and the answer later. */
  :: d_step { dst == PREPARED && net.commit -> dst = COMMITTED }
  :: d_step { dst == COMMITTED && !started ->
              started = true; dst_runs = run_state && autostart; net.committed = true }
  :: d_step { dst == ABORTED && net.commit && !commit_refused -> commit_refused = true }

  /* A query decides, then is answered. */
  :: d_step { UNDECIDED && net.query -> dst = ABORTED }
  :: d_step { dst == ABORTED && listening && net.query && !net.says_aborted ->
              net.says_aborted = true }
  :: d_step { dst == COMMITTED && listening && net.query && !net.says_committed ->
              net.says_committed = true }
  :: d_step { !UNDECIDED && listening && net.confirm -> listening = false }

  /* `cont` while incoming.  Once started, it is the user's own guest: not modelled. */
  :: d_step { dst != DEAD && !started && !autostart -> autostart = true }

#ifndef ONLY_LINK_1_FAILS
  :: d_step { dst != DEAD -> dst = DEAD; dst_runs = false; listening = false }
#endif

#ifdef QUERY_DOES_NOT_DECIDE
  :: d_step { UNDECIDED && net.query -> net.says_aborted = true }
#endif
#ifdef LATE_COMMIT_ACCEPTED
  :: d_step { dst == ABORTED && net.commit -> dst = COMMITTED }
#endif
#ifdef RUN_ON_PREPARED
  :: d_step { dst == PREPARED -> dst_runs = run_state && autostart }
#endif
#ifdef CONT_RUNS_INCOMING
  :: d_step { UNDECIDED -> dst_runs = true }
#endif
#ifdef RUN_STATE_FORGOTTEN
  :: d_step { dst == COMMITTED && !started ->
              started = true; dst_runs = autostart; net.committed = true }
#endif
#ifdef LISTENER_CLOSED_AT_COMMITTED
  :: d_step { dst == COMMITTED && started -> listening = false }
#endif
#ifdef LISTENER_CLOSED_AT_FAILURE
  :: d_step { dst == ABORTED && !net.query -> listening = false }
#endif
#ifdef LISTENER_CLOSED_AT_ANSWER
  :: d_step { dst == ABORTED && net.says_aborted -> listening = false }
#endif
  od
}

active proctype Network ()
{
end:
  do
  :: net.prepare -> net.prepare = false
  :: net.prepared -> net.prepared = false
  :: net.commit -> net.commit = false
  :: net.committed -> net.committed = false
  :: net.confirm -> net.confirm = false
  :: net.abort -> net.abort = false
#ifndef ONLY_LINK_1_FAILS
  :: net.query -> net.query = false
  :: net.says_committed -> net.says_committed = false
  :: net.says_aborted -> net.says_aborted = false
  :: net.says_unknown_id -> net.says_unknown_id = false
#endif

  /* Whoever has the destination's address after it never heard of this migration. */
  :: d_step { !listening && net.query && !net.says_unknown_id -> net.says_unknown_id = true }
  od
}

/* Promises, as in docs/handover.md. */

ltl p1_never_both { [] !(src_runs && dst_runs) }

/* Said of a source that is not killed. */
ltl p2_cancel_resumes {
  [] (src == CANCELLED -> <> (src == CANCELLED && src_runs == was_running)) }

ltl p3_source_waits {
  [] ((commit_begun && src_runs) -> (src == GIVEN_BACK || src == HERE)) }

ltl p4_destination_waits { [] (dst_runs -> (dst == COMMITTED && commit_begun && autostart)) }

ltl paused_stays_paused { [] (!was_running -> (!src_runs && !dst_runs)) }

/* One side never believes what the other contradicts. */
ltl sides_agree {
  [] (!(SOURCE_OWNS && src != HERE && dst == COMMITTED)
      && !(src == COMPLETED && dst == ABORTED)) }

ltl listener_stays {
  [] (!listening -> (dst == DEAD || src == COMPLETED || src == GIVEN_BACK || src == DEAD)) }

/* What it runs there has not gone on here since it was sent. */
ltl nothing_is_stale { [] (dst == COMMITTED -> !stale) }

ltl doubt_waits { [] (src == UNKNOWN -> !src_runs) }

/* No answer, however late, changes what the operator has said. */
ltl resolved_is_final {
  [] ((src == HERE -> [] (src == HERE || src == DEAD))
      && (src == THERE -> [] (src == THERE || src == DEAD))) }

/* Said of NO_OPERATOR and ONLY_LINK_1_FAILS: whoever can be asked answers in the end. */
ltl doubt_ends { [] (src == UNKNOWN -> <> (src == COMPLETED || src == GIVEN_BACK)) }

/* Said of ONLY_LINK_1_FAILS: every run ends, and exactly one side has the guest. */
ltl no_loss {
  <> [] ((SOURCE_OWNS && dst != COMMITTED && src_runs == was_running && !dst_runs)
         || ((src == COMPLETED || src == THERE) && dst == COMMITTED
             && dst_runs == (was_running && autostart) && !src_runs)) }

/* Each of these has to be refuted: what it denies can happen, so the model is not empty. */

ltl never_completed { [] !(src == COMPLETED && dst_runs) }
ltl never_completed_by_query { [] !(src == COMPLETED && !started) }
ltl never_completed_despite_write_error { [] !(src == COMPLETED && write_error) }
ltl never_completed_paused { [] !(src == COMPLETED && started && was_running && !dst_runs) }
ltl never_confirmed { [] !(dst == COMMITTED && !listening) }
ltl never_returned { [] !(returned && src == LIVE && src_runs) }
ltl never_completed_after_return { [] !(returned && src == COMPLETED && dst_runs) }
ltl never_cancelled { [] !(src == CANCELLED && src_runs && dst == ABORTED) }
ltl never_cancelled_when_prepared { [] !(src == CANCELLED && src_runs && dst == PREPARED) }
ltl never_aborted_by_query { [] !(src == GIVEN_BACK && src_runs) }
ltl never_late_commit_refused { [] !(src == GIVEN_BACK && src_runs && commit_refused) }
ltl never_unknown { [] !(src == UNKNOWN && dst == PREPARED) }
ltl never_unknown_while_committed { [] !(src == UNKNOWN && dst_runs) }
ltl never_committed_late { [] !(doubted && src == COMPLETED && dst_runs) }
ltl never_aborted_late { [] !(doubted && src == GIVEN_BACK && src_runs) }
ltl never_unknown_id { [] !(src == UNKNOWN && net.says_unknown_id) }
ltl never_resolved_here { [] !(src == HERE && src_runs) }
ltl never_resolved_there { [] !(src == THERE && dst_runs) }
ltl never_source_dead { [] !(src == DEAD && dst_runs) }
