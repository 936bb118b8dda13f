/* dedup.c: see dedup.h. */
#include "engine/log/dedup.h"

#include "base/cleanup.h"
#include "engine/log/segment.h"
#include "engine/log/walk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Entries that a run may have: their filter is in memory while they are merged. */
#define RUN_ENTRIES_MAX (UINT64_C(1) << 25)

/* What one step of a merge writes, in entries: 1 MiB. */
#define STEP_ENTRIES 65536

/* Runs on their way to become one. The helper's. */
struct merging {
    struct run_reader readers[MERGED_RUNS]; /* each run is referenced; NULL: none is under way */
    struct run_writer writer;
};

struct dedup {
    struct dedup_options options;
    struct dedup_table *active; /* the writer's */
    size_t kept, before;        /* entries of it: committed; and before the last commit */
    struct merging merging;

    atomic_uint_fast64_t first_seq; /* the floor */
    atomic_uint_fast64_t written;
    atomic_bool has_damaged; /* some run */

    pthread_mutex_t lock; /* of what follows */
    struct dedup_table **full;
    size_t full_count, full_size;
    struct run **runs; /* by from_seq; none lies within another */
    size_t run_count, run_size;
};

static uint64_t key_of(const struct dedup *dedup, const uint8_t id_hash[16]) {
    return dedup_key(dedup->options.salt, id_hash);
}

REEL_PRINTF(2, 3)
static void tell(const struct dedup *dedup, const char *format, ...) {
    char line[256];
    if (!dedup->options.tell) return;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    dedup->options.tell(dedup->options.context, line);
}

/* ---- The lists ------------------------------------------------------------------------------- */

/* Room for one more in a list of pointers. */
static int list_reserve(void *list, size_t count, size_t *size) {
    void **items, **at = list;
    if (count < *size) return 0;
    size_t wanted = *size ? *size * 2 : 8;
    items = realloc(*at, wanted * sizeof *items);
    if (!items) return -ENOMEM;
    *at = items;
    *size = wanted;
    return 0;
}

/* Has it all that is not trimmed of a range? */
static bool run_has(const struct dedup *dedup, const struct run *run, uint64_t from_seq,
                    uint64_t to_seq) {
    uint64_t first_seq = atomic_load(&dedup->first_seq);
    if (from_seq < first_seq) from_seq = first_seq;
    return run->head.from_seq <= from_seq && run->head.to_seq >= to_seq;
}

static void remove_file(const struct dedup *dedup, const char *name) {
    (void)dedup->options.io->unlink(dedup->options.directory, name); /* or the next opening does */
}

/* Under the lock. Takes the n-th run out, and its file away unless `taker` has the same. */
static void drop_run(struct dedup *dedup, size_t n, const struct run *taker) {
    struct run *run = dedup->runs[n];
    dedup->run_count--;
    memmove(dedup->runs + n, dedup->runs + n + 1, (dedup->run_count - n) * sizeof(struct run *));
    if (!taker || strcmp(taker->name, run->name) != 0) remove_file(dedup, run->name);
    run_unref(run);
}

/* Takes the run into the list, in the place of those within it. */
static int publish(struct dedup *dedup, struct run *run) {
    HOLD_LOCK(&dedup->lock);
    if (list_reserve(&dedup->runs, dedup->run_count, &dedup->run_size) < 0) {
        remove_file(dedup, run->name);
        run_unref(run);
        return -ENOMEM;
    }
    size_t at = 0;
    while (at < dedup->run_count) {
        const struct run_head *head = &dedup->runs[at]->head;
        if (run_has(dedup, run, head->from_seq, head->to_seq))
            drop_run(dedup, at, run);
        else if (head->from_seq < run->head.from_seq)
            at++;
        else
            break;
    }
    memmove(dedup->runs + at + 1, dedup->runs + at, (dedup->run_count - at) * sizeof(struct run *));
    dedup->runs[at] = run;
    dedup->run_count++;
    return 0;
}

/* Under the lock. Takes it. */
static int add_full(struct dedup *dedup, struct dedup_table *table) {
    int rc = list_reserve(&dedup->full, dedup->full_count, &dedup->full_size);
    if (rc == 0) dedup->full[dedup->full_count++] = table;
    return rc;
}

static void remove_full(struct dedup *dedup, struct dedup_table *table) {
    pthread_mutex_lock(&dedup->lock);
    for (size_t i = 0; i < dedup->full_count; i++) {
        if (dedup->full[i] != table) continue;
        dedup->full_count--;
        memmove(dedup->full + i, dedup->full + i + 1,
                (dedup->full_count - i) * sizeof(struct dedup_table *));
        break;
    }
    pthread_mutex_unlock(&dedup->lock);
    dedup_table_destroy(table);
}

/* ---- A run from a table ---------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b) {
    return dedup_entry_compare(a, b);
}

static void prepare_writer(struct dedup *dedup, bool paced, struct run_writer *ret) {
    *ret = (struct run_writer){
        .io = dedup->options.io,
        .directory = dedup->options.directory,
        .pacer = paced ? dedup->options.pacer : NULL,
        .ended = dedup->options.ended,
        .bytes = &dedup->written,
        .fd = -1,
    };
}

static int write_sorted(struct dedup *dedup, const struct dedup_table *table,
                        const struct dedup_entry *sorted, bool paced, struct run **ret) {
    struct run_writer writer;
    struct run_head head = {.salt = dedup->options.salt,
                            .from_seq = table->from_seq,
                            .to_seq = table->to_seq,
                            .chain = table->chain};
    prepare_writer(dedup, paced, &writer);
    int rc = run_writer_begin(&writer, &head, table->count);
    for (size_t i = 0; rc == 0 && i < table->count; i++) rc = run_writer_add(&writer, &sorted[i]);
    return rc < 0 ? rc : run_writer_finish(&writer, ret);
}

/* Writes it and takes it into the list. */
static int write_table(struct dedup *dedup, const struct dedup_table *table, bool paced) {
    AUTO_FREE struct dedup_entry *sorted = malloc((table->count + 1) * sizeof *sorted);
    struct run *run;
    if (!sorted) return -ENOMEM;
    if (table->count > 0) {
        memcpy(sorted, table->entries, table->count * sizeof *sorted);
        qsort(sorted, table->count, sizeof *sorted, compare_entries);
    }
    int rc = write_sorted(dedup, table, sorted, paced, &run);
    return rc < 0 ? rc : publish(dedup, run);
}

/* The oldest that is full; NULL. It stays until the helper removes it. */
static struct dedup_table *oldest_full(struct dedup *dedup) {
    HOLD_LOCK(&dedup->lock);
    return dedup->full_count > 0 ? dedup->full[0] : NULL;
}

static int write_full(struct dedup *dedup, struct dedup_table *table, bool paced) {
    bool is_trimmed = table->to_seq < atomic_load(&dedup->first_seq);
    int rc = is_trimmed ? 0 : write_table(dedup, table, paced);
    if (rc < 0) return rc;
    remove_full(dedup, table);
    return 1;
}

/* ---- Merging --------------------------------------------------------------------------------- */

/* Under the lock. Neighbours of one level, the lowest first: where they begin; -1. */
static long find_mergeable(const struct dedup *dedup) {
    long found = -1;
    for (size_t i = 0; i + MERGED_RUNS <= dedup->run_count; i++) {
        uint32_t level = dedup->runs[i]->head.level;
        uint64_t count = 0;
        size_t n = 0;
        for (; n < MERGED_RUNS; n++) {
            const struct run_head *head = &dedup->runs[i + n]->head;
            bool joins = n == 0 || dedup->runs[i + n - 1]->head.to_seq + 1 == head->from_seq;
            if (head->level != level || !joins || atomic_load(&dedup->runs[i + n]->damaged)) break;
            count += head->count;
        }
        if (n < MERGED_RUNS || count > RUN_ENTRIES_MAX) continue;
        if (found < 0 || level < dedup->runs[found]->head.level) found = (long)i;
    }
    return found;
}

/* 1: there is something to merge, and it is begun; 0: there is not. */
static int begin_merge(struct dedup *dedup, bool paced) {
    struct merging *merging = &dedup->merging;
    struct run_head head = {.salt = dedup->options.salt};
    uint64_t count = 0, first_seq = atomic_load(&dedup->first_seq);
    pthread_mutex_lock(&dedup->lock);
    long at = find_mergeable(dedup);
    for (long i = 0; at >= 0 && i < MERGED_RUNS; i++) {
        struct run *run = run_ref(dedup->runs[at + i]);
        merging->readers[i] = (struct run_reader){.run = run};
        count += run->head.count;
        head.level = run->head.level + 1;
        if (i == 0) head.from_seq = run->head.from_seq;
        head.to_seq = run->head.to_seq;
        head.chain = run->head.chain;
    }
    pthread_mutex_unlock(&dedup->lock);
    if (at < 0) return 0;
    if (head.from_seq < first_seq && first_seq <= head.to_seq) head.from_seq = first_seq;
    prepare_writer(dedup, paced, &merging->writer);
    int rc = run_writer_begin(&merging->writer, &head, count);
    return rc < 0 ? rc : 1;
}

static void end_merge(struct dedup *dedup) {
    struct merging *merging = &dedup->merging;
    if (!merging->readers[0].run) return;
    run_writer_abort(&merging->writer);
    for (size_t i = 0; i < MERGED_RUNS; i++) {
        run_unref(merging->readers[i].run);
        merging->readers[i].run = NULL;
    }
}

/* The next entry of all: 1; 0: that was the last; -EBADMSG. */
static int next_merged(struct merging *merging, struct dedup_entry *ret) {
    struct run_reader *least = NULL;
    for (size_t i = 0; i < MERGED_RUNS; i++) {
        struct dedup_entry entry;
        int rc = run_reader_peek(&merging->readers[i], &entry);
        if (rc < 0) return rc;
        if (rc == 0 || (least && compare_entries(&entry, ret) > 0)) continue;
        least = &merging->readers[i];
        *ret = entry;
    }
    if (!least) return 0;
    run_reader_step(least);
    return 1;
}

static int finish_merge(struct dedup *dedup) {
    struct run *run;
    int rc = run_writer_finish(&dedup->merging.writer, &run);
    if (rc < 0) return rc;
    if (run->head.to_seq >= atomic_load(&dedup->first_seq)) return publish(dedup, run);
    remove_file(dedup, run->name); /* it was trimmed meanwhile */
    run_unref(run);
    return 0;
}

/* 1: there is more to do; 0: it is done. */
static int merge_some(struct dedup *dedup) {
    struct merging *merging = &dedup->merging;
    for (size_t i = 0; i < STEP_ENTRIES; i++) {
        struct dedup_entry entry;
        int rc = next_merged(merging, &entry);
        if (rc < 0) {
            atomic_store(&dedup->has_damaged, true); /* the writer repairs it */
            return rc;
        }
        if (rc == 0) return finish_merge(dedup);
        if (entry.seq < merging->writer.head.from_seq) continue; /* it was trimmed */
        rc = run_writer_add(&merging->writer, &entry);
        if (rc < 0) return rc;
    }
    return 1;
}

int dedup_help(struct dedup *dedup, bool paced) {
    if (dedup->options.directory < 0) return 0;
    struct dedup_table *table = oldest_full(dedup);
    if (table) return write_full(dedup, table, paced);
    int rc = dedup->merging.readers[0].run ? 1 : begin_merge(dedup, paced);
    if (rc == 0) return 0;
    if (rc > 0) rc = merge_some(dedup);
    if (rc <= 0) end_merge(dedup);
    return rc < 0 ? rc : 1;
}

bool dedup_is_due(struct dedup *dedup) {
    HOLD_LOCK(&dedup->lock);
    return dedup->full_count > 0 || find_mergeable(dedup) >= 0;
}

/* ---- Reading the log ------------------------------------------------------------------------- */

static int read_log(struct dedup *dedup, struct dedup_table *table, struct log_pin *pin,
                    uint64_t from_seq, uint64_t to_seq, struct reel_error *error) {
    struct log_walk walk;
    struct log_entry entry;
    int rc;
    log_walk_start(&walk, pin, from_seq, to_seq);
    while ((rc = log_next(&walk, &entry, error)) > 0) {
        if (!entry.id_hash || entry.flags & LOG_OTHER_HASH) continue;
        rc = dedup_table_reserve(table);
        if (rc < 0) {
            rc = fail_memory(error);
            break;
        }
        dedup_table_add(table, key_of(dedup, entry.id_hash), entry.seq);
    }
    log_walk_finish(&walk);
    return rc;
}

/* The run of a full segment is made from the log. If it cannot be written, the helper tries again.
 */
static int make_run(struct dedup *dedup, struct log_pin *pin, size_t n, struct reel_error *error) {
    const struct segment_head *head = &pin->segments[n]->head, *next = &pin->segments[n + 1]->head;
    struct dedup_table *table = dedup_table_create(head->first_seq);
    if (!table) return fail_memory(error);
    table->to_seq = next->first_seq - 1;
    table->chain = next->previous_chain;
    int rc = read_log(dedup, table, pin, table->from_seq, table->to_seq, error);
    if (rc == 0 && write_table(dedup, table, false) < 0) {
        HOLD_LOCK(&dedup->lock);
        if (add_full(dedup, table) == 0) return 0;
        rc = fail_memory(error);
    }
    dedup_table_destroy(table);
    return rc;
}

static bool is_covered(struct dedup *dedup, uint64_t from_seq, uint64_t to_seq) {
    if (dedup->active->from_seq <= from_seq) return true;
    HOLD_LOCK(&dedup->lock);
    for (size_t i = 0; i < dedup->run_count; i++)
        if (run_has(dedup, dedup->runs[i], from_seq, to_seq)) return true;
    for (size_t i = 0; i < dedup->full_count; i++)
        if (dedup->full[i]->from_seq <= from_seq && dedup->full[i]->to_seq >= to_seq) return true;
    return false;
}

/* Makes what is missing. Returns how many sealed segments had none, whose runs were lost. */
static int make_missing(struct dedup *dedup, struct log_pin *pin, struct reel_error *error) {
    int lost = 0;
    for (size_t i = 0; i + 1 < pin->count; i++) {
        const struct segment_head *head = &pin->segments[i]->head;
        if (is_covered(dedup, head->first_seq, pin->segments[i + 1]->head.first_seq - 1)) continue;
        int rc = make_run(dedup, pin, i, error);
        if (rc < 0) return rc;
        lost += head->form == SEGMENT_SEALED;
    }
    return lost;
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* Is the run of this log, and of its kept part? The segment behind it says so. */
static bool belongs(const struct run *run, const struct log_pin *pin, uint64_t salt) {
    if (run->head.salt != salt) return false;
    for (size_t i = 1; i < pin->count; i++) {
        const struct segment_head *head = &pin->segments[i]->head;
        if (head->first_seq == run->head.to_seq + 1) return head->previous_chain == run->head.chain;
    }
    return false;
}

static void open_run(struct dedup *dedup, const struct log_pin *pin, const char *name) {
    struct run *run;
    int rc = run_open(dedup->options.directory, name, &run);
    if (rc < 0) {
        tell(dedup, "log/%s is damaged, or cannot be read", name);
        if (rc == -EBADMSG) remove_file(dedup, name);
        return;
    }
    bool within = false;
    for (size_t i = 0; i < dedup->run_count; i++)
        within = within || run_has(dedup, dedup->runs[i], run->head.from_seq, run->head.to_seq);
    if (!within && belongs(run, pin, dedup->options.salt)) {
        (void)publish(dedup, run); /* without memory it is made again, or opening fails */
        return;
    }
    remove_file(dedup, name);
    run_unref(run);
}

static int open_runs(struct dedup *dedup, const struct log_pin *pin, struct reel_error *error) {
    CLEANUP(text_finish) struct text names = {0};
    CLEANUP(io_list_end) DIR *dir = NULL;
    int rc = io_list(dedup->options.directory, &dir, error);
    if (rc < 0) return rc;
    const struct dirent *entry;
    while ((entry = readdir(dir))) {
        char name[RUN_NAME_MAX] = "";
        if (run_has_name(entry->d_name, ".ids.tmp")) remove_file(dedup, entry->d_name);
        if (!run_has_name(entry->d_name, ".ids")) continue;
        snprintf(name, sizeof name, "%.50s", entry->d_name);
        text_append(&names, name, sizeof name);
    }
    if (names.failed) return fail_memory(error);
    for (size_t at = 0; at < names.len; at += RUN_NAME_MAX) open_run(dedup, pin, names.data + at);
    return 0;
}

static int open_on_disk(struct dedup *dedup, struct log_pin *pin, struct reel_error *error) {
    const struct segment *last = pin->segments[pin->count - 1];
    dedup->active->from_seq = last->head.first_seq;
    int rc = open_runs(dedup, pin, error);
    if (rc == 0) rc = make_missing(dedup, pin, error);
    if (rc < 0) return rc;
    if (rc > 0)
        tell(dedup, "the index of duplicates lacked %d segments: it was made again from the log",
             rc);
    if (!dedup->options.has_last)
        return read_log(dedup, dedup->active, pin, last->head.first_seq, UINT64_MAX, error);
    rc = dedup_table_fill(dedup->active, dedup->options.last, dedup->options.last_count);
    return rc < 0 ? fail_memory(error) : 0;
}

int dedup_open(const struct dedup_options *options, struct log_pin *pin, struct dedup **ret,
               struct reel_error *error) {
    struct dedup *dedup = calloc(1, sizeof *dedup);
    if (!dedup) return fail_memory(error);
    dedup->options = *options;
    atomic_init(&dedup->first_seq, options->first_seq);
    pthread_mutex_init(&dedup->lock, NULL);
    dedup->active = dedup_table_create(1);
    int rc = dedup->active ? 0 : fail_memory(error);
    if (rc == 0 && options->directory >= 0) rc = open_on_disk(dedup, pin, error);
    if (rc < 0) {
        dedup_close(dedup);
        return fail_in(error, rc, "the index of duplicates");
    }
    dedup->kept = dedup->before = dedup->active->count;
    *ret = dedup;
    return 0;
}

void dedup_save(struct dedup *dedup) {
    struct dedup_table *table;
    while ((table = oldest_full(dedup)))
        if (write_full(dedup, table, false) < 0) return; /* the next opening makes them */
}

const struct dedup_table *dedup_last(const struct dedup *dedup, uint64_t first_seq) {
    return dedup->active->from_seq == first_seq ? dedup->active : NULL;
}

void dedup_close(struct dedup *dedup) {
    if (!dedup) return;
    end_merge(dedup);
    dedup_table_destroy(dedup->active);
    for (size_t i = 0; i < dedup->full_count; i++) dedup_table_destroy(dedup->full[i]);
    for (size_t i = 0; i < dedup->run_count; i++) run_unref(dedup->runs[i]);
    free(dedup->full);
    free(dedup->runs);
    pthread_mutex_destroy(&dedup->lock);
    free(dedup);
}

/* ---- Adding ---------------------------------------------------------------------------------- */

int dedup_reserve(struct dedup *dedup) {
    return dedup_table_reserve(dedup->active);
}

void dedup_add(struct dedup *dedup, const uint8_t id_hash[16], uint64_t seq) {
    dedup_table_add(dedup->active, key_of(dedup, id_hash), seq);
}

void dedup_commit(struct dedup *dedup) {
    dedup->before = dedup->kept;
    dedup->kept = dedup->active->count;
}

void dedup_abort(struct dedup *dedup) {
    dedup_table_cut(dedup->active, dedup->kept);
}

void dedup_undo(struct dedup *dedup) {
    dedup_table_cut(dedup->active, dedup->before);
    dedup->kept = dedup->before;
}

/* The group that is under way goes to the next table. Without memory for one, this one goes on: it
 * may be of several segments. */
void dedup_roll(struct dedup *dedup, const struct segment_head *next) {
    struct dedup_table *full = dedup->active, *table;
    if (dedup->options.directory < 0) return;
    table = dedup_table_create(next->first_seq);
    if (!table) return;
    for (size_t i = dedup->kept; i < full->count; i++) {
        if (dedup_table_reserve(table) < 0) {
            dedup_table_destroy(table);
            return;
        }
        dedup_table_add(table, full->entries[i].key, full->entries[i].seq);
    }
    HOLD_LOCK(&dedup->lock);
    if (add_full(dedup, full) < 0) {
        dedup_table_destroy(table);
        return;
    }
    dedup_table_cut(full, dedup->kept);
    full->to_seq = next->first_seq - 1;
    full->chain = next->previous_chain;
    dedup->active = table;
    dedup->kept = dedup->before = 0;
}

void dedup_trim(struct dedup *dedup, uint64_t first_seq) {
    atomic_store(&dedup->first_seq, first_seq);
    if (dedup->options.directory < 0) {
        size_t before = dedup->active->count;
        dedup_table_trim(dedup->active, first_seq);
        dedup->kept = dedup->active->count;
        size_t trimmed = before - dedup->kept;
        dedup->before = dedup->before > trimmed ? dedup->before - trimmed : 0;
        return;
    }
    HOLD_LOCK(&dedup->lock);
    while (dedup->run_count > 0 && dedup->runs[0]->head.to_seq < first_seq)
        drop_run(dedup, 0, NULL);
}

/* ---- Looking up ------------------------------------------------------------------------------ */

static int find_locked(struct dedup *dedup, uint64_t key, struct dedup_found *found) {
    uint64_t first_seq = atomic_load(&dedup->first_seq);
    HOLD_LOCK(&dedup->lock);
    for (size_t i = 0; i < dedup->run_count; i++) {
        int rc = run_find(dedup->runs[i], key, first_seq, found);
        if (rc < 0) return rc;
    }
    for (size_t i = 0; i < dedup->full_count; i++)
        dedup_table_find(dedup->full[i], key, first_seq, found);
    dedup_table_find(dedup->active, key, first_seq, found);
    return 0;
}

static struct run *take_damaged(struct dedup *dedup) {
    HOLD_LOCK(&dedup->lock);
    for (size_t i = 0; i < dedup->run_count; i++)
        if (atomic_load(&dedup->runs[i]->damaged)) return run_ref(dedup->runs[i]);
    return NULL;
}

static void drop(struct dedup *dedup, const struct run *run) {
    HOLD_LOCK(&dedup->lock);
    for (size_t i = 0; i < dedup->run_count; i++) {
        if (dedup->runs[i] != run) continue;
        drop_run(dedup, i, NULL);
        return;
    }
}

/* Until it succeeds, no lookup does. */
static int repair(struct dedup *dedup, struct log_pin *pin, struct reel_error *error) {
    struct run *damaged;
    atomic_store(&dedup->has_damaged, false);
    while ((damaged = take_damaged(dedup))) {
        tell(dedup, "log/%s is damaged: this part of the index of duplicates is made again",
             damaged->name);
        drop(dedup, damaged);
        run_unref(damaged);
    }
    int rc = make_missing(dedup, pin, error);
    if (rc < 0) atomic_store(&dedup->has_damaged, true);
    return rc < 0 ? rc : 0;
}

int dedup_find(struct dedup *dedup, struct log_pin *pin, const uint8_t id_hash[16],
               uint64_t ret[LOG_CANDIDATES], struct reel_error *error) {
    uint64_t key = key_of(dedup, id_hash);
    struct dedup_found found;
    int rc;
    do {
        rc = atomic_load(&dedup->has_damaged) ? repair(dedup, pin, error) : 0;
        if (rc < 0) return rc;
        found.count = 0;
        rc = find_locked(dedup, key, &found);
        if (rc < 0) atomic_store(&dedup->has_damaged, true);
    } while (rc < 0);
    memcpy(ret, found.seqs, found.count * sizeof *ret);
    return (int)found.count;
}

/* ---- Measuring ------------------------------------------------------------------------------- */

void dedup_measure(struct dedup *dedup, struct dedup_metrics *ret) {
    HOLD_LOCK(&dedup->lock);
    *ret = (struct dedup_metrics){
        .written = atomic_load(&dedup->written),
        .runs = dedup->run_count,
        .tables = dedup->full_count + 1,
    };
}
