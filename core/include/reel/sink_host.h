/* reel/sink_host.h: the functions that a sink may call in the host.
 *
 * `struct reel_sink_calls` is the table that crosses the border; sinks call it through the inline
 * functions below, which have the full contract of each function.
 *
 * `start` is given the host, which lives until `stop` returns. All functions may be called from any
 * thread of the sink, from the beginning of `start` to the end of `stop`, except within
 * `committed`. Functions that can fail return 0 or a negative errno value, as reel.h describes.
 * `error`, which may be NULL, gets a sentence on failure.
 */
#ifndef REEL_SINK_HOST_H
#define REEL_SINK_HOST_H

#include <reel/command.h>
#include <reel/message.h>
#include <reel/sink.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The handle. The other members are private to the host. */
struct reel_sink_host {
    const struct reel_sink_calls *calls;
};

/* The rights of the owner of a token. Each level includes the levels before it. */
typedef int32_t reel_access;
enum {
    REEL_ACCESS_NONE = 0, /* the token is not valid */
    REEL_ACCESS_READ = 1,
    REEL_ACCESS_HISTORY = 2, /* may look back: reel_sink_view_at, reel_sink_history */
    REEL_ACCESS_WRITE = 4,
    REEL_ACCESS_ADMIN = 8, /* may control collections and reload plugins: reel_sink_control,
                              reel_sink_reload */
};

/* What operators do with a collection, and its unit: the source from which it derives, and all that
 * derive from that one. */
typedef int32_t reel_control;
enum {
    REEL_CONTROL_REBUILD = 1, /* makes its records again from the log */
    REEL_CONTROL_PAUSE = 2,   /* it folds no events, until it is resumed; also after a restart */
    REEL_CONTROL_RESUME = 3,
    REEL_CONTROL_RELEASE = 4, /* it was stopped, because its projector has crashed too often */
};

/* Called once for each call of reel_sink_control that returned 0. `rc` is 0: what was asked has
 * begun; or an error code with a sentence in `error`. -ESRCH; -EALREADY: it is so already, or is
 * under way; -EBUSY: something else is; -ESTALE: the log has been trimmed, and only a rebuild
 * helps; -EAGAIN, -ENOSPC, -ESHUTDOWN. The callback delays the writer: it must not block.
 * [any thread] */
typedef void (*reel_control_done_fn)(void *context, int rc, const struct reel_error *error);

/* What a projector is not given any more, because the process has ended in it. */
struct reel_set_aside {
    const char *kind;    /* "event", "record", "command", "key" */
    const char *reason;  /* "the projector crashed (SIGSEGV)" */
    uint64_t seq;        /* of an event, else 0 */
    uint64_t time_s;     /* when it happened, in seconds since 1970, UTC */
    const char *version; /* of the daemon at that time */
};
typedef void (*reel_set_aside_fn)(void *context, const struct reel_set_aside *one);

/* The owner of a token: texts, NUL-terminated. `id`, for reel_command_request.caller, is the same
 * for the same token in every daemon, and the token cannot be computed from it. `name`, for
 * reel_command_request.principal, tells people which token it was. */
struct reel_caller {
    char id[33];
    char name[64];
};

/* The state of the daemon. */
struct reel_status {
    bool ready;            /* it has caught up, and the feed is up: `reason` is empty */
    bool draining;         /* the daemon is ending */
    char reason[256];      /* why it is not ready */
    uint64_t started_ns;   /* ns since 1970, UTC */
    uint64_t lag;          /* events that are known to exist, but are not folded yet */
    uint64_t queue_events; /* events that wait for the writer */
    uint64_t queue_bytes;
    const char *feed;       /* "embedded", "jetstream" */
    const char *feed_state; /* "up", "behind", "down" */
    const char *server;     /* version of the daemon */
    const char *build;      /* "release", "debug" */
    uint64_t known_seq; /* highest seq that is known to exist; above the cursor while events of a
                           stream have not arrived yet */
    bool reloading;     /* with `draining`: another process takes the place of this one at once, and
                           its listening sockets: who connects now waits for it */
};

/* One metric, as Prometheus defines them. Borrowed until the callback returns. */
typedef int32_t reel_metric_kind;
enum {
    REEL_METRIC_COUNTER = 1,
    REEL_METRIC_GAUGE = 2,
    REEL_METRIC_HISTOGRAM = 3,
};
struct reel_metric {
    const char *name; /* "reel_events_total"; metrics with the same name are next to each other */
    const char *help;
    reel_metric_kind kind;
    uint32_t bucket_count;   /* HISTOGRAM */
    const char *labels;      /* `outcome="applied"`, or empty */
    double value;            /* HISTOGRAM: the sum of all observations */
    const double *bounds;    /* HISTOGRAM: bucket_count upper bounds, rising */
    const uint64_t *buckets; /* HISTOGRAM: bucket_count + 1 counts, not cumulative */
};

/* Called for one metric after another, within reel_sink_metrics. [any thread] */
typedef void (*reel_metric_fn)(void *context, const struct reel_metric *metric);

/* Why a submitted event was refused: it does not fit what a projector declares as REEL_EVENT_STRICT
 * (projector.h). Texts for people, borrowed until the callback returns. */
struct reel_misfit {
    uint64_t index; /* of the event among the submitted ones, from 0 */
    struct reel_str collection;
    struct reel_str member; /* "data.items[0].quantity" */
    struct reel_str wanted; /* "an integer" */
    struct reel_str found;  /* "a string", "missing" */
};

/* The results of submitted events. */
struct reel_submit_result {
    const struct reel_result *const *results;       /* one for each event, in their order;
                                                       NULL-terminated */
    const struct reel_rejection *const *rejections; /* of these events, NULL-terminated. Rejections
                                                       beyond 4 MiB in total are left out */
    const struct reel_misfit *misfit;               /* after -ENOMSG, else NULL */
    uint64_t newest_seq; /* after -ECANCELED: the newest event that was not expected, or the newest
                            of the log if it was not looked for; 0: the log is another one */
};

/* Called once for each call of reel_sink_submit that returned 0. `rc` is 0, or an error code with a
 * sentence in `error`; then `result` is NULL. -ENOMSG: an event does not fit a REEL_EVENT_STRICT
 * declaration, and `result` has nothing but `misfit`. -ECANCELED: the log is not as expected
 * (reel_sink_submit_expecting), and `result` has nothing but `newest_seq`. Everything is borrowed
 * until the callback returns. The callback delays the writer: it must not block. [any thread] */
typedef void (*reel_submit_done_fn)(void *context, int rc, const struct reel_submit_result *result,
                                    const struct reel_error *error);

/* Called once for each call of reel_sink_command that returned 0, under the rules of
 * reel_submit_done_fn. The error codes are those of reel_command. [any thread] */
typedef void (*reel_command_done_fn)(void *context, int rc,
                                     const struct reel_command_result *result,
                                     const struct reel_error *error);

/* The result of reel_sink_view_at: a view, which must be closed; or an error code with a sentence
 * in `error`, and NULL. -EAGAIN: it may succeed later. -E2BIG: it takes more than the limits allow.
 * -ESTALE, -ERANGE: see there. -ECANCELED. -EIO. [any thread, also within the call itself] */
typedef void (*reel_view_at_done_fn)(void *context, int rc, struct reel_view *view,
                                     const struct reel_error *error);

/* What happened to a record: at most `limit` changes by events after `after`, oldest first, and not
 * many more than `bytes_max` bytes. */
struct reel_history_request {
    uint32_t struct_size;
    uint32_t limit;
    const char *collection;
    struct reel_str key;
    uint64_t after, bytes_max;
};

/* A page of it. Borrowed until the callback returns. */
struct reel_history_page {
    const struct reel_str *changes; /* JSON objects: seq, time, type and id of the event, when it
                                       was received_at, the names of the members that it changed,
                                       and the record as it was then, or null */
    size_t count;
    uint64_t cursor;   /* it has all changes up to there, unless there are more */
    uint64_t last_seq; /* of the page; 0: it is empty */
    uint64_t seen;     /* changes up to the page's end, also those up to `after`: 0: none at all */
    bool more;
};

/* The result of reel_sink_history, with the error codes of reel_view_at_done_fn. [any thread] */
typedef void (*reel_history_done_fn)(void *context, int rc, const struct reel_history_page *page,
                                     const struct reel_error *error);

struct reel_sink_calls {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;

    /* The value of a setting, or its n-th item; NULL: it has none. [any thread] */
    const char *(*setting_text)(struct reel_sink_host *host, const char *name, size_t n);
    /* The value of a number or a switch. [any thread] */
    uint64_t (*setting_number)(struct reel_sink_host *host, const char *name);
    /* Writes a line for the operator. [any thread] */
    void (*log)(struct reel_sink_host *host, reel_level level, struct reel_str text);

    /* Opens a view; it must be closed. [any thread] */
    int (*view_open)(struct reel_sink_host *host, struct reel_view **ret, struct reel_error *error);
    /* Closes a view; accepts NULL. [view] */
    void (*view_close)(struct reel_view *view);
    /* Writes at most `size` bytes of the position. [view] */
    int (*view_position)(struct reel_view *view, struct reel_position *ret, size_t size);
    /* Writes at most `size` bytes of the collection's state. [view] */
    int (*view_collection)(struct reel_view *view, const char *collection,
                           struct reel_collection_info *ret, size_t size);
    /* Looks up one record. [view] */
    int (*view_get)(struct reel_view *view, const char *collection, struct reel_str key,
                    reel_row_fn fn, void *context);
    /* Walks the records of a collection. [view] */
    int (*view_list)(struct reel_view *view, const char *collection, struct reel_str from,
                     bool after, reel_row_fn fn, void *context);
    /* Walks the records that a query asks for; writes at most `size` bytes of the page. [view] */
    int (*view_query)(struct reel_view *view, const struct reel_query *query, reel_row_fn fn,
                      void *context, struct reel_page *ret, size_t size, struct reel_error *error);
    /* Counts records, and groups of them. [view] */
    int (*view_count)(struct reel_view *view, const struct reel_query *query, const char *group,
                      reel_group_fn fn, void *context, uint64_t *ret, struct reel_error *error);
    /* Walks the records that were changed. [view] */
    int (*view_changed)(struct reel_view *view, uint64_t since, reel_changed_fn fn, void *context);
    /* Walks the records of one collection that were changed. [view] */
    int (*view_changes)(struct reel_view *view, const struct reel_query *query, uint64_t since,
                        reel_row_fn fn, void *context, struct reel_error *error);
    /* Walks the log. [view] */
    int (*view_log)(struct reel_view *view, uint64_t from_seq, reel_entry_fn fn, void *context);
    /* Walks the rejections, the newest first. [view] */
    int (*view_rejected)(struct reel_view *view, uint64_t before, reel_rejection_fn fn,
                         void *context);
    /* The current cursor. [any thread] */
    uint64_t (*cursor)(struct reel_sink_host *host);
    /* The number of the newest commit that is visible. [any thread] */
    uint64_t (*newest_commit)(struct reel_sink_host *host);

    /* The n-th projector, or NULL after the last. [any thread] */
    const struct reel_projector *(*projector)(struct reel_sink_host *host, size_t n);
    /* Writes at most `size` bytes about the n-th plugin; false after the last. [any thread] */
    bool (*plugin)(struct reel_sink_host *host, size_t n, struct reel_plugin_info *ret,
                   size_t size);
    /* Converts a key into the form in which it is stored. [any thread] */
    int (*canonical_key)(struct reel_sink_host *host, const char *collection, struct reel_str given,
                         struct reel_str caller, struct reel_key *ret, struct reel_error *error);

    /* Hands events over to the writer. [any thread] */
    int (*submit)(struct reel_sink_host *host, const struct reel_str *payloads, size_t count,
                  reel_submit_done_fn done, void *context, struct reel_error *error);
    /* Hands a command over to the writer. [any thread] */
    int (*command)(struct reel_sink_host *host, const struct reel_command_request *request,
                   reel_command_done_fn done, void *context, struct reel_error *error);

    /* The rights of the owner of this token. [any thread] */
    reel_access (*access)(struct reel_sink_host *host, struct reel_str token);
    /* The owner of this token. [any thread] */
    void (*caller)(struct reel_sink_host *host, struct reel_str token, struct reel_caller *ret);
    /* Writes at most `size` bytes of the daemon's state. [any thread] */
    void (*status)(struct reel_sink_host *host, struct reel_status *ret, size_t size);
    /* Calls `fn` for each metric of the daemon. [any thread] */
    void (*metrics)(struct reel_sink_host *host, reel_metric_fn fn, void *context);
    /* Ends the daemon. [any thread] */
    void (*quit)(struct reel_sink_host *host, int exit_code, struct reel_str text);
    /* Hands events over to the writer, under a condition. [any thread] */
    int (*submit_expecting)(struct reel_sink_host *host, const struct reel_str *payloads,
                            size_t count, const struct reel_expectation *expected,
                            reel_submit_done_fn done, void *context, struct reel_error *error);

    /* Opens a view of a cursor in the past. [any thread] */
    int (*view_at)(struct reel_sink_host *host, const char *collection, uint64_t seq,
                   reel_view_at_done_fn done, void *context, uint64_t *ret_job,
                   struct reel_error *error);
    /* What happened to a record. [any thread] */
    int (*history)(struct reel_sink_host *host, const struct reel_history_request *request,
                   reel_history_done_fn done, void *context, uint64_t *ret_job,
                   struct reel_error *error);
    /* Ends one of these two. [any thread] */
    void (*cancel)(struct reel_sink_host *host, uint64_t job);

    /* Controls a collection. [any thread] */
    int (*control)(struct reel_sink_host *host, const char *collection, reel_control control,
                   reel_control_done_fn done, void *context, struct reel_error *error);
    /* Calls `fn` for each thing that is set aside. [any thread] */
    void (*set_aside)(struct reel_sink_host *host, const char *collection, reel_set_aside_fn fn,
                      void *context);
    /* Reloads plugins. [any thread] */
    int (*reload)(struct reel_sink_host *host, reel_control_done_fn done, void *context,
                  struct reel_error *error);
    /* Opens the view of what was served before a reload. [any thread] */
    int (*view_before)(struct reel_sink_host *host, struct reel_view **ret);
};

/* ---- Settings and log ------------------------------------------------------------------------ */

/* The value of a setting of this sink or of the daemon. NULL if it has no value. Settings never
 * change. The text lives as long as the host. [any thread] */
static inline const char *reel_setting_text(struct reel_sink_host *host, const char *name) {
    return host->calls->setting_text(host, name, 0);
}

/* The n-th item of a REEL_SETTING_LIST, or NULL after the last. It lives as long as the host.
 * [any thread] */
static inline const char *reel_setting_item(struct reel_sink_host *host, const char *name,
                                            size_t n) {
    return host->calls->setting_text(host, name, n);
}

/* The value of a REEL_SETTING_NUMBER; 1 or 0 for a REEL_SETTING_SWITCH. [any thread] */
static inline uint64_t reel_setting_number(struct reel_sink_host *host, const char *name) {
    return host->calls->setting_number(host, name);
}

/* Writes a line for the operator. Do not write tokens or payloads. [any thread] */
REEL_PRINTF(3, 4)
static inline void reel_log(struct reel_sink_host *host, reel_level level, const char *format,
                            ...) {
    struct reel_message space;
    va_list args;
    va_start(args, format);
    struct reel_str text = reel_format(&space, format, args);
    va_end(args);
    host->calls->log(host, level, text);
}

/* ---- Views ----------------------------------------------------------------------------------- */

/* Opens a view, which the sink must close. A view lives for a limited time, and the number of views
 * is limited (settings view_ms_max and views_max): do not keep a view open while waiting for a
 * client. -EAGAIN: too many views are open, or the daemon is still starting. [any thread] */
static inline int reel_sink_view_open(struct reel_sink_host *host, struct reel_view **ret,
                                      struct reel_error *error) {
    return host->calls->view_open(host, ret, error);
}

/* Opens the view of what was served before plugins were reloaded, in the last moment of the worker
 * that had the old ones: a follower that has it gets what differs. -ENOENT: no plugin was reloaded,
 * or it is longer ago than view_ms_max. The records are those of the old plugins; conditions are on
 * fields of the new ones, so that they fail with -ETIME where fields have changed. [any thread] */
static inline int reel_sink_view_before(struct reel_sink_host *host, struct reel_view **ret) {
    return host->calls->view_before(host, ret);
}

/* Closes a view; accepts NULL. [view] */
static inline void reel_sink_view_close(struct reel_sink_host *host, struct reel_view *view) {
    host->calls->view_close(view);
}

/* See reel_view_position. [view] */
static inline int reel_sink_position(struct reel_sink_host *host, struct reel_view *view,
                                     struct reel_position *ret) {
    return host->calls->view_position(view, ret, sizeof *ret);
}

/* See reel_view_collection. [view] */
static inline int reel_sink_collection(struct reel_sink_host *host, struct reel_view *view,
                                       const char *collection, struct reel_collection_info *ret) {
    return host->calls->view_collection(view, collection, ret, sizeof *ret);
}

/* See reel_view_get. [view] */
static inline int reel_sink_get(struct reel_sink_host *host, struct reel_view *view,
                                const char *collection, struct reel_str key, reel_row_fn fn,
                                void *context) {
    return host->calls->view_get(view, collection, key, fn, context);
}

/* See reel_view_list. [view] */
static inline int reel_sink_list(struct reel_sink_host *host, struct reel_view *view,
                                 const char *collection, struct reel_str from, bool after,
                                 reel_row_fn fn, void *context) {
    return host->calls->view_list(view, collection, from, after, fn, context);
}

/* See reel_view_query. [view] */
static inline int reel_sink_query(struct reel_sink_host *host, struct reel_view *view,
                                  const struct reel_query *query, reel_row_fn fn, void *context,
                                  struct reel_page *ret, struct reel_error *error) {
    return host->calls->view_query(view, query, fn, context, ret, sizeof *ret, error);
}

/* See reel_view_count. [view] */
static inline int reel_sink_count(struct reel_sink_host *host, struct reel_view *view,
                                  const struct reel_query *query, const char *group,
                                  reel_group_fn fn, void *context, uint64_t *ret,
                                  struct reel_error *error) {
    return host->calls->view_count(view, query, group, fn, context, ret, error);
}

/* See reel_view_changed. [view] */
static inline int reel_sink_changed(struct reel_sink_host *host, struct reel_view *view,
                                    uint64_t since, reel_changed_fn fn, void *context) {
    return host->calls->view_changed(view, since, fn, context);
}

/* See reel_view_changes. [view] */
static inline int reel_sink_changes(struct reel_sink_host *host, struct reel_view *view,
                                    const struct reel_query *query, uint64_t since, reel_row_fn fn,
                                    void *context, struct reel_error *error) {
    return host->calls->view_changes(view, query, since, fn, context, error);
}

/* See reel_view_log. [view] */
static inline int reel_sink_log(struct reel_sink_host *host, struct reel_view *view,
                                uint64_t from_seq, reel_entry_fn fn, void *context) {
    return host->calls->view_log(view, from_seq, fn, context);
}

/* See reel_view_rejected. [view] */
static inline int reel_sink_rejected(struct reel_sink_host *host, struct reel_view *view,
                                     uint64_t before, reel_rejection_fn fn, void *context) {
    return host->calls->view_rejected(view, before, fn, context);
}

/* The current cursor, without a view and without a lock. [any thread] */
static inline uint64_t reel_sink_cursor(struct reel_sink_host *host) {
    return host->calls->cursor(host);
}

/* See reel_newest_commit. [any thread] */
static inline uint64_t reel_sink_newest_commit(struct reel_sink_host *host) {
    return host->calls->newest_commit(host);
}

/* Looks back: a view of the collection as it was at cursor `seq`. Its records are what the loaded
 * plugins make of the log up to it, and are made by a process beside the daemon, with limits, one
 * at a time; a few wait. `collection` must be served; others in the view may be not. If it returns
 * 0, `done` is called once, perhaps before it returns, and `ret_job` is for reel_sink_cancel.
 * -EAGAIN: too many wait. -ERANGE: the cursor has not reached `seq`. -ESTALE: the log has been
 * trimmed, and does not have all events that the collection was made from. -ESRCH. [any thread] */
static inline int reel_sink_view_at(struct reel_sink_host *host, const char *collection,
                                    uint64_t seq, reel_view_at_done_fn done, void *context,
                                    uint64_t *ret_job, struct reel_error *error) {
    return host->calls->view_at(host, collection, seq, done, context, ret_job, error);
}

/* Looks back at one record, in the same way. [any thread] */
static inline int reel_sink_history(struct reel_sink_host *host,
                                    const struct reel_history_request *request,
                                    reel_history_done_fn done, void *context, uint64_t *ret_job,
                                    struct reel_error *error) {
    return host->calls->history(host, request, done, context, ret_job, error);
}

/* Ends what reel_sink_view_at or reel_sink_history has begun: its callback soon gets -ECANCELED,
 * unless it has its result already. [any thread] */
static inline void reel_sink_cancel(struct reel_sink_host *host, uint64_t job) {
    host->calls->cancel(host, job);
}

/* ---- Loaded plugins -------------------------------------------------------------------------- */

/* See reel_projector. [any thread] */
static inline const struct reel_projector *reel_sink_projector(struct reel_sink_host *host,
                                                               size_t n) {
    return host->calls->projector(host, n);
}

/* See reel_plugin_info. [any thread] */
static inline bool reel_sink_plugin(struct reel_sink_host *host, size_t n,
                                    struct reel_plugin_info *ret) {
    return host->calls->plugin(host, n, ret, sizeof *ret);
}

/* See reel_canonical_key. `caller` is reel_caller.id, or empty. -EDQUOT: what this caller has asked
 * for has crashed projectors again and again. `error` has a sentence if the result is negative, but
 * not -ESRCH. [any thread] */
static inline int reel_sink_canonical_key(struct reel_sink_host *host, const char *collection,
                                          struct reel_str given, struct reel_str caller,
                                          struct reel_key *ret, struct reel_error *error) {
    return host->calls->canonical_key(host, collection, given, caller, ret, error);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Hands events over to the writer: CloudEvents in structured JSON, which the sink has checked. All
 * of them are appended and folded in one transaction, or none. An event whose source and id were
 * submitted before is not appended again.
 *
 * Returns 0: `done` will be called once, when the events are durable and folded, or when they have
 * failed. The payloads must stay valid until then. `done` may be called before this function
 * returns. Any other value: `done` will not be called. -EAGAIN: the queue is full; -E2BIG: the
 * events do not fit into one transaction; -ESHUTDOWN: the daemon is ending. [any thread] */
static inline int reel_sink_submit(struct reel_sink_host *host, const struct reel_str *payloads,
                                   size_t count, reel_submit_done_fn done, void *context,
                                   struct reel_error *error) {
    return host->calls->submit(host, payloads, count, done, context, error);
}

/* As reel_sink_submit, if the log is as expected: otherwise nothing is appended, and `done` is
 * called with -ECANCELED. Not judged if all events are repeats. The struct is copied; the strings
 * that it points to must stay valid until `done` is called. Before the events are handed over, this
 * function looks through the events after expected->seq, at most REEL_EXPECT_SPAN_MAX; -EAGAIN: too
 * many views are open. If the log mirrors a stream, what the stream has beyond the log is not
 * known. [any thread] */
static inline int reel_sink_submit_expecting(struct reel_sink_host *host,
                                             const struct reel_str *payloads, size_t count,
                                             const struct reel_expectation *expected,
                                             reel_submit_done_fn done, void *context,
                                             struct reel_error *error) {
    return host->calls->submit_expecting(host, payloads, count, expected, done, context, error);
}

/* Hands a command over to the writer, under the rules of reel_sink_submit. The struct is copied;
 * everything that it points to must stay valid until `done` is called. -EDQUOT: commands of the
 * same caller have crashed projectors again and again; the caller has to wait. [any thread] */
static inline int reel_sink_command(struct reel_sink_host *host,
                                    const struct reel_command_request *request,
                                    reel_command_done_fn done, void *context,
                                    struct reel_error *error) {
    return host->calls->command(host, request, done, context, error);
}

/* Hands over to the writer what an operator wants of a collection, under the rules of
 * reel_sink_submit; `collection` must stay valid until `done` is called. What has begun goes on in
 * the background: reel_sink_collection shows it. The caller has checked that the operator may do
 * this. [any thread] */
static inline int reel_sink_control(struct reel_sink_host *host, const char *collection,
                                    reel_control control, reel_control_done_fn done, void *context,
                                    struct reel_error *error) {
    return host->calls->control(host, collection, control, done, context, error);
}

/* Calls `fn` for each thing that is set aside for the present build of a collection's plugin,
 * oldest first. What is set aside while the daemon runs ends its process, so the list does not
 * change. [any thread] */
static inline void reel_sink_set_aside(struct reel_sink_host *host, const char *collection,
                                       reel_set_aside_fn fn, void *context) {
    host->calls->set_aside(host, collection, fn, context);
}

/* ---- The daemon ------------------------------------------------------------------------------ */

/* Reads the plugins again. `done` is called when it is known whether they can take the place of
 * those that run: that goes on in the background, and ends this process. -EALREADY: it is under
 * way; -EOPNOTSUPP: the daemon cannot; -ESHUTDOWN. The caller has checked that the operator may do
 * this. [any thread] */
static inline int reel_sink_reload(struct reel_sink_host *host, reel_control_done_fn done,
                                   void *context, struct reel_error *error) {
    return host->calls->reload(host, done, context, error);
}

/* The rights of the owner of this token. The time that the check takes does not depend on the
 * token. [any thread] */
static inline reel_access reel_sink_access(struct reel_sink_host *host, struct reel_str token) {
    return host->calls->access(host, token);
}

/* Identifies the owner of this token. The token need not be valid. [any thread] */
static inline void reel_sink_caller(struct reel_sink_host *host, struct reel_str token,
                                    struct reel_caller *ret) {
    host->calls->caller(host, token, ret);
}

/* The state of the daemon. Its strings are constant. [any thread] */
static inline void reel_sink_status(struct reel_sink_host *host, struct reel_status *ret) {
    host->calls->status(host, ret, sizeof *ret);
}

/* Calls `fn` for each metric of the daemon, one after another. [any thread] */
static inline void reel_sink_metrics(struct reel_sink_host *host, reel_metric_fn fn,
                                     void *context) {
    host->calls->metrics(host, fn, context);
}

/* Ends the daemon as SIGTERM does, with this exit code, and writes the message to the log. For a
 * sink that has finished its work (exit code 0), or that cannot continue. Returns at once. [any
 * thread] */
REEL_PRINTF(3, 4)
static inline void reel_quit(struct reel_sink_host *host, int exit_code, const char *format, ...) {
    struct reel_message space;
    va_list args;
    va_start(args, format);
    struct reel_str text = reel_format(&space, format, args);
    va_end(args);
    host->calls->quit(host, exit_code, text);
}

#ifdef __cplusplus
}
#endif
#endif
