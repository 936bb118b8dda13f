/* postgres.c: see postgres.h. */
#include "postgres.h"

#include "servers.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, EVENTS_MAX = 256 };

static const char schema[] =
    "CREATE TABLE events (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    "    source text NOT NULL, id text NOT NULL, payload text NOT NULL, UNIQUE (source, id));"
    "CREATE TABLE cells (id text PRIMARY KEY, spec_id text, run_id text, formation_id text,"
    "    state text, started_at text, exit_code int, changed bigint);"
    "CREATE FUNCTION take(payload text) RETURNS bigint LANGUAGE plpgsql AS $$"
    "DECLARE event jsonb := payload; data jsonb := event->'data'; taken bigint;"
    "    starts boolean := event->>'type' = 'dev.cellos.events.cell.lifecycle.v1.started';"
    "BEGIN"
    "    INSERT INTO events (source, id, payload)"
    "        VALUES (event->>'source', event->>'id', payload)"
    "        ON CONFLICT DO NOTHING RETURNING seq INTO taken;"
    "    IF taken IS NULL THEN RETURN 0; END IF;"
    "    INSERT INTO cells VALUES (data->>'cellId', data->>'specId', data->>'runId',"
    "        data->'correlation'->>'formationId', CASE WHEN starts THEN 'running' ELSE 'pending' "
    "END,"
    "        CASE WHEN starts THEN event->>'time' END, (data->>'exitCode')::int, taken)"
    "    ON CONFLICT (id) DO UPDATE SET"
    "        state = CASE WHEN starts THEN 'running' ELSE cells.state END,"
    "        started_at = coalesce(excluded.started_at, cells.started_at),"
    "        exit_code = coalesce(excluded.exit_code, cells.exit_code),"
    "        changed = excluded.changed;"
    "    RETURN taken;"
    "END $$";

/* ---- The server ------------------------------------------------------------------------------ */

/* The newest one installed, as Debian lays them out. */
static const char *program(const char *name) {
    glob_t found;
    char pattern[128];
    snprintf(pattern, sizeof pattern, "/usr/lib/postgresql/*/bin/%s", name);
    if (glob(pattern, 0, NULL, &found) != 0)
        support_failed(__FILE__, __LINE__, "no %s: install Debian's package postgresql", pattern);
    const char *path = path_in("", found.gl_pathv[found.gl_pathc - 1] + 1);
    globfree(&found);
    return path;
}

/* Whom the server runs as; NULL: as ourselves. */
static const struct passwd *other_user(void) {
    if (geteuid() != 0) return NULL;
    const struct passwd *user = getpwnam("postgres");
    if (!user) user = getpwnam("nobody");
    must(user != NULL);
    return user;
}

/* Runs a program of PostgreSQL; what it says is appended to the log. */
static pid_t launch(const struct passwd *user, const char *log, const char *const *arguments) {
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid > 0) return pid;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) _exit(126);
    if (user && (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* set last: a change of user clears it */
    execv(arguments[0], (char *const *)arguments);
    _exit(127);
}

__attribute__((noreturn)) static void fail_with_log(const char *what, const char *log) {
    char text[1024] = "";
    FILE *file = fopen(log, "r");
    size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[len] = '\0';
    support_failed(__FILE__, __LINE__, "%s: %s", what, text);
}

static PGconn *connected(int port) {
    char where[128];
    snprintf(where, sizeof where,
             "host=127.0.0.1 port=%d user=bench dbname=postgres sslmode=disable", port);
    return PQconnectdb(where);
}

static PGconn *must_be_connected(int port) {
    PGconn *connection = connected(port);
    if (PQstatus(connection) != CONNECTION_OK)
        support_failed(__FILE__, __LINE__, "PostgreSQL: %s", PQerrorMessage(connection));
    return connection;
}

static void check_result(PGconn *connection, PGresult *result, ExecStatusType wanted) {
    if (PQresultStatus(result) != wanted)
        support_failed(__FILE__, __LINE__, "PostgreSQL: %s", PQerrorMessage(connection));
}

static void execute(PGconn *connection, const char *command) {
    PGresult *result = PQexec(connection, command);
    check_result(connection, result, PGRES_COMMAND_OK);
    PQclear(result);
}

/* The directory belongs to the other user, who must get through what is above it. */
static const char *make_cluster(const struct passwd *user, const char *log) {
    const char *scratch = scratch_directory(), *data = path_in(scratch, "cluster");
    int status;
    must(chmod(scratch, 0711) == 0 && mkdir(data, 0700) == 0);
    if (user) must(chown(data, user->pw_uid, user->pw_gid) == 0);
    const char *arguments[] = {program("initdb"), "-D", data,   "-A",         "trust", "-U",
                               "bench",           "-E", "UTF8", "--locale=C", NULL};
    pid_t pid = launch(user, log, arguments);
    must(waitpid(pid, &status, 0) == pid);
    if (status != 0) fail_with_log("initdb failed", log);
    return data;
}

static void wait_until_it_answers(struct postgres *postgres, const char *log) {
    int status;
    for (int waited = 0;; waited += 20) {
        PGconn *connection = connected(postgres->port);
        bool answers = PQstatus(connection) == CONNECTION_OK;
        if (answers) {
            postgres->version = PQserverVersion(connection);
            execute(connection, schema);
        }
        PQfinish(connection);
        if (answers) return;
        if (waited > PATIENCE_MS || waitpid(postgres->pid, &status, WNOHANG) == postgres->pid)
            fail_with_log("PostgreSQL does not start", log);
        usleep(20000);
    }
}

struct postgres postgres_started(void) {
    const struct passwd *user = other_user();
    struct postgres postgres = {0};
    char port[16];
    const char *log = path_in(scratch_directory(), "log"), *data = make_cluster(user, log);
    close(listening(&postgres.port)); /* a free one; it cannot be told to choose */
    snprintf(port, sizeof port, "%d", postgres.port);
    const char *arguments[] = {program("postgres"),
                               "-D",
                               data,
                               "-p",
                               port,
                               "-c",
                               "listen_addresses=127.0.0.1",
                               "-c",
                               "unix_socket_directories=",
                               "-c",
                               "max_connections=300",
                               "-c",
                               "fsync=on",
                               "-c",
                               "synchronous_commit=on",
                               NULL};
    postgres.pid = launch(user, log, arguments);
    wait_until_it_answers(&postgres, log);
    return postgres;
}

void postgres_end(struct postgres *postgres) {
    int status;
    must(kill(postgres->pid, SIGINT) == 0); /* closes connections, then ends well */
    must(waitpid(postgres->pid, &status, 0) == postgres->pid);
}

void postgres_take(const struct postgres *postgres, const char *array) {
    PGconn *connection = must_be_connected(postgres->port);
    PGresult *result = PQexecParams(
        connection, "SELECT count(take(event::text)) FROM json_array_elements($1::json) event", 1,
        NULL, &array, NULL, NULL, 0);
    check_result(connection, result, PGRES_TUPLES_OK);
    PQclear(result);
    PQfinish(connection);
}

void postgres_do(const struct postgres *postgres, const char *command) {
    PGconn *connection = must_be_connected(postgres->port);
    execute(connection, command);
    PQfinish(connection);
}

void postgres_settle(const struct postgres *postgres) {
    postgres_do(postgres, "VACUUM ANALYZE");
    postgres_do(postgres, "CHECKPOINT");
}

/* ---- Clients --------------------------------------------------------------------------------- */

struct caller {
    PGconn *connection;
    double asked;
};

struct postgres_clients {
    size_t count;
    int epoll;
    struct caller callers[];
};

struct postgres_clients *postgres_connected(const struct postgres *postgres, size_t count,
                                            const char *statement) {
    struct postgres_clients *clients =
        calloc(1, sizeof *clients + count * sizeof clients->callers[0]);
    must(clients != NULL);
    clients->count = count;
    clients->epoll = epoll_create1(EPOLL_CLOEXEC);
    must(clients->epoll >= 0);
    for (size_t i = 0; i < count; i++) {
        struct caller *caller = &clients->callers[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = caller};
        caller->connection = must_be_connected(postgres->port);
        PGresult *result = PQprepare(caller->connection, "call", statement, 1, NULL);
        check_result(caller->connection, result, PGRES_COMMAND_OK);
        PQclear(result);
        must(epoll_ctl(clients->epoll, EPOLL_CTL_ADD, PQsocket(caller->connection), &event) == 0);
    }
    return clients;
}

void postgres_disconnect(struct postgres_clients *clients) {
    for (size_t i = 0; i < clients->count; i++) PQfinish(clients->callers[i].connection);
    close(clients->epoll);
    free(clients);
}

struct calls {
    double until;
    size_t (*write)(void *context, char to[LOAD_REQUEST_MAX]);
    void *context;
    struct samples *latencies;
    size_t busy;
    struct load_result result;
};

static void call(struct calls *calls, struct caller *caller) {
    char event[LOAD_REQUEST_MAX];
    const char *value = event;
    size_t len = calls->write(calls->context, event);
    must(len < sizeof event);
    event[len] = '\0';
    caller->asked = seconds_now();
    must(PQsendQueryPrepared(caller->connection, "call", 1, &value, NULL, NULL, 0) == 1);
}

/* True: the answer is complete. */
static bool receive(struct caller *caller) {
    PGresult *result;
    must(PQconsumeInput(caller->connection) == 1);
    while (!PQisBusy(caller->connection)) {
        if (!(result = PQgetResult(caller->connection))) return true;
        check_result(caller->connection, result, PGRES_TUPLES_OK);
        must(PQntuples(result) > 0 && strcmp(PQgetvalue(result, 0, 0), "0") != 0);
        PQclear(result);
    }
    return false;
}

static void serve(struct calls *calls, struct caller *caller) {
    if (!receive(caller)) return;
    double now = seconds_now();
    calls->result.answers++;
    if (calls->latencies) samples_add(calls->latencies, now - caller->asked);
    if (now < calls->until)
        call(calls, caller);
    else
        calls->busy--;
}

struct load_result postgres_run(struct postgres_clients *clients, double seconds,
                                size_t (*write)(void *context, char to[LOAD_REQUEST_MAX]),
                                void *context, struct samples *latencies) {
    double start = seconds_now();
    struct calls calls = {.until = start + seconds,
                          .write = write,
                          .context = context,
                          .latencies = latencies,
                          .busy = clients->count};
    struct epoll_event events[EVENTS_MAX];
    for (size_t i = 0; i < clients->count; i++) call(&calls, &clients->callers[i]);
    while (calls.busy > 0) {
        int count = epoll_wait(clients->epoll, events, EVENTS_MAX, PATIENCE_MS);
        must(count > 0 || (count < 0 && errno == EINTR));
        for (int i = 0; i < count; i++) serve(&calls, events[i].data.ptr);
    }
    calls.result.seconds = seconds_now() - start;
    return calls.result;
}
