/* notify.c: see notify.h. One datagram to the socket that $NOTIFY_SOCKET names: not worth a
 * library. */
#include "daemon/notify.h"

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

void notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof address.sun_path) return;
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') address.sun_path[0] = '\0'; /* an abstract socket */
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    const struct timeval patience = {.tv_sec = 1}; /* nobody may hold this process up */
    bool may_be_lost = strcmp(state, "WATCHDOG=1") == 0;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sendto(fd, state, strlen(state), MSG_NOSIGNAL | (may_be_lost ? MSG_DONTWAIT : 0),
           (struct sockaddr *)&address, size);
}
