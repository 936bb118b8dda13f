/* link.c: see link.h. The socket never blocks; each call waits in poll. */
#include "conform/link.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

struct link {
    const struct target *target;
    int fd;
    SSL *ssl; /* NULL: plain */
};

static bool wait_for(int fd, short events, uint64_t until_ms) {
    struct pollfd wanted = {.fd = fd, .events = events};
    int rc;
    do rc = poll(&wanted, 1, (int)clock_left_ms(until_ms));
    while (rc < 0 && errno == EINTR);
    return rc > 0;
}

/* ---- Connecting ------------------------------------------------------------------------------ */

/* Returns the socket, or a negative error. */
static int connect_to(const struct addrinfo *address, uint64_t until_ms) {
    int on = 1, code = 0;
    socklen_t len = sizeof code;
    AUTO_CLOSE int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        if (errno != EINPROGRESS) return -errno;
        if (!wait_for(fd, POLLOUT, until_ms)) return -ETIMEDOUT;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0) return -errno;
        if (code != 0) return -code;
    }
    int connected = fd;
    fd = -1;
    return connected;
}

static int connect_any(const struct target *target, uint64_t until_ms, struct reel_error *error) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    int rc = getaddrinfo(target->host, target->port, &hints, &addresses);
    if (rc != 0)
        return fail(error, -EHOSTUNREACH, "cannot find %s: %s", target->host, gai_strerror(rc));
    rc = -EHOSTUNREACH;
    for (const struct addrinfo *at = addresses; at && rc < 0; at = at->ai_next)
        rc = connect_to(at, until_ms);
    freeaddrinfo(addresses);
    if (rc >= 0) return rc;
    return fail(error, rc, "cannot connect to %s, port %s: %s", target->host, target->port,
                strerror(-rc));
}

static const char *tls_reason(SSL *ssl) {
    long verified = SSL_get_verify_result(ssl);
    const char *reason = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                                               : ERR_reason_error_string(ERR_peek_error());
    return reason ? reason : "the connection ended";
}

/* What must be waited for before the call is repeated; 0: the call has failed. */
static short wanted_by(SSL *ssl, int rc) {
    int code = SSL_get_error(ssl, rc);
    return code == SSL_ERROR_WANT_READ ? POLLIN : code == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
}

/* The name in the certificate must be the host of the URL; an address must be in it as such. */
static bool expect_name(SSL *ssl, const char *host) {
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1) return true;
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int shake_hands(struct link *link, uint64_t until_ms, struct reel_error *error) {
    const char *host = link->target->host;
    link->ssl = SSL_new(link->target->tls);
    if (!link->ssl || !expect_name(link->ssl, host) || SSL_set_fd(link->ssl, link->fd) != 1)
        return fail_memory(error);
    for (int rc; (rc = SSL_connect(link->ssl)) != 1;) {
        short wanted = wanted_by(link->ssl, rc);
        if (!wanted)
            return fail(error, -ECONNABORTED, "no TLS with %s: %s", host, tls_reason(link->ssl));
        if (!wait_for(link->fd, wanted, until_ms))
            return fail(error, -ETIMEDOUT, "no TLS with %s: no answer in time", host);
    }
    return 0;
}

int link_open(const struct target *target, struct link **ret, struct reel_error *error) {
    uint64_t until_ms = clock_ms() + target->timeout_ms;
    struct link *link = calloc(1, sizeof *link);
    if (!link) return fail_memory(error);
    link->target = target;
    ERR_clear_error();
    link->fd = connect_any(target, until_ms, error);
    int rc = link->fd < 0 ? link->fd : target->is_tls ? shake_hands(link, until_ms, error) : 0;
    if (rc < 0)
        link_close(link, true);
    else
        *ret = link;
    return rc < 0 ? rc : 0;
}

void link_close(struct link *link, bool as_if_lost) {
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (!link) return;
    if (link->ssl && !as_if_lost) SSL_shutdown(link->ssl);
    SSL_free(link->ssl);
    if (as_if_lost && link->fd >= 0)
        (void)setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (link->fd >= 0) close(link->fd);
    free(link);
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* Sends or receives once. -EAGAIN: `ret_wanted` must be waited for first. */
static ssize_t read_once(struct link *link, char *to, size_t size, short *ret_wanted) {
    *ret_wanted = POLLIN;
    if (!link->ssl) {
        ssize_t len = recv(link->fd, to, size, 0);
        return len < 0 ? (errno == EINTR ? -EAGAIN : -errno) : len;
    }
    ERR_clear_error();
    int rc = SSL_read(link->ssl, to, size > INT32_MAX ? INT32_MAX : (int)size);
    if (rc > 0) return rc;
    if (SSL_get_error(link->ssl, rc) == SSL_ERROR_ZERO_RETURN) return 0;
    *ret_wanted = wanted_by(link->ssl, rc);
    return *ret_wanted ? -EAGAIN : -ECONNRESET;
}

static ssize_t write_once(struct link *link, struct reel_str bytes, short *ret_wanted) {
    *ret_wanted = POLLOUT;
    if (!link->ssl) {
        ssize_t len = send(link->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        return len < 0 ? (errno == EINTR ? -EAGAIN : -errno) : len;
    }
    ERR_clear_error();
    int rc = SSL_write(link->ssl, bytes.data, bytes.len > INT32_MAX ? INT32_MAX : (int)bytes.len);
    if (rc > 0) return rc;
    *ret_wanted = wanted_by(link->ssl, rc);
    return *ret_wanted ? -EAGAIN : -ECONNRESET;
}

int link_write(struct link *link, struct reel_str bytes, struct reel_error *error) {
    uint64_t until_ms = clock_ms() + link->target->timeout_ms;
    while (bytes.len > 0) {
        short wanted;
        ssize_t len = write_once(link, bytes, &wanted);
        if (len == -EAGAIN && wait_for(link->fd, wanted, until_ms)) continue;
        if (len == -EAGAIN) len = -ETIMEDOUT;
        if (len < 0)
            return fail(error, (int)len, "the request was not taken: %s", strerror((int)-len));
        bytes.data += len;
        bytes.len -= (size_t)len;
    }
    return 0;
}

ssize_t link_read(struct link *link, char *to, size_t size, uint64_t until_ms,
                  struct reel_error *error) {
    for (;;) {
        short wanted;
        ssize_t len = read_once(link, to, size, &wanted);
        if (len == -EAGAIN && wait_for(link->fd, wanted, until_ms)) continue;
        if (len == -EAGAIN) return fail(error, -ETIMEDOUT, "nothing more came in time");
        if (len < 0) error_set(error, "the connection was lost: %s", strerror((int)-len));
        return len;
    }
}

int link_fd(const struct link *link) {
    return link->fd;
}

bool link_has_bytes(const struct link *link) {
    return link->ssl && SSL_pending(link->ssl) > 0;
}
