/* setting_checks.c: see setting_checks.h. */
#include "daemon/config/setting_checks.h"

#include "base/chars.h"
#include "base/text.h"

#include "event/formats.h"
#include "event/subject.h"

#include <stdlib.h>
#include <string.h>

/* error_set, with the return value of a check. */
#define BAD(error, ...) (error_set((error), __VA_ARGS__), false)

bool check_source(const char *value, struct reel_error *error) {
    if (format_is_uri_reference(reel_text(value))) return true;
    return BAD(error, "the source of an event is a URI-reference (RFC 3986), such as /reel or "
                      "https://example.org/reel");
}

bool check_pin(const char *value, struct reel_error *error) {
    const char *mark = strrchr(value, '=');
    if (mark && mark > value && strspn(mark + 1, "0123456789abcdefABCDEF") == 64 && !mark[65])
        return true;
    return BAD(error, "wanted the name of a file, `=`, and 64 hexadecimal digits");
}

bool check_stream(const char *value, struct reel_error *error) {
    for (const char *at = value; *at; at++)
        if (*at <= ' ' || *at > '~' || strchr(".*>/\\", *at))
            return BAD(error,
                       "the name of a stream must not contain white space or any of . * > / \\");
    return true;
}

bool check_subjects(const char *value, struct reel_error *error) {
    if (subject_filter_valid(reel_text(value))) return true;
    return BAD(error, "a subject consists of words separated by dots; * stands for one word, and > "
                      "at the end for all words that follow");
}

/* ---- Servers --------------------------------------------------------------------------------- */

static struct reel_str behind(struct reel_str str, size_t len) {
    return (struct reel_str){str.data + len, str.len - len};
}

static bool is_port(struct reel_str str) {
    uint64_t port;
    return number_read(str, &port) == 0 && port > 0 && port <= 65535;
}

/* Letters, digits, and the other characters of host names and addresses. */
static bool is_host(struct reel_str str, const char *more) {
    for (size_t i = 0; i < str.len; i++) {
        char c = str.data[i];
        if (!char_is_alnum(c) && (c == '\0' || !strchr(more, c))) return false;
    }
    return str.len > 0;
}

static bool check_host_and_port(struct reel_str str, struct reel_error *error) {
    const char *end = str.len > 0 && str.data[0] == '[' ? memchr(str.data, ']', str.len)
                                                        : memchr(str.data, ':', str.len);
    bool bracketed = str.len > 0 && str.data[0] == '[';
    size_t host = end ? (size_t)(end - str.data) : str.len;
    struct reel_str rest = behind(str, bracketed && end ? host + 1 : host);
    bool good = bracketed ? end && is_host((struct reel_str){str.data + 1, host - 1}, ":.%-_")
                          : is_host((struct reel_str){str.data, host}, ".-_");
    if (!good) return BAD(error, "the host of a server is empty or not a host");
    if (rest.len == 0 || (rest.data[0] == ':' && is_port(behind(rest, 1)))) return true;
    return BAD(error, "the port of a server is not a number from 1 to 65535");
}

static bool check_server(struct reel_str str, struct reel_error *error) {
    static const char *const schemes[] = {"nats://", "tls://"};
    const char *mark = NULL;
    for (size_t i = 0; i < 2 && !mark; i++) {
        size_t len = strlen(schemes[i]);
        if (!str_begins_caseless(str, schemes[i])) continue;
        mark = str.data;
        str = behind(str, len);
    }
    for (size_t i = 0; !mark && i + 3 <= str.len; i++)
        if (memcmp(str.data + i, "://", 3) == 0)
            return BAD(error, "a server begins with nats://, tls:// or its host");
    for (size_t i = str.len; i-- > 0;) {
        if (str.data[i] != '@') continue;
        str = behind(str, i + 1);
        break;
    }
    if (str.len > 0 && str.data[str.len - 1] == '/') str.len--;
    return check_host_and_port(str, error);
}

bool check_servers(const char *value, struct reel_error *error) {
    size_t count = 0;
    for (const char *at = value + strspn(value, ", "); *at; count++) {
        size_t len = strcspn(at, ", ");
        if (!check_server((struct reel_str){at, len}, error)) return false;
        at += len;
        at += strspn(at, ", ");
    }
    return count > 0 || BAD(error, "it names no server");
}
