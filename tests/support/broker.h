/* broker.h: real NATS servers with JetStream, alone or three in a cluster, that can be stopped,
 * killed and started again on the same ports and stores.
 *
 * Their ports are free ones that stay ours through a test, also while nobody listens there. As with
 * all of support: what goes wrong fails the test. One thread starts them, the test's own. */
#ifndef TESTS_SUPPORT_BROKER_H
#define TESTS_SUPPORT_BROKER_H

#include "support.h"

struct broker {
    pid_t pid;             /* 0: it does not run */
    int port;              /* on 127.0.0.1 */
    char url[64];          /* "nats://127.0.0.1:40000" */
    const char *name;      /* of the server */
    const char *directory; /* its configuration, log and store */
    int port_held, route_port, route_port_held;
};

/* Its place and its ports, without a process: a broker that is not there yet. `config` is what its
 * configuration has besides the usual (users, TLS, limits), or NULL. */
struct broker *broker_prepared(const char *config);

/* The same, started. */
struct broker *broker_started(const char *config);

/* Starts one that does not run; waits until it listens. */
void broker_start(struct broker *broker);

/* SIGTERM, and waits for the end. And: without a word. */
void broker_stop(struct broker *broker);
void broker_kill(struct broker *broker);

/* Kills it if it runs; takes NULL. Its directory goes with the process. */
void broker_free(struct broker *broker);

/* Copies the store of one that does not run; where to. And: puts such a copy in its place. */
const char *broker_store_kept(const struct broker *broker);
void broker_store_put_back(struct broker *broker, const char *kept);

/* Runs a program of the machine to its end: whether that was a good one. */
bool program_ran(const char *const *arguments);

/* All that it has logged; free() it. */
char *broker_log(const struct broker *broker);

/* ---- A cluster ------------------------------------------------------------------------------- */

enum { CLUSTER_NODES = 3 };

struct cluster {
    struct broker *nodes[CLUSTER_NODES];
    char urls[256]; /* all of them, by commas */
};

/* Starts three that know each other; JetStream may still be choosing its leader. */
struct cluster *cluster_started(void);
void cluster_free(struct cluster *cluster);

/* The node of that name. */
struct broker *cluster_node(struct cluster *cluster, const char *name);

#endif
