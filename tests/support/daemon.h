/* daemon.h: runs `reeld serve` in a process of its own, with a client to talk to it. As everywhere
 * in support, a failure fails the test. */
#ifndef TESTS_SUPPORT_DAEMON_H
#define TESTS_SUPPORT_DAEMON_H

#include "support.h"

/* Tokens that daemon_started gives the daemon: with access `write`, `read` and `admin`, whose name
 * is "operator". */
#define WRITE_TOKEN "write-token-of-the-tests"
#define READ_TOKEN  "read-token-of-the-tests"
#define OTHER_TOKEN "other-write-token-of-the-tests"
#define ADMIN_TOKEN "admin-token-of-the-tests"

struct daemon {
    pid_t pid;
    int port;           /* on 127.0.0.1 */
    char base[64];      /* "http://127.0.0.1:40000" */
    const char *log;    /* path of the file with its stderr */
    const char *out;    /* path of the file with its stdout */
    const char *tokens; /* path of its token file; NULL: daemon_launched has started it */
};

/* Starts it on `directory` with the two plugins that ship, and waits until it listens. The list
 * of further arguments ends with NULL. */
__attribute__((sentinel)) struct daemon daemon_started(const char *directory, ...);
struct daemon daemon_started_list(const char *directory, const char *const *arguments);

/* The same, with a pipe to read its stdout from; close() it. */
struct daemon daemon_piped(const char *directory, const char *const *arguments, int *ret_out);

/* Starts a daemon that must be refused, and waits for its end. Returns the status of waitpid.
 * `ret_log` is its log; free() it. */
int daemon_refused(const char *directory, const char *const *arguments, char **ret_log);

/* Starts `reeld` with exactly these arguments, and with these variables ("NAME=value") in addition
 * to ours. Does not wait. Both lists end with NULL; `environment` may be NULL. */
struct daemon daemon_launched(const char *const *arguments, const char *const *environment);

/* Waits until it listens on 127.0.0.1, and stores the port. */
void daemon_wait_until_it_listens(struct daemon *daemon);

/* daemon_end: sends SIGTERM, waits, and checks that it succeeded. daemon_kill: sends SIGKILL. */
void daemon_end(struct daemon *daemon);
void daemon_kill(struct daemon *daemon);

/* Waits for its end. Returns the status of waitpid. */
int daemon_wait(struct daemon *daemon);

/* Everything that it has logged; free() it. */
char *daemon_log(const struct daemon *daemon);

/* Waits until a line of the log contains this; fails after half a minute. */
void daemon_wait_for_log(const struct daemon *daemon, const char *part);

/* ---- Requests -------------------------------------------------------------------------------- */

/* An answer. Call reply_free at the end. All zero: none. */
struct reply {
    long status;
    struct text headers; /* as received, "Name: value\r\n" */
    struct text body;
    const char *failure; /* why there is no status, in curl's words; NULL: curl was not called */
};
void reply_free(struct reply *reply);

/* A header's value, or NULL; valid until the next call. The name may have any case. */
const char *reply_header(const struct reply *reply, const char *name);

/* The body as JSON; json_decref() it. */
json_t *reply_json(const struct reply *reply);

/* Checks status, content type and the members of a problem (RFC 9457). */
void assert_problem(const struct reply *reply, long status, const char *name);

/* A client with a connection that is kept. Each thread needs a client of its own. */
struct client;
struct client *client_opened(const struct daemon *daemon, const char *token);
void client_close(struct client *client);

/* Sends one request. `headers` is a NULL-terminated list of "Name: value", or NULL; `body` may be
 * NULL. A connection that breaks gives status 0. */
struct reply request(struct client *client, const char *method, const char *path,
                     const char *const *headers, const void *body, size_t len);

/* The usual requests. */
struct reply get(struct client *client, const char *path);
struct reply post_json(struct client *client, const char *path, const char *body);
struct reply post_event(struct client *client, const char *event, size_t len);

/* A connected socket, for bytes that no client would send; and reading from it to the end, or until
 * `bytes` have arrived. */
int socket_opened(const struct daemon *daemon);
void socket_send(int fd, const void *bytes, size_t len);
size_t socket_receive(int fd, void *ret, size_t bytes, int timeout_ms);

/* NAME=SHA256 of a file, as `sha256sum` computes it, for --plugin-sha256. The last eight are valid.
 */
const char *pin_of(const char *path, const char *name);

/* Resident memory in bytes, of a daemon's worker. */
uint64_t process_memory(pid_t pid);

#endif
