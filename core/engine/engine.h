/* engine.h: the door of the engine, for the rooms around it: feeds, the check, the daemon. Programs
 * use <reel/reel.h>; these calls are what that does not have. `struct reel` is private. The check
 * looks into plugins, too: what they declare (plugin.h) and draft (decision.h), and the host table.
 *
 * Functions here take the write lock themselves, from any thread, unless they say otherwise.
 */
#ifndef REEL_ENGINE_ENGINE_H
#define REEL_ENGINE_ENGINE_H

#include "base/text.h"
#include "engine/fold/decision.h"
#include "engine/fold/host.h"
#include "engine/fold/plugin.h"
#include "engine/work.h"

/* ---- For the intake -------------------------------------------------------------------------- */

/* How much is taken at once: of reel_options. Without a lock. */
struct engine_limits {
    uint32_t event_bytes_max, batch_events_max;
    uint64_t batch_bytes_max;
};
struct engine_limits engine_limits(const struct reel *reel);

/* Folds one transaction's worth of what any collection is behind, and publishes. 1: it did; 0: no
 * collection is behind. */
int engine_catch_up_some(struct reel *reel, struct reel_error *error);

/* Is there room for a transaction of some size? 0, or what one would be refused with. */
int engine_try_room(struct reel *reel, struct reel_error *error);

/* What is due also while nothing is written, about once a second: frees the places of readers in
 * processes that have died (a backup that was killed), and tells of warnings that were left out. */
void engine_tick(struct reel *reel);

/* ---- For feeds ------------------------------------------------------------------------------- */

/* What the log mirrors, and how far it reaches: 1; 0: it is a log of our own, `ret_origin` is all
 * zero; or an error. */
int engine_origin(struct reel *reel, struct store_origin *ret_origin, uint64_t *ret_head,
                  struct reel_error *error);

/* Begins with an empty log: see dispatcher_adopt. */
int engine_adopt(struct reel *reel, const uint8_t epoch[16], uint64_t first_seq,
                 const struct store_origin *origin, struct reel_error *error);

/* A copy of an entry of the log. */
struct engine_entry {
    uint64_t seq, time_ns;
    uint32_t flags, size; /* log.h */
    struct text bytes;
};
void engine_entry_finish(struct engine_entry *entry);

/* The newest event that is not beyond `seq`; gaps are passed over. -ENOENT: there is no such event.
 * `ret` is an empty or a used entry. */
int engine_find_last(struct reel *reel, uint64_t seq, struct engine_entry *ret,
                     struct reel_error *error);

/* A record's JSON text as the transaction has it; malloc'ed, NULL if there is none. -ESRCH: no such
 * collection. Only within a mirrored_fn, which has the write lock. */
int engine_show_record(struct reel *reel, struct reel_str collection, struct reel_str key,
                       char **ret, size_t *ret_len, struct reel_error *error);

/* Adds why an event was rejected to the list. Only within a mirrored_fn. */
int engine_copy_rejections(struct reel *reel, uint64_t seq, struct rejection_list *to);

/* ---- For the daemon -------------------------------------------------------------------------- */

/* The projector's callback that runs now, if one does. Without a lock. */
struct fold_shown engine_running(struct reel *reel);

/* Compares the log in a Reel's directory with its checksums, also while another process has it
 * open; how many files are damaged, each of which `found` was told, or an error. */
int engine_verify(const char *directory, log_finding_fn found, void *context,
                  struct reel_error *error);

/* Takes no lock of the writer's. */
void engine_measure_log(struct reel *reel, struct log_metrics *ret);

/* ---- For the check --------------------------------------------------------------------------- */

/* The plugin that was loaded first. */
const struct plugin *engine_plugin(const struct reel *reel);

/* Did the callback that ran last break a rule? For whoever is alone with this Reel. */
bool engine_faulted(const struct reel *reel);

#endif
