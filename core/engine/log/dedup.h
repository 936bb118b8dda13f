/* dedup.h: the duplicates' index: id_hash → seqs of the submitted events that the log has.
 *
 * It is derived from the log and only finds what is there: whoever asks compares with the event.
 * So entries that are too many do no harm, and entries that are missing would: it is checked that
 * there are none.
 *
 *     the last segment      a table in memory (dedup_table.h), read from the log at opening
 *     each full segment     a run (dedup_run.h), made from that table before the segment is sealed
 *     older ones            MERGED_RUNS neighbours of one level become one of the next level
 *
 * So of n events, about log4(n / events in a segment) levels have at most three runs each, and each
 * event is written once a level. Until a full segment's run is written, its table stays.
 *
 * **Opening** takes the runs that belong to this log: those whose salt is the log's, and behind
 * which a segment begins that has their `chain`. What no run has is read from the log: of the last
 * segment into memory, of others into a new run. A run that a crash left half made has another name
 * and is removed; one that lies within another one was merged, and is removed, too.
 *
 * **Damage** of a run is found at opening or at a lookup, by its checksums. Then its part of the
 * index is made again from the log, before the lookup goes on.
 *
 * **Trimming** removes runs below the floor. Of the others, what is below it is passed over by
 * lookups and left out by merges, whose run then begins at the floor. So if trimmed segments are
 * put back, it is known which runs do not have them.
 *
 * In memory there are no runs: one table has all.
 *
 * The writer adds, looks up, repairs and trims. The helper writes runs. `lock` is for the list of
 * tables and runs; a table that is full and a run are never changed.
 */
#ifndef REEL_ENGINE_LOG_DEDUP_H
#define REEL_ENGINE_LOG_DEDUP_H

#include "engine/log/dedup_run.h"
#include "engine/log/pin.h"

#include <pthread.h>

#define MERGED_RUNS 4

struct dedup_options {
    const struct io *io;
    struct pacer *pacer;
    const atomic_bool *ended; /* a paced run is given up then */
    int directory;            /* the log's, which stays open; -1: in memory */
    uint64_t salt;
    uint64_t first_seq; /* the floor */
    /* The entries of the last segment, if that is known; borrowed while it is opened. */
    bool has_last;
    const struct dedup_entry *last;
    size_t last_count;
    void (*tell)(void *context, const char *line);
    void *context;
};

struct dedup;

/* Of a log whose segments are pinned. */
int dedup_open(const struct dedup_options *options, struct log_pin *pin, struct dedup **ret,
               struct reel_error *error);
void dedup_close(struct dedup *dedup); /* NULL does nothing */

/* Before closing, without a helper: writes the runs of full segments. */
void dedup_save(struct dedup *dedup);

/* And the entries of the last segment, which begins at `first_seq`; NULL: they are among others. */
const struct dedup_table *dedup_last(const struct dedup *dedup, uint64_t first_seq);

/* ---- The writer's ---------------------------------------------------------------------------- */

/* Sees to it that one more can be added. -ENOMEM. */
int dedup_reserve(struct dedup *dedup);
void dedup_add(struct dedup *dedup, const uint8_t id_hash[16], uint64_t seq);

/* What was added since the last of these: it is in the log now, or is not. And: what was committed
 * last was taken back. */
void dedup_commit(struct dedup *dedup);
void dedup_abort(struct dedup *dedup);
void dedup_undo(struct dedup *dedup);

/* A segment begins at `first_seq`, behind all that was committed. */
void dedup_roll(struct dedup *dedup, const struct segment_head *next);

/* The events below it are no longer looked for. */
void dedup_trim(struct dedup *dedup, uint64_t first_seq);

/* Returns how many seqs there may be, ascending, or an error. */
int dedup_find(struct dedup *dedup, struct log_pin *pin, const uint8_t id_hash[16],
               uint64_t ret[LOG_CANDIDATES], struct reel_error *error);

/* ---- The helper's ---------------------------------------------------------------------------- */

/* Writes a run, or goes on with merging some, paced or not. 1: it did; 0: nothing is due. */
int dedup_help(struct dedup *dedup, bool paced);
bool dedup_is_due(struct dedup *dedup); /* any thread */

/* ---- Any thread ------------------------------------------------------------------------------ */

struct dedup_metrics {
    uint64_t written; /* bytes, of runs */
    uint64_t runs, tables;
};
void dedup_measure(struct dedup *dedup, struct dedup_metrics *ret);

#endif
