/* checkpoint.c: see checkpoint.h. In this order: writing a layer; the thread; the writer. */
#include "engine/store/checkpoint.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "base/thread.h"
#include "engine/store/keys.h"
#include "engine/store/memtable/version.h"
#include "engine/store/rewrite.h"
#include "engine/store/sides.h"
#include "engine/store/table.h"

#include <errno.h>
#include <stdlib.h>

#define RETRY_MS 1000

/* So many checkpoints change tables in place after one that could not rewrite them. */
#define IN_PLACE_AFTER_FAILURE 16

struct checkpointer {
    pthread_mutex_t writing; /* held by who uses LMDB's write transaction; and of these two: */
    bool unfinished;         /* sides may be, since the last attempt */
    unsigned in_place;       /* checkpoints that will not rewrite tables */

    pthread_t thread;
    bool has_thread; /* [writer] */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool stopping;
    bool waits, written; /* a layer does; it is in LMDB, and the writer may drop it */
    struct layer layer;
    uint64_t needed_after; /* the layer's: store->needed_after */
    uint64_t
        layer_least;     /* the lowest that it was at a group of the layer, until that is in LMDB */
    uint64_t least, now; /* the lowest at a group of the active memtable, and at the last one */
    uint64_t retry_ms;   /* not before then */
    int rc;              /* of the last attempt, and why */
    struct reel_error error;
    struct checkpoint_metrics metrics;
};

/* ---- Writing a layer ------------------------------------------------------------------------- */

static int check_item(struct store *store, const struct item *item, struct reel_error *error) {
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
static int write_items(struct store *store, size_t table, MDB_dbi dbi, const struct tree *tree,
                       struct reel_error *error) {
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

/* A checkpoint's way into LMDB. */
struct writing {
    const struct tree *trees;
    size_t count;
    struct sides sides, rewritten; /* the latter: which tables */
};

static struct writing writing_of(struct store *store, const struct tree *trees, size_t count) {
    return (struct writing){.trees = trees, .count = count, .sides = sides_now(store)};
}

static MDB_dbi current_side(const struct store *store, const struct writing *writing,
                            size_t table) {
    return store->tables[table][sides_has(&writing->sides, table)];
}

/* All but the tables that are rewritten. */
static int write_trees(struct store *store, const struct writing *writing,
                       struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < writing->count; i++) {
        const struct tree *tree = &writing->trees[i];
        MDB_dbi dbi = current_side(store, writing, i);
        if (sides_has(&writing->rewritten, i)) continue;
        int dropped = tree->cleared ? mdb_drop(store->txn, dbi, 0) : 0;
        if (dropped != 0) rc = store_fail(store, dropped, "cannot empty a table", error);
        if (rc == 0 && tree->root) rc = write_items(store, i, dbi, tree, error);
    }
    return rc;
}

/* ---- Rewriting tables ------------------------------------------------------------------------ */

static struct rewrite rewrite_of(struct store *store, const struct writing *writing, size_t table) {
    const MDB_dbi *sides = store->tables[table];
    bool second = sides_has(&writing->sides, table);
    return (struct rewrite){store, sides[second], sides[!second], &writing->trees[table],
                            check_item};
}

/* Chooses the tables and fills their other sides. Commits slices: before anything else is written.
 */
static int fill_rewritten(struct store *store, struct writing *writing, struct reel_error *error) {
    int rc = 0;
    for (size_t i = TABLES_OWN; rc == 0 && i < writing->count; i++) {
        const struct tree *tree = &writing->trees[i];
        bool is_worth;
        if (tree->cleared || !tree->root) continue;
        rc = rewrite_is_worth(store, current_side(store, writing, i), tree, &is_worth, error);
        if (rc < 0 || !is_worth) continue;
        struct rewrite rewrite = rewrite_of(store, writing, i);
        sides_add(&writing->rewritten, i);
        rc = rewrite_table(&rewrite, error);
    }
    return rc;
}

static int finish_rewritten(struct store *store, const struct writing *writing,
                            struct reel_error *error) {
    int rc = 0;
    for (size_t i = TABLES_OWN; rc == 0 && i < writing->count; i++) {
        struct rewrite rewrite = rewrite_of(store, writing, i);
        if (sides_has(&writing->rewritten, i)) rc = rewrite_finish(&rewrite, error);
    }
    return rc;
}

/* ---- A layer --------------------------------------------------------------------------------- */

static bool is_empty(const struct layer *layer) {
    for (size_t i = 0; i < layer->tree_count; i++)
        if (layer->trees[i].root || layer->trees[i].cleared) return false;
    return true;
}

/* After a checkpoint that failed while it rewrote tables: what is left of them makes room for the
 * pages that change. */
static int make_up_for(struct store *store, const struct writing *writing,
                       struct reel_error *error) {
    struct checkpointer *checkpointer = store->checkpointer;
    if (!checkpointer->unfinished) return 0;
    int rc = sides_empty_unfinished(store, writing->count, error);
    if (rc < 0) return rc;
    checkpointer->unfinished = false;
    checkpointer->in_place = IN_PLACE_AFTER_FAILURE;
    return 0;
}

static int write_all(struct store *store, struct writing *writing, struct reel_error *error) {
    bool may_rewrite = store->checkpointer->in_place == 0;
    int rc = environment_begin(store, error);
    if (rc == 0 && may_rewrite) rc = fill_rewritten(store, writing, error);
    if (rc == 0) rc = write_trees(store, writing, error);
    if (rc == 0) rc = finish_rewritten(store, writing, error);
    if (rc == 0) return sides_commit(store, &writing->rewritten, error);
    environment_abort(store);
    return rc;
}

static int write_layer(struct store *store, const struct layer *layer, struct reel_error *error) {
    struct checkpointer *checkpointer = store->checkpointer;
    if (is_empty(layer)) return 0;
    struct writing writing = writing_of(store, layer->trees, layer->tree_count);
    int rc = make_up_for(store, &writing, error);
    if (rc < 0) return rc;
    rc = write_all(store, &writing, error);
    size_t rewritten = sides_count(&writing.rewritten);
    if (rc < 0) {
        checkpointer->unfinished = rewritten > 0;
        return rc;
    }
    if (checkpointer->in_place > 0) checkpointer->in_place--;
    HOLD_LOCK(&checkpointer->lock);
    checkpointer->metrics.tables_rewritten += rewritten;
    return 0;
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
    checkpointer->layer_least = UINT64_MAX;
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
    checkpointer->least = checkpointer->layer_least = UINT64_MAX;
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
    if (checkpointer->waits && checkpointer->written) {
        pthread_mutex_lock(&store->snapshot_lock);
        int rc = versions_drop(store->versions);
        pthread_mutex_unlock(&store->snapshot_lock);
        if (rc == 0) checkpointer->waits = checkpointer->written = false;
    }
    note_memory(store); /* also of what was freed while nothing was written */
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
    checkpointer->layer_least = checkpointer->least;
    checkpointer->least = UINT64_MAX;
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

int checkpoint_last_failure(struct store *store, struct reel_error *error) {
    struct checkpointer *checkpointer = store->checkpointer;
    HOLD_LOCK(&checkpointer->lock);
    if (checkpointer->rc == 0) return 0;
    return fail(error, checkpointer->rc, "%s", checkpointer->error.text);
}

bool checkpoint_is_busy(struct store *store) {
    drop_written(store);
    return has_frozen(store) && (memtable_bytes(store->versions) >= store->memtable_bytes / 2 ||
                                 store->folded >= MEMTABLE_EVENTS / 2);
}

bool checkpoint_is_waiting(struct store *store) {
    drop_written(store);
    return has_frozen(store);
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

/* Without a thread, the writer writes the layer when the next memtable is full. */
static void start_thread(struct store *store) {
    struct checkpointer *checkpointer = store->checkpointer;
    if (checkpointer->has_thread) return;
    checkpointer->has_thread =
        thread_start(&checkpointer->thread, "reel-checkpoint", run, store) == 0;
}

int checkpoint_make_room(struct store *store, struct reel_error *error) {
    int rc = 0;
    drop_written(store);
    if (!is_full(store)) {
        if (is_old(store) || has_frozen(store)) checkpoint_ask(store);
        return 0;
    }
    if (store->in_memory) return fail(error, -ENOSPC, "the store has reached map_bytes");
    start_thread(store);
    if (has_frozen(store)) rc = wait_for_room(store, error);
    if (rc == 0 && has_frozen(store)) rc = fail_memory(error); /* it could not be dropped */
    return rc < 0 ? rc : freeze(store, error);
}

int checkpoint_make_room_within(struct store *store, size_t bytes_max, struct reel_error *error) {
    int rc = checkpoint_make_room(store, error);
    return rc == -ENOSPC && memtable_bytes(store->versions) < bytes_max ? 0 : rc;
}

void checkpoint_ask(struct store *store) {
    drop_written(store);
    if (store->in_memory) return;
    start_thread(store); /* also for a layer that could not be written before there was one */
    if (!has_frozen(store)) (void)freeze(store, NULL); /* without memory: it is asked for again */
}

static uint64_t least_of(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* What LMDB has is not all: if a group after it began a rebuild, this begins again after a crash.
 */
uint64_t checkpoint_cursor(struct store *store) {
    struct checkpointer *checkpointer = store->checkpointer;
    HOLD_LOCK(&checkpointer->lock);
    if (store->in_memory) return checkpointer->now;
    uint64_t waiting = least_of(checkpointer->layer_least, checkpointer->least);
    return least_of(checkpointer->metrics.cursor, waiting);
}

void checkpoint_note_group(struct store *store) {
    struct checkpointer *checkpointer = store->checkpointer;
    struct checkpoint_metrics *metrics = &checkpointer->metrics;
    HOLD_LOCK(&checkpointer->lock);
    checkpointer->now = store->needed_after;
    checkpointer->least = least_of(checkpointer->least, checkpointer->now);
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
    if (has_frozen(store)) return fail_memory(error); /* it could not be dropped */
    HOLD_LOCK(&checkpointer->writing);
    const struct writing writing =
        writing_of(store, memtable_tree(store->versions, 0), store->table_count);
    int rc = environment_begin(store, error);
    if (rc == 0) rc = write_trees(store, &writing, error);
    if (rc < 0) {
        environment_abort(store);
        return rc;
    }
    pthread_mutex_lock(&store->snapshot_lock);
    rc = environment_commit(store, error);
    if (rc == 0) versions_restart(store->versions, cursor);
    pthread_mutex_unlock(&store->snapshot_lock);
    pthread_mutex_lock(&checkpointer->lock);
    if (rc == 0) { /* of a log that is empty */
        checkpointer->metrics.cursor = checkpointer->now = cursor;
        checkpointer->least = checkpointer->layer_least = UINT64_MAX;
    }
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
