/* worker.h: the process that does the work of `reeld serve`, and that another one watches
 * (supervisor.h). Without supervision, with `no_supervise`, these functions do what a process on
 * its own must do.
 */
#ifndef REEL_DAEMON_WORKER_H
#define REEL_DAEMON_WORKER_H

#include "base/kept.h"
#include "engine/engine.h"

#define WORKER_BLOCKED_MAX 32
#define WORKER_NUMBERS_MAX 8

/* Shared by all workers and the supervisor, beside the page of callbacks. */
struct worker_shared {
    /* Written by the worker. */
    atomic_uint_least64_t beats;   /* rises several times a second while the process is alive */
    atomic_bool broken;            /* its store must be opened again: it ends for this reason */
    atomic_bool opened;            /* what was requested at the start for the store was done */
    atomic_bool rebuilding;        /* the rebuilds that were requested at the start have begun */
    atomic_int ended;              /* its exit code, and 1: only plugins are left to be unloaded */
    char unloading[KEPT_NAME_MAX]; /* then: the path of the plugin that is; empty: none is */

    /* Numbers that are kept (kept.h). */
    struct {
        char name[32];
        kept_number_value value;
    } numbers[WORKER_NUMBERS_MAX];

    /* Written by the supervisor. */
    atomic_uint_least64_t restarts; /* workers that were started anew */
    atomic_uint_least64_t replaced; /* workers whose place a next one has taken (reload.h) */
    atomic_uint_least64_t down_ms;  /* time without a worker that answers, in all */

    /* SIGHUP has come; the worker that begins to do what it asks for says so. */
    atomic_bool reload_wanted;

    /* Tokens whose commands, or look-ups of keys, have crashed projectors again and again. Written
     * while there is no worker. */
    struct {
        uint8_t caller[CALLBACK_HASH_BYTES];
        uint64_t until_ms; /* clock_ms; 0: none */
    } blocked[WORKER_BLOCKED_MAX];
};

/* By what the plugins of a worker, the text of its configuration file and its tokens are kept
 * (kept.h). KEPT_CHOSEN says that the plugins are those that are kept, even if there are none. The
 * text is that of a worker that has taken the place of another one; others have what the supervisor
 * read. */
#define KEPT_PLUGIN "plugin "
#define KEPT_CHOSEN "the plugins are chosen"
#define KEPT_CONFIG "configuration"
#define KEPT_TOKENS "tokens"

/* What a worker says to the supervisor: a datagram, from WORKER_KEEP on with a descriptor. */
enum worker_word {
    WORKER_READY = 1,
    WORKER_STOPPING = 2,
    WORKER_LEAVING = 3, /* the next worker takes its place, with what was staged */
    WORKER_KEEP = 4,
    WORKER_STAGE = 5, /* to be kept in place of plugins and text: after WORKER_LEAVING */
    WORKER_RENEW = 6, /* to be kept in place of what is kept by the same name */
};
struct worker_message {
    enum worker_word word;
    char name[KEPT_NAME_MAX]; /* of the descriptor */
};

/* In the new process, which has one thread. `control` is the socket for messages. */
void worker_begin(struct worker_shared *shared, struct callback_page *page, int control);

/* Completes a keeper that has only `find`, and uses it. */
void worker_use_keeper(struct keeper *keeper);

bool worker_is_supervised(void);

/* From now on, a thread that ends the process by a fault is known to the supervisor. [main thread,
 * before others] */
void worker_watch_faults(void);

/* To the supervisor, or to the service manager. */
void worker_ready(void);
void worker_stopping(void);

/* Keeps it for all later workers, in place of what is kept by this name. Not supervised: does
 * nothing. */
void worker_renew(const char *name, int fd);

/* Whatever ends this process from now on, it has ended with this exit code: everything is closed.
 * worker_unloads says which plugin is being unloaded, which runs code of it; "": none. */
void worker_has_ended(int exit_code);
void worker_unloads(const char *path);

/* Begins to do what SIGHUP has asked for. Otherwise the next worker is asked. */
void worker_begins_reload(void);

/* Something for the worker that takes the place of this one, which then says that it ends for that.
 * Whatever becomes of this one after that, the next worker is another. */
void worker_stage(const char *name, int fd);
void worker_leaving(void);

/* A part of /metrics; NULL: not supervised. */
const struct worker_shared *worker_shared(void);

/* Must this caller (reel_caller.id) wait? [any thread] */
bool worker_has_blocked(struct reel_str caller);

/* Called several times a second. [any thread] */
void worker_beat(void);

/* The store cannot be used any more, and this process ends: another one shall open it. */
void worker_is_broken(void);

/* What is requested by flags at the start is done once, not by each worker. True for the first one
 * that comes so far; the second function says that it has done it. */
bool worker_may_open_anew(void);
void worker_has_opened(void);
bool worker_may_rebuild(void);
void worker_has_begun_rebuilds(void);

#endif
