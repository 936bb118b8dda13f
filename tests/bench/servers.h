/* servers.h: what is measured, each a process of its own: reeld, and bare libmicrohttpd beside it,
 * with the same flags and as many threads. */
#ifndef BENCH_SERVERS_H
#define BENCH_SERVERS_H

#include "support.h"

/* The token that reeld is given. */
#define BENCH_TOKEN "token-of-the-benchmark"

struct server {
    pid_t pid;
    int port; /* on 127.0.0.1 */
    int log;  /* what it writes to stderr, or -1 */
};

/* Starts `reeld serve` on the directory; returns as soon as it says where it listens. */
struct server reeld_started(const char *directory);

/* The plugin `cell` as it is shipped, and without the indexes of its fields: paths in a build. */
#define CELL_INDEXED "plugins/cell/cell.so"
#define CELL_PLAIN   "tests/bench/cell_0.so"

/* The same with reeld and plugins of another build. `cell`: one of these. `segment_bytes`: the
 * setting; NULL: its default. */
struct server reeld_started_of(const char *build, const char *cell, const char *directory,
                               const char *segment_bytes);

/* Starts `reeld backup` of the directory to another one, beside a daemon; to be ended. */
struct server backup_started(const char *directory, const char *to);

/* Waits until /readyz says 200. */
void server_wait_until_ready(const struct server *server);

/* Lets this process, and those that it starts, open as many files as the system lets it. */
void allow_files(void);

/* A socket that listens on a free port of 127.0.0.1. */
int listening(int *ret_port);

/* How much of the work the bare one is spared. */
enum bare_kind {
    BARE_KEPT, /* one response, made beforehand, is queued each time */
    BARE_MADE, /* each request has its own: body copied, headers added */
};

/* Answers everything as this answer of another server does: the same status 200, the same headers,
 * the same body. It is used until the server has ended. */
struct server bare_started(enum bare_kind kind, const struct text *answer);

/* Ends it with SIGKILL. */
void server_kill(struct server *server);

/* Ends it with SIGTERM and waits. */
void server_end(struct server *server);

/* Processor time that it has taken so far, seconds. */
double server_cpu(const struct server *server);

#endif
