/* wire.h: a connection to the daemon on which both sides speak when they like: what has come and
 * was not looked at yet, and the head of the HTTP answer that it begins with. The base of
 * websocket.h and sse.h. */
#ifndef TESTS_SUPPORT_WIRE_H
#define TESTS_SUPPORT_WIRE_H

#include "daemon.h"

struct wire {
    int fd;
    bool ended;     /* nothing more will come */
    struct text in; /* what has come; it has been looked at up to `at` */
    size_t at;
};

/* How long anything may take that must come, ms. */
enum { WIRE_PATIENCE_MS = 60000 };

/* A connection whose socket takes about so many bytes that nobody reads; 0: as many as usual. */
struct wire wire_opened(const struct daemon *daemon, int receive_bytes);
void wire_close(struct wire *wire);

/* What has come and was not looked at. */
struct reel_str wire_rest(const struct wire *wire);

/* Takes what more has come, waiting at most so long for it. False: nothing; see `ended`. */
bool wire_receive(struct wire *wire, int timeout_ms);

/* As above, but with patience; false only at the end. What must come and does not fails. */
bool wire_wait(struct wire *wire);

/* Sends all of it, unless the other side has had enough. */
bool wire_send(struct wire *wire, const void *bytes, size_t len);

/* Sends a GET: `headers` is a NULL-terminated list of "Name: value", or NULL. */
void wire_get(struct wire *wire, const char *path, const char *token, const char *const *headers);

/* Reads the head of an answer, and if it is neither 101 nor 200 its body, too. Status 0: the
 * connection ended instead. */
struct reply wire_answer(struct wire *wire);

#endif
