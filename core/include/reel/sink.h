/* reel/sink.h: a sink: what carries views and events out of the daemon.
 *
 * A plugin (projector.h) lists its sinks in `reel_plugin.sinks`; the daemon runs those that it
 * is told to, by their names. The HTTP and stdout sinks that ship are such, and use nothing else
 * of Reel.
 *
 * The life of a sink
 *   1. Its settings are read with the daemon's own, from flags, environment and file.
 *   2. start: it opens what it needs and starts its threads. Everything else it does there.
 *   3. moved, after each commit: something is new. It must return at once; whoever has work to do
 *      is woken.
 *   4. drain: no new work is taken in. What is under way ends; commands that were handed over are
 *      all answered.
 *   5. stop: nothing is under way; its threads end and its memory goes.
 *
 * Everything is asked of the host through the stage that start was given, which lives until stop
 * returns. Its functions may be called from any thread of the sink, between start and the end of
 * stop. They return 0 or a negative errno value as reel.h describes; an `error`, which may be
 * NULL, gets a sentence.
 *
 * Threads, beside those of abi.h: [main] = the daemon's own thread, one call at a time.
 */
#ifndef REEL_SINK_H
#define REEL_SINK_H

#include <reel/view.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What a sink declares -------------------------------------------------------------------- */

typedef uint32_t reel_setting_kind;
enum {
    REEL_SETTING_TEXT = 1,
    REEL_SETTING_NUMBER = 2, /* a decimal integer from `min` to `max` */
    REEL_SETTING_SWITCH = 3, /* off unless given; `true` or `false` in environment and file */
    REEL_SETTING_ONE_OF = 4, /* one of `values` */
};
enum {
    REEL_SETTING_LIST =
        1 << 0, /* may be given several times; TEXT only. In the environment and in
                   `standard` separated by commas, in the file an array of strings */
};

/* One setting. `name` is "view_ms_max": the key in the configuration file; REEL_VIEW_MS_MAX in the
 * environment; --view-ms-max as a flag. Units stand at the end of a name. */
struct reel_setting {
    uint32_t struct_size;
    uint32_t flags;
    const char *name; /* [a-z][a-z0-9_]{0,62}, unique among all sinks and the daemon's own */
    reel_setting_kind kind;
    uint32_t reserved;
    uint64_t min, max;         /* NUMBER */
    const char *standard;      /* the default, as it would be given; NULL: none */
    const char *unit;          /* "ms", "bytes", "DIR", …: what --help shows for the value */
    const char *help;          /* one line */
    const char *const *values; /* ONE_OF, NULL-terminated */
    const char *also;          /* other names in the environment, separated by spaces, each of which
                                  counts for less than those before it; or NULL */

    /* ---- since 1.5 ---- */

    /* TEXT: may this be a value, or an item of the list? If not, `error` has a sentence that says
     * what is wrong, without repeating the value. It is asked before anything is opened, also for
     * a sink that will not run. NULL: any text may. [main] */
    bool (*check)(const char *value, struct reel_error *error);
};

enum {
    REEL_SINK_NEEDS_TOKENS = 1 << 0, /* it asks who its clients are (reel_stage_access): the daemon
                                        does not start without a token */
};

struct reel_stage {
    const struct reel_sink_host *host;
};

struct reel_sink {
    uint32_t struct_size;
    uint32_t flags;                             /* REEL_SINK_… */
    const char *name;                           /* [a-z][a-z0-9_-]{0,62} */
    const char *summary;                        /* one line for --help */
    const struct reel_setting *const *settings; /* NULL-terminated, or NULL */

    /* Opens and starts. On failure nothing is left, and the daemon does not start. [main] */
    int32_t (*start)(struct reel_stage *stage, void **ret_sink, struct reel_error *error);

    /* The cursor has moved to `cursor`; or, when it has not, readiness has changed. Must not
     * block, nor call the host. NULL: it does not care. [writer] */
    void (*moved)(void *sink, uint64_t cursor);

    /* Takes no more new work; returns when what is under way has ended, or after `timeout_ms`.
     * Meanwhile commands and events that were handed over are still answered. NULL: nothing to
     * do. [main] */
    void (*drain)(void *sink, uint32_t timeout_ms);

    /* Ends. Nothing that it handed over is unanswered. [main] */
    void (*stop)(void *sink);
};

#ifndef __cplusplus
#define REEL_SETTING(...)                                                                          \
    &(const struct reel_setting) {                                                                 \
        .struct_size = sizeof(struct reel_setting), __VA_ARGS__                                    \
    }
#endif

/* ---- What it may ask ------------------------------------------------------------------------- */

typedef int32_t reel_level;
enum {
    REEL_LEVEL_ERROR = 1,
    REEL_LEVEL_WARNING = 2,
    REEL_LEVEL_INFO = 3,
    REEL_LEVEL_DEBUG = 4,
};

/* What the bearer of a token may do; each includes the ones before it. */
typedef int32_t reel_access;
enum {
    REEL_ACCESS_NONE = 0, /* no such token */
    REEL_ACCESS_READ = 1,
    REEL_ACCESS_WRITE = 2,
};

/* Who bears a token, for reel_order.caller: the same for the same token, in every daemon, and not
 * the token, which cannot be found from it. */
struct reel_caller {
    char id[33];
};

/* How the daemon is. */
struct reel_status {
    bool ready;    /* caught up, feed up: `reason` is empty */
    bool draining; /* it is about to end */
    char reason[256];
    uint64_t started_ns;   /* ns since 1970, UTC */
    uint64_t lag;          /* events that are known to be there and not yet folded */
    uint64_t queue_events; /* waiting for the writer */
    uint64_t queue_bytes;
    const char *feed;       /* "embedded", "jetstream" */
    const char *feed_state; /* "up", "behind", "down" */
    const char *server;     /* version of the daemon */
    const char *build;      /* "release", "debug" */
    uint64_t known_seq;     /* the log is known to reach so far: past the cursor while events of a
                               stream are still on their way */
};

/* A plugin, for people. */
struct reel_plugin_info {
    const char *name, *version;
    const char *path; /* NULL: linked in */
    uint16_t abi_major, abi_minor;
};

/* One figure, as Prometheus has them. */
typedef int32_t reel_measure_kind;
enum {
    REEL_MEASURE_COUNTER = 1,
    REEL_MEASURE_GAUGE = 2,
    REEL_MEASURE_HISTOGRAM = 3,
};
struct reel_measure {
    const char *name; /* "reel_events_total"; those of one name come one after another */
    const char *help;
    reel_measure_kind kind;
    uint32_t bucket_count;
    const char *labels;      /* `outcome="applied"`, or empty */
    double value;            /* of a histogram: the sum of what was observed */
    const double *bounds;    /* HISTOGRAM: upper bounds, rising, bucket_count of them */
    const uint64_t *buckets; /* HISTOGRAM: bucket_count + 1 counts, each of its own bucket */
};
typedef void (*reel_measure_fn)(void *context, const struct reel_measure *measure);

/* What came of events: a result for each, and all rejections, unless they are so many that they
 * take more than 4 MiB. */
struct reel_submitted {
    const struct reel_result *results;
    size_t count;
    const struct reel_rejection *rejections;
    size_t rejection_count;
};

/* Called once for what was handed over: with 0 and what came of it, or an error code and a
 * sentence. Whatever is pointed to is borrowed until it returns. It must not block. [writer] */
typedef void (*reel_submitted_fn)(void *context, int rc, const struct reel_submitted *submitted,
                                  const struct reel_error *error);
typedef void (*reel_answered_fn)(void *context, int rc, const struct reel_answer *answer,
                                 const struct reel_error *error);

struct reel_sink_host {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;

    /* Settings, the daemon's too. They do not change, and what is returned lives as long as the
     * stage. */
    const char *(*setting_text)(struct reel_stage *stage, const char *name, size_t n);
    uint64_t (*setting_number)(struct reel_stage *stage, const char *name);

    void (*log)(struct reel_stage *stage, reel_level level, const char *format, va_list args);

    /* Reading: as the functions of reel.h that are called alike. */
    int (*view_open)(struct reel_stage *stage, struct reel_view **ret, struct reel_error *error);
    void (*view_close)(struct reel_view *view);
    int (*view_position)(struct reel_view *view, struct reel_position *ret, size_t size);
    int (*view_collection)(struct reel_view *view, const char *collection,
                           struct reel_collection_info *ret, size_t size);
    int (*view_get)(struct reel_view *view, const char *collection, struct reel_str key,
                    reel_row_fn fn, void *context);
    int (*view_list)(struct reel_view *view, const char *collection, struct reel_str from,
                     bool after, reel_row_fn fn, void *context);
    int (*view_changed)(struct reel_view *view, uint64_t since, reel_changed_fn fn, void *context);
    int (*view_log)(struct reel_view *view, uint64_t from_seq, reel_entry_fn fn, void *context);
    int (*view_rejected)(struct reel_view *view, uint64_t before, reel_rejection_fn fn,
                         void *context);
    uint64_t (*cursor)(struct reel_stage *stage);

    /* What is loaded. */
    const struct reel_projector *(*projector)(struct reel_stage *stage, size_t n);
    bool (*plugin)(struct reel_stage *stage, size_t n, struct reel_plugin_info *ret, size_t size);
    int (*canonical_key)(struct reel_stage *stage, const char *collection, struct reel_str given,
                         struct reel_key *ret);

    /* Writing. */
    int (*submit)(struct reel_stage *stage, const struct reel_str *payloads, size_t count,
                  reel_submitted_fn done, void *context, struct reel_error *error);
    int (*command)(struct reel_stage *stage, const struct reel_order *order, reel_answered_fn done,
                   void *context, struct reel_error *error);

    /* The daemon. */
    reel_access (*access)(struct reel_stage *stage, struct reel_str token);
    void (*status)(struct reel_stage *stage, struct reel_status *ret, size_t size);
    void (*measures)(struct reel_stage *stage, reel_measure_fn fn, void *context);
    void (*quit)(struct reel_stage *stage, int exit_code, const char *format, va_list args);

    /* ---- since 1.4 ---- */
    uint64_t (*newest_commit)(struct reel_stage *stage);

    /* ---- since 1.5 ---- */
    void (*caller)(struct reel_stage *stage, struct reel_str token, struct reel_caller *ret);
};

/* ---- Settings and log ------------------------------------------------------------------------ */

/* The value of a setting, of this sink or of the daemon; NULL if it has none. */
static inline const char *reel_setting_text(struct reel_stage *stage, const char *name) {
    return stage->host->setting_text(stage, name, 0);
}

/* The n-th of a REEL_SETTING_LIST, or NULL past the last. */
static inline const char *reel_setting_item(struct reel_stage *stage, const char *name, size_t n) {
    return stage->host->setting_text(stage, name, n);
}

/* Of REEL_SETTING_NUMBER; of REEL_SETTING_SWITCH 1 or 0. */
static inline uint64_t reel_setting_number(struct reel_stage *stage, const char *name) {
    return stage->host->setting_number(stage, name);
}

/* A line for the operator. No tokens, no payloads. */
REEL_PRINTF(3, 4)
static inline void reel_log(struct reel_stage *stage, reel_level level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    stage->host->log(stage, level, format, args);
    va_end(args);
}

/* ---- Views ----------------------------------------------------------------------------------- */

/* A view has a bounded life and there is a bounded number of them (reel.h, settings view_ms_max
 * and views_max): never keep one while waiting for someone. -EAGAIN: too many are open, or the
 * daemon is still starting. */
static inline int reel_stage_view(struct reel_stage *stage, struct reel_view **ret,
                                  struct reel_error *error) {
    return stage->host->view_open(stage, ret, error);
}
static inline void reel_stage_close(struct reel_stage *stage, struct reel_view *view) {
    stage->host->view_close(view);
}
static inline int reel_stage_position(struct reel_stage *stage, struct reel_view *view,
                                      struct reel_position *ret) {
    return stage->host->view_position(view, ret, sizeof *ret);
}
/* See reel_newest_commit. */
static inline uint64_t reel_stage_newest_commit(struct reel_stage *stage) {
    return stage->host->newest_commit(stage);
}
static inline int reel_stage_collection(struct reel_stage *stage, struct reel_view *view,
                                        const char *collection, struct reel_collection_info *ret) {
    return stage->host->view_collection(view, collection, ret, sizeof *ret);
}

/* See reel_view_get, …_list, …_changed, …_log and …_rejected. */
static inline int reel_stage_get(struct reel_stage *stage, struct reel_view *view,
                                 const char *collection, struct reel_str key, reel_row_fn fn,
                                 void *context) {
    return stage->host->view_get(view, collection, key, fn, context);
}
static inline int reel_stage_list(struct reel_stage *stage, struct reel_view *view,
                                  const char *collection, struct reel_str from, bool after,
                                  reel_row_fn fn, void *context) {
    return stage->host->view_list(view, collection, from, after, fn, context);
}
static inline int reel_stage_changed(struct reel_stage *stage, struct reel_view *view,
                                     uint64_t since, reel_changed_fn fn, void *context) {
    return stage->host->view_changed(view, since, fn, context);
}
static inline int reel_stage_log(struct reel_stage *stage, struct reel_view *view,
                                 uint64_t from_seq, reel_entry_fn fn, void *context) {
    return stage->host->view_log(view, from_seq, fn, context);
}
static inline int reel_stage_rejected(struct reel_stage *stage, struct reel_view *view,
                                      uint64_t before, reel_rejection_fn fn, void *context) {
    return stage->host->view_rejected(view, before, fn, context);
}

/* The cursor just now: costs nothing. */
static inline uint64_t reel_stage_cursor(struct reel_stage *stage) {
    return stage->host->cursor(stage);
}

/* ---- What is loaded -------------------------------------------------------------------------- */

/* The n-th projector in the order of collections' names, brought to this host's version: every
 * member may be read. NULL past the last. */
static inline const struct reel_projector *reel_stage_projector(struct reel_stage *stage,
                                                                size_t n) {
    return stage->host->projector(stage, n);
}

/* The n-th plugin; false past the last. */
static inline bool reel_stage_plugin(struct reel_stage *stage, size_t n,
                                     struct reel_plugin_info *ret) {
    return stage->host->plugin(stage, n, ret, sizeof *ret);
}

/* A key as it is stored; see reel_canonical_key. */
static inline int reel_stage_key(struct reel_stage *stage, const char *collection,
                                 struct reel_str given, struct reel_key *ret) {
    return stage->host->canonical_key(stage, collection, given, ret);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Hands events over: CloudEvents in structured JSON, which have been checked to be such. All of
 * them are appended and folded in one transaction, or none; one whose source and id came this way
 * before is not appended again. Returns 0: `done` will be called, once they are durable and
 * folded, and the payloads stay good until then. Else it is not: -EAGAIN: the queue is full;
 * -E2BIG: more than one transaction takes; -ESHUTDOWN: the daemon is about to end. */
static inline int reel_stage_submit(struct reel_stage *stage, const struct reel_str *payloads,
                                    size_t count, reel_submitted_fn done, void *context,
                                    struct reel_error *error) {
    return stage->host->submit(stage, payloads, count, done, context, error);
}

/* Hands a command over; the same applies. Codes that `done` is given: those of reel_command. */
static inline int reel_stage_command(struct reel_stage *stage, const struct reel_order *order,
                                     reel_answered_fn done, void *context,
                                     struct reel_error *error) {
    return stage->host->command(stage, order, done, context, error);
}

/* ---- The daemon ------------------------------------------------------------------------------ */

/* What the bearer of this token may do. Takes the same time whatever is wrong with it. */
static inline reel_access reel_stage_access(struct reel_stage *stage, struct reel_str token) {
    return stage->host->access(stage, token);
}

/* Who that is, whatever it may do. */
static inline void reel_stage_caller(struct reel_stage *stage, struct reel_str token,
                                     struct reel_caller *ret) {
    stage->host->caller(stage, token, ret);
}

static inline void reel_stage_status(struct reel_stage *stage, struct reel_status *ret) {
    stage->host->status(stage, ret, sizeof *ret);
}

/* All of the daemon's figures, one after another. */
static inline void reel_stage_measures(struct reel_stage *stage, reel_measure_fn fn,
                                       void *context) {
    stage->host->measures(stage, fn, context);
}

/* The sink's work is done, or cannot go on: ends the daemon as SIGTERM does, with this code (0:
 * good) and a line in the log. Returns at once. */
REEL_PRINTF(3, 4)
static inline void reel_quit(struct reel_stage *stage, int exit_code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    stage->host->quit(stage, exit_code, format, args);
    va_end(args);
}

#ifdef __cplusplus
}
#endif
#endif
