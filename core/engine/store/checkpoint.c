/* checkpoint.c: see checkpoint.h. In this order: writing a layer; the thread; the writer. */
#include "engine/store/checkpoint.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "base/thread.h"
#include "engine/store/keys.h"
#include "engine/store/memtable/version.h"
#include "engine/store/table.h"

#include <errno.h>
#include <stdlib.h>

#define RETRY_MS 1000

/* Trimming may go on so far while a checkpoint fails. A group may go on to twice memtable_bytes. */
#define MEMTABLE_TRIM(store) ((store)->memtable_bytes + (store)->memtable_bytes / 2)

struct checkpointer {
    pthread_mutex_t writing; /* held by who uses LMDB's write transaction */

    pthread_t thread;
    bool has_thread; /* [writer] */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool stopping;
    bool waits, written; /* a layer does; it is in LMDB, and the writer may drop it */
    struct layer layer;
    uint64_t needed_after; /* the layer's: store->needed_after */
    uint64_t retry_ms;     /* not before then */
    int rc;                /* of the last attempt, and why */
    struct reel_error error;
    struct checkpoint_metrics metrics;
};

/* ---- Writing a layer ------------------------------------------------------------------------- */

static int check_item(struct store *store, const struct item *item, struct reel_error *error) {
    if (item_is_deleted(item)) return 0;
    if (XXH128_isEqual(table_hash(item_key(item), item_value(item)), item->hash)) return 0;
    struct reel_error own;
    if (!error) error = &own;
    error_set(error,
              "a record in memory is not what it was when it was written: a plugin or the memory "
              "has changed it; the log is intact, end this process");
    store_break(store, error->text);
    return -EIO;
}

static int write_own(struct store *store, MDB_dbi dbi, const struct item *item,
                     struct reel_error *error) {
    struct reel_str own = item_key(item), with = item_value(item);
    MDB_val key = {own.len, (void *)own.data}, value = {with.len, (void *)with.data};
    int rc = item_is_deleted(item) ? mdb_del(store->txn, dbi, &key, NULL)
                                   : mdb_put(store->txn, dbi, &key, &value, 0);
    if (rc == MDB_NOTFOUND) rc = 0;
    return rc == 0 ? 0 : store_fail(store, rc, "cannot write a checkpoint", error);
}

static int write_record(struct keys_writer *writer, const struct item *item,
                        struct reel_error *error) {
    struct reel_str value = item_value(item);
    char *space;
    if (item_is_deleted(item)) {
        int rc = keys_delete(writer, item_key(item), error);
        return rc == -ENOENT ? 0 : rc;
    }
    int rc = keys_put(writer, item_key(item), value.len, &space, error);
    if (rc == 0 && value.len > 0) memcpy(space, value.data, value.len);
    return rc;
}

/* In key order: LMDB finds each place from the one before. */
static int write_items(struct store *store, size_t table, const struct tree *tree,
                       struct reel_error *error) {
    MDB_dbi dbi = store->tables[table];
    struct keys_writer writer;
    struct tree_walk walk;
    int rc = keys_writer_start(&writer, store, dbi, error);
    for (const struct item *item =
             tree_seek(&walk, tree, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE);
         rc == 0 && item; item = tree_next(&walk)) {
        rc = check_item(store, item, error);
        if (rc < 0) break;
        rc = table < TABLES_OWN ? write_own(store, dbi, item, error)
                                : write_record(&writer, item, error);
    }
    keys_writer_finish(&writer);
    return rc;
}

static int write_trees(struct store *store, const struct tree *trees, size_t count,
                       struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        int dropped = trees[i].cleared ? mdb_drop(store->txn, store->tables[i], 0) : 0;
        if (dropped != 0) rc = store_fail(store, dropped, "cannot empty a table", error);
        if (rc == 0 && trees[i].root) rc = write_items(store, i, &trees[i], error);
    }
    return rc;
}

/* Begins a transaction that has the trees, and is not committed yet. */
static int begin_with(struct store *store, const struct tree *trees, size_t count,
                      struct reel_error *error) {
    int rc = environment_begin(store, error);
    if (rc == 0) rc = write_trees(store, trees, count, error);
    if (rc < 0) environment_abort(store);
    return rc;
}

static bool is_empty(const struct layer *layer) {
    for (size_t i = 0; i < layer->tree_count; i++)
        if (layer->trees[i].root || layer->trees[i].cleared) return false;
    return true;
}

static int write_layer(struct store *store, const struct layer *layer, struct reel_error *error) {
    if (is_empty(layer)) return 0;
    int rc = begin_with(store, layer->trees, layer->tree_count, error);
    return rc < 0 ? rc : environment_commit(store, error);
}

/* ---- The layer that waits -------------------------------------------------------------------- */

static bool find_waiting(struct checkpointer *checkpointer, struct layer *ret) {
    HOLD_LOCK(&checkpointer->lock);
    *ret = checkpointer->layer;
    return checkpointer->waits && !checkpointer->written;
}

static void note_written(struct checkpointer *checkpointer, uint64_t began_ns) {
    struct checkpoint_metrics *metrics = &checkpointer->metrics;
    checkpointer->written = true;
    metrics->cursor = checkpointer->needed_after;
    metrics->last_duration_ns = clock_ns() - began_ns;
    metrics->last_bytes = memtable_size(checkpointer->layer.memtable);
    metrics->duration_ns += metrics->last_duration_ns;
    metrics->bytes += metrics->last_bytes;
    metrics->count++;
}

static void note_attempt(struct checkpointer *checkpointer, int rc, uint64_t began_ns,
                         const struct reel_error *error) {
    HOLD_LOCK(&checkpointer->lock);
    checkpointer->rc = rc;
    checkpointer->metrics.failing = rc < 0;
    if (rc == 0) {
        note_written(checkpointer, began_ns);
        return;
    }
    checkpointer->error = *error;
    checkpointer->retry_ms = clock_ms() + RETRY_MS;
    checkpointer->metrics.failures++;
}

/* Writes the layer that waits, unless it was written meanwhile. */
static int write_waiting(struct store *store, struct reel_error *error) {
    struct checkpointer *checkpointer = store->checkpointer;
    struct reel_error why = {0};
    struct layer layer;
    HOLD_LOCK(&checkpointer->writing);
    if (!find_waiting(checkpointer, &layer)) return 0;
    uint64_t began_ns = clock_ns();
    int rc = store_check_whole(store, "cannot write a checkpoint", &why);
    if (rc == 0) rc = write_layer(store, &layer, &why);
    note_attempt(checkpointer, rc, began_ns, &why);
    return rc < 0 ? fail(error, rc, "%s", why.text) : 0;
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* Waits for something to do: true; or to end. */
static bool await_work(struct checkpointer *checkpointer) {
    HOLD_LOCK(&checkpointer->lock);
    while (!checkpointer->stopping) {
        uint32_t left_ms = clock_left_ms(checkpointer->retry_ms);
        bool has_work = checkpointer->waits && !checkpointer->written;
        if (has_work && left_ms == 0) return true;
        struct timespec until = clock_after(left_ms);
        if (has_work)
            pthread_cond_timedwait(&checkpointer->changed, &checkpointer->lock, &until);
        else
            pthread_cond_wait(&checkpointer->changed, &checkpointer->lock);
    }
    return false;
}

static void *run(void *context) {
    struct store *store = context;
    while (await_work(store->checkpointer)) (void)write_waiting(store, NULL); /* it is noted */
    return NULL;
}

int checkpoint_init(struct store *store) {
    struct checkpointer *checkpointer = calloc(1, sizeof *checkpointer);
    if (!checkpointer) return -ENOMEM;
    pthread_mutex_init(&checkpointer->writing, NULL);
    pthread_mutex_init(&checkpointer->lock, NULL);
    clock_condition(&checkpointer->changed);
    store->checkpointer = checkpointer;
    return 0;
}

static void stop_thread(struct checkpointer *checkpointer) {
    if (!checkpointer->has_thread) return;
    pthread_mutex_lock(&checkpointer->lock);
    checkpointer->stopping = true;
    pthread_cond_broadcast(&checkpointer->changed);
    pthread_mutex_unlock(&checkpointer->lock);
    pthread_join(checkpointer->thread, NULL);
    checkpointer->has_thread = false;
}

void checkpoint_finish(struct store *store) {
    struct checkpointer *checkpointer = store->checkpointer;
    if (!checkpointer) return;
    stop_thread(checkpointer);
    pthread_cond_destroy(&checkpointer->changed);
    pthread_mutex_destroy(&checkpointer->lock);
    pthread_mutex_destroy(&checkpointer->writing);
    free(checkpointer);
    store->checkpointer = NULL;
}

void checkpoint_measure(struct store *store, struct checkpoint_metrics *ret) {
    HOLD_LOCK(&store->checkpointer->lock);
    *ret = store->checkpointer->metrics;
}

/* ---- The writer: freezing and dropping ------------------------------------------------------- */

/* Under the lock. */
static void note_memory(struct store *store) {
    struct checkpoint_metrics *metrics = &store->checkpointer->metrics;
    metrics->active_bytes = memtable_bytes(store->versions);
    metrics->frozen_bytes = store->versions->frozen_bytes;
    metrics->held_bytes = store->versions->held_bytes;
}

static bool has_frozen(const struct store *store) {
    return store->versions->current->layer_count > 1;
}

/* Drops the frozen memtable if it is in LMDB. Without memory for that it stays, and hides what
 * LMDB has of the same. */
static void drop_written(struct store *store) {
    struct checkpointer *checkpointer = store->checkpointer;
    HOLD_LOCK(&checkpointer->lock);
    if (!checkpointer->waits || !checkpointer->written) return;
    pthread_mutex_lock(&store->snapshot_lock);
    int rc = versions_drop(store->versions);
    pthread_mutex_unlock(&store->snapshot_lock);
    if (rc == 0) checkpointer->waits = checkpointer->written = false;
    note_memory(store);
}

/* The active memtable is the one that waits from now on. */
static int freeze(struct store *store, struct reel_error *error) {
    struct checkpointer *checkpointer = store->checkpointer;
    INVARIANT(!has_frozen(store));
    if (versions_freeze(store->versions, store->table_count) < 0) return fail_memory(error);
    store->folded = 0;
    HOLD_LOCK(&checkpointer->lock);
    INVARIANT(!checkpointer->waits);
    checkpointer->layer = store->versions->current->layers[1];
    checkpointer->needed_after = store->needed_after;
    checkpointer->waits = true;
    checkpointer->metrics.began_ms = 0;
    note_memory(store);
    pthread_cond_broadcast(&checkpointer->changed);
    return 0;
}

/* ---- The writer: when ------------------------------------------------------------------------ */

bool checkpoint_is_due(const struct store *store, size_t bytes) {
    if (memtable_bytes(store->versions) + bytes >= store->memtable_bytes) return true;
    return !store->in_memory && store->folded >= MEMTABLE_EVENTS;
}

static bool is_full(const struct store *store) {
    return checkpoint_is_due(store, 0);
}

static bool is_old(const struct store *store) {
    uint64_t began_ms = store->checkpointer->metrics.began_ms; /* [writer] */
    return began_ms != 0 && clock_ms() >= began_ms + MEMTABLE_MS;
}

/* The error of an attempt that is not to be repeated yet; or 0. */
static int last_failure(struct checkpointer *checkpointer, struct reel_error *error) {
    HOLD_LOCK(&checkpointer->lock);
    if (checkpointer->rc == 0 || clock_left_ms(checkpointer->retry_ms) == 0) return 0;
    return fail(error, checkpointer->rc, "%s", checkpointer->error.text);
}

static int wait_for_room(struct store *store, struct reel_error *error) {
    struct checkpointer *checkpointer = store->checkpointer;
    uint64_t began_ns = clock_ns();
    int rc = last_failure(checkpointer, error);
    if (rc == 0) rc = write_waiting(store, error);
    drop_written(store);
    HOLD_LOCK(&checkpointer->lock);
    checkpointer->metrics.wait_ns += clock_ns() - began_ns;
    return rc;
}

static int start_thread(struct store *store, struct reel_error *error) {
    struct checkpointer *checkpointer = store->checkpointer;
    if (checkpointer->has_thread) return 0;
    int rc = thread_start(&checkpointer->thread, "reel-checkpoint", run, store);
    checkpointer->has_thread = rc == 0;
    return rc < 0 ? fail(error, rc, "cannot start a thread: %s", strerror(-rc)) : 0;
}

int checkpoint_make_room(struct store *store, struct reel_error *error) {
    drop_written(store);
    bool full = is_full(store);
    if (!full && (!is_old(store) || has_frozen(store))) return 0;
    if (store->in_memory) return full ? fail(error, -ENOSPC, "the store has reached map_bytes") : 0;
    int rc = start_thread(store, error);
    if (rc == 0 && has_frozen(store)) rc = wait_for_room(store, error);
    if (rc == 0 && has_frozen(store)) rc = fail_memory(error); /* it could not be dropped */
    return rc < 0 ? rc : freeze(store, error);
}

int checkpoint_make_room_to_trim(struct store *store, struct reel_error *error) {
    int rc = checkpoint_make_room(store, error);
    return rc == -ENOSPC && memtable_bytes(store->versions) < MEMTABLE_TRIM(store) ? 0 : rc;
}

void checkpoint_ask(struct store *store) {
    drop_written(store);
    if (store->in_memory || has_frozen(store) || start_thread(store, NULL) < 0) return;
    (void)freeze(store, NULL); /* without memory: it is asked for again */
}

uint64_t checkpoint_cursor(struct store *store) {
    struct checkpoint_metrics metrics;
    checkpoint_measure(store, &metrics);
    return store->in_memory ? store->needed_after : metrics.cursor;
}

void checkpoint_note_group(struct store *store) {
    HOLD_LOCK(&store->checkpointer->lock);
    struct checkpoint_metrics *metrics = &store->checkpointer->metrics;
    if (metrics->began_ms == 0) metrics->began_ms = clock_ms();
    note_memory(store);
}

int checkpoint_all(struct store *store, struct reel_error *error) {
    int rc = store_check_whole(store, "cannot write a checkpoint", error);
    if (rc == 0) rc = write_waiting(store, error);
    drop_written(store);
    if (rc == 0 && has_frozen(store)) rc = fail_memory(error);
    if (rc == 0) rc = freeze(store, error);
    if (rc == 0) rc = write_waiting(store, error);
    drop_written(store);
    return rc;
}

int checkpoint_group(struct store *store, uint64_t cursor, struct reel_error *error) {
    struct checkpointer *checkpointer = store->checkpointer;
    INVARIANT(!has_frozen(store));
    HOLD_LOCK(&checkpointer->writing);
    int rc = begin_with(store, memtable_tree(store->versions, 0), store->table_count, error);
    if (rc < 0) return rc;
    pthread_mutex_lock(&store->snapshot_lock);
    rc = environment_commit(store, error);
    if (rc == 0) versions_restart(store->versions, cursor);
    pthread_mutex_unlock(&store->snapshot_lock);
    pthread_mutex_lock(&checkpointer->lock);
    if (rc == 0) checkpointer->metrics.cursor = cursor; /* of a log that is empty */
    pthread_mutex_unlock(&checkpointer->lock);
    return rc;
}

int checkpoint_between(struct store *store,
                       int (*fn)(struct store *store, void *context, struct reel_error *error),
                       void *context, struct reel_error *error) {
    HOLD_LOCK(&store->checkpointer->writing);
    int rc = environment_begin(store, error);
    if (rc == 0) rc = fn(store, context, error);
    if (rc == 0) return environment_commit(store, error);
    environment_abort(store);
    return rc;
}
