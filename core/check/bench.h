/* bench.h: the bench: a Reel in memory, in which one plugin is tried.
 *
 * The Reel calls callbacks of the bench. They pass each call to an *instance* of the plugin: a copy
 * of the shared object that was loaded separately, and whose variables have their initial values. A
 * new instance remembers nothing, as if the program had been restarted; the records remain.
 *
 * A process has one bench, because callbacks have no context.
 */
#ifndef REEL_CHECK_BENCH_H
#define REEL_CHECK_BENCH_H

#include "check/maker.h"
#include "check/sheet.h"
#include "engine/engine.h"

/* Callbacks that watch `evolve`; any may be NULL. */
struct bench_watch {
    void (*before_evolve)(struct reel_tx *tx, const struct reel_event *event);
    void (*before_decide)(struct reel_decision *decision, const struct reel_command *command);
    void (*after_decide)(const struct decision *decision);               /* if it was accepted */
    void (*after_evolve)(const struct fold *fold, reel_outcome outcome); /* after derive, too */
    void (*on_instance)(void *handle);
};

struct bench {
    struct sheet *sheet;
    struct samples samples;
    struct reel *reel;
    const struct plugin *plugin; /* as the Reel has loaded it; `next` is that of --with */
    struct plugin *instance;     /* whose code is called */
    int file;                    /* file descriptor of the shared object */
    struct bench_watch watch;

    /* The collection of the current command, or NULL. About the last command: the events that it
     * drafted, as text; how often its own evolve was called for them, and how often it applied
     * them. */
    const struct collection *decided;
    struct text drafted;
    uint32_t evolves, applied;

    bool any_applied; /* a projector of the plugin has applied an event since this was set to false
                       */
};

extern struct bench bench;

/* Opens the Reel, loads the plugin, and creates the first instance. */
void bench_open(struct sheet *sheet);

/* Gives a store with the plugin the settings that were given. Returns which of them are the
 * plugin's: bit n for the n-th. One that is not is a failure, unless other plugins are checked,
 * too. */
uint64_t bench_give_settings(const struct sheet *sheet, struct reel *reel);

/* Creates a new instance, and unloads the one before. */
void bench_renew(void);

/* Empties all collections and the log. */
void bench_reset(void);

enum fold_manner {
    FOLD_AT_ONCE,
    FOLD_ONE_BY_ONE,
    FOLD_IN_BATCHES, /* of random sizes */
    FOLD_RESUMED,    /* in such batches, with a new instance between some of them */
    FOLD_MANNERS,
};
extern const char *const fold_manner_words[FOLD_MANNERS];

/* Folds events into empty collections. `ret_outcomes` is for FOLD_ONE_BY_ONE, or NULL: the outcome
 * of each event. An event that no projector of the plugin applied counts as rejected or ignored. */
void bench_fold(const struct events *events, enum fold_manner manner, uint64_t *random,
                reel_outcome *ret_outcomes);
reel_outcome bench_apply(const struct text *event);

/* Writes all records: for each one, a line with collection, key and JSON. */
void bench_dump(struct text *ret);

/* The first line that only one of the dumps has, for people. */
struct reel_str dump_difference(const struct text *dump, const struct text *other);

#endif
