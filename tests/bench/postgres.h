/* postgres.h: PostgreSQL of the distribution doing what `POST /v1/events` does: a function,
 * prepared and called over TCP, takes the JSON of an event, inserts the event once (source and id
 * are unique) and upserts its cell. A call is answered when that is committed and synced: fsync and
 * synchronous_commit are on. The order of changes, which Reel keeps, too, is not asked of it.
 *
 * The cluster is in a scratch directory and has the settings that initdb writes, but for the number
 * of connections. Where we are root it runs as `postgres`, or else `nobody`, since root may not. */
#ifndef BENCH_POSTGRES_H
#define BENCH_POSTGRES_H

#include "load.h"

struct postgres {
    pid_t pid;
    int port;    /* on 127.0.0.1 */
    int version; /* 150020 */
};

/* Makes a cluster, starts it, and creates tables and function. */
struct postgres postgres_started(void);
void postgres_end(struct postgres *postgres);

/* Takes a JSON array of events in one transaction. */
void postgres_take(const struct postgres *postgres, const char *array);

/* Writes all to the disk and gathers statistics, as after some time of use. */
void postgres_settle(const struct postgres *postgres);

/* A command without a result. */
void postgres_do(const struct postgres *postgres, const char *command);

/* Connections that are kept, each with this statement, which has one parameter, prepared. */
struct postgres_clients;
struct postgres_clients *postgres_connected(const struct postgres *postgres, size_t count,
                                            const char *statement);
void postgres_disconnect(struct postgres_clients *clients);

/* What takes the JSON of an event. */
#define POSTGRES_TAKE "SELECT take($1)"

/* As load_run: on each connection, the next call when the last is answered. `write` writes the
 * parameter. A result without rows, or whose first value is 0, ends the process. */
struct load_result postgres_run(struct postgres_clients *clients, double seconds,
                                size_t (*write)(void *context, char to[LOAD_REQUEST_MAX]),
                                void *context, struct samples *latencies);

#endif
