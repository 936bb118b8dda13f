/* daemon.h: `reeld serve` as a process of its own, and a client to talk to it with. As with all
 * of support: what goes wrong fails the test. */
#ifndef TESTS_SUPPORT_DAEMON_H
#define TESTS_SUPPORT_DAEMON_H

#include "support.h"

/* Tokens that daemon_started gives it: one may write, the other only read. */
#define WRITE_TOKEN "write-token-of-the-tests"
#define READ_TOKEN  "read-token-of-the-tests"
#define OTHER_TOKEN "other-write-token-of-the-tests"

struct daemon {
    pid_t pid;
    int port;        /* on 127.0.0.1 */
    char base[64];   /* "http://127.0.0.1:40000" */
    const char *log; /* path of what it writes to stderr */
    const char *out; /* path of what it writes to stdout */
};

/* Starts it on `directory` with the two plugins that ship, and waits until it listens. The list
 * of further arguments ends with NULL. */
__attribute__((sentinel)) struct daemon daemon_started(const char *directory, ...);
struct daemon daemon_started_list(const char *directory, const char *const *arguments);

/* The same, with a pipe to read its stdout from; close() it. */
struct daemon daemon_piped(const char *directory, const char *const *arguments, int *ret_out);

/* The same, up to its end: what waitpid told. Its words are in `ret_log`; free() it. For what is to
 * be refused. */
int daemon_refused(const char *directory, const char *const *arguments, char **ret_log);

/* Starts `reeld` with these arguments and no others, and with these variables ("NAME=value") beside
 * those that we have; waits for nothing. Both lists end with NULL; `environment` may be NULL. */
struct daemon daemon_launched(const char *const *arguments, const char *const *environment);

/* Waits until it listens on 127.0.0.1, and notes the port. */
void daemon_wait_until_it_listens(struct daemon *daemon);

/* Sends SIGTERM, waits, and checks that it ended well. And: without a word. */
void daemon_end(struct daemon *daemon);
void daemon_kill(struct daemon *daemon);

/* Waits for its end; what waitpid told. */
int daemon_wait(struct daemon *daemon);

/* All that it has logged; free() it. */
char *daemon_log(const struct daemon *daemon);

/* Waits until a line of the log has this in it; fails after half a minute. */
void daemon_wait_for_log(const struct daemon *daemon, const char *part);

/* ---- Requests -------------------------------------------------------------------------------- */

/* An answer. reply_free at last; all zero is none. */
struct reply {
    long status;
    struct text headers; /* as they came, "Name: value\r\n" */
    struct text body;
};
void reply_free(struct reply *reply);

/* A header's value, or NULL; good until the next call. The name in any case. */
const char *reply_header(const struct reply *reply, const char *name);

/* The body as JSON; json_decref() it. */
json_t *reply_json(const struct reply *reply);

/* Checks status, content type and the members of a problem (RFC 9457). */
void assert_problem(const struct reply *reply, long status, const char *name);

/* One client with a connection that it keeps. Each thread needs its own. */
struct client;
struct client *client_opened(const struct daemon *daemon, const char *token);
void client_close(struct client *client);

/* Sends one request. `headers` is a NULL-terminated list of "Name: value", or NULL; `body` may be
 * NULL. A connection that breaks gives status 0. */
struct reply request(struct client *client, const char *method, const char *path,
                     const char *const *headers, const void *body, size_t len);

/* The usual ones. */
struct reply get(struct client *client, const char *path);
struct reply post_json(struct client *client, const char *path, const char *body);
struct reply post_event(struct client *client, const char *event, size_t len);

/* A socket of its own, connected, for what no client would send; and reading to its end or until
 * `bytes` have come. */
int socket_opened(const struct daemon *daemon);
void socket_send(int fd, const void *bytes, size_t len);
size_t socket_receive(int fd, void *ret, size_t bytes, int timeout_ms);

/* Numbers of a process: resident memory in bytes, threads, files. */
uint64_t process_memory(pid_t pid);

#endif
