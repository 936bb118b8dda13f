/* handshake.c: see handshake.h. */
#include "websocket/handshake.h"

#include "base/chars.h"
#include "base/text.h"

#include <openssl/evp.h>
#include <strings.h>

#define KEY_LEN 24

/* Section 1.3. */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define BEARER  "bearer."
#define ENCODED "b64."

/* ---- The key --------------------------------------------------------------------------------- */

static bool is_base64(char c) {
    return char_is_alnum(c) || c == '+' || c == '/';
}

bool websocket_key_valid(struct reel_str key) {
    if (key.len != KEY_LEN || key.data[22] != '=' || key.data[23] != '=') return false;
    for (size_t i = 0; i < 22; i++)
        if (!is_base64(key.data[i])) return false;
    return true;
}

void websocket_accept(struct reel_str key, char ret[WEBSOCKET_ACCEPT_MAX]) {
    unsigned char text[KEY_LEN + sizeof ACCEPT_GUID], digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    memcpy(text, key.data, KEY_LEN);
    memcpy(text + KEY_LEN, ACCEPT_GUID, sizeof ACCEPT_GUID);
    ret[0] = '\0';
    if (EVP_Digest(text, KEY_LEN + sizeof ACCEPT_GUID - 1, digest, &len, EVP_sha1(), NULL) == 1)
        EVP_EncodeBlock((unsigned char *)ret, digest, (int)len);
}

/* ---- Lists ----------------------------------------------------------------------------------- */

bool header_list_next(struct reel_str *rest, struct reel_str *ret) {
    while (rest->len > 0) {
        const char *comma = memchr(rest->data, ',', rest->len);
        size_t len = comma ? (size_t)(comma - rest->data) : rest->len;
        *ret = str_trimmed((struct reel_str){rest->data, len});
        len += comma ? 1 : 0;
        rest->data += len;
        rest->len -= len;
        if (ret->len > 0) return true;
    }
    return false;
}

bool header_list_has_caseless(struct reel_str list, const char *element) {
    struct reel_str one;
    while (header_list_next(&list, &one))
        if (str_is_caseless(one, element)) return true;
    return false;
}

/* ---- Sub-protocols --------------------------------------------------------------------------- */

struct websocket_protocols websocket_protocols(struct reel_str offered) {
    static const char *const spoken[] = {"reel.v1", "cloudevents.json"};
    struct websocket_protocols protocols = {NULL, false, {NULL, 0}};
    const size_t prefix = sizeof BEARER - 1;
    struct reel_str one;
    while (header_list_next(&offered, &one)) {
        if (!protocols.token.data && one.len > prefix && memcmp(one.data, BEARER, prefix) == 0)
            protocols.token = (struct reel_str){one.data + prefix, one.len - prefix};
        for (size_t i = 0; i < 2 && !protocols.selected; i++)
            if (reel_str_is(one, spoken[i])) protocols.selected = spoken[i];
    }
    protocols.is_cloudevents = protocols.selected == spoken[1];
    return protocols;
}

static int base64url_value(char c) {
    if (char_is_upper(c)) return c - 'A';
    if (char_is_lower(c)) return c - 'a' + 26;
    if (char_is_digit(c)) return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

struct reel_str websocket_token(struct reel_str offered, char decoded[WEBSOCKET_TOKEN_MAX]) {
    const struct reel_str none = {"", 0};
    const size_t prefix = sizeof ENCODED - 1;
    unsigned bits = 0, bit_count = 0;
    size_t len = 0;
    if (offered.len < prefix || memcmp(offered.data, ENCODED, prefix) != 0) return offered;
    for (size_t i = prefix; i < offered.len; i++) {
        int value = base64url_value(offered.data[i]);
        if (value < 0 || len == WEBSOCKET_TOKEN_MAX) return none;
        bits = (bits << 6 | (unsigned)value) & 0xffff;
        bit_count += 6;
        if (bit_count < 8) continue;
        bit_count -= 8;
        decoded[len++] = (char)(bits >> bit_count);
    }
    bool is_whole = bit_count < 6 && (bits & ((1U << bit_count) - 1)) == 0;
    return is_whole ? (struct reel_str){decoded, len} : none;
}

/* ---- Origins --------------------------------------------------------------------------------- */

/* Removes the scheme and its default port. Returns false if the origin has another form. */
static bool authority_of(struct reel_str origin, struct reel_str *ret, const char **ret_port) {
    static const struct {
        const char *scheme, *port;
    } schemes[] = {{"http://", ":80"}, {"https://", ":443"}};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i].scheme);
        if (origin.len <= len || !str_begins_caseless(origin, schemes[i].scheme)) continue;
        *ret = (struct reel_str){origin.data + len, origin.len - len};
        *ret_port = schemes[i].port;
        return true;
    }
    return false;
}

static struct reel_str without_port(struct reel_str authority, const char *port) {
    size_t len = strlen(port);
    if (authority.len > len && memcmp(authority.data + authority.len - len, port, len) == 0)
        authority.len -= len;
    return authority;
}

bool origin_is_of(struct reel_str origin, struct reel_str host) {
    struct reel_str authority;
    const char *port;
    if (!authority_of(origin, &authority, &port)) return false;
    authority = without_port(authority, port);
    host = without_port(host, port);
    return host.len > 0 && authority.len == host.len &&
           strncasecmp(authority.data, host.data, host.len) == 0;
}
