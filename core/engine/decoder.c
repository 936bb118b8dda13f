/* reader.c: see reader.h. */
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

/* The helper stays awake for so many payloads more, and for so long: some 100 us. The writer waits
 * so long for what the helper has begun before it sleeps. */
enum { LINGER_FOR = 16, LINGER_YIELDS = 500, WAIT_YIELDS = 100 };

/* Of each part of what was read so much is fetched ahead: what most events have. */
enum { FETCH_BYTES = 384 };

/* Whose a slot is. Only who moves it on from SLOT_WAITING reads it. */
enum slot_state {
    SLOT_WRITERS, /* free, or not for the helper */
    SLOT_WAITING, /* for who comes first */
    SLOT_HELPERS, /* being read by it */
    SLOT_READ,    /* by the helper */
};

/* It is awake; or it could not be made, and is not asked for again. */
#define NOT_ASLEEP UINT64_MAX

struct slot {
    atomic_int state;
    bool wanted;
    struct json_parser *parser; /* the helper's */
    struct decoded reading;
};

/* Payloads are counted: number n is in slot n % DECODER_AHEAD_MAX. */
struct decoder {
    const struct reel_host *host; /* the table for values */
    struct json_parser *parser;   /* the writer's */
    struct decoded reading;       /* what it read at once */
    struct slot slots[DECODER_AHEAD_MAX];
    atomic_uint_fast64_t put;   /* so many; the writer's */
    atomic_uint_fast64_t taken; /* so many of them; the writer's */
    bool helped;                /* there is a helper */
    pthread_t helper;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t wake;
    bool awake, ended;
    atomic_uint_fast64_t slept_at; /* how far it had come when it fell asleep; or NOT_ASLEEP */
};

static struct slot *slot_of(struct decoder *reader, uint64_t number) {
    return &reader->slots[number % DECODER_AHEAD_MAX];
}

static void read_with(struct json_parser *parser, struct decoded *reading) {
    struct json *json;
    reading->rc =
        json_parse(parser, reading->entry.bytes, reading->entry.room, &json, &reading->why);
    if (reading->rc == 0) event_read(json, &reading->event);
}

/* ---- The helper ------------------------------------------------------------------------------ */

/* Reads what waits, from `at` on, and returns how far it came. It keeps a lead: right behind it the
 * writer would wait for each, and it for the writer. */
static uint64_t help_from(struct decoder *reader, uint64_t at) {
    while (at < atomic_load_explicit(&reader->put, memory_order_acquire)) {
        uint64_t taken = atomic_load_explicit(&reader->taken, memory_order_relaxed);
        if (at < taken + DECODER_LEAD) {
            at = taken + DECODER_LEAD;
            continue;
        }
        struct slot *slot = slot_of(reader, at++);
        int waiting = SLOT_WAITING; /* or the writer was there first */
        if (!atomic_compare_exchange_strong(&slot->state, &waiting, SLOT_HELPERS)) continue;
        read_with(slot->parser, &slot->reading);
        if (slot->reading.rc == 0 && slot->reading.event.data.json) /* projectors look there */
            json_prepare(slot->reading.event.data);
        atomic_store_explicit(&slot->state, SLOT_READ, memory_order_release);
    }
    return at;
}

/* Is there soon more to read? While the writer goes through the ring it is: falling asleep and
 * being woken would cost both of them more than what is read in between. */
static bool linger_at(struct decoder *reader, uint64_t at) {
    for (int i = 0; i < LINGER_YIELDS; i++) {
        uint64_t put = atomic_load_explicit(&reader->put, memory_order_relaxed);
        if (put >= at + LINGER_FOR) return true;
        if (put == atomic_load_explicit(&reader->taken, memory_order_relaxed)) return false;
        sched_yield();
    }
    return false;
}

/* Sleeps until it is woken. False: it is to end. */
static bool sleep_at(struct decoder *reader, uint64_t at) {
    pthread_mutex_lock(&reader->lock);
    reader->awake = false;
    atomic_store(&reader->slept_at, at);
    while (!reader->awake && !reader->ended) pthread_cond_wait(&reader->wake, &reader->lock);
    bool ended = reader->ended;
    pthread_mutex_unlock(&reader->lock);
    return !ended;
}

static void *help(void *context) {
    struct decoder *reader = context;
    uint64_t at = 0;
    do at = help_from(reader, at);
    while (linger_at(reader, at) || sleep_at(reader, at));
    return NULL;
}

/* A parser for each slot, and the thread. */
static bool make_helper(struct decoder *reader) {
    for (size_t i = 0; i < DECODER_AHEAD_MAX; i++) {
        struct slot *slot = &reader->slots[i];
        if (!slot->parser) slot->parser = json_parser_create(reader->host);
        if (!slot->parser) return false;
    }
    return thread_start(&reader->helper, "reel-decoder", help, reader) == 0;
}

static void wake(struct decoder *reader) {
    pthread_mutex_lock(&reader->lock);
    reader->awake = true;
    pthread_cond_signal(&reader->wake);
    pthread_mutex_unlock(&reader->lock);
}

/* Sees to it that it reads, if there is enough. */
static void call_helper(struct decoder *reader, uint64_t put) {
    uint64_t from = atomic_load_explicit(&reader->taken, memory_order_relaxed);
    uint64_t slept_at = atomic_load_explicit(&reader->slept_at, memory_order_relaxed);
    if (slept_at > from) from = slept_at;
    if (put < from + DECODER_HELP_AT || slept_at == NOT_ASLEEP) return;
    atomic_store(&reader->slept_at, NOT_ASLEEP);
    if (reader->helped)
        wake(reader);
    else
        reader->helped = make_helper(reader);
}

/* ---- The writer ------------------------------------------------------------------------------ */

struct decoder *decoder_create(const struct reel_host *host) {
    struct decoder *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    pthread_mutex_init(&reader->lock, NULL);
    pthread_cond_init(&reader->wake, NULL);
    reader->host = host;
    reader->parser = json_parser_create(host);
    if (reader->parser) return reader;
    decoder_destroy(reader);
    return NULL;
}

static void end_helper(struct decoder *reader) {
    pthread_mutex_lock(&reader->lock);
    reader->ended = true;
    pthread_cond_signal(&reader->wake);
    pthread_mutex_unlock(&reader->lock);
    pthread_join(reader->helper, NULL);
}

void decoder_destroy(struct decoder *reader) {
    if (!reader) return;
    decoder_clear(reader);
    if (reader->helped) end_helper(reader);
    for (size_t i = 0; i < DECODER_AHEAD_MAX; i++) json_parser_destroy(reader->slots[i].parser);
    json_parser_destroy(reader->parser);
    pthread_cond_destroy(&reader->wake);
    pthread_mutex_destroy(&reader->lock);
    free(reader);
}

struct decoded *decoder_decode(struct decoder *reader, const struct log_entry *entry) {
    reader->reading.entry = *entry;
    read_with(reader->parser, &reader->reading);
    return &reader->reading;
}

bool decoder_put(struct decoder *reader, const struct log_entry *entry, bool wanted) {
    uint64_t put = atomic_load_explicit(&reader->put, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&reader->taken, memory_order_relaxed);
    INVARIANT(put >= taken && put < taken + DECODER_AHEAD_MAX);
    if (put == taken + DECODER_AHEAD_MAX - 1) return false; /* the one taken last is still good */
    struct slot *slot = slot_of(reader, put);
    int state = atomic_load_explicit(&slot->state, memory_order_relaxed);
    INVARIANT(state == SLOT_WRITERS || state == SLOT_READ); /* nobody reads it */
    bool helped = wanted && entry->bytes.len <= DECODER_HELP_BYTES;
    slot->wanted = wanted;
    slot->reading.entry = *entry;
    slot->reading.rc = 0;
    if (!wanted) slot->reading.event = (struct reel_event){0};
    atomic_store_explicit(&slot->state, helped ? SLOT_WAITING : SLOT_WRITERS, memory_order_release);
    atomic_store_explicit(&reader->put, ++put, memory_order_release);
    call_helper(reader, put);
    return true;
}

/* The slot of the first payload, or NULL. */
static struct slot *first_slot(struct decoder *reader, uint64_t *ret_number) {
    *ret_number = atomic_load_explicit(&reader->taken, memory_order_relaxed);
    uint64_t put = atomic_load_explicit(&reader->put, memory_order_relaxed);
    return *ret_number < put ? slot_of(reader, *ret_number) : NULL;
}

bool decoder_is_first(struct decoder *reader, struct reel_str bytes) {
    uint64_t number;
    const struct slot *slot = first_slot(reader, &number);
    return slot && slot->reading.entry.bytes.data == bytes.data &&
           slot->reading.entry.bytes.len == bytes.len;
}

/* Waits for the helper to end what it has begun. That takes it microseconds, unless it has no
 * processor or the text is on a disk: then so does the writer sleep, and not spin. */
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

/* Makes the slot the writer's: true if the helper has read it. */
static bool take_over(struct slot *slot) {
    int state = atomic_load_explicit(&slot->state, memory_order_acquire);
    if (state == SLOT_WAITING && atomic_compare_exchange_strong(&slot->state, &state, SLOT_WRITERS))
        return false;
    if (state == SLOT_HELPERS) state = wait_for_helper(slot);
    return state == SLOT_READ;
}

/* The slot of the first payload, which is taken out; or NULL. */
static struct slot *next_slot(struct decoder *reader) {
    uint64_t number;
    struct slot *slot = first_slot(reader, &number);
    if (slot) atomic_store_explicit(&reader->taken, number + 1, memory_order_relaxed);
    return slot;
}

static void fetch(const void *start, size_t len) {
    for (size_t at = 0; at < len; at += 64) __builtin_prefetch((const char *)start + at);
}

/* What the helper has made of a payload; or NULL. */
static const struct json *parsed(struct decoder *reader, uint64_t number) {
    const struct slot *slot = slot_of(reader, number);
    bool is_read = atomic_load_explicit(&slot->state, memory_order_acquire) == SLOT_READ;
    return is_read ? (const struct json *)slot->reading.event.attributes.json : NULL;
}

/* It lies in the helper's cache. So it is fetched before it is taken, in three steps, since each
 * part says where the next one is. */
static void fetch_ahead(struct decoder *reader, uint64_t number) {
    fetch(slot_of(reader, number + 6), sizeof(struct slot));
    const struct json *json = parsed(reader, number + 4);
    if (json) fetch(json, FETCH_BYTES);
    json = parsed(reader, number + 2);
    if (!json) return;
    fetch(json->strings, FETCH_BYTES);
    fetch(json->tape, FETCH_BYTES);
}

struct decoded *decoder_next(struct decoder *reader) {
    struct slot *slot = next_slot(reader);
    if (!slot) return NULL;
    fetch_ahead(reader, atomic_load_explicit(&reader->taken, memory_order_relaxed));
    bool is_read =
        take_over(slot) && slot->reading.rc != -ENOMEM; /* which the writer may not lack */
    if (slot->wanted && !is_read) read_with(reader->parser, &slot->reading);
    return &slot->reading;
}

void decoder_clear(struct decoder *reader) {
    struct slot *slot;
    while ((slot = next_slot(reader))) take_over(slot);
}
