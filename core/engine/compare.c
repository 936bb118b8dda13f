/* compare.c: see compare.h. In this order: the files; what can be compared; folding; all of it. */
#include "engine/compare.h"

#include "engine/differences.h"
#include "engine/fold/units.h"
#include "engine/refold.h"
#include "engine/visit.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

struct one {
    struct compare_collection told;
    struct collection *collection; /* NULL: no plugin has it */
    const struct stored_collection
        *stored;            /* in the present checkpoint; NULL: it does not have it */
    uint64_t reached, goal; /* events up to it are folded; shall be folded */
    bool is_trimmed;        /* of that it is not compared; told.why_not says so */
    bool is_listed;         /* its facts are known from the first checkpoint */
};

struct comparing {
    const struct compare_options *options;
    const struct comparer *comparer;
    struct reel *reel;
    struct stored stored;
    struct log *log; /* not yet the reel's */
    struct one *all;
    size_t count;
    uint64_t head;      /* of the present fold */
    uint64_t log_begin; /* of its log */
    struct compare_result result;
};

/* ---- The files ------------------------------------------------------------------------------- */

static int open_both(struct comparing *comparing, struct reel_error *error) {
    struct visit visit;
    int rc = visit_begin(&visit, comparing->options->directory, error);
    if (rc == 0 && visit.incomplete) rc = fail(error, -ESTALE, "it is an interrupted backup");
    if (rc == 0) rc = visit_open(&visit, &comparing->stored, &comparing->log, error);
    visit_end(&visit);
    return rc;
}

/* ---- What can be compared -------------------------------------------------------------------- */

static const struct stored_collection *find_stored(const struct comparing *comparing,
                                                   const char *name) {
    const struct stored_collection *found = stored_find(&comparing->stored, name);
    return found && found->has_state ? found : NULL;
}

static struct one *find_one(const struct comparing *comparing, const char *name) {
    for (size_t i = 0; i < comparing->count; i++)
        if (strcmp(comparing->all[i].told.name, name) == 0) return &comparing->all[i];
    return NULL;
}

static void list_one(struct comparing *comparing, const char *name, struct collection *collection) {
    if (find_one(comparing, name)) return;
    comparing->all[comparing->count++] =
        (struct one){.told.name = name, .collection = collection, .told.is = collection != NULL};
}

/* Whole units, sources first. */
static int list_all(struct comparing *comparing, struct reel_error *error) {
    const struct registry *registry = &comparing->reel->dispatcher.registry;
    const struct compare_options *options = comparing->options;
    comparing->all = calloc(registry->count + options->count + 1, sizeof *comparing->all);
    if (!comparing->all) return fail_memory(error);
    for (size_t n = 0; n < options->count; n++) {
        struct collection *root = registry_find(registry, reel_text(options->names[n]));
        if (root) {
            root = unit_root(root);
            list_one(comparing, root->name, root);
            for (size_t i = 0; i < root->derived_count; i++)
                list_one(comparing, root->derived[i]->name, root->derived[i]);
        } else if (find_stored(comparing, options->names[n])) {
            list_one(comparing, options->names[n], NULL);
        }
    }
    return 0;
}

REEL_PRINTF(2, 3)
static void refuse(struct one *one, const char *format, ...) {
    va_list args;
    if (one->told.why_not[0]) return;
    va_start(args, format);
    vsnprintf(one->told.why_not, sizeof one->told.why_not, format, args);
    va_end(args);
}

/* The source of events of its unit. */
static struct one *root_of(const struct comparing *comparing, const struct one *one) {
    return find_one(comparing, unit_root(one->collection)->name);
}

static bool was_served(const struct comparing *comparing, const char *name) {
    const struct compare_options *options = comparing->options;
    for (size_t n = options->count - options->served; n < options->count; n++)
        if (strcmp(options->names[n], name) == 0) return true;
    return false;
}

static void check_stored(struct one *one) {
    const struct collection_state *state = &one->stored->state;
    if (!state->has_digest || state->field_count == 0)
        refuse(one, "an earlier version has written its records");
    else if (state->from_records || state->waits)
        refuse(one, "it is being made");
}

static void refuse_trimmed(struct one *one, uint64_t from_seq, uint64_t first_seq) {
    one->is_trimmed = !one->told.why_not[0];
    refuse(one,
           "it was made from the events from %llu on, and the log begins at %llu: it cannot be "
           "made again",
           (unsigned long long)from_seq, (unsigned long long)first_seq);
}

/* The first checkpoint says from where on it is folded, and each one how far. */
static void settle_one(struct comparing *comparing, struct one *one) {
    struct compare_collection *told = &one->told;
    const struct one *root = root_of(comparing, one);
    const struct collection_state *unit = root->stored ? &root->stored->state : NULL;
    uint64_t from_seq = unit ? unit->from_seq : comparing->result.first_seq;
    uint64_t cursor = unit ? unit->cursor : comparing->stored.state.cursor;
    if (one->stored) check_stored(one);
    if (!one->stored && was_served(comparing, told->name))
        refuse(one, "the last checkpoint does not have it yet: a daemon writes one each minute");
    if (!one->is_listed && from_seq < comparing->result.first_seq)
        refuse_trimmed(one, from_seq, comparing->result.first_seq);
    if (one->is_listed && (from_seq != told->from_seq || cursor < one->reached))
        refuse(one, "it was made again meanwhile");
    if (one->is_listed && one->reached < cursor && one->reached + 1 < comparing->log_begin)
        refuse(one, "the log was trimmed meanwhile");
    if (one->stored && one->stored->state.cursor != cursor)
        refuse(one, "it does not stand where its source does");
    if (root->told.why_not[0]) refuse(one, "its source is not compared");
    told->from_seq = from_seq;
    told->cursor = one->goal = cursor;
    if (!one->is_listed) one->reached = from_seq > 0 ? from_seq - 1 : 0;
    if (one->reached > cursor) one->reached = cursor;
    one->is_listed = true;
}

/* Does a start keep its records, as far as they are its own? */
static bool is_kept_by_itself(const struct one *one) {
    const struct collection *collection = one->collection;
    return one->stored && !registry_other_fold(collection, &one->stored->state) &&
           (one->is_trimmed || !registry_tries_again(collection, &one->stored->state));
}

/* A unit is made again together. */
static bool is_kept_by_start(const struct comparing *comparing, const struct one *one) {
    for (size_t i = 0; i < comparing->count; i++) {
        const struct one *other = &comparing->all[i];
        if (other->collection && root_of(comparing, other) == root_of(comparing, one) &&
            !is_kept_by_itself(other))
            return false;
    }
    return true;
}

static void settle_fate(const struct comparing *comparing, struct one *one) {
    struct compare_collection *told = &one->told;
    struct reel_error error = {0};
    told->fate = changed_judge(&comparing->stored, unit_root(one->collection), &error);
    told->is_kept_by_start = is_kept_by_start(comparing, one);
    told->why_made_again =
        told->fate == CHANGED_MADE ? changed_why(&comparing->stored, one->collection) : NULL;
    told->stays = one->is_trimmed && told->is_kept_by_start &&
                  (told->fate == CHANGED_NOT || told->fate == CHANGED_TRIMMED);
    if (told->fate == CHANGED_REFUSED)
        snprintf(told->why_not, sizeof told->why_not, "%.*s", (int)sizeof told->why_not - 1,
                 error.text);
}

static void settle_all(struct comparing *comparing) {
    for (size_t i = 0; i < comparing->count; i++) {
        struct one *one = &comparing->all[i];
        one->stored = find_stored(comparing, one->told.name);
        one->told.was = one->stored != NULL;
    }
    for (size_t i = 0; i < comparing->count; i++)
        if (comparing->all[i].collection) settle_one(comparing, &comparing->all[i]);
    for (size_t i = 0; i < comparing->count; i++)
        if (comparing->all[i].collection) settle_fate(comparing, &comparing->all[i]);
}

/* ---- Folding --------------------------------------------------------------------------------- */

static bool is_behind(const struct one *one) {
    return one->collection && !one->told.why_not[0] && one->reached < one->goal;
}

/* What is not compared, or has reached its cursor, is at the head: it folds nothing. */
static void set_cursors(const struct comparing *comparing) {
    const struct registry *registry = &comparing->reel->dispatcher.registry;
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        const struct one *one = find_one(comparing, collection->name);
        refold_from(collection, one && is_behind(one) ? one->reached : comparing->head);
    }
}

/* The lowest cursor of those that are not reached yet. */
static bool find_stop(const struct comparing *comparing, uint64_t *ret) {
    bool found = false;
    for (size_t i = 0; i < comparing->count; i++) {
        const struct one *one = &comparing->all[i];
        if (!is_behind(one) || (found && one->goal >= *ret)) continue;
        *ret = one->goal;
        found = true;
    }
    return found;
}

/* One that was stopped does not go as far. */
static void note_reached(struct comparing *comparing, uint64_t stop) {
    for (size_t i = 0; i < comparing->count; i++) {
        struct one *one = &comparing->all[i];
        if (!is_behind(one)) continue;
        if (one->collection->committed.cursor < stop)
            refuse(one, "its projector is stopped at event %llu",
                   (unsigned long long)one->collection->committed.cursor);
        one->reached = stop;
    }
}

static int fold(struct comparing *comparing, struct reel_error *error) {
    uint64_t stop = 0, from = UINT64_MAX, to = 0;
    int rc = 0;
    for (size_t i = 0; i < comparing->count; i++) {
        const struct one *one = &comparing->all[i];
        if (is_behind(one) && one->reached < from) from = one->reached;
    }
    while (rc == 0 && find_stop(comparing, &stop)) {
        set_cursors(comparing);
        rc = refold_to(comparing->reel, stop, error);
        if (rc == 0) note_reached(comparing, stop);
        to = stop;
    }
    if (rc == 0 && to > from) comparing->result.events += to - from;
    return rc < 0 ? fail_in(error, rc, "cannot fold the log") : 0;
}

static int fold_first(struct comparing *comparing, struct reel_error *error) {
    struct log *log = comparing->log;
    comparing->head = comparing->stored.state.cursor;
    comparing->result.first_seq = comparing->log_begin = log_facts(log)->first_seq;
    comparing->log = NULL;
    int rc = refold_begin(comparing->reel, log, comparing->head, error);
    if (rc == 0) rc = list_all(comparing, error);
    if (rc < 0) return rc;
    settle_all(comparing);
    stored_end(&comparing->stored);
    return fold(comparing, error);
}

/* What a daemon has done meanwhile. */
static int fold_rest(struct comparing *comparing, struct reel_error *error) {
    struct log_place *place = &comparing->reel->dispatcher.home.place;
    uint8_t epoch[sizeof comparing->stored.state.epoch];
    memcpy(epoch, comparing->stored.state.epoch, sizeof epoch);
    int rc = open_both(comparing, error);
    if (rc < 0) return rc;
    const struct store_state *state = &comparing->stored.state;
    if (memcmp(epoch, state->epoch, sizeof epoch) != 0 || state->cursor < comparing->head)
        return fail(error, -EAGAIN, "another log has taken its place meanwhile");
    comparing->log_begin = log_facts(comparing->log)->first_seq;
    log_close(log_place_swap(place, comparing->log));
    comparing->log = NULL;
    comparing->head = comparing->result.cursor = state->cursor;
    settle_all(comparing);
    return fold(comparing, error);
}

/* Collections that are stopped or paused stay where they are. */
static int fold_beyond(struct comparing *comparing, struct reel_error *error) {
    uint64_t cursor = comparing->head, before = comparing->result.events;
    comparing->head = log_head(comparing->reel->dispatcher.home.place.log);
    for (size_t i = 0; i < comparing->count; i++)
        if (comparing->all[i].told.cursor == cursor) comparing->all[i].goal = comparing->head;
    int rc = comparing->head > cursor ? fold(comparing, error) : 0;
    comparing->result.events_beyond = comparing->result.events - before;
    return rc;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void read_side(const struct collection_state *state, struct compare_side *ret) {
    ret->revision = state->revision;
    ret->records = state->records;
    digest_write(&state->digest, ret->digest);
}

static int compare_one(struct comparing *comparing, struct one *one, struct reel_error *error) {
    const struct comparer *comparer = comparing->comparer;
    bool is_compared = !one->told.why_not[0];
    if (one->stored) read_side(&one->stored->state, &one->told.before);
    if (one->collection && is_compared) read_side(&one->collection->committed, &one->told.after);
    if (one->collection) one->told.after.revision = one->collection->projector->declared.revision;
    const struct differences differences = {
        .comparer = comparer,
        .before = one->stored,
        .stored = &comparing->stored,
        .after = one->collection,
        .from_seq = one->told.from_seq,
        .cursor = one->told.cursor,
    };
    int rc = comparer->collection(comparer->context, &one->told);
    if (rc == 0 && is_compared) rc = differences_of_records(&differences, error);
    if (rc == 0 && is_compared && one->collection)
        rc = differences_of_rejections(&differences, error);
    return rc;
}

/* In a group that changes nothing: it sees what was folded. */
static int compare_all(struct comparing *comparing, struct reel_error *error) {
    struct dispatcher *dispatcher = &comparing->reel->dispatcher;
    HOLD_LOCK(&comparing->reel->writer);
    int rc = dispatcher_begin(dispatcher, error);
    if (rc < 0) return rc;
    for (size_t i = 0; rc == 0 && i < comparing->count; i++)
        rc = compare_one(comparing, &comparing->all[i], error);
    dispatcher_abort(dispatcher);
    return rc;
}

static int compare(struct comparing *comparing, struct reel_error *error) {
    const struct comparer *comparer = comparing->comparer;
    struct fold *folding = &comparing->reel->dispatcher.fold;
    uint64_t began_ms = clock_ms();
    comparer->begins(comparer->context, "reading the store");
    int rc = set_aside_read(comparing->options->directory, &folding->aside, error);
    if (rc == 0) rc = open_both(comparing, error);
    if (rc < 0) return rc;
    comparer->begins(comparer->context, "folding the log");
    rc = fold_first(comparing, error);
    if (rc == 0) rc = fold_rest(comparing, error);
    if (rc < 0) return rc;
    uint64_t folded_ms = clock_ms();
    comparer->begins(comparer->context, "comparing the records");
    rc = compare_all(comparing, error);
    if (rc < 0) return rc;
    uint64_t compared_ms = clock_ms();
    stored_end(&comparing->stored);
    comparer->begins(comparer->context, "folding what is beyond the checkpoint");
    rc = fold_beyond(comparing, error);
    comparing->result.compare_ms = compared_ms - folded_ms;
    comparing->result.fold_ms = clock_ms() - began_ms - comparing->result.compare_ms;
    return rc;
}

int compare_directory(struct reel *reel, const struct compare_options *options,
                      const struct comparer *comparer, struct compare_result *ret,
                      struct reel_error *error) {
    struct comparing comparing = {.options = options, .comparer = comparer, .reel = reel};
    int rc = compare(&comparing, error);
    log_close(comparing.log);
    stored_close(&comparing.stored);
    free(comparing.all);
    *ret = comparing.result;
    return rc;
}
