/* daemon.c: see daemon.h. */
#include "daemon.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What one waits for comes in milliseconds, or after a while on a machine that is busy. */
#define PATIENCE_MS 30000

/* ---- Processes ------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    must(file != NULL);
    must(fchmod(fileno(file), 0600) == 0);
    must(fputs(text, file) >= 0);
    must(fclose(file) == 0);
}

static void redirect(const char *path, int to) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || dup2(fd, to) < 0) _exit(126);
}

#define ARGUMENTS_MAX 64

/* Nothing of the environment that we run in may reach the daemon's settings. */
static void set_environment(const char *const *environment) {
    static const char *const ours[] = {"REEL_TOKEN",
                                       "REEL_BIND",
                                       "REEL_NATS",
                                       "REEL_NATS_URL",
                                       "CELLOS_SERVER_API_TOKEN",
                                       "CELLOS_SERVER_BIND",
                                       "CELLOS_NATS_URL"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) unsetenv(ours[i]);
    settings_forget(false);
    for (; environment && *environment; environment++)
        if (putenv((char *)*environment) != 0) _exit(126);
}

/* Its stdout goes to the descriptor, or, where that is -1, to the file. */
static pid_t spawn(const char *const *arguments, const char *const *environment, const char *log,
                   const char *out, int out_fd) {
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
    redirect(log, STDERR_FILENO);
    if (out_fd < 0)
        redirect(out, STDOUT_FILENO);
    else if (dup2(out_fd, STDOUT_FILENO) < 0)
        _exit(126);
    set_environment(environment);
    execv(arguments[0], (char *const *)arguments);
    _exit(127);
}

static pid_t launch(const char *directory, const char *const *more, const struct daemon *daemon,
                    int out_fd) {
    const char *arguments[ARGUMENTS_MAX] = {build_path("core/daemon/reeld"), "serve"};
    size_t count = 2, given = 0;
    write_file(daemon->tokens, "write " WRITE_TOKEN "\nread " READ_TOKEN "\nwrite " OTHER_TOKEN
                               "\nadmin operator " ADMIN_TOKEN "\n");
    const char *usual[] = {"--data",       directory,  "--bind", "127.0.0.1:0", "--token-file",
                           daemon->tokens, "--plugin", CELL_SO,  "--plugin",    FORMATION_SO};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) arguments[count++] = usual[i];
    char map_bytes[24];
    snprintf(map_bytes, sizeof map_bytes, "%" PRIu64, test_options(NULL, NULL).map_bytes);
    if (strcmp(map_bytes, "0") != 0) setenv("REEL_MAP_BYTES", map_bytes, 1); /* a sanitizer's */
    for (; more && more[given]; given++) {
        must(count + 1 < ARGUMENTS_MAX);
        arguments[count++] = more[given];
    }
    return spawn(arguments, NULL, daemon->log, daemon->out, out_fd);
}

char *daemon_log(const struct daemon *daemon) {
    return text_of_file(daemon->log).data;
}

static bool log_has(const struct daemon *daemon, const char *part) {
    char *log = daemon_log(daemon);
    bool found = strstr(log, part) != NULL;
    free(log);
    return found;
}

void daemon_wait_for_log(const struct daemon *daemon, const char *part) {
    for (int waited = 0; !log_has(daemon, part); waited += 5) {
        siginfo_t ended = {.si_pid = 0};
        int rc = waitid(P_PID, (id_t)daemon->pid, &ended, WEXITED | WNOHANG | WNOWAIT);
        bool over = rc < 0 || ended.si_pid == daemon->pid; /* < 0: it was waited for */
        if ((over && !log_has(daemon, part)) || waited > PATIENCE_MS)
            support_failed(__FILE__, __LINE__, "no `%s` in the log: %s", part, daemon_log(daemon));
        usleep(5000);
    }
}

void daemon_wait_until_it_listens(struct daemon *daemon) {
    static const char mark[] = "listening on http://127.0.0.1:";
    while (access(daemon->log, R_OK) != 0) usleep(1000);
    daemon_wait_for_log(daemon, mark);
    char *log = daemon_log(daemon);
    daemon->port = atoi(strstr(log, mark) + sizeof mark - 1);
    free(log);
    snprintf(daemon->base, sizeof daemon->base, "http://127.0.0.1:%d", daemon->port);
}

/* With paths for its files. */
static struct daemon daemon_prepared(void) {
    const char *scratch = scratch_directory();
    return (struct daemon){.log = path_in(scratch, "log"),
                           .out = path_in(scratch, "out"),
                           .tokens = path_in(scratch_directory(), "tokens")};
}

static struct daemon started(const char *directory, const char *const *arguments, int out_fd) {
    struct daemon daemon = daemon_prepared();
    daemon.pid = launch(directory, arguments, &daemon, out_fd);
    daemon_wait_until_it_listens(&daemon);
    return daemon;
}

struct daemon daemon_started_list(const char *directory, const char *const *arguments) {
    return started(directory, arguments, -1);
}

struct daemon daemon_piped(const char *directory, const char *const *arguments, int *ret_out) {
    int ends[2];
    must(pipe2(ends, O_CLOEXEC) == 0);
    struct daemon daemon = started(directory, arguments, ends[1]);
    close(ends[1]);
    *ret_out = ends[0];
    return daemon;
}

struct daemon daemon_launched(const char *const *arguments, const char *const *environment) {
    const char *scratch = scratch_directory(), *all[ARGUMENTS_MAX];
    struct daemon daemon = {.log = path_in(scratch, "log"), .out = path_in(scratch, "out")};
    size_t count = 0;
    all[count++] = build_path("core/daemon/reeld");
    for (size_t i = 0; arguments[i]; i++) {
        must(count + 1 < ARGUMENTS_MAX);
        all[count++] = arguments[i];
    }
    all[count] = NULL;
    daemon.pid = spawn(all, environment, daemon.log, daemon.out, -1);
    return daemon;
}

struct daemon daemon_started(const char *directory, ...) {
    const char *arguments[ARGUMENTS_MAX] = {0};
    va_list list;
    va_start(list, directory);
    for (size_t i = 0; i < ARGUMENTS_MAX - 1; i++)
        if (!(arguments[i] = va_arg(list, const char *))) break;
    va_end(list);
    return daemon_started_list(directory, arguments);
}

int daemon_wait(struct daemon *daemon) {
    int status = 0;
    for (int waited = 0; waitpid(daemon->pid, &status, WNOHANG) != daemon->pid; waited += 2) {
        if (waited > PATIENCE_MS) kill(daemon->pid, SIGKILL);
        must(waited <= PATIENCE_MS + 5000);
        usleep(2000);
    }
    return status;
}

int daemon_refused(const char *directory, const char *const *arguments, char **ret_log) {
    struct daemon daemon = daemon_prepared();
    daemon.pid = launch(directory, arguments, &daemon, -1);
    int status = daemon_wait(&daemon);
    *ret_log = daemon_log(&daemon);
    return status;
}

void daemon_end(struct daemon *daemon) {
    must(kill(daemon->pid, SIGTERM) == 0);
    int status = daemon_wait(daemon);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        support_failed(__FILE__, __LINE__, "status %x: %s", (unsigned)status, daemon_log(daemon));
}

/* Has the process ended, with all of its threads (proc(5))? Nobody may have reaped it yet. */
static bool is_gone(pid_t pid) {
    char path[64], text[512], state = 'X';
    int threads = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file) return true;
    const char *read = fgets(text, sizeof text, file), *end = read ? strrchr(text, ')') : NULL;
    fclose(file);
    if (!end ||
        sscanf(end + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d",
               &state, &threads) != 2)
        return true;
    return state == 'X' || (state == 'Z' && threads <= 1);
}

/* The system kills the worker a moment after the process that watches it. Until then, it holds the
 * store. */
void daemon_kill(struct daemon *daemon) {
    pid_t worker = worker_of(daemon->pid);
    kill(daemon->pid, SIGKILL);
    daemon_wait(daemon);
    while (worker != daemon->pid && !is_gone(worker)) usleep(1000);
}

const char *pin_of(const char *path, const char *name) {
    static struct text pins[8];
    static size_t used;
    struct text *pin = &pins[used++ % 8];
    char command[4096 + 32], digits[65];
    snprintf(command, sizeof command, "sha256sum '%s'", path);
    FILE *pipe = popen(command, "r");
    must(pipe && fread(digits, 1, 64, pipe) == 64);
    pclose(pipe);
    digits[64] = '\0';
    pin->len = 0;
    text_format(pin, "%s=%s", name, digits);
    return pin->data;
}

uint64_t process_memory(pid_t pid) {
    char path[64];
    unsigned long long total, resident;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)worker_of(pid));
    char *text = text_of_file(path).data;
    must(sscanf(text, "%llu %llu", &total, &resident) == 2);
    free(text);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- Requests -------------------------------------------------------------------------------- */

struct client {
    CURL *curl;
    char base[64];
    char authorization[256];
};

static void begin_curl(void) {
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

struct client *client_opened(const struct daemon *daemon, const char *token) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin_curl);
    struct client *client = calloc(1, sizeof *client);
    must(client != NULL);
    client->curl = curl_easy_init();
    must(client->curl != NULL);
    snprintf(client->base, sizeof client->base, "%s", daemon->base);
    if (token)
        snprintf(client->authorization, sizeof client->authorization, "Authorization: Bearer %s",
                 token);
    return client;
}

void client_close(struct client *client) {
    if (!client) return;
    curl_easy_cleanup(client->curl);
    free(client);
}

void reply_free(struct reply *reply) {
    free(reply->headers.data);
    free(reply->body.data);
    *reply = (struct reply){0};
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context) {
    text_add(context, bytes, size * count);
    return size * count;
}

struct reply request(struct client *client, const char *method, const char *path,
                     const char *const *headers, const void *body, size_t len) {
    struct reply reply = {0};
    struct text url = {0};
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (client->authorization[0]) list = curl_slist_append(list, client->authorization);
    for (size_t i = 0; headers && headers[i]; i++) list = curl_slist_append(list, headers[i]);
    text_add(&url, client->base, strlen(client->base));
    text_add(&url, path, strlen(path));
    CURL *curl = client->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url.data);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    if (strcmp(method, "HEAD") == 0) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply.body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply.headers);
    CURLcode code = curl_easy_perform(curl);
    reply.failure = curl_easy_strerror(code);
    if (code == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
    curl_slist_free_all(list);
    free(url.data);
    if (!reply.body.data) text_add(&reply.body, "", 0);
    if (!reply.headers.data) text_add(&reply.headers, "", 0);
    return reply;
}

struct reply get(struct client *client, const char *path) {
    return request(client, "GET", path, NULL, NULL, 0);
}

struct reply post_json(struct client *client, const char *path, const char *body) {
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    return request(client, "POST", path, headers, body, strlen(body));
}

struct reply post_event(struct client *client, const char *event, size_t len) {
    static const char *const headers[] = {"Content-Type: application/cloudevents+json", NULL};
    return request(client, "POST", "/v1/events", headers, event, len);
}

const char *reply_header(const struct reply *reply, const char *name) {
    static _Thread_local char value[16384];
    size_t len = strlen(name);
    for (const char *line = reply->headers.data; line && *line;) {
        const char *end = strstr(line, "\r\n");
        if (!end) break;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *from = line + len + 1;
            while (*from == ' ') from++;
            snprintf(value, sizeof value, "%.*s", (int)(end - from), from);
            return value;
        }
        line = end + 2;
    }
    return NULL;
}

json_t *reply_json(const struct reply *reply) {
    return json_parsed(reply->body.data, reply->body.len);
}

void assert_problem(const struct reply *reply, long status, const char *name) {
    char type[128];
    if (reply->status != status)
        support_failed(__FILE__, __LINE__, "status %ld, wanted %ld: %s", reply->status, status,
                       reply->body.data);
    const char *content_type = reply_header(reply, "Content-Type");
    assert_non_null(content_type);
    assert_string_equal(content_type, "application/problem+json");
    json_t *problem = reply_json(reply);
    snprintf(type, sizeof type, "/problems/%s", name);
    assert_string_equal(json_string_value(json_object_get(problem, "type")), type);
    assert_int_equal(json_integer_value(json_object_get(problem, "status")), status);
    assert_true(json_is_string(json_object_get(problem, "title")));
    assert_true(json_string_length(json_object_get(problem, "detail")) > 0);
    json_decref(problem);
}

/* ---- Sockets --------------------------------------------------------------------------------- */

int socket_opened(const struct daemon *daemon) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)daemon->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0);
    must(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

void socket_send(int fd, const void *bytes, size_t len) {
    const char *at = bytes;
    while (len > 0) {
        ssize_t done = send(fd, at, len, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) continue;
        must(done > 0);
        at += done;
        len -= (size_t)done;
    }
}

size_t socket_receive(int fd, void *ret, size_t bytes, int timeout_ms) {
    size_t len = 0;
    while (len < bytes) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, timeout_ms) <= 0) break;
        ssize_t done = recv(fd, (char *)ret + len, bytes - len, 0);
        if (done <= 0) break;
        len += (size_t)done;
    }
    return len;
}
