/* ending.c: see ending.h. */
#include "daemon/ending.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "base/thread.h"
#include "daemon/commands.h"
#include "daemon/log.h"
#include "daemon/worker.h"
#include "engine/engine.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SELF "reeld"

enum {
    TICK_MS = 250,
    STALLED_MS = 5000, /* a callback that takes longer counts as one that does not return */
    ENDING_MS = 15000, /* in addition to drain_ms_max, because closing the store syncs it */
    FLUSH_MS = 5000,   /* for the last line of the log */
};

struct ending {
    pid_t process;
    uint32_t drain_ms_max;
    pthread_t thread;

    pthread_mutex_t lock; /* protects the members below */
    pthread_cond_t done_set;
    struct reel *reel;
    struct fold_shown running; /* the callback that was running at the last tick */
    uint32_t running_ms, ending_ms;
    bool begun, done;
};

/* For exit(), which has no context. NULL: the process may exit. */
static _Atomic(struct ending *) in_force;

/* ---- Callbacks ------------------------------------------------------------------------------- */

/* "the projector of `cells` has not returned for 5 s, on event 17" */
static void describe_running(const struct ending *ending, char *to, size_t size) {
    snprintf(to, size, "the projector of `%s` has not returned for %u s, on event %" PRIu64,
             ending->running.collection, ending->running_ms / 1000, ending->running.seq);
}

static bool is_stalled(const struct ending *ending) {
    return ending->running.number != 0 && ending->running_ms >= STALLED_MS;
}

static void look_at_callback(struct ending *ending, uint32_t passed_ms) {
    INVARIANT(lock_is_held(&ending->lock));
    struct fold_shown now = {0};
    bool was_stalled = is_stalled(ending);
    char sentence[200];
    if (ending->reel) now = engine_running(ending->reel);
    if (now.number != 0 && now.number == ending->running.number) {
        ending->running_ms += passed_ms;
    } else {
        if (was_stalled)
            log_line(REEL_LEVEL_WARNING, SELF, "the projector of `%s` returned after %u s",
                     ending->running.collection, ending->running_ms / 1000);
        ending->running = now;
        ending->running_ms = 0;
    }
    if (was_stalled || !is_stalled(ending)) return;
    describe_running(ending, sentence, sizeof sentence);
    log_line(REEL_LEVEL_ERROR, SELF, "%s: until it does, nothing is written", sentence);
}

bool ending_is_stalled(struct ending *ending, char *ret, size_t size) {
    HOLD_LOCK(&ending->lock);
    if (!is_stalled(ending)) return false;
    describe_running(ending, ret, size);
    return true;
}

/* ---- Ending the process ---------------------------------------------------------------------- */

/* Nothing is lost: everything that was acknowledged is in the store, as after SIGKILL. */
__attribute__((noreturn)) static void give_up(const char *why) {
    callbacks_blame_other(); /* the event is not set aside: it was not given the usual time */
    log_line(REEL_LEVEL_ERROR, SELF, "ended at once: %s", why);
    log_queue_flush(FLUSH_MS);
    _exit(EXIT_FAILED);
}

/* True if a signal is pending: the main thread does not receive it, because it is still starting,
 * or blocked. */
static bool is_asked_to_end(void) {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT);
}

static void look_at_end(struct ending *ending, uint32_t passed_ms) {
    char why[200] = "ending took too long";
    if (!ending->begun && !is_asked_to_end()) {
        ending->ending_ms = 0;
        return;
    }
    ending->ending_ms += passed_ms;
    if (is_stalled(ending) && ending->ending_ms >= ending->drain_ms_max) {
        describe_running(ending, why, sizeof why);
        give_up(why);
    }
    if (ending->ending_ms >= ending->drain_ms_max + ENDING_MS)
        give_up(ending->begun ? why : "it was asked to end, but the main thread did not react");
}

static void *run(void *context) {
    struct ending *ending = context;
    uint64_t looked_ms = clock_ms();
    HOLD_LOCK(&ending->lock);
    while (!ending->done) {
        struct timespec until = clock_after(TICK_MS);
        pthread_cond_timedwait(&ending->done_set, &ending->lock, &until);
        uint64_t now_ms = clock_ms(), passed_ms = now_ms - looked_ms;
        looked_ms = now_ms;
        /* The process may have been stopped for a while; this is not the fault of a plugin. */
        if (passed_ms > 4 * TICK_MS) passed_ms = TICK_MS;
        worker_beat();
        look_at_callback(ending, (uint32_t)passed_ms);
        if (!ending->done) look_at_end(ending, (uint32_t)passed_ms);
    }
    return NULL;
}

/* ---- exit() ---------------------------------------------------------------------------------- */

/* Runs in the thread that has called exit(), perhaps within a callback. A process that a plugin has
 * forked ends quietly. */
static void refuse_exit(void) {
    struct ending *ending = atomic_load(&in_force);
    struct fold_shown running = {0};
    char where[120] = "";
    if (!ending) return;
    if (getpid() != ending->process) _exit(EXIT_FAILED);
    struct reel *reel = ending->reel;
    if (reel) running = engine_running(reel);
    if (running.number)
        snprintf(where, sizeof where, ", in the projector of `%s`, on event %" PRIu64,
                 running.collection, running.seq);
    callbacks_blame(0);
    log_line(REEL_LEVEL_ERROR, SELF, "a plugin or a library has called exit()%s", where);
    log_queue_flush(FLUSH_MS);
    _exit(EXIT_FAILED);
}

/* ---- Starting and stopping ------------------------------------------------------------------- */

int ending_create(uint32_t drain_ms_max, struct ending **ret, struct reel_error *error) {
    struct ending *ending = calloc(1, sizeof *ending);
    if (!ending || atexit(refuse_exit) != 0 || at_quick_exit(refuse_exit) != 0) {
        free(ending);
        return fail_memory(error);
    }
    ending->process = getpid();
    ending->drain_ms_max = drain_ms_max;
    pthread_mutex_init(&ending->lock, NULL);
    clock_condition(&ending->done_set);
    int rc = thread_start(&ending->thread, "reel-ending", run, ending);
    if (rc < 0) {
        free(ending);
        return fail(error, rc, "cannot start a thread: %s", strerror(-rc));
    }
    atomic_store(&in_force, ending);
    *ret = ending;
    return 0;
}

void ending_watch(struct ending *ending, struct reel *reel) {
    HOLD_LOCK(&ending->lock);
    ending->reel = reel;
    ending->running = (struct fold_shown){0};
}

void ending_begin(struct ending *ending) {
    HOLD_LOCK(&ending->lock);
    ending->begun = true;
}

void ending_done(struct ending *ending) {
    if (!ending) return;
    {
        HOLD_LOCK(&ending->lock);
        ending->done = true;
        pthread_cond_signal(&ending->done_set);
    }
    pthread_join(ending->thread, NULL);
    atomic_store(&in_force, NULL);
    free(ending);
}
