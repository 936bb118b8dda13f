/* epoll.c: replaces epoll_wait for libmicrohttpd 0.9.75.
 *
 * libmicrohttpd asks for at most 128 events. If it gets 128, it asks again with the same timeout
 * before it handles them. Then 128 requests wait until something happens on another connection of
 * this thread, or until a timeout of a minute. So this function never returns 128 events; the
 * others come with the next call. Libraries find this function before libc's, because the program
 * exports it. It can be removed when all supported versions of libmicrohttpd use a timeout of zero
 * at this place.
 */
#include <stddef.h>
#include <sys/epoll.h>

/* The number of events that libmicrohttpd asks for (MAX_EVENTS in its daemon.c). */
#define ASKED_FOR 128

__attribute__((used, visibility("default"))) int epoll_wait(int epoll, struct epoll_event *events,
                                                            int events_max, int timeout_ms) {
    if (events_max == ASKED_FOR) events_max--;
    return epoll_pwait(epoll, events, events_max, timeout_ms, NULL);
}
