/* engine.c: see engine.h. */
#include "engine/engine.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "engine/fold/changes.h"
#include "engine/log/log.h"
#include "engine/transaction.h"
#include "engine/visit.h"

#include <errno.h>

struct engine_limits engine_limits(const struct reel *reel) {
    const struct dispatcher *dispatcher = &reel->dispatcher;
    return (struct engine_limits){
        .event_bytes_max = dispatcher->event_bytes_max,
        .batch_events_max = dispatcher->batch_events_max,
        .batch_bytes_max = dispatcher->batch_bytes_max,
    };
}

int engine_catch_up_some(struct reel *reel, struct reel_error *error) {
    HOLD_LOCK(&reel->writer);
    return transaction_catch_up_some(reel, error);
}

int engine_build_some(struct reel *reel, uint64_t events_max, struct reel_error *error) {
    struct store *store = &reel->dispatcher.store;
    HOLD_LOCK(&reel->writer);
    if (!transaction_builds(reel)) return 0;
    if (checkpoint_last_failure(store, NULL) < 0) return 0;
    return checkpoint_is_busy(store) ? 2 : transaction_build_some(reel, events_max, error);
}

int engine_try_room(struct reel *reel, struct reel_error *error) {
    HOLD_LOCK(&reel->writer);
    views_expire(&reel->views);
    int rc = log_try_room(reel->dispatcher.home.place.log, error);
    return rc < 0 ? rc : checkpoint_make_room(&reel->dispatcher.store, error);
}

void engine_tick(struct reel *reel) {
    store_check_readers(&reel->dispatcher.store);
    HOLD_LOCK(&reel->writer);
    warnings_look(&reel->dispatcher.fold.warnings, clock_ms());
    views_expire(&reel->views);
    store_tick(&reel->dispatcher.store);
}

int engine_trim(struct reel *reel, uint64_t first_seq, uint64_t *ret_first_seq,
                struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    {
        HOLD_LOCK(&reel->writer);
        uint64_t limit = dispatcher_trim_limit(dispatcher);
        uint64_t needed = dispatcher_needed_from(dispatcher);
        if (first_seq > needed) first_seq = needed;
        if (first_seq > limit) checkpoint_ask(&dispatcher->store);
        if (first_seq > limit) first_seq = limit;
        *ret_first_seq = first_seq;
    }
    return reel_trim(reel, first_seq, error);
}

int engine_adopt(struct reel *reel, const uint8_t epoch[16], uint64_t first_seq,
                 const struct store_origin *origin, struct reel_error *error) {
    HOLD_LOCK(&reel->writer);
    int rc = dispatcher_adopt(&reel->dispatcher, epoch, first_seq, origin, error);
    transaction_publish(reel);
    return rc;
}

int engine_show_record(struct reel *reel, struct reel_str collection, struct reel_str key,
                       char **ret, size_t *ret_len, struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    INVARIANT(lock_is_held(&reel->writer) && store_is_writing(&dispatcher->store));
    struct collection *found = registry_find(&dispatcher->registry, collection);
    if (!found) return fail(error, -ESRCH, "no collection `%.*s` is loaded", REEL_FMT(collection));
    return changes_show(found, key, &dispatcher->fold.arena, ret, ret_len, error);
}

int engine_copy_rejections(struct reel *reel, uint64_t seq, struct rejection_list *to) {
    struct store *store = &reel->dispatcher.store;
    INVARIANT(lock_is_held(&reel->writer) && store_is_writing(store));
    return rejected_copy(store, &store->writing, seq, to, NULL);
}

/* ---- Reading the log ------------------------------------------------------------------------- */

static int read_origin(struct reel_view *view, struct store_origin *ret_origin,
                       uint64_t *ret_head) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    rc = meta_get_origin(within->views->store, &within->at, ret_origin);
    if (rc < 0 && rc != -ENOENT) return rc;
    if (rc == -ENOENT) *ret_origin = (struct store_origin){0};
    *ret_head = within->state.head;
    return rc == 0;
}

int engine_origin(struct reel *reel, struct store_origin *ret_origin, uint64_t *ret_head,
                  struct reel_error *error) {
    struct reel_view *view;
    int rc = reel_view_open(reel, &view, error);
    if (rc < 0) return rc;
    rc = read_origin(view, ret_origin, ret_head);
    reel_view_close(view);
    return rc < 0 ? fail(error, rc, "cannot read what the log mirrors") : rc;
}

void engine_entry_finish(struct engine_entry *entry) {
    text_finish(&entry->bytes);
}

/* Skips gaps. */
static int find_last_event(struct log_walk *walk, struct log_pin *pin, uint64_t seq,
                           struct log_entry *ret, struct reel_error *error) {
    int rc = log_get_last(walk, pin, seq, ret, error);
    while (rc == 0 && ret->flags & LOG_GAP) {
        uint64_t before = ret->seq - 1;
        log_walk_finish(walk);
        rc = log_get_last(walk, pin, before, ret, error);
    }
    return rc;
}

static void copy_entry(const struct log_entry *entry, struct engine_entry *ret) {
    ret->seq = entry->seq;
    ret->time_ns = entry->time_ns;
    ret->flags = entry->flags;
    ret->size = entry->size;
    ret->bytes.len = 0;
    text_append_str(&ret->bytes, entry->bytes);
}

static int copy_last(struct reel_view *view, uint64_t seq, struct engine_entry *ret,
                     struct reel_error *error) {
    struct log_walk walk = {0};
    struct log_entry entry;
    struct log_pin *pin;
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return fail(error, rc, "cannot read the log");
    if (seq > within->state.head) seq = within->state.head;
    if (seq < within->state.first_seq)
        return fail(error, -ENOENT, "the log has no event up to this seq");
    rc = view_log_pin(within, &pin);
    if (rc < 0) return fail(error, rc, "cannot read the log");
    rc = find_last_event(&walk, pin, seq, &entry, error);
    if (rc == 0 && entry.seq < within->state.first_seq)
        rc = fail(error, -ENOENT, "the log has no event up to this seq");
    if (rc == 0) copy_entry(&entry, ret);
    log_walk_finish(&walk);
    if (rc < 0) return rc;
    return ret->bytes.failed ? fail_memory(error) : 0;
}

int engine_find_last(struct reel *reel, uint64_t seq, struct engine_entry *ret,
                     struct reel_error *error) {
    struct reel_view *view;
    int rc = reel_view_open(reel, &view, error);
    if (rc < 0) return rc;
    rc = copy_last(view, seq, ret, error);
    reel_view_close(view);
    return rc;
}

/* ---- For the daemon -------------------------------------------------------------------------- */

bool engine_is_stopped(const struct reel *reel, const char *collection,
                       char ret[SET_ASIDE_REASON_MAX]) {
    const struct collection *found =
        registry_find(&reel->dispatcher.registry, reel_text(collection));
    const struct set_aside *line = found ? found->stopped : NULL;
    if (line) set_aside_reason(line->signal, line->ms, ret);
    return line != NULL;
}

static void tell_set_aside(const struct set_aside *line, reel_set_aside_fn fn, void *context) {
    static const char *const kinds[] = {
        [SET_ASIDE_EVENT] = "event",
        [SET_ASIDE_RECORD] = "record",
        [SET_ASIDE_REQUEST] = "command",
        [SET_ASIDE_KEY] = "key",
    };
    char reason[SET_ASIDE_REASON_MAX];
    if (line->kind > SET_ASIDE_KEY) return;
    set_aside_reason(line->signal, line->ms, reason);
    const struct reel_set_aside one = {
        .kind = kinds[line->kind],
        .reason = reason,
        .seq = line->kind == SET_ASIDE_EVENT ? line->seq : 0,
        .time_s = line->time_s,
        .version = line->version,
    };
    fn(context, &one);
}

void engine_set_aside(const struct reel *reel, const char *name, reel_set_aside_fn fn,
                      void *context) {
    const struct set_aside_list *list = &reel->dispatcher.fold.aside;
    const struct collection *collection =
        registry_find(&reel->dispatcher.registry, reel_text(name));
    for (size_t i = 0; collection && i < list->count; i++) {
        const struct set_aside *line = &list->all[i];
        if (strcmp(line->collection, name) == 0 &&
            memcmp(line->build_id, plugin_build_id(collection->plugin), BUILD_ID_BYTES) == 0)
            tell_set_aside(line, fn, context);
    }
}

bool engine_is_damaged(const struct reel *reel) {
    return atomic_load(&reel->dispatcher.store.damaged);
}

void engine_measure_store(struct reel *reel, struct checkpoint_metrics *ret) {
    checkpoint_measure(&reel->dispatcher.store, ret);
}

void engine_measure_log(struct reel *reel, struct log_metrics *ret) {
    log_place_measure(&reel->dispatcher.home.place, ret);
}

/* ---- For `reeld check` ----------------------------------------------------------------------- */

const struct plugin *engine_plugin(const struct reel *reel) {
    return reel->plugins;
}

bool engine_faulted(const struct reel *reel) {
    return reel->dispatcher.fold.faulted;
}

struct fold_shown engine_running(struct reel *reel) {
    return fold_show(&reel->dispatcher.fold);
}

/* ---- The directory --------------------------------------------------------------------------- */

int engine_find_user(const char *directory, pid_t *ret, struct reel_error *error) {
    struct visit visit;
    int rc = visit_begin(&visit, directory, error);
    pid_t pid = rc == 0 ? visit_user(&visit) : 0;
    visit_end(&visit);
    if (rc < 0) return rc;
    if (pid <= 0) return fail(error, -ENOENT, "no process has %s open", directory);
    *ret = pid;
    return 0;
}
