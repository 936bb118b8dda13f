/* broker.c: see broker.h.
 *
 * A port is held by a socket that is bound to it and never listens. With SO_REUSEADDR, which
 * nats-server sets as well, the server can listen there beside it, and the kernel gives the port to
 * nobody else, also while the server is down. */
#include "broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What one waits for comes in milliseconds, or after a while on a machine that is busy. */
enum { PATIENCE_MS = 60000 };

/* ---- Ports ----------------------------------------------------------------------------------- */

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int hold_port(int *ret_port) {
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof address;
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0);
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    must(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static bool listens(int port) {
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0);
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return connected;
}

/* ---- One ------------------------------------------------------------------------------------- */

static struct broker *prepared(const char *name) {
    struct broker *broker = calloc(1, sizeof *broker);
    must(broker != NULL);
    broker->name = name;
    broker->directory = scratch_directory();
    broker->port_held = hold_port(&broker->port);
    broker->route_port_held = hold_port(&broker->route_port);
    snprintf(broker->url, sizeof broker->url, "nats://127.0.0.1:%d", broker->port);
    return broker;
}

static void write_config(const struct broker *broker, const char *more) {
    FILE *file = fopen(path_in(broker->directory, "config"), "w");
    must(file != NULL);
    fprintf(file,
            "server_name: %s\n"
            "listen: \"127.0.0.1:%d\"\n"
            "max_payload: 2MB\n"
            "jetstream { store_dir: \"%s/store\" }\n"
            "%s\n",
            broker->name, broker->port, broker->directory, more ? more : "");
    must(fclose(file) == 0);
}

struct broker *broker_prepared(const char *config) {
    struct broker *broker = prepared("alone");
    write_config(broker, config);
    return broker;
}

struct broker *broker_started(const char *config) {
    struct broker *broker = broker_prepared(config);
    broker_start(broker);
    return broker;
}

static pid_t launch(const char *const *arguments) {
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execvp(arguments[0], (char *const *)arguments);
    _exit(127);
}

/* Its end within the time: what waitpid told. */
static int reaped(pid_t pid) {
    int status = 0;
    for (int waited = 0; waitpid(pid, &status, WNOHANG) != pid; waited += 2) {
        if (waited > PATIENCE_MS) kill(pid, SIGKILL);
        must(waited <= PATIENCE_MS + 5000);
        usleep(2000);
    }
    return status;
}

void broker_start(struct broker *broker) {
    must(broker->pid == 0);
    const char *const arguments[] = {"nats-server",
                                     "-c",
                                     path_in(broker->directory, "config"),
                                     "-l",
                                     path_in(broker->directory, "log"),
                                     NULL};
    broker->pid = launch(arguments);
    for (int waited = 0; !listens(broker->port); waited += 5) {
        int status;
        if (waitpid(broker->pid, &status, WNOHANG) == broker->pid)
            support_failed(__FILE__, __LINE__, "nats-server ended: %x: %s", (unsigned)status,
                           broker_log(broker));
        must(waited <= PATIENCE_MS);
        usleep(5000);
    }
}

void broker_stop(struct broker *broker) {
    must(broker->pid != 0 && kill(broker->pid, SIGTERM) == 0);
    reaped(broker->pid);
    broker->pid = 0;
}

void broker_kill(struct broker *broker) {
    must(broker->pid != 0 && kill(broker->pid, SIGKILL) == 0);
    reaped(broker->pid);
    broker->pid = 0;
}

void broker_free(struct broker *broker) {
    if (!broker) return;
    if (broker->pid != 0) broker_kill(broker);
    close(broker->port_held);
    close(broker->route_port_held);
    free(broker);
}

/* ---- Its store ------------------------------------------------------------------------------- */

bool program_ran(const char *const *arguments) {
    int status = reaped(launch(arguments));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

const char *broker_store_kept(const struct broker *broker) {
    must(broker->pid == 0);
    const char *kept = path_in(scratch_directory(), "store");
    const char *const copy[] = {"cp", "-a", path_in(broker->directory, "store"), kept, NULL};
    must(program_ran(copy));
    return kept;
}

void broker_store_put_back(struct broker *broker, const char *kept) {
    must(broker->pid == 0);
    const char *store = path_in(broker->directory, "store");
    const char *const drop[] = {"rm", "-rf", store, NULL};
    const char *const copy[] = {"cp", "-a", kept, store, NULL};
    must(program_ran(drop));
    must(program_ran(copy));
}

char *broker_log(const struct broker *broker) {
    FILE *file = fopen(path_in(broker->directory, "log"), "r");
    struct text text = {0};
    char buffer[4096];
    size_t len;
    text_add(&text, "", 0);
    while (file && (len = fread(buffer, 1, sizeof buffer, file)) > 0) text_add(&text, buffer, len);
    if (file) fclose(file);
    return text.data;
}

/* ---- A cluster ------------------------------------------------------------------------------- */

static void write_node_config(const struct cluster *cluster, size_t node) {
    struct text text = {0};
    text_format(&text, "cluster {\n  name: trio\n  listen: \"127.0.0.1:%d\"\n  routes: [\n",
                cluster->nodes[node]->route_port);
    for (size_t i = 0; i < CLUSTER_NODES; i++)
        if (i != node)
            text_format(&text, "\"nats-route://127.0.0.1:%d\",\n", cluster->nodes[i]->route_port);
    text_format(&text, "]\n}");
    write_config(cluster->nodes[node], text.data);
    free(text.data);
}

struct cluster *cluster_started(void) {
    static const char *const names[CLUSTER_NODES] = {"one", "two", "three"};
    struct cluster *cluster = calloc(1, sizeof *cluster);
    must(cluster != NULL);
    size_t len = 0;
    for (size_t i = 0; i < CLUSTER_NODES; i++) {
        cluster->nodes[i] = prepared(names[i]);
        len += (size_t)snprintf(cluster->urls + len, sizeof cluster->urls - len, "%s%s",
                                i ? "," : "", cluster->nodes[i]->url);
    }
    must(len < sizeof cluster->urls);
    for (size_t i = 0; i < CLUSTER_NODES; i++) {
        write_node_config(cluster, i);
        broker_start(cluster->nodes[i]);
    }
    return cluster;
}

void cluster_free(struct cluster *cluster) {
    if (!cluster) return;
    for (size_t i = 0; i < CLUSTER_NODES; i++) broker_free(cluster->nodes[i]);
    free(cluster);
}

struct broker *cluster_node(struct cluster *cluster, const char *name) {
    for (size_t i = 0; i < CLUSTER_NODES; i++)
        if (strcmp(cluster->nodes[i]->name, name) == 0) return cluster->nodes[i];
    support_failed(__FILE__, __LINE__, "no node %s", name);
}
