/* build.c: see build.h. */
#include "engine/build.h"

#include "engine/refold.h"
#include "engine/store/directory.h"
#include "engine/store/stored.h"
#include "engine/visit.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "json/write.h"

#include <reel/time.h>

#include <errno.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

/* So often the files are opened beside a process that may just be replacing them. */
#define TRIES 3

/* So often a log that goes on is followed. Each round takes less time than the one before, unless
 * events arrive faster than they are folded. */
#define ROUNDS_MAX 16

/* ---- The log --------------------------------------------------------------------------------- */

static int open_log(const char *directory, struct log **ret, struct reel_error *error) {
    struct visit visit;
    int rc = visit_begin(&visit, directory, error);
    struct log_options options = {.directory = visit.log_path, .read_only = true};
    if (rc == 0) {
        int tries = visit.live ? TRIES : 1;
        do rc = log_open(&options, ret, error);
        while ((rc == -EBADMSG || rc == -ENOENT) && --tries > 0);
    }
    visit_end(&visit);
    return rc;
}

static int check_log(const struct log *log, const struct build_options *options,
                     struct reel_error *error) {
    const struct log_facts *facts = log_facts(log);
    char epoch[UUID_STR_LEN];
    uuid_unparse_lower(facts->epoch, epoch);
    if (options->epoch && strcmp(epoch, options->epoch) != 0)
        return fail(error, -EAGAIN, "another log has taken its place");
    if (options->seq != UINT64_MAX && options->seq > log_head(log) &&
        options->seq >= facts->first_seq)
        return fail(error, -ERANGE, "the log ends at %llu", (unsigned long long)log_head(log));
    for (size_t i = 0; i < options->count; i++)
        if (options->collections[i].from_seq > 0 &&
            options->collections[i].from_seq < facts->first_seq)
            return fail(error, -ESTALE,
                        "collection `%s` was made from the events from %llu on, and the log begins "
                        "at %llu: it cannot be made again",
                        options->collections[i].name,
                        (unsigned long long)options->collections[i].from_seq,
                        (unsigned long long)facts->first_seq);
    return 0;
}

/* ---- Collections ----------------------------------------------------------------------------- */

static int choose(struct reel *reel, const struct build_options *options,
                  struct reel_error *error) {
    const struct registry *registry = &reel->dispatcher.registry;
    for (size_t i = 0; i < options->count; i++) {
        const struct build_collection *wanted = &options->collections[i];
        struct collection *collection = registry_find(registry, reel_text(wanted->name));
        if (!collection) return fail(error, -ESRCH, "no plugin has `%s`", wanted->name);
        uint64_t from_seq = wanted->from_seq ? wanted->from_seq : reel->dispatcher.state.first_seq;
        collection->state.from_seq = from_seq;
        collection->state.generation = wanted->generation;
        for (; collection; collection = collection->source) /* its unit has one cursor */
            refold_from(collection, from_seq - 1);
    }
    return 0;
}

static bool is_chosen(const struct build_options *options, const struct collection *collection) {
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->collections[i].name, collection->name) == 0) return true;
    return false;
}

/* Views must not take what was not folded for what was empty then. */
static int set_back_others(struct reel *reel, const struct build_options *options,
                           struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    int rc = dispatcher_begin(dispatcher, error);
    if (rc < 0) return rc;
    for (size_t i = 0; i < dispatcher->registry.count; i++) {
        struct collection *collection = dispatcher->registry.collections[i];
        if (!is_chosen(options, collection)) collection->state.cursor = 0;
    }
    return dispatcher_end(dispatcher, 0, error);
}

static int end(struct reel *reel, const struct build_options *options, struct reel_error *error) {
    struct store *store = &reel->dispatcher.store;
    HOLD_LOCK(&reel->writer);
    int rc = set_back_others(reel, options, error);
    return rc < 0 || store->in_memory ? rc : checkpoint_all(store, error);
}

/* ---- Watching a record ----------------------------------------------------------------------- */

/* A record that was made and deleted again, or was set to what it was, has not changed. */
static bool is_different(const struct build_change *change) {
    if (!change->before || !change->after) return change->before != change->after;
    for (uint32_t i = 0; i < change->shape->count; i++)
        if (build_change_has(change, i)) return true;
    return false;
}

static int tell(void *context, const struct change *change, const struct reel_event *event,
                const struct log_entry *entry) {
    const struct build_options *options = context;
    const struct build_change told = {
        .seq = entry->seq,
        .time_ns = entry->time_ns,
        .type = event->type,
        .id = event->id,
        .time = event->time,
        .shape = &change->collection->shape,
        .before = change->before.exists ? change->before.values : NULL,
        .after = change->exists ? change->values : NULL,
    };
    return is_different(&told) ? options->changed(options->context, &told) : 0;
}

/* How long it rests after a slice, as a multiple of the time that the slice took. Beside clients
 * that look back without end, a third of the answers then come in the same time, and 99 of 100
 * GETs and POSTs of others take less than twice as long as without them (back_bench). */
#define REST 3

static void rest(uint64_t ns) {
    const struct timespec pause = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    (void)nanosleep(&pause, NULL);
}

static int fold_slices(struct reel *reel, const struct build_options *options, uint64_t seq,
                       struct reel_error *error) {
    int rc;
    do {
        uint64_t began_ns = clock_used_ns();
        rc = refold_some(reel, seq, error);
        if (rc > 0 && options->rests) rest(REST * (clock_used_ns() - began_ns));
    } while (rc > 0);
    return rc;
}

static int fold(struct reel *reel, const struct build_options *options, uint64_t seq,
                struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    const struct fold_watch watch = {
        .collection = options->changed ? registry_find(&dispatcher->registry,
                                                       reel_text(options->collections[0].name))
                                       : NULL,
        .key = options->key,
        .changed = tell,
        .context = (void *)options,
    };
    if (options->changed) dispatcher->watch = &watch;
    int rc = fold_slices(reel, options, seq, error);
    dispatcher->watch = NULL;
    return rc;
}

/* ---- A log that goes on ---------------------------------------------------------------------- */

/* 1: it has gone on, and is folded up to `seq`; 0: it has not gone on by much. */
static int follow_once(struct reel *reel, const struct build_options *options, uint64_t *seq,
                       struct reel_error *error) {
    struct log *log;
    int rc = open_log(options->directory, &log, error);
    if (rc < 0) return rc;
    rc = check_log(log, options, error);
    if (rc == 0 && log_facts(log)->first_seq > *seq + 1)
        rc = fail(error, -ESTALE, "the log was trimmed meanwhile");
    uint64_t head = rc == 0 ? log_head(log) : 0;
    if (rc < 0 || head <= *seq + options->behind_max) {
        log_close(log);
        return rc;
    }
    log_close(log_place_swap(&reel->dispatcher.home.place, log));
    rc = fold(reel, options, head, error);
    *seq = head;
    return rc < 0 ? rc : 1;
}

static int follow(struct reel *reel, const struct build_options *options, uint64_t *seq,
                  struct reel_error *error) {
    int more = options->behind_max > 0;
    for (int round = 0; more > 0 && round < ROUNDS_MAX; round++)
        more = follow_once(reel, options, seq, error);
    return more < 0 ? more : 0;
}

/* ---- All of it ------------------------------------------------------------------------------- */

int build_run(struct reel *reel, const struct build_options *options, uint64_t *ret_seq,
              struct reel_error *error) {
    struct log *log;
    INVARIANT(!options->changed || options->count > 0);
    int rc = open_log(options->directory, &log, error);
    if (rc < 0) return rc;
    rc = check_log(log, options, error);
    if (rc < 0) {
        log_close(log);
        return rc;
    }
    uint64_t before = log_facts(log)->first_seq - 1;
    uint64_t seq = options->seq == UINT64_MAX ? log_head(log) : options->seq;
    if (seq < before) seq = before;
    rc = set_aside_read(options->directory, &reel->dispatcher.fold.aside, error);
    if (rc < 0) {
        log_close(log);
        return rc;
    }
    rc = refold_begin(reel, log, seq, error);
    if (rc == 0) rc = choose(reel, options, error);
    if (rc == 0) rc = fold(reel, options, seq, error);
    if (rc == 0) rc = follow(reel, options, &seq, error);
    if (rc == -ECANCELED) return 0; /* it has seen what it wanted */
    if (rc == 0) rc = end(reel, options, error);
    if (rc == 0) *ret_seq = seq;
    return rc;
}

/* ---- As text --------------------------------------------------------------------------------- */

/* Bytes of a type, id or time: the log has all of it. */
#define SHOWN_MAX 1024

bool build_change_has(const struct build_change *change, uint32_t field) {
    if (!change->before || !change->after) return true;
    return !reel_str_eq(change->before[field], change->after[field]);
}

static void put_text(struct text *to, const char *before, struct reel_str str) {
    text_append_lit(to, before);
    if (str.len > SHOWN_MAX) str.len = utf8_cut(str.data, SHOWN_MAX);
    if (str.data)
        text_append_quoted(to, str);
    else
        text_append_lit(to, "null");
}

/* The texts between the values of a record are `{"a":` and `,"b":`. */
static void put_name(struct text *to, struct reel_str before) {
    INVARIANT(before.len > 2);
    text_append(to, before.data + 1, before.len - 2);
}

static void put_changed(const struct build_change *change, struct text *to) {
    bool any = false;
    text_append_lit(to, ",\"changed\":[");
    for (uint32_t i = 0; i < change->shape->count; i++) {
        if (!build_change_has(change, i)) continue;
        if (any) text_append_lit(to, ",");
        put_name(to, change->shape->before[i]);
        any = true;
    }
    text_append_lit(to, "]");
}

static void put_record(const struct build_change *change, struct text *to) {
    text_append_lit(to, ",\"record\":");
    for (uint32_t i = 0; change->after && i < change->shape->count; i++) {
        text_append_str(to, change->shape->before[i]);
        text_append_str(to, change->after[i]);
    }
    text_append_lit(to, change->after ? "}" : "null");
}

void build_change_write(const struct build_change *change, struct text *to) {
    char received[REEL_TIME_LEN + 1];
    text_append_lit(to, "{\"seq\":");
    text_append_number(to, change->seq);
    put_text(to, ",\"time\":", change->time);
    put_text(to, ",\"type\":", change->type);
    put_text(to, ",\"id\":", change->id);
    reel_time_write((int64_t)(change->time_ns / 1000000 * 1000000), received);
    put_text(to, ",\"received_at\":", reel_text(received));
    put_changed(change, to);
    put_record(change, to);
    text_append_lit(to, "}");
}

/* ---- Directories ----------------------------------------------------------------------------- */

int build_make_directory(const char *path, struct reel_error *error) {
    directory_remove(path);
    return directory_make_empty(path, error);
}

void build_remove_directory(const char *path) {
    directory_remove(path);
}

int build_find_from(const char *directory, struct reel *reel, const char *collection,
                    uint64_t *ret_from_seq, const char **ret_other, struct reel_error *error) {
    const struct collection *own = registry_find(&reel->dispatcher.registry, reel_text(collection));
    struct stored stored = {0};
    struct visit visit;
    *ret_other = NULL;
    int rc = visit_begin(&visit, directory, error);
    if (rc == 0) rc = stored_open(&stored, visit.state_path, error);
    if (rc == 0) *ret_from_seq = stored.state.first_seq;
    for (size_t i = 0; rc == 0 && i < stored.count; i++) {
        const struct stored_collection *found = &stored.collections[i];
        if (!found->has_state || strcmp(found->name, collection) != 0) continue;
        *ret_from_seq = found->state.from_seq;
        if (own) *ret_other = registry_other_fold(own, &found->state);
    }
    stored_close(&stored);
    visit_end(&visit);
    return rc;
}
