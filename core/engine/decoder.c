/* decoder.c: see decoder.h. */
#include "engine/decoder.h"

#include "base/invariant.h"
#include "base/thread.h"
#include "json/value.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* How long a thread stays awake, about 100 us. The helper waits for so many further payloads, and
 * yields so often, before it sleeps. The writer yields so often while the helper finishes a
 * payload. */
enum { LINGER_FOR = 16, LINGER_YIELDS = 500, WAIT_YIELDS = 100 };

/* So many bytes of each part of a parsed event are prefetched; most events have no more. */
enum { FETCH_BYTES = 384 };

/* Who may use a slot. A slot that is SLOT_WAITING may be read only by the thread that changes its
 * state. */
enum slot_state {
    SLOT_WRITERS, /* free, or parsed by the writer only */
    SLOT_WAITING, /* for the thread that comes first */
    SLOT_HELPERS, /* the helper is parsing it */
    SLOT_READ,    /* the helper has parsed it */
};

/* The helper is awake; or it could not be created, and is not tried again. */
#define NOT_ASLEEP UINT64_MAX

struct slot {
    atomic_int state;
    bool wanted;
    struct json_parser *parser; /* used by the helper */
    struct decoded reading;
};

/* Payloads are numbered: number n is in slot n % DECODER_AHEAD_MAX. */
struct decoder {
    const struct reel_host *host; /* the table of functions for values */
    struct json_parser *parser;   /* used by the writer */
    struct decoded reading;       /* the result of decoder_decode */
    struct slot slots[DECODER_AHEAD_MAX];
    atomic_uint_fast64_t put;   /* number of payloads put; changed by the writer */
    atomic_uint_fast64_t taken; /* number of payloads taken; changed by the writer */
    bool helped;                /* the helper exists */
    pthread_t helper;
    pthread_mutex_t lock; /* for the members below */
    pthread_cond_t wake;
    bool awake, ended;
    atomic_uint_fast64_t
        slept_at; /* how far the helper had come when it fell asleep; or NOT_ASLEEP */
};

static struct slot *slot_of(struct decoder *decoder, uint64_t number) {
    return &decoder->slots[number % DECODER_AHEAD_MAX];
}

static void read_with(struct json_parser *parser, struct decoded *reading) {
    struct json *json;
    reading->rc =
        json_parse(parser, reading->entry.bytes, reading->entry.room, &json, &reading->why);
    if (reading->rc == 0) event_read(json, &reading->event);
}

/* ---- The helper ------------------------------------------------------------------------------ */

/* Parses waiting payloads from number `at` on. Returns the number of the first one that it did not
 * reach. It keeps a distance to the writer. Directly before the writer, both threads would wait for
 * each other at each payload. */
static uint64_t help_from(struct decoder *decoder, uint64_t at) {
    while (at < atomic_load_explicit(&decoder->put, memory_order_acquire)) {
        uint64_t taken = atomic_load_explicit(&decoder->taken, memory_order_relaxed);
        if (at < taken + DECODER_LEAD) {
            at = taken + DECODER_LEAD;
            continue;
        }
        struct slot *slot = slot_of(decoder, at++);
        int waiting = SLOT_WAITING; /* if this fails, the writer came first */
        if (!atomic_compare_exchange_strong(&slot->state, &waiting, SLOT_HELPERS)) continue;
        read_with(slot->parser, &slot->reading);
        if (slot->reading.rc == 0 && slot->reading.event.data.json) /* projectors begin there */
            json_prepare(slot->reading.event.data);
        atomic_store_explicit(&slot->state, SLOT_READ, memory_order_release);
    }
    return at;
}

/* True if there will soon be more to parse. While the writer takes payloads out of the ring, this
 * is likely, and sleeping and waking would cost both threads more than the parsing. */
static bool linger_at(struct decoder *decoder, uint64_t at) {
    for (int i = 0; i < LINGER_YIELDS; i++) {
        uint64_t put = atomic_load_explicit(&decoder->put, memory_order_relaxed);
        if (put >= at + LINGER_FOR) return true;
        if (put == atomic_load_explicit(&decoder->taken, memory_order_relaxed)) return false;
        sched_yield();
    }
    return false;
}

/* Sleeps until it is woken. Returns false if the thread must end. */
static bool sleep_at(struct decoder *decoder, uint64_t at) {
    pthread_mutex_lock(&decoder->lock);
    decoder->awake = false;
    atomic_store(&decoder->slept_at, at);
    while (!decoder->awake && !decoder->ended) pthread_cond_wait(&decoder->wake, &decoder->lock);
    bool ended = decoder->ended;
    pthread_mutex_unlock(&decoder->lock);
    return !ended;
}

static void *help(void *context) {
    struct decoder *decoder = context;
    uint64_t at = 0;
    do at = help_from(decoder, at);
    while (linger_at(decoder, at) || sleep_at(decoder, at));
    return NULL;
}

/* Creates a parser for each slot, and the thread. */
static bool make_helper(struct decoder *decoder) {
    for (size_t i = 0; i < DECODER_AHEAD_MAX; i++) {
        struct slot *slot = &decoder->slots[i];
        if (!slot->parser) slot->parser = json_parser_create(decoder->host);
        if (!slot->parser) return false;
    }
    return thread_start(&decoder->helper, "reel-decoder", help, decoder) == 0;
}

static void wake(struct decoder *decoder) {
    pthread_mutex_lock(&decoder->lock);
    decoder->awake = true;
    pthread_cond_signal(&decoder->wake);
    pthread_mutex_unlock(&decoder->lock);
}

/* Wakes the helper if enough payloads are waiting. */
static void call_helper(struct decoder *decoder, uint64_t put) {
    uint64_t from = atomic_load_explicit(&decoder->taken, memory_order_relaxed);
    uint64_t slept_at = atomic_load_explicit(&decoder->slept_at, memory_order_relaxed);
    if (slept_at > from) from = slept_at;
    if (put < from + DECODER_HELP_AT || slept_at == NOT_ASLEEP) return;
    atomic_store(&decoder->slept_at, NOT_ASLEEP);
    if (decoder->helped)
        wake(decoder);
    else
        decoder->helped = make_helper(decoder);
}

/* ---- The writer ------------------------------------------------------------------------------ */

struct decoder *decoder_create(const struct reel_host *host) {
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder) return NULL;
    pthread_mutex_init(&decoder->lock, NULL);
    pthread_cond_init(&decoder->wake, NULL);
    decoder->host = host;
    decoder->parser = json_parser_create(host);
    if (decoder->parser) return decoder;
    decoder_destroy(decoder);
    return NULL;
}

static void end_helper(struct decoder *decoder) {
    pthread_mutex_lock(&decoder->lock);
    decoder->ended = true;
    pthread_cond_signal(&decoder->wake);
    pthread_mutex_unlock(&decoder->lock);
    pthread_join(decoder->helper, NULL);
}

void decoder_destroy(struct decoder *decoder) {
    if (!decoder) return;
    decoder_clear(decoder);
    if (decoder->helped) end_helper(decoder);
    for (size_t i = 0; i < DECODER_AHEAD_MAX; i++) json_parser_destroy(decoder->slots[i].parser);
    json_parser_destroy(decoder->parser);
    pthread_cond_destroy(&decoder->wake);
    pthread_mutex_destroy(&decoder->lock);
    free(decoder);
}

struct decoded *decoder_decode(struct decoder *decoder, const struct log_entry *entry) {
    decoder->reading.entry = *entry;
    read_with(decoder->parser, &decoder->reading);
    return &decoder->reading;
}

bool decoder_put(struct decoder *decoder, const struct log_entry *entry, bool wanted) {
    uint64_t put = atomic_load_explicit(&decoder->put, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&decoder->taken, memory_order_relaxed);
    INVARIANT(put >= taken && put < taken + DECODER_AHEAD_MAX);
    if (put == taken + DECODER_AHEAD_MAX - 1) return false; /* the one taken last is still good */
    struct slot *slot = slot_of(decoder, put);
    int state = atomic_load_explicit(&slot->state, memory_order_relaxed);
    INVARIANT(state == SLOT_WRITERS || state == SLOT_READ); /* nobody reads it */
    bool helped = wanted && entry->bytes.len <= DECODER_HELP_BYTES;
    slot->wanted = wanted;
    slot->reading.entry = *entry;
    slot->reading.rc = 0;
    if (!wanted) slot->reading.event = (struct reel_event){0};
    atomic_store_explicit(&slot->state, helped ? SLOT_WAITING : SLOT_WRITERS, memory_order_release);
    atomic_store_explicit(&decoder->put, ++put, memory_order_release);
    call_helper(decoder, put);
    return true;
}

/* The slot of the first payload, or NULL. */
static struct slot *first_slot(struct decoder *decoder, uint64_t *ret_number) {
    *ret_number = atomic_load_explicit(&decoder->taken, memory_order_relaxed);
    uint64_t put = atomic_load_explicit(&decoder->put, memory_order_relaxed);
    return *ret_number < put ? slot_of(decoder, *ret_number) : NULL;
}

bool decoder_is_first(struct decoder *decoder, struct reel_str bytes) {
    uint64_t number;
    const struct slot *slot = first_slot(decoder, &number);
    return slot && slot->reading.entry.bytes.data == bytes.data &&
           slot->reading.entry.bytes.len == bytes.len;
}

/* Waits until the helper has finished a payload. This takes microseconds, unless the helper has no
 * processor, or must read the text from a disk. Then the writer sleeps, too, instead of
 * spinning. */
static int wait_for_helper(struct slot *slot) {
    int state = SLOT_HELPERS;
    for (int i = 0; state == SLOT_HELPERS; i++) {
        if (i < WAIT_YIELDS)
            sched_yield();
        else
            nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
        state = atomic_load_explicit(&slot->state, memory_order_acquire);
    }
    return state;
}

/* Makes the slot the writer's. Returns true if the helper has parsed the payload. */
static bool take_over(struct slot *slot) {
    int state = atomic_load_explicit(&slot->state, memory_order_acquire);
    if (state == SLOT_WAITING && atomic_compare_exchange_strong(&slot->state, &state, SLOT_WRITERS))
        return false;
    if (state == SLOT_HELPERS) state = wait_for_helper(slot);
    return state == SLOT_READ;
}

/* Takes the first payload out of the ring, and returns its slot; or NULL. */
static struct slot *next_slot(struct decoder *decoder) {
    uint64_t number;
    struct slot *slot = first_slot(decoder, &number);
    if (slot) atomic_store_explicit(&decoder->taken, number + 1, memory_order_relaxed);
    return slot;
}

static void fetch(const void *start, size_t len) {
    for (size_t at = 0; at < len; at += 64) __builtin_prefetch((const char *)start + at);
}

/* What the helper has parsed; or NULL. */
static const struct json *parsed(struct decoder *decoder, uint64_t number) {
    const struct slot *slot = slot_of(decoder, number);
    bool is_read = atomic_load_explicit(&slot->state, memory_order_acquire) == SLOT_READ;
    return is_read ? (const struct json *)slot->reading.event.attributes.json : NULL;
}

/* The parsed event is in the helper's cache. It is prefetched before it is used, in three steps,
 * because each part contains the address of the next one. */
static void fetch_ahead(struct decoder *decoder, uint64_t number) {
    fetch(slot_of(decoder, number + 6), sizeof(struct slot));
    const struct json *json = parsed(decoder, number + 4);
    if (json) fetch(json, FETCH_BYTES);
    json = parsed(decoder, number + 2);
    if (!json) return;
    fetch(json->strings, FETCH_BYTES);
    fetch(json->tape, FETCH_BYTES);
}

struct decoded *decoder_next(struct decoder *decoder) {
    struct slot *slot = next_slot(decoder);
    if (!slot) return NULL;
    fetch_ahead(decoder, atomic_load_explicit(&decoder->taken, memory_order_relaxed));
    bool is_read =
        take_over(slot) &&
        slot->reading.rc != -ENOMEM; /* if the helper had no memory, the writer tries again */
    if (slot->wanted && !is_read) read_with(decoder->parser, &slot->reading);
    return &slot->reading;
}

void decoder_clear(struct decoder *decoder) {
    struct slot *slot;
    while ((slot = next_slot(decoder))) take_over(slot);
}
