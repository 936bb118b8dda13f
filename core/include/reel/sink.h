/* reel/sink.h: what a sink declares. A sink shows views and events outside of the daemon. The
 * functions that a sink may call in the host are in sink_host.h.
 *
 * A plugin (projector.h) lists its sinks in `reel_plugin.sinks`; the daemon runs the sinks that the
 * operator names. The HTTP and stdout sinks that ship with Reel use nothing but these headers.
 *
 * The life of a sink
 *   1. The daemon reads the sink's settings with its own, from flags, environment and file.
 *   2. start: the sink opens what it needs and starts its threads, which do all further work.
 *   3. committed: after each commit, the sink wakes the threads that have work to do, and returns
 *      at once.
 *   4. drain: the sink accepts no new work, and finishes the work that has begun. Commands and
 *      events that it has handed over to the writer still get their results.
 *   5. stop: no work is left. The sink ends its threads and frees its memory.
 */
#ifndef REEL_SINK_H
#define REEL_SINK_H

#include <reel/projector.h>
#include <reel/setting.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reel_sink_host;

/* ---- Sinks ----------------------------------------------------------------------------------- */

enum {
    REEL_SINK_NEEDS_TOKENS = 1 << 0, /* the sink checks who its clients are (reel_sink_access): the
                                        daemon does not start without a token */
};

struct reel_sink {
    uint32_t struct_size;
    uint32_t flags;                             /* REEL_SINK_…, or 0 */
    const char *name;                           /* [a-z][a-z0-9_-]{0,62} */
    const char *summary;                        /* one line for --help */
    const struct reel_setting *const *settings; /* NULL-terminated, or NULL */

    /* Opens and starts the sink. `host` lives until `stop` returns. On success, `ret_sink` gets the
     * state that the other functions are given. On failure, returns a negative errno value with a
     * sentence, and must have freed everything; the daemon does not start. [main] */
    int32_t (*start)(struct reel_sink_host *host, void **ret_sink, struct reel_error *error);

    /* Called when the cursor has reached `cursor`. If `cursor` is the same as in the last call, the
     * readiness of the daemon has changed (reel_sink_status). The writer waits for this call: it
     * must not block, and must not call the host. NULL: not called. [any thread, one call at a
     * time] */
    void (*committed)(void *sink, uint64_t cursor);

    /* Stops accepting new work. Returns when the work that has begun is finished, or after
     * `timeout_ms`. Commands and events that were handed over still get their results. NULL: not
     * called. [main] */
    void (*drain)(void *sink, uint32_t timeout_ms);

    /* Ends the threads of the sink, and frees `sink`. By then, everything that the sink handed over
     * has its result. [main] */
    void (*stop)(void *sink);
};

#ifdef __cplusplus
}
#endif
#endif
