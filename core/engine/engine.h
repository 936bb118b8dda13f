/* engine.h: the only header of the engine for other rooms: the feeds, `reeld check`, the daemon. It
 * adds calls to those of <reel/reel.h>, which programs use. `struct reel` is private. `reeld check`
 * also looks into plugins: what they declare (plugin.h) and draft (decision.h), and the host's
 * table. verify.h, compare.h and inspect.h look at directories that another process may have open.
 *
 * Functions here may be called from any thread, and take the write lock themselves, unless their
 * comments say otherwise.
 */
#ifndef REEL_ENGINE_ENGINE_H
#define REEL_ENGINE_ENGINE_H

#include "base/text.h"
#include "engine/build.h"
#include "engine/changed.h"
#include "engine/compare.h"
#include "engine/fold/callbacks.h"
#include "engine/fold/decision.h"
#include "engine/fold/host.h"
#include "engine/fold/plugin.h"
#include "engine/fold/set_aside.h"
#include "engine/handover.h"
#include "engine/inspect.h"
#include "engine/verify.h"
#include "engine/work.h"

#include <reel/sink_host.h>

/* ---- For the intake -------------------------------------------------------------------------- */

/* The limits of a transaction, from reel_options. Takes no lock. */
struct engine_limits {
    uint32_t event_bytes_max, batch_events_max;
    uint64_t batch_bytes_max;
};
struct engine_limits engine_limits(const struct reel *reel);

/* Folds events that a collection has not folded yet, as many as fit into a transaction, and
 * publishes the cursor. 1: it has folded some; 0: every collection has caught up. */
int engine_catch_up_some(struct reel *reel, struct reel_error *error);

/* Builds a slice of an index of fields, for about 10 ms, or folds a slice of what is rebuilt beside
 * what is served, of about `events_max` events. All collections have caught up. 1: there is more to
 * do; 2: the same, but the disk has to do first; 0: there is nothing, or it can go on only when
 * there is a checkpoint. */
int engine_build_some(struct reel *reel, uint64_t events_max, struct reel_error *error);

/* Checks whether there is space for a transaction of some size. Returns 0, or the error that a
 * transaction would get. */
int engine_try_room(struct reel *reel, struct reel_error *error);

/* Call it about once a second, also while nothing is written. Frees the reader slots of processes
 * that have died (such as a backup that was killed), and reports how many warnings were left
 * out. */
void engine_tick(struct reel *reel);

/* Like reel_trim, but does not wait for a checkpoint: trims as far as the last one allows, and asks
 * for another if that is less. `ret_first_seq`: where the log may begin now. [any thread] */
int engine_trim(struct reel *reel, uint64_t first_seq, uint64_t *ret_first_seq,
                struct reel_error *error);

/* ---- For feeds ------------------------------------------------------------------------------- */

/* The stream that the log mirrors, and the head of the log. 1: the log is a mirror; 0: it is not,
 * and `ret_origin` is all zero; or an error. */
int engine_origin(struct reel *reel, struct store_origin *ret_origin, uint64_t *ret_head,
                  struct reel_error *error);

/* Replaces the log by an empty one: see dispatcher_adopt. */
int engine_adopt(struct reel *reel, const uint8_t epoch[16], uint64_t first_seq,
                 const struct store_origin *origin, struct reel_error *error);

/* A copy of one entry of the log. */
struct engine_entry {
    uint64_t seq, time_ns;
    uint32_t flags, size; /* as in log.h */
    struct text bytes;
};
void engine_entry_finish(struct engine_entry *entry);

/* The newest event at or below `seq`; gaps are skipped. -ENOENT: there is no such event. `ret` may
 * be empty or used. */
int engine_find_last(struct reel *reel, uint64_t seq, struct engine_entry *ret,
                     struct reel_error *error);

/* The JSON of a record, with the changes of the running transaction. The caller frees it; NULL: the
 * record does not exist. -ESRCH: no such collection. May be called only in a mirrored_fn, which has
 * the write lock. */
int engine_show_record(struct reel *reel, struct reel_str collection, struct reel_str key,
                       char **ret, size_t *ret_len, struct reel_error *error);

/* Adds the reasons for which an event was rejected to the list. May be called only in a
 * mirrored_fn. */
int engine_copy_rejections(struct reel *reel, uint64_t seq, struct rejection_list *to);

/* ---- For the daemon -------------------------------------------------------------------------- */

/* reel_load_plugin for a file that is open already (plugin_file.h). [setup] */
int engine_load_file(struct reel *reel, struct plugin_file *file, struct reel_error *error);

/* Gives a projector's setting its value: the text is NAME=VALUE, with commas between the items of a
 * list. -EINVAL: it is not of this form, or the value is not allowed; -ENOENT: no projector has the
 * setting.
 * [setup] */
int engine_give_setting(struct reel *reel, const char *text, struct reel_error *error);

/* The view of what was served before this start, if a collection has other records since then,
 * because plugins were reloaded. -ENOENT: there was nothing else, or the view's time is over. Close
 * it as any view. [any thread] */
int engine_view_before(struct reel *reel, struct reel_view **ret);

/* Opens a scratch (home.h): a Reel whose store is in that directory, to be given plugins and then
 * to build_run. `options` name no directory. The caller removes the directory when it is closed. */
int engine_open_scratch(const struct reel_options *options, const char *directory,
                        struct reel **ret, struct reel_error *error);

/* Opens what build_run has left in a scratch's directory, to look at it through views, with the
 * collections of `of`, whose plugins it borrows: it is closed before `of`, and when no view of it
 * is open (engine_has_views). Nothing is folded. [any thread] */
int engine_open_built(struct reel *of, const struct reel_options *options, const char *directory,
                      struct reel **ret, struct reel_error *error);
bool engine_has_views(struct reel *reel);

/* The process that has this directory open. -ENOENT: there is no store, or nobody has. */
int engine_find_user(const char *directory, pid_t *ret, struct reel_error *error);

/* Size of the state's file. [any thread] */
uint64_t engine_store_bytes(struct reel *reel);

/* The projector's callback that is running, if there is one. Takes no lock. */
struct fold_shown engine_running(struct reel *reel);

/* Why the collection is stopped (fold/registry.h); false: it is not. Takes no lock. */
bool engine_is_stopped(const struct reel *reel, const char *collection,
                       char ret[SET_ASIDE_REASON_MAX]);

/* reel_canonical_key for a caller as in reel_command_request: who watches this process learns whose
 * look-up it was. [any thread] */
int engine_canonical_key(struct reel *reel, const char *collection, struct reel_str given,
                         struct reel_str caller, struct reel_key *ret);

/* Calls `fn` for each thing that is set aside for a collection and its build, oldest first. Takes
 * no lock: the list does not change. */
void engine_set_aside(const struct reel *reel, const char *collection, reel_set_aside_fn fn,
                      void *context);

/* The store is broken because its file is damaged: another process would find the same. Takes no
 * lock. */
bool engine_is_damaged(const struct reel *reel);

/* Does not take the write lock. */
void engine_measure_store(struct reel *reel, struct checkpoint_metrics *ret);
void engine_measure_log(struct reel *reel, struct log_metrics *ret);

/* ---- For `reeld check` ----------------------------------------------------------------------- */

/* The plugin that was loaded first. */
const struct plugin *engine_plugin(const struct reel *reel);

/* reel_set_setting at any time. The records are then those of other settings: rebuild them. Only
 * while no other thread uses this Reel. */
int engine_change_setting(struct reel *reel, const char *collection, const char *name,
                          const char *const *values, struct reel_error *error);

/* True if the last callback broke a rule. Only while no other thread uses this Reel. */
bool engine_faulted(const struct reel *reel);

#endif
