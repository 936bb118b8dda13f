/* epoll.c: epoll_wait as libmicrohttpd 0.9.75 needs it.
 *
 * It asks for at most 128 events, and if it gets exactly so many it asks again before it handles
 * them, with the same timeout: then 128 requests lie there until something else happens on that
 * thread's connections, or one of them times out after a minute. So it never gets 128 at a time;
 * what is left comes with its next call. Libraries find this epoll_wait before libc's, as the
 * program exports it. To be dropped when no libmicrohttpd without a zero timeout there is in use.
 */
#include <stddef.h>
#include <sys/epoll.h>

/* What libmicrohttpd asks for (MAX_EVENTS in its daemon.c). */
#define ASKED_FOR 128

__attribute__((used, visibility("default"))) int epoll_wait(int epoll, struct epoll_event *events,
                                                            int events_max, int timeout_ms) {
    if (events_max == ASKED_FOR) events_max--;
    return epoll_pwait(epoll, events, events_max, timeout_ms, NULL);
}
