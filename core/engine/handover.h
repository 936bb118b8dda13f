/* handover.h: records that a builder has made with other plugins (build.h), put into the store for
 * the worker that will run these plugins.
 *
 * When plugins are reloaded, the process that serves is replaced by another one. What the new
 * plugins make of the log is folded before that, beside, into a scratch. Here its tables are copied
 * into the store, row by row, as they are: into the set of tables that a collection does not use
 * (store.h), in slices between the groups of others, as a rebuild is done. So the time that the
 * copy takes is not a time in which nobody is served. The state of each collection goes to `meta`
 * as its *handover*. It is not complete until all rows of all collections have been copied, and
 * the digest of the records is that of the scratch; the last group says so of all at once.
 *
 * The next start that has these plugins makes shadows of them (fold/registry_handover.c): it folds
 * the events that follow, and shows them, all before anything is visible. If too many events follow
 * for that, everything else is visible before.
 *
 * **Crashes.** Until the handover is complete and in a checkpoint, the next start does not see it,
 * or removes it. A start with other plugins than those for which it was made removes it, too. In
 * both cases the collections are as they were.
 *
 * Meanwhile no collection may be rebuilt, paused, resumed or released: a rebuild needs the same
 * tables. And the log is not trimmed beyond the scratch's cursor.
 */
#ifndef REEL_ENGINE_HANDOVER_H
#define REEL_ENGINE_HANDOVER_H

#include "base/error.h"

#include <reel/reel.h>

#include <stdbool.h>

struct handover_options {
    const char *directory;                     /* of the scratch, which is closed */
    const char *const *names;                  /* of the collections, NULL-terminated */
    bool (*is_cancelled)(const void *context); /* called before each slice, and while it waits */
    const void *context;
};

/* Copies all, and waits until a checkpoint has it. After an error, nothing is handed over. -EBUSY:
 * a collection is being rebuilt; -ESTALE: the log was trimmed beyond the scratch; -EAGAIN: the log
 * was replaced; -EBADMSG: the scratch is damaged; -ECANCELED; -ENOSPC. [any thread] */
int handover_run(struct reel *reel, const struct handover_options *options,
                 struct reel_error *error);

/* Waits until a checkpoint has all that is committed now. [any thread] */
int handover_settle(struct reel *reel, bool (*is_cancelled)(const void *context),
                    const void *context, struct reel_error *error);

#endif
