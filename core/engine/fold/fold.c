/* fold.c: see fold.h. */
#include "engine/fold/fold.h"

#include "base/clock.h"
#include "base/invariant.h"
#include "base/text.h"
#include "engine/fold/fit.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void fold_finish(struct fold *fold) {
    set_aside_finish(&fold->aside);
    writing_finish(&fold->writing);
    json_parser_destroy(fold->parser);
    arena_finish(&fold->lent);
    arena_finish(&fold->arena);
}

/* `given`: what the callback is given, as callbacks.h describes. */
static void begin_turn(struct fold *fold, enum fold_turn turn, enum callback_kind kind,
                       struct collection *collection, struct reel_str given, uint64_t seq) {
    struct callback_slot *slot = callback_slot_here(&fold->own_slot);
    INVARIANT(turn != TURN_NONE && fold->turn == TURN_NONE); /* never two callbacks at a time */
    INVARIANT(collection->fold == fold);
    INVARIANT(store_is_writing(collection->store)); /* [writer] */
    fold->turn = turn;
    fold->thread = pthread_self();
    fold->number++;
    fold->collection = collection;
    fold->seq = seq;
    fold->rejected = fold->faulted = fold->changed = false;
    fold->failed = 0;
    if (fold->lent.used > 0) arena_reset(&fold->lent);
    writing_reset(&fold->writing);
    atomic_store_explicit(&fold->slot, slot, memory_order_relaxed);
    atomic_store_explicit(&fold->shown_collection, collection->name, memory_order_relaxed);
    callback_begin(slot, kind, collection->watched, given, seq, fold->number, fold->is_eager);
}

static void begin_step(struct fold *fold, struct collection *collection) {
    fold->step = fold->number + 1;
    collection->changes.touched_count = 0;
}

void fold_begin(struct fold *fold, enum fold_turn turn, struct collection *collection,
                uint64_t seq) {
    const struct reel_str none = {0};
    begin_step(fold, collection);
    begin_turn(fold, turn, turn == TURN_DECIDE ? CALLBACK_DECIDE : CALLBACK_EVOLVE, collection,
               none, seq);
}

void fold_end(struct fold *fold) {
    INVARIANT(fold->turn != TURN_NONE && pthread_equal(fold->thread, pthread_self()));
    callback_end(atomic_load_explicit(&fold->slot, memory_order_relaxed));
    fold->turn = TURN_NONE;
}

void fold_wrong_thread(const struct fold *fold) {
    char sentence[256]; /* two names of at most 63 bytes are in it */
    snprintf(sentence, sizeof sentence,
             "plugin %s (%s) calls the host on the thread of its callback",
             fold->collection->plugin->declared->name, fold->collection->name);
    callbacks_blame_slot(atomic_load(&fold->slot), SIGABRT);
    invariant_failed(sentence, __FILE__, __LINE__);
}

struct fold_shown fold_show(struct fold *fold) {
    struct fold_shown shown = {0};
    const struct callback_slot *slot = atomic_load(&fold->slot);
    if (!slot) return shown;
    shown.number = atomic_load(&slot->number);
    shown.collection = atomic_load(&fold->shown_collection);
    shown.seq = atomic_load(&slot->seq);
    if (atomic_load(&slot->number) != shown.number) shown.number = 0; /* that one has ended */
    return shown;
}

static void undo_all(struct changes *changes) {
    while (changes->touched_count > 0) {
        struct change *change = changes->touched[--changes->touched_count];
        change->changed = change->before.changed;
        change->exists = change->before.exists;
        change->dirty = change->before.dirty;
        if (change->exists)
            memcpy(change->values, change->before.values,
                   change->collection->shape.count * sizeof *change->values);
    }
}

/* A record that the step has written, and left as it was, has not changed. */
static void keep_same(struct changes *changes) {
    for (size_t i = 0; i < changes->touched_count; i++) {
        struct change *change = changes->touched[i];
        if (!change->exists || change_is_different(change)) continue;
        change->changed = change->before.changed;
        change->dirty = change->before.dirty;
    }
}

static size_t size_of(const struct change *change) {
    size_t size = 0;
    for (uint32_t at = 0; change->exists && at < change->collection->shape.count; at++)
        size += change->values[at].len;
    return size;
}

/* A fold that adds to a record with every event would make it larger than any answer. And what one
 * event changes must fit into memory. */
static void check_sizes(struct fold *fold) {
    const struct changes *changes = &fold->collection->changes;
    size_t all = 0;
    if (changes->touched_count > EVENT_RECORDS_MAX)
        fold_fault(fold, "changes more than %d records", EVENT_RECORDS_MAX);
    for (size_t i = 0; i < changes->touched_count && !fold->faulted; i++) {
        size_t size = size_of(changes->touched[i]);
        all += size;
        if (size > RECORD_BYTES_MAX)
            fold_fault(fold, "makes a record of %zu bytes, at most %zu are allowed", size,
                       RECORD_BYTES_MAX);
        else if (all > EVENT_RECORD_BYTES_MAX)
            fold_fault(fold, "changes records of more than %zu bytes", EVENT_RECORD_BYTES_MAX);
    }
}

void fold_check_writing(struct fold *fold) {
    if (fold->writing.open)
        fold_fault(fold, "leaves the JSON of `%.*s` incomplete", REEL_FMT(fold->writing.name));
}

/* What a callback answered, against what it did. */
static void check_answer(struct fold *fold, reel_outcome outcome) {
    if (outcome != REEL_APPLIED && outcome != REEL_IGNORED && outcome != REEL_REJECTED)
        fold_fault(fold, "returns %d, which is not an outcome", outcome);
    else if (outcome == REEL_REJECTED && !fold->rejected)
        fold_fault(fold, "returns REEL_REJECTED without reel_reject");
    else if (outcome != REEL_REJECTED && fold->rejected)
        fold_fault(fold, "returns %d after reel_reject", outcome);
    else if (outcome == REEL_IGNORED && fold->changed)
        fold_fault(fold, "returns REEL_IGNORED after changing a record");
    else if (outcome != REEL_REJECTED)
        fold_check_writing(fold);
}

/* After a callback: what it answered; REEL_REJECTED after a fault or an error of the host. */
static reel_outcome end_turn(struct fold *fold, reel_outcome outcome) {
    fold_end(fold);
    if (fold->failed == 0 && !fold->faulted) check_answer(fold, outcome);
    return fold->failed < 0 || fold->faulted ? REEL_REJECTED : outcome;
}

/* After the last callback of a step. */
static int end_step(struct fold *fold, reel_outcome outcome, struct reel_error *error) {
    if (fold->failed < 0) return fail(error, fold->failed, "%s", fold->error.text);
    if (!fold->faulted) check_sizes(fold);
    if (fold->faulted || outcome == REEL_REJECTED) {
        undo_all(&fold->collection->changes);
        return REEL_REJECTED;
    }
    keep_same(&fold->collection->changes);
    return outcome;
}

/* A projector is not given an event that does not fit its strict declaration. */
static bool is_as_declared(struct fold *fold, const struct projector *projector,
                           const struct reel_event *event) {
    char sentence[sizeof(struct misfit)];
    struct misfit misfit;
    if (!projector->has_strict_events) return true;
    const struct reel_event_info *info =
        fit_find(projector->declared.events, event->type, REEL_EVENT_STRICT);
    if (!info || fit_event(info, event, &misfit)) return true;
    misfit_write(&misfit, sentence, sizeof sentence);
    snprintf(fold->reason, sizeof fold->reason, "not as declared: %s", sentence);
    fold->faulted = false;
    return false;
}

int fold_evolve(struct fold *fold, struct collection *collection, const struct reel_event *event,
                uint64_t seq, struct reel_error *error) {
    if (!is_as_declared(fold, collection->projector, event)) return REEL_REJECTED;
    begin_step(fold, collection);
    begin_turn(fold, TURN_EVOLVE, CALLBACK_EVOLVE, collection, fold->event, seq);
    reel_outcome outcome = collection->projector->declared.evolve(&collection->tx, event);
    return end_step(fold, end_turn(fold, outcome), error);
}

int fold_reject_set_aside(struct fold *fold, uint32_t signal, uint32_t ms) {
    _Static_assert(SET_ASIDE_REASON_MAX <= REASON_BYTES, "the reason fits");
    INVARIANT(fold->turn == TURN_NONE);
    fold->faulted = false;
    set_aside_reason(signal, ms, fold->reason);
    return REEL_REJECTED;
}

/* ---- Derived collections --------------------------------------------------------------------- */

/* The handle of a record as it was before the event. */
static const struct reel_record *show_before(struct fold *fold, const struct change *change) {
    fold->before = (fold->before + 1) % FOLD_BEFORES;
    struct change *before = &fold->befores[fold->before];
    *before = (struct change){
        .record.host = fold->host,
        .collection = change->collection,
        .key = change->key,
        .values = change->before.values,
        .met = fold->number,
        .exists = true,
    };
    return &before->record;
}

/* In a fold from records, there is no event. */
static reel_outcome derive_one(struct fold *fold, struct collection *collection,
                               struct change *change, bool is_made, bool from_records,
                               uint64_t seq) {
    begin_turn(fold, TURN_EVOLVE, from_records ? CALLBACK_DERIVE_RECORD : CALLBACK_DERIVE,
               collection, from_records ? change->key : fold->event, seq);
    change->met = fold->number;
    const struct reel_change given = {
        .struct_size = sizeof given,
        .key = change->key,
        .before = is_made ? NULL : show_before(fold, change),
        .after = change->exists ? &change->record : NULL,
        .seq = seq,
    };
    reel_outcome outcome = collection->projector->declared.derive(&collection->tx, &given);
    return end_turn(fold, outcome);
}

int fold_derive(struct fold *fold, struct collection *collection, uint64_t seq,
                struct reel_error *error) {
    const struct changes *source = &collection->source->changes;
    reel_outcome all = REEL_IGNORED;
    INVARIANT(source->touched_count > 0);
    begin_step(fold, collection);
    for (size_t i = 0; i < source->touched_count && all != REEL_REJECTED; i++) {
        struct change *change = source->touched[i];
        reel_outcome one = derive_one(fold, collection, change, !change->before.exists, false, seq);
        if (one != REEL_IGNORED) all = one;
    }
    return end_step(fold, all, error);
}

static const struct set_aside *find_record(const struct fold *fold,
                                           const struct collection *derived, struct reel_str key) {
    uint8_t hash[CALLBACK_HASH_BYTES];
    if (fold->aside.count == 0) return NULL;
    callback_hash(key, hash);
    return set_aside_find(&fold->aside, SET_ASIDE_RECORD, derived->name,
                          plugin_build_id(derived->plugin), hash, key.len);
}

int fold_derive_record(struct fold *fold, struct collection *collection, struct change *record,
                       uint64_t seq, struct reel_error *error) {
    INVARIANT(record->exists && record->collection == collection->source);
    const struct set_aside *line = find_record(fold, collection, record->key);
    if (line) return fold_reject_set_aside(fold, line->signal, line->ms);
    begin_step(fold, collection);
    return end_step(fold, derive_one(fold, collection, record, true, true, seq), error);
}

/* ---- Saving ---------------------------------------------------------------------------------- */

bool fold_save(struct fold *fold, struct change *change) {
    INVARIANT(fold->turn == TURN_EVOLVE); /* a decide changes no record */
    INVARIANT(change->met == fold->number);
    fold->changed = true;
    if (change->before.by == fold->step) return true;
    struct changes *changes = &change->collection->changes;
    if (changes->touched_count == changes->touched_size) {
        size_t size = changes->touched_size ? changes->touched_size * 2 : 64;
        struct change **touched = realloc(changes->touched, size * sizeof *touched);
        if (!touched) {
            fold->failed = fail_memory(&fold->error);
            return false;
        }
        changes->touched = touched;
        changes->touched_size = size;
    }
    changes->touched[changes->touched_count++] = change;
    change->before.by = fold->step;
    change->before.changed = change->changed;
    change->before.exists = change->exists;
    change->before.dirty = change->dirty;
    if (change->exists)
        memcpy(change->before.values, change->values,
               change->collection->shape.count * sizeof *change->values);
    return true;
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* The text has `len` bytes, and may contain NULs. */
static void clean(char *text, size_t len) {
    len = utf8_cut(text, len);
    text[len] = '\0';
    bool valid = utf8_valid((struct reel_str){text, len}); /* not if "%.*s" cut a character */
    for (char *at = text; at < text + len; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F) *at = ' ';
        if ((unsigned char)*at >= 0x80 && !valid) *at = '?';
    }
}

void message_format(char *ret, size_t size, const char *format, va_list args) {
    int len = vsnprintf(ret, size, format, args);
    if (len < 0) snprintf(ret, size, "(a message that cannot be formatted)");
    clean(ret, strlen(ret));
}

void message_copy(char *ret, size_t size, struct reel_str text) {
    size_t len = !text.data ? 0 : text.len < size ? text.len : size - 1;
    if (len > 0) memcpy(ret, text.data, len);
    clean(ret, len);
}

/* Longest line that is given, with its NUL: a reason, and what goes before it. */
enum { LINE_BYTES = REASON_BYTES + 128 };

static bool may_say(struct fold *fold, struct reel_str kind) {
    return warnings_allow(&fold->warnings, clock_ms(), fold->collection->name, kind);
}

static void say(struct fold *fold, const char *what) {
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "%s: event %" PRIu64 ": %s", fold->collection->name, fold->seq,
             what);
    fold->warnings.warn(fold->warnings.context, line);
}

void fold_warn(struct fold *fold, struct reel_str kind, struct reel_str text) {
    char what[REASON_BYTES];
    if (!may_say(fold, kind)) return;
    message_copy(what, sizeof what, text);
    say(fold, what);
}

void fold_fault(struct fold *fold, const char *format, ...) {
    if (fold->faulted) return;
    fold->faulted = true;
    char what[REASON_BYTES - 256]; /* two names of at most 63 bytes go before it */
    va_list args;
    va_start(args, format);
    message_format(what, sizeof what, format, args);
    va_end(args);
    snprintf(fold->reason, sizeof fold->reason, "plugin %s (%s): %s",
             fold->collection->plugin->declared->name, fold->collection->name, what);
    if (fold->turn == TURN_DECIDE) return; /* it is the answer to the command */
    if (may_say(fold, reel_text(format))) say(fold, fold->reason);
}
