/* key_name.c: see key_name.h. */
#include "event/key_name.h"

#include "base/cleanup.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#define MARK '\x7f'

void key_name_hash(struct reel_str key, unsigned char ret[KEY_NAME_HASH]) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)key.data, key.len, digest);
    memcpy(ret, digest, KEY_NAME_HASH);
}

static void append_hex(struct text *to, const void *bytes, size_t len) {
    static const char digits[] = "0123456789abcdef";
    char *at = text_extend(to, 2 * len);
    for (size_t i = 0; at && i < len; i++) {
        unsigned char byte = ((const unsigned char *)bytes)[i];
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
}

bool key_is_name(struct reel_str given) {
    return given.len > 0 && given.data[0] == MARK;
}

void key_name_append(struct text *to, struct reel_str key) {
    if (key.len <= KEY_PLAIN_MAX && !key_is_name(key)) {
        text_append_str(to, key);
        return;
    }
    text_append(to, &(char){MARK}, 1);
    append_hex(to, key.data, key.len < KEY_NAME_PREFIX ? key.len : KEY_NAME_PREFIX);
    if (key.len <= KEY_NAME_PREFIX) return;
    unsigned char hash[KEY_NAME_HASH];
    key_name_hash(key, hash);
    text_append_lit(to, ".");
    append_hex(to, hash, sizeof hash);
}

void key_target_append(struct text *to, struct reel_str collection, struct reel_str key) {
    CLEANUP(text_finish) struct text name = {0};
    key_name_append(&name, key);
    text_append_lit(to, "/v1/");
    text_append_percent(to, collection, "-._~");
    text_append_lit(to, "/");
    text_append_percent(to, text_str(&name), "-._~");
    if (name.failed) to->failed = true;
}
