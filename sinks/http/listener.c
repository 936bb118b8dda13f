/* listener.c: see listener.h. */
#include "listener.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/kept.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG 4096

/* "[::1]:80" → "::1", "80". */
static int split(const char *text, char host[256], const char **ret_port,
                 struct reel_error *error) {
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    bool bare_v6 = !bracketed && len > 0 && memchr(text, ':', len);
    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) || len >= 256 ||
        len == 0 || bare_v6)
        return fail(error, -EINVAL, "wanted ADDRESS:PORT");
    const char *digits = colon + 1 + strspn(colon + 1, "0");
    if (strlen(digits) > 5 || atoi(digits) > 65535)
        return fail(error, -EINVAL, "the port is beyond 65535");
    snprintf(host, 256, "%.*s", (int)(bracketed ? len - 2 : len), bracketed ? text + 1 : text);
    *ret_port = colon + 1;
    return 0;
}

bool listener_check(const char *text, struct reel_error *error) {
    char host[256];
    const char *port;
    return split(text, host, &port, error) == 0;
}

static int open_at(const struct addrinfo *at, int *ret) {
    AUTO_CLOSE int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) return -errno;
    if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) return -errno;
    *ret = fd;
    fd = -1;
    return 0;
}

static void name_it(int fd, char ret_where[LISTENER_NAME_MAX]) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[64] = "?", port[8] = "?";
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
        getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(ret_where, LISTENER_NAME_MAX, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

int listener_open(const char *text, int *ret, char ret_where[LISTENER_NAME_MAX],
                  struct reel_error *error) {
    struct addrinfo *found, hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    char host[256];
    const char *port;
    int rc = split(text, host, &port, error);
    if (rc < 0) return fail_in(error, rc, "cannot listen on `%s`", text);
    *ret = kept_find(text);
    if (*ret >= 0) {
        name_it(*ret, ret_where);
        return 0;
    }
    int code = getaddrinfo(host, port, &hints, &found);
    if (code != 0)
        return fail(error, -EINVAL, "cannot listen on `%s`: %s", text, gai_strerror(code));
    rc = open_at(found, ret);
    freeaddrinfo(found);
    if (rc < 0) return fail(error, rc, "cannot listen on %s: %s", text, strerror(-rc));
    kept_keep(text, *ret);
    name_it(*ret, ret_where);
    return 0;
}
