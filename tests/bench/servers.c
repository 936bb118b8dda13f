/* servers.c: see servers.h. */
#include "servers.h"

#include "load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HEADERS_MAX = 32 };

/* ---- reeld ----------------------------------------------------------------------------------- */

/* Reads the log up to the line that tells the port. */
static int port_told(int log) {
    static const char mark[] = "listening on http://127.0.0.1:";
    char text[16384] = "";
    size_t len = 0;
    for (;;) {
        ssize_t got = read(log, text + len, sizeof text - 1 - len);
        if (got <= 0) support_failed(__FILE__, __LINE__, "reeld has not started: %s", text);
        len += (size_t)got;
        text[len] = '\0';
        const char *found = strstr(text, mark);
        if (found && strchr(found, '\n')) return atoi(found + sizeof mark - 1);
    }
}

struct server reeld_started_of(const char *build, const char *cell, const char *directory,
                               const char *segment_bytes) {
    const char *const arguments[] = {path_in(build, "core/daemon/reeld"),
                                     "serve",
                                     "--data",
                                     directory,
                                     "--bind",
                                     "127.0.0.1:0",
                                     "--plugin",
                                     path_in(build, cell),
                                     "--plugin",
                                     path_in(build, "plugins/formation/formation.so"),
                                     segment_bytes ? "--segment-bytes" : NULL,
                                     segment_bytes,
                                     NULL};
    int log[2];
    must(pipe2(log, O_CLOEXEC) == 0);
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        settings_forget(true);
        setenv("REEL_TOKEN", BENCH_TOKEN, 1);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(log[1], STDERR_FILENO);
        execv(arguments[0], (char *const *)arguments);
        _exit(127);
    }
    close(log[1]);
    return (struct server){.pid = pid, .port = port_told(log[0]), .log = log[0]};
}

struct server reeld_started(const char *directory) {
    return reeld_started_of(build_path(""), CELL_INDEXED, directory, NULL);
}

struct server backup_started(const char *directory, const char *to) {
    const char *program = build_path("core/daemon/reeld");
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        settings_forget(true);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(program, "reeld", "backup", "--data", directory, to, (char *)NULL);
        _exit(127);
    }
    return (struct server){.pid = pid, .log = -1};
}

static bool is_ready(const struct server *server) {
    struct text answer = load_answer(
        server->port, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    bool ready = strncmp(answer.data, "HTTP/1.1 200 ", 13) == 0;
    free(answer.data);
    return ready;
}

void server_wait_until_ready(const struct server *server) {
    while (!is_ready(server)) usleep(200);
}

/* ---- Bare libmicrohttpd ---------------------------------------------------------------------- */

struct header {
    char *name, *value;
};

struct bare {
    enum bare_kind kind;
    struct header headers[HEADERS_MAX];
    size_t header_count;
    const char *body;
    size_t body_len;
    struct MHD_Response *response; /* BARE_KEPT */
};

/* Those that libmicrohttpd adds by itself, or that are of the connection. */
static bool is_own_header(const char *name) {
    return strcasecmp(name, "Date") == 0 || strcasecmp(name, "Connection") == 0 ||
           strcasecmp(name, "Content-Length") == 0;
}

/* Takes an answer apart. */
static void read_answer(struct bare *bare, const struct text *answer) {
    char *head = strdup(answer->data);
    must(head && strncmp(head, "HTTP/1.1 200 ", 13) == 0);
    char *end = strstr(head, "\r\n\r\n");
    must(end != NULL);
    bare->body = answer->data + (end + 4 - head);
    bare->body_len = answer->len - (size_t)(end + 4 - head);
    end[2] = '\0';
    for (char *line = strstr(head, "\r\n") + 2; *line;) {
        char *next = strstr(line, "\r\n"), *value = strstr(line, ": ");
        must(next && value && value < next && bare->header_count < HEADERS_MAX);
        *next = *value = '\0';
        if (!is_own_header(line))
            bare->headers[bare->header_count++] = (struct header){line, value + 2};
        line = next + 2;
    }
}

static struct MHD_Response *make_response(const struct bare *bare,
                                          enum MHD_ResponseMemoryMode how) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(bare->body_len, (void *)bare->body, how);
    must(response != NULL);
    for (size_t i = 0; i < bare->header_count; i++)
        must(MHD_add_response_header(response, bare->headers[i].name, bare->headers[i].value));
    return response;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *bytes,
                              size_t *len, void **state) {
    const struct bare *bare = context;
    (void)url, (void)method, (void)version, (void)bytes, (void)len;
    if (!*state) { /* only the head is there */
        *state = context;
        return MHD_YES;
    }
    if (bare->kind == BARE_KEPT) return MHD_queue_response(connection, MHD_HTTP_OK, bare->response);
    struct MHD_Response *response = make_response(bare, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

int listening(int *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    must(listen(fd, 1024) == 0 && getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

__attribute__((noreturn)) static void run_bare(struct bare *bare, int listener) {
    const unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = processors < 2 ? 2 : (unsigned)processors;
    if (bare->kind == BARE_KEPT) bare->response = make_response(bare, MHD_RESPMEM_PERSISTENT);
    must(MHD_start_daemon(flags, 0, NULL, NULL, answer, bare, MHD_OPTION_LISTEN_SOCKET, listener,
                          MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT, 4096U,
                          MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16 << 10,
                          MHD_OPTION_CONNECTION_TIMEOUT, 60U, MHD_OPTION_END) != NULL);
    for (;;) pause();
}

struct server bare_started(enum bare_kind kind, const struct text *answer) {
    struct server server = {.log = -1};
    struct bare bare = {.kind = kind};
    int listener = listening(&server.port);
    must(fcntl(listener, F_SETFL, O_NONBLOCK) == 0); /* libmicrohttpd wants it so */
    read_answer(&bare, answer);
    fflush(NULL);
    server.pid = fork();
    must(server.pid >= 0);
    if (server.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run_bare(&bare, listener);
    }
    close(listener);
    return server;
}

/* ---- Both ------------------------------------------------------------------------------------ */

void allow_files(void) {
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void end(struct server *server, int signal) {
    int status;
    must(kill(server->pid, signal) == 0);
    must(waitpid(server->pid, &status, 0) == server->pid);
    if (server->log >= 0) close(server->log);
}

void server_end(struct server *server) {
    end(server, SIGTERM);
}

void server_kill(struct server *server) {
    end(server, SIGKILL);
}

double server_cpu(const struct server *server) {
    clockid_t clock;
    struct timespec time;
    must(clock_getcpuclockid(worker_of(server->pid), &clock) == 0);
    must(clock_gettime(clock, &time) == 0);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
