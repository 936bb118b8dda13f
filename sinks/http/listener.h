/* listener.h: the listening socket. */
#ifndef REEL_SINKS_HTTP_LISTENER_H
#define REEL_SINKS_HTTP_LISTENER_H

#include <reel/view.h>

/* Bytes for an address and port as text. */
#define LISTENER_NAME_MAX 80

/* Opens it at "127.0.0.1:8080", "[::1]:8080" or "localhost:8080". `ret_where` is the actual
 * address; if the port was 0, it has the chosen port. If an earlier worker has opened it, it is
 * that one (kept.h). */
int listener_open(const char *bind, int *ret, char ret_where[LISTENER_NAME_MAX],
                  struct reel_error *error);

/* `check` of the setting: true for ADDRESS:PORT. */
bool listener_check(const char *text, struct reel_error *error);

#endif
