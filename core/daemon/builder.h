/* builder.h: looks back for sinks: views of cursors in the past, and what happened to a record.
 *
 * Both are made by a fold of the log, which costs what the log is long. So one process at a time
 * makes them (`reeld build`, build.c), with limits of memory, processor, disk and time, and with
 * a low priority: a few jobs wait, more are refused. A view's state is kept for a while, so
 * that the pages of a list are folded once. A plugin that does not survive an event ends a builder,
 * and not the daemon.
 *
 * The directory of the store has a place for each state, build.0, build.1, …, which are removed at
 * the start. They are not synced, and no other file of the store refers to them.
 *
 * One thread starts the builders and waits for them. It never takes the writer's lock.
 */
#ifndef REEL_DAEMON_BUILDER_H
#define REEL_DAEMON_BUILDER_H

#include "base/error.h"

#include <reel/sink_host.h>

struct builder;
struct daemon;

int builder_start(struct daemon *daemon, const char *directory, struct builder **ret,
                  struct reel_error *error);

/* As sink_host.h describes them. [any thread] */
int builder_view_at(struct builder *builder, const char *collection, uint64_t seq,
                    reel_view_at_done_fn done, void *context, uint64_t *ret_job,
                    struct reel_error *error);
int builder_history(struct builder *builder, const struct reel_history_request *request,
                    reel_history_done_fn done, void *context, uint64_t *ret_job,
                    struct reel_error *error);
void builder_cancel(struct builder *builder, uint64_t job);

/* Ends all jobs, and accepts no more. Accepts NULL. */
void builder_drain(struct builder *builder);

/* When all sinks have been stopped. Accepts NULL. */
void builder_stop(struct builder *builder);

struct builder_metrics {
    uint64_t waiting, running;
    uint64_t built, failed, cancelled, refused, reused;
    uint64_t kept, kept_bytes;
};
void builder_read(struct builder *builder, struct builder_metrics *ret);

#endif
