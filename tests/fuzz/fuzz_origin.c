/* fuzz_origin.c: who may follow from a page (sinks/websocket/handshake.h, sinks/http/head.h). The
 * first line is the Origin, the second the Host, the third the sub-protocols that are offered. */
#include "fuzz.h"

#include "base/text.h"
#include "http/head.h"
#include "websocket/handshake.h"

#include <ctype.h>

static struct reel_str take_line(struct reel_str *rest) {
    const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    struct reel_str line = {rest->data, end ? (size_t)(end - rest->data) : rest->len};
    size_t taken = line.len + (end ? 1 : 0);
    rest->data += taken;
    rest->len -= taken;
    return line;
}

/* Scheme, host and port as one text in small letters, the port always there. */
static void write_origin(const char *scheme, struct reel_str authority, struct text *to) {
    bool has_port = authority.len > 0 && authority.data[authority.len - 1] != ']' &&
                    memrchr(authority.data, ':', authority.len);
    text_append_lit(to, scheme);
    for (size_t i = 0; i < authority.len; i++) {
        char c = (char)tolower((unsigned char)authority.data[i]);
        text_append(to, &c, 1);
    }
    if (!has_port) text_append_lit(to, strcmp(scheme, "http://") == 0 ? ":80" : ":443");
}

static bool is_same(const char *scheme, struct reel_str origin, struct reel_str host) {
    struct text page = {0}, ours = {0};
    size_t len = strlen(scheme);
    bool same = false;
    if (str_begins_caseless(origin, scheme)) {
        write_origin(scheme, (struct reel_str){origin.data + len, origin.len - len}, &page);
        write_origin(scheme, host, &ours);
        same = reel_str_eq(text_str(&page), text_str(&ours));
    }
    text_finish(&page);
    text_finish(&ours);
    return same;
}

/* What is found in it lies in it. */
static void check_protocols(struct reel_str offered) {
    char decoded[WEBSOCKET_TOKEN_MAX];
    struct websocket_protocols protocols = websocket_protocols(offered);
    if (!protocols.token.data) return;
    check(protocols.token.data > offered.data &&
              protocols.token.data + protocols.token.len <= offered.data + offered.len,
          "a token from elsewhere");
    struct reel_str token = websocket_token(protocols.token, decoded);
    check(token.len <= protocols.token.len, "a token grew");
    check(token.data != decoded || token.len <= sizeof decoded, "a token has too much room");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    struct reel_str rest = {copy, size};
    struct reel_str origin = take_line(&rest), host = take_line(&rest);
    /* Another Host is refused before. */
    if (head_host_valid(host) && origin_is_of(origin, host))
        check(is_same("http://", origin, host) || is_same("https://", origin, host),
              "another origin counts as the same");
    check_protocols(rest);
    free(copy);
    return 0;
}
