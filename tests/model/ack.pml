/* SPDX-License-Identifier: Apache-2.0
 *
 * ack.pml: how far a source may be acknowledged, in the words of libdataflow/core: one partition
 * of N records, a span for each; a ticket for the batch, for each sink and for the error sink;
 * the watermark; the generation that grows when the partition is given away (revoked, lost) or
 * the process dies; parcels handed over that may still arrive when nobody waits for them
 * (zombies); positions saved by the store, or (EOS) committed by the main sink with its records.
 *
 * Record 0 goes to two sinks (fan-out), record 1 is refused by the main sink (error sink),
 * record 2 is filtered, record 3 goes to the main sink. tests/model/run checks every state.
 * Safety: no position beyond a record that is not terminal; EOS: nothing twice in the main sink.
 * Every end state has all records terminal and the position at the end. */
#ifndef N
#define N 4
#endif
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef GENERATIONS
#define GENERATIONS 2
#endif
#define MAIN 0
#define ROUTED 1
#define ERRORS 2
#define SINKS 3

#define is_copied(r) ((r) == 0)
#define is_refused(r) ((r) == 1)
#define is_filtered(r) ((r) == 2)

mtype = { NONE, OK, EIO, EUNKNOWN, EDATA };

/* durable */
byte in_sink[SINKS * N];  /* how often a record is there */
byte stored;              /* position: records below it are not read again */
byte epoch;               /* EOS: of the owner of the position's row */

/* between the flow and the threads of its sinks */
byte sent[SINKS];         /* record + 1 that was handed over; 0: none */
mtype outcome[SINKS];
byte zombie[SINKS], zombie_epoch[SINKS];

/* the flow, gone with the process */
byte generation, next_seq, dispatched, watermark, saving;
bool ticket[SINKS * N];
bool batch_ticket[N];

byte faults = FAULTS;

#define at(k, r) ((k) * N + (r))
#define terminal(r) (is_filtered(r) || \
    (is_refused(r) && in_sink[at(ERRORS, r)] > 0) || \
    (!is_refused(r) && in_sink[at(MAIN, r)] > 0 && \
     (!is_copied(r) || in_sink[at(ROUTED, r)] > 0)))
#define closed(r) (!batch_ticket[r] && !ticket[at(MAIN, r)] && !ticket[at(ROUTED, r)] && \
                   !ticket[at(ERRORS, r)])

byte c; /* counts within atomic steps */

inline check_position()
{
    c = 0;
    do
    :: c < stored -> assert(terminal(c)); c++
    :: else -> break
    od;
    c = 0
}

inline land(k, r)
{
    if
    :: in_sink[at(k, r)] < 3 -> in_sink[at(k, r)]++
    :: else
    fi
}

/* What the main sink of an exactly-once flow does in one transaction: records and position, if
 * the row still has the owner's epoch and the position before it. */
inline commit(r, owner)
{
    if
    :: owner == epoch && stored <= (r) ->
        land(MAIN, r);
        stored = (r) + 1;
        check_position();
        assert(in_sink[at(MAIN, r)] == 1)
    :: else /* fenced */
    fi
}

proctype sink(byte k)
{
    byte r;
end:
    do
    :: atomic { sent[k] > 0 && outcome[k] == NONE ->
        r = sent[k] - 1;
        if
        :: k == MAIN && is_refused(r) -> outcome[k] = EDATA /* nothing applied */
        :: !(k == MAIN && is_refused(r)) ->
#ifdef EOS
            if
            :: k == MAIN -> commit(r, generation)
            :: else -> land(k, r)
            fi;
#else
            land(k, r);
#endif
            outcome[k] = OK
        :: faults > 0 -> faults--; outcome[k] = EIO
        :: faults > 0 && !(k == MAIN && is_refused(r)) -> faults--;
#ifdef EOS
            if
            :: k == MAIN -> commit(r, generation)
            :: else -> land(k, r)
            fi;
#else
            land(k, r);
#endif
            outcome[k] = EUNKNOWN /* applied, but nobody told */
        fi;
        r = 0 }
    /* handed over by an owner that is gone: it arrives, or it does not */
    :: atomic { zombie[k] > 0 ->
        r = zombie[k] - 1;
        if
        :: k == MAIN && is_refused(r)
#ifdef EOS
        :: k == MAIN && !is_refused(r) -> commit(r, zombie_epoch[k])
        :: k != MAIN -> land(k, r)
#else
        :: !(k == MAIN && is_refused(r)) -> land(k, r)
#endif
        :: true
        fi;
        zombie[k] = 0; r = 0 }
    od
}

inline pop_closed()
{
    do
    :: watermark < dispatched && closed(watermark) -> watermark++
    :: else -> break
    od
}

/* The first record of a sink whose ticket is open: parcels go in order. */
inline first_open(k, r)
{
    r = 0;
    do
    :: r < dispatched && !ticket[at(k, r)] -> r++
    :: else -> break
    od
}

/* Errors first: up to the parcel's mark nothing but the main sink's own ticket is open. */
inline errors_first(r, ok)
{
    c = 0; ok = true;
    do
    :: c <= r -> ok = ok && !batch_ticket[c] && !ticket[at(ROUTED, c)] && !ticket[at(ERRORS, c)]; c++
    :: else -> break
    od;
    c = 0
}

inline give_away()
{
    c = 0;
    do
    :: c < SINKS ->
        if
        :: sent[c] > 0 && outcome[c] == NONE && zombie[c] == 0 ->
            zombie[c] = sent[c]; zombie_epoch[c] = generation
        :: else
        fi;
        sent[c] = 0; outcome[c] = NONE; c++
    :: else -> break
    od;
    c = 0;
    do
    :: c < SINKS * N -> ticket[c] = false; c++
    :: else -> break
    od;
    c = 0;
    do
    :: c < N -> batch_ticket[c] = false; c++
    :: else -> break
    od;
    c = 0;
    generation++;
    epoch = generation; /* claim: fences the owner before */
    saving = 0;
    next_seq = stored; dispatched = stored; watermark = stored
}

inline settle(k, r)
{
    ticket[at(k, r)] = false;
    sent[k] = 0; outcome[k] = NONE;
    pop_closed()
}

inline answer(k)
{
    atomic { sent[k] > 0 && outcome[k] != NONE ->
        r = sent[k] - 1;
        if
        :: outcome[k] == OK -> settle(k, r)
        :: outcome[k] == EIO -> sent[k] = 0; outcome[k] = NONE /* sent again, same order */
        :: outcome[k] == EUNKNOWN ->
#ifdef EOS
            if
            :: k == MAIN && stored > r -> settle(k, r) /* resolve: it was applied */
            :: else -> sent[k] = 0; outcome[k] = NONE
            fi
#else
            sent[k] = 0; outcome[k] = NONE
#endif
        :: outcome[k] == EDATA -> ticket[at(ERRORS, r)] = true; settle(k, r)
        fi;
        r = 0 }
}

inline hand_over(k)
{
    atomic { sent[k] == 0 ->
        first_open(k, r);
        ok = r < dispatched;
#ifdef EOS
        if
        :: ok && k == MAIN -> errors_first(r, ok)
        :: else
        fi;
#endif
        if
        :: ok -> sent[k] = r + 1; outcome[k] = NONE
        :: else
        fi;
        moved = ok; r = 0; ok = false }
}

#define can_hand_over(k) (sent[k] == 0 && \
    (ticket[at(k, 0)] || ticket[at(k, 1)] || ticket[at(k, 2)] || ticket[at(k, N - 1)]))

active proctype flow()
{
    byte r;
    bool ok, moved;
    atomic { run sink(MAIN); run sink(ROUTED); run sink(ERRORS) }
    do
    :: atomic { next_seq < N -> batch_ticket[next_seq] = true; next_seq++ }
    :: atomic { dispatched < next_seq ->
        r = dispatched;
        if
        :: !is_filtered(r) -> ticket[at(MAIN, r)] = true
        :: else
        fi;
        if
        :: is_copied(r) -> ticket[at(ROUTED, r)] = true
        :: else
        fi;
        dispatched++;
        batch_ticket[r] = false;
        pop_closed(); r = 0 }
    :: can_hand_over(MAIN) -> hand_over(MAIN)
    :: can_hand_over(ROUTED) -> hand_over(ROUTED)
    :: can_hand_over(ERRORS) -> hand_over(ERRORS)
    :: answer(MAIN)
    :: answer(ROUTED)
    :: answer(ERRORS)
    /* the watermark is saved, then acked: one save outstanding */
#ifdef EOS
    :: atomic { watermark > stored && sent[MAIN] == 0 && epoch == generation ->
        stored = watermark; check_position() }
#else
    :: atomic { saving == 0 && watermark > stored -> saving = watermark }
    :: atomic { saving > 0 -> assert(saving >= stored); stored = saving; saving = 0;
        check_position() }
    :: atomic { saving > 0 && faults > 0 -> faults--; saving = 0 }
#endif
    /* lost, or the process is killed and another takes over; revoked is the same when drained */
    :: atomic { generation < GENERATIONS -> give_away() }
    :: atomic { stored == N && watermark == N -> break }
    od;
    c = 0;
    do
    :: c < N -> assert(terminal(c)); c++
    :: else -> break
    od
}
