/* callbacks.h: which callbacks of plugins are running, for a process that watches this one.
 *
 * A page is shared between `reeld` and its worker (daemon/supervisor.h). It has a slot for each
 * thread of the worker that has called a plugin. While a callback runs, its slot says which
 * collection's it is and what it was given. The slots are written by plain stores, because this
 * happens for every event; nobody waits for them. When the worker has ended, the page is what is
 * left of it.
 *
 * What a callback was given is identified by a hash, so that it is recognized when it comes again,
 * by whatever way. For an event, the hash is not computed in advance, which would cost more than
 * one percent of a fold. The thread that dies computes it, in its signal handler
 * (callbacks_blame). A process that is killed by SIGKILL, or by _exit(), has no chance to do so:
 * for this case `eager` makes the next worker compute all hashes in advance.
 *
 * Without a page, as in a program that embeds Reel, the slots are in ordinary memory.
 *
 * A plugin must not fork, but one may. The child has a page of its own, in which no callback runs.
 * If it was forked in a callback, it has none of the worker's descriptors (the lock of the store,
 * the log, sockets), and it ends when the callback returns.
 */
#ifndef REEL_ENGINE_FOLD_CALLBACKS_H
#define REEL_ENGINE_FOLD_CALLBACKS_H

#include "base/build_id.h"

#include <reel/abi.h>

#include <stdatomic.h>
#include <sys/types.h>

#define CALLBACK_SLOTS       256 /* threads beyond these are not watched */
#define CALLBACK_COLLECTIONS 1024
#define CALLBACK_HASH_BYTES  16
#define CALLBACK_NAME_MAX    64

enum callback_kind {
    CALLBACK_EVOLVE,
    CALLBACK_DERIVE,
    CALLBACK_DERIVE_RECORD, /* derive, in a rebuild from records: without an event */
    CALLBACK_DECIDE,
    CALLBACK_KEY, /* canonical_key */
};

/* What a callback was given: the event's bytes; the record's key; the text that should become a
 * key. Of a command, only the hash is known. */
struct callback_slot {
    atomic_uint_least64_t number; /* of the callback that runs; 0: none does */
    atomic_uint_least64_t seq;    /* of the event; of a command, the head of the log and 1 */
    _Atomic uint32_t kind;
    _Atomic uint32_t collection; /* its index in the page, and 1; 0: it has none */
    const char *_Atomic bytes;   /* in the memory of the worker; NULL: `hash` is set already */
    _Atomic size_t len;
    uint8_t hash[CALLBACK_HASH_BYTES]; /* of the bytes, if `has_hash` is the callback's number */
    _Atomic uint64_t has_hash;

    /* The command that is being carried out, if any, also while its events are folded. */
    uint8_t request[CALLBACK_HASH_BYTES];
    uint8_t caller[CALLBACK_HASH_BYTES]; /* who gives it, or looks up a key, by a hash; zeros: it is
                                            not known */
    _Atomic uint32_t request_of;         /* the collection, as above; 0: there is no command */

    _Atomic pid_t thread; /* 0: the slot is free */
    uint8_t padding[24];  /* threads should not share lines of the processor's cache */
};

_Static_assert(sizeof(struct callback_slot) == 128, "two lines");

enum { BLAMED_NONE = 0, BLAMED_OTHER = -1 };

struct callback_page {
    /* Written by the watching process. */
    atomic_bool eager;
    atomic_int ends; /* `blamed`, in advance: the slot whose callback does not return */

    /* Written by the worker when it dies. The first one counts. */
    atomic_int blamed; /* the index of a slot, and 1; or BLAMED_… */
    atomic_int signal; /* 0: a call of exit() */

    uint32_t collection_count;
    struct {
        char name[CALLBACK_NAME_MAX];
        uint8_t build_id[BUILD_ID_BYTES];
    } collections[CALLBACK_COLLECTIONS];

    _Alignas(64) struct callback_slot slots[CALLBACK_SLOTS];
};

/* Makes a page that is shared with processes that are forked later; NULL: no memory. */
struct callback_page *callbacks_create(void);
void callbacks_destroy(struct callback_page *page); /* accepts NULL */

/* Forgets what a worker has left, before the next one is forked. */
void callbacks_reset(struct callback_page *page);

/* From now on this process writes this page. [before there are other threads] */
void callbacks_watch(struct callback_page *page);

/* The page of this process, or NULL. */
struct callback_page *callbacks_page(void);

/* Must hashes be computed in advance? It stays the same while this process runs. */
bool callbacks_are_eager(void);

/* Adds a collection. Returns its index and 1; 0: there is no page, or it is full. [setup] */
uint32_t callbacks_add(const char *collection, const uint8_t build_id[BUILD_ID_BYTES]);

/* The slot of this thread; it stays this thread's until the thread ends. `otherwise`: there is no
 * page, or no free slot. The first call of a thread gives it a stack for signal handlers, since a
 * callback may have used up its own. */
extern _Thread_local struct callback_slot *callback_own_slot
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
struct callback_slot *callback_take_slot(struct callback_slot *otherwise);
static inline struct callback_slot *callback_slot_here(struct callback_slot *otherwise) {
    struct callback_slot *own = callback_own_slot;
    return own ? own : callback_take_slot(otherwise);
}

/* Around a callback. `number` is not 0, and another one than that of the last callback in this
 * slot. */
void callback_hash_now(struct callback_slot *slot);
static inline void callback_begin(struct callback_slot *slot, enum callback_kind kind,
                                  uint32_t collection, struct reel_str given, uint64_t seq,
                                  uint64_t number, bool is_eager) {
    atomic_store_explicit(&slot->kind, (uint32_t)kind, memory_order_relaxed);
    atomic_store_explicit(&slot->collection, collection, memory_order_relaxed);
    atomic_store_explicit(&slot->bytes, given.data, memory_order_relaxed);
    atomic_store_explicit(&slot->len, given.len, memory_order_relaxed);
    atomic_store_explicit(&slot->seq, seq, memory_order_relaxed);
    atomic_store_explicit(&slot->number, number, memory_order_release);
    if (__builtin_expect(is_eager, 0)) callback_hash_now(slot);
}
__attribute__((noreturn, cold)) void callback_end_child(void);
static inline void callback_end(struct callback_slot *slot) {
    bool is_running = atomic_load_explicit(&slot->number, memory_order_relaxed) != 0;
    if (__builtin_expect(!is_running, 0)) callback_end_child();
    atomic_store_explicit(&slot->number, 0, memory_order_release);
}

/* Around a command, on the thread that carries it out. */
void callback_begin_request(struct callback_slot *slot, uint32_t collection,
                            const uint8_t hash[CALLBACK_HASH_BYTES], struct reel_str caller);
void callback_end_request(struct callback_slot *slot);

/* Before a key is looked up for this caller, or for an unknown one. */
void callback_set_caller(struct callback_slot *slot, struct reel_str caller);

/* The hash by which events, keys and commands are recognized. */
void callback_hash(struct reel_str given, uint8_t ret[CALLBACK_HASH_BYTES]);

/* This thread ends the process: by this signal, whose handler calls it; or by exit(), 0. If it runs
 * a callback, this callback is blamed. Safe in a signal handler. */
void callbacks_blame(int signal);

/* The process ends on purpose: whatever callback runs has nothing to do with it. */
void callbacks_blame_other(void);

/* The process ends because of what the callback of this slot has done on another thread. */
void callbacks_blame_slot(const struct callback_slot *slot, int signal);

#endif
