/* broker.h: real NATS servers with JetStream, alone or three in a cluster. They can be stopped,
 * killed and started again with the same ports and stores.
 *
 * Their ports are free ones, which stay reserved during a test, also while no server listens on
 * them. As everywhere in support, a failure fails the test. Only the test's own thread may start
 * servers. */
#ifndef TESTS_SUPPORT_BROKER_H
#define TESTS_SUPPORT_BROKER_H

#include "support.h"

struct broker {
    pid_t pid;             /* 0: not running */
    int port;              /* on 127.0.0.1 */
    char url[64];          /* "nats://127.0.0.1:40000" */
    const char *name;      /* of the server */
    const char *directory; /* its configuration, log and store */
    int port_held, route_port, route_port_held;
};

/* Reserves the directory and the ports, but starts no process. `config` is added to the usual
 * configuration (users, TLS, limits), or NULL. */
struct broker *broker_prepared(const char *config);

/* The same, and starts it. */
struct broker *broker_started(const char *config);

/* Starts a server that is not running; waits until it listens. */
void broker_start(struct broker *broker);

/* broker_stop: sends SIGTERM, and waits for the end. broker_kill: sends SIGKILL. */
void broker_stop(struct broker *broker);
void broker_kill(struct broker *broker);

/* Kills it if it is running; accepts NULL. Its directory is removed when the process ends. */
void broker_free(struct broker *broker);

/* Copies the store of a server that is not running, and returns the path of the copy; puts such a
 * copy back. */
const char *broker_store_kept(const struct broker *broker);
void broker_store_put_back(struct broker *broker, const char *kept);

/* Runs a program to its end. Returns true if it succeeded. */
bool program_ran(const char *const *arguments);

/* Everything that it has logged; free() it. */
char *broker_log(const struct broker *broker);

/* ---- A cluster ------------------------------------------------------------------------------- */

enum { CLUSTER_NODES = 3 };

struct cluster {
    struct broker *nodes[CLUSTER_NODES];
    char urls[256]; /* URLs of all nodes, separated by commas */
};

/* Starts three nodes. JetStream may still be choosing its leader. */
struct cluster *cluster_started(void);
void cluster_free(struct cluster *cluster);

/* The node with this name. */
struct broker *cluster_node(struct cluster *cluster, const char *name);

#endif
