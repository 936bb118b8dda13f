/* bench.h: a Reel in memory in which one plugin is tried.
 *
 * The Reel calls our own callbacks, which pass each call on to the code of an *instance*: a copy of
 * the shared object that was loaded on its own, with all its variables as they were built. A new
 * instance remembers nothing, as if the program had been stopped and started again; the records
 * stay.
 *
 * There is one bench in a process, since callbacks have no context.
 */
#ifndef REEL_CHECK_BENCH_H
#define REEL_CHECK_BENCH_H

#include "check/maker.h"
#include "check/sheet.h"
#include "engine/engine.h"

/* What `evolve` is to be watched by; any may be NULL. */
struct bench_watch {
    void (*before_evolve)(struct reel_tx *tx, const struct reel_event *event);
    void (*before_decide)(struct reel_decision *decision, const struct reel_command *command);
    void (*after_evolve)(const struct fold *fold, reel_outcome outcome);
    void (*on_instance)(void *handle);
};

struct bench {
    struct sheet *sheet;
    struct samples samples;
    struct reel *reel;
    const struct plugin *plugin; /* what the Reel has of it */
    struct plugin *instance;     /* whose code runs */
    int file, copy;              /* the shared object, and the instance's copy of it */
    struct bench_watch watch;

    /* The collection of the command that is being carried out, or NULL. Of the last one: what was
     * drafted, as text, and how often its own evolve was asked, and applied that. */
    const struct collection *decided;
    struct text drafted;
    uint32_t evolves, applied;

    bool any_applied; /* by any of its projectors, of the events since it was set to false */
};

extern struct bench bench;

/* Opens, loads, and makes the first instance. */
void bench_open(struct sheet *sheet);

/* Makes a new instance; the one before is unloaded. */
void bench_renew(void);

/* Empties all collections and the log. */
void bench_reset(void);

enum fold_manner {
    FOLD_AT_ONCE,
    FOLD_ONE_BY_ONE,
    FOLD_IN_BATCHES, /* of random sizes */
    FOLD_RESUMED,    /* the same, with a new instance between some of them */
    FOLD_MANNERS,
};
extern const char *const fold_manner_words[FOLD_MANNERS];

/* Folds events into empty collections. `ret_outcomes`, for one by one, or NULL: what became of
 * each; rejected or ignored is one that none of the plugin's projectors applied. */
void bench_fold(const struct events *events, enum fold_manner manner, uint64_t *random,
                reel_outcome *ret_outcomes);
reel_outcome bench_apply(const struct text *event);

/* All records: a line each of collection, key and JSON. */
void bench_dump(struct text *ret);

/* The first line of one that the other lacks, for people. */
struct reel_str dump_difference(const struct text *dump, const struct text *other);

#endif
