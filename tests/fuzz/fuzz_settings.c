/* fuzz_settings.c: any text as the value of a setting that has a check: origins, sources,
 * addresses, servers, streams and subjects.
 *
 * What is taken keeps the rules of a plain second reader: an origin is what a browser may send, a
 * source has only characters of a URI, a port exists. What is refused is refused in a sentence.
 */
#include "fuzz.h"

#include "daemon/config/setting_checks.h"
#include "http/checks.h"
#include "http/listener.h"

#include <ctype.h>

static bool asked(bool (*fn)(const char *value, struct reel_error *error), const char *text) {
    struct reel_error error = {0};
    bool good = fn(text, &error);
    check(good || (error.text[0] && !strpbrk(error.text, "\r\n")), "not a sentence");
    return good;
}

static void check_good_port(const char *port) {
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    check(*port >= '0' && *port <= '9' && !*end && number <= 65535, "a port that does not exist");
}

static void try_origin(const char *text) {
    if (!asked(check_origin, text) || strcmp(text, "*") == 0) return;
    for (const char *at = text; *at; at++)
        check(*at > ' ' && *at < 0x7F && !isupper((unsigned char)*at), "not as browsers send it");
    const char *host = strstr(text, "://");
    check(host && host > text && host[3], "without a scheme or a host");
    check(!strpbrk(host + 3, "/?#@,\\"), "more than an origin");
    const char *port = strrchr(host + 3, ':');
    if (port && !strchr(port, ']')) {
        check_good_port(port + 1);
        check(strncmp(text, "https:", 6) != 0 || strcmp(port, ":443") != 0, "a usual port");
        check(strncmp(text, "http:", 5) != 0 || strcmp(port, ":80") != 0, "a usual port");
    }
}

static void try_source(const char *text) {
    if (!asked(check_source, text)) return;
    for (const char *at = text; *at; at++)
        check(*at > ' ' && *at < 0x7F && !strchr("\"\\<>^`{|}", *at), "not of a URI");
}

static void try_pin(const char *text) {
    if (!asked(check_pin, text)) return;
    size_t len = strlen(text);
    check(len > 65 && text[len - 65] == '=', "not a file and 64 digits");
}

static void try_address(const char *text) {
    if (!asked(listener_check, text)) return;
    const char *port = strrchr(text, ':');
    check(port && port > text, "an address without a port");
    char *end;
    errno = 0;
    unsigned long long number = strtoull(port + 1, &end, 10);
    check(errno == 0 && !*end && number <= 65535, "a port that does not exist");
}

static void try_servers(const char *text) {
    char *copy = strdup(text), *rest = NULL;
    check(copy != NULL, "out of memory");
    size_t count = 0;
    if (asked(check_servers, text)) {
        for (char *one = strtok_r(copy, ", ", &rest); one; one = strtok_r(NULL, ", ", &rest)) {
            char *at = strrchr(one, '@'), *scheme = strstr(one, "://");
            char *host = at ? at + 1 : scheme ? scheme + 3 : one, *end = strrchr(host, ']');
            char *port = strchr(end ? end : host, ':');
            count++;
            check(*host && *host != ':', "a server without a host");
            if (!port) continue;
            port[strcspn(port, "/")] = '\0';
            check_good_port(port + 1);
        }
        check(count > 0, "no server");
    }
    free(copy);
}

static void try_names(const char *text) {
    if (asked(check_stream, text)) check(!strpbrk(text, " .*>/\\\t\r\n"), "not a stream's name");
    if (asked(check_subjects, text)) {
        check(*text && *text != '.' && text[strlen(text) - 1] != '.', "an empty word");
        check(!strstr(text, "..") && !strpbrk(text, " \t\r\n"), "an empty word, or white space");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 1 << 12) return 0;
    char *text = malloc(size + 1);
    check(text != NULL, "out of memory");
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    if (text[0]) { /* a setting is never empty */
        try_origin(text);
        try_source(text);
        try_pin(text);
        try_address(text);
        try_servers(text);
        try_names(text);
    }
    free(text);
    return 0;
}
