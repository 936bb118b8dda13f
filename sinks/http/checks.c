/* checks.c: see checks.h. */
#include "checks.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* The port that browsers leave out; empty if the scheme has none. */
static const char *usual_port(const char *scheme, size_t len) {
    static const struct {
        const char *scheme, *port;
    } usual[] = {{"http", "80"}, {"https", "443"}, {"ws", "80"}, {"wss", "443"}, {"ftp", "21"}};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strlen(usual[i].scheme) == len && memcmp(usual[i].scheme, scheme, len) == 0)
            return usual[i].port;
    return "";
}

/* The length of the host at the beginning of `text`, or 0. */
static size_t host_len(const char *text) {
    if (text[0] != '[') return strspn(text, LOWER DIGITS "-._");
    size_t len = 1 + strspn(text + 1, "abcdef" DIGITS ":.");
    return len > 2 && text[len] == ']' ? len + 1 : 0;
}

/* 1 to 65535, without leading zeros. */
static bool is_port(const char *text) {
    size_t len = strspn(text, DIGITS);
    if (len == 0 || len > 5 || text[len] || text[0] == '0') return false;
    uint64_t port;
    return number_read(reel_text(text), &port) == 0 && port <= 65535;
}

static bool is_origin(const char *text) {
    size_t scheme = strspn(text, LOWER DIGITS "+-.");
    if (scheme == 0 || !strchr(LOWER, text[0]) || strncmp(text + scheme, "://", 3) != 0)
        return false;
    const char *host = text + scheme + 3;
    size_t len = host_len(host);
    if (len == 0) return false;
    if (!host[len]) return true;
    const char *port = host + len + 1;
    return host[len] == ':' && is_port(port) && strcmp(port, usual_port(text, scheme)) != 0;
}

bool check_origin(const char *value, struct reel_error *error) {
    if (strcmp(value, "*") == 0 || is_origin(value)) return true;
    error_set(error, "wanted * or one origin as browsers send it: scheme://host or "
                     "scheme://host:port, in lower case, without a path or a slash at the end, and "
                     "without the default port of the scheme");
    return false;
}

bool check_host(const char *value, struct reel_error *error) {
    size_t len = host_len(value);
    if (len > 0 && !value[len]) return true;
    error_set(error, "wanted a host in lower case without a port: reel.example.org, 192.0.2.1, or "
                     "[2001:db8::1]");
    return false;
}
