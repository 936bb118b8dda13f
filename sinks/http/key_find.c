/* key_find.c: see key_find.h. */
#include "key_find.h"

#include "base/chars.h"

#include <errno.h>

struct key_name {
    unsigned char prefix[KEY_NAME_PREFIX], hash[KEY_NAME_HASH];
    size_t prefix_len;
    bool has_hash; /* false: the prefix is the complete key */
};

/* Decodes pairs of hexadecimal digits. Returns false if there are other characters, or too many. */
static bool read_hex(struct reel_str digits, unsigned char *to, size_t size, size_t *ret_len) {
    if (digits.len % 2 != 0 || digits.len / 2 > size) return false;
    *ret_len = digits.len / 2;
    for (size_t i = 0; i < *ret_len; i++) {
        int high = char_hex_value(digits.data[2 * i]);
        int low = char_hex_value(digits.data[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        to[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool read_name(struct reel_str text, struct key_name *ret) {
    if (!key_is_name(text)) return false;
    text.data++, text.len--;
    const char *dot = memchr(text.data, '.', text.len);
    struct reel_str prefix = {text.data, dot ? (size_t)(dot - text.data) : text.len}, hash = {0};
    if (dot) hash = (struct reel_str){dot + 1, text.len - prefix.len - 1};
    size_t hash_len = 0;
    ret->has_hash = dot;
    if (!read_hex(prefix, ret->prefix, sizeof ret->prefix, &ret->prefix_len)) return false;
    if (!dot) return true;
    return ret->prefix_len == KEY_NAME_PREFIX &&
           read_hex(hash, ret->hash, sizeof ret->hash, &hash_len) && hash_len == KEY_NAME_HASH;
}

struct reel_str key_name_whole(struct reel_str text, char space[KEY_NAME_PREFIX]) {
    struct key_name name;
    if (!read_name(text, &name) || name.has_hash) return (struct reel_str){NULL, 0};
    memcpy(space, name.prefix, name.prefix_len);
    return (struct reel_str){space, name.prefix_len};
}

struct search {
    const struct key_name *name;
    struct text *key;
    bool found;
};

static int look_at(void *context, const struct reel_row *row) {
    struct search *search = context;
    const struct key_name *name = search->name;
    struct reel_str key = row->key;
    unsigned char hash[KEY_NAME_HASH];
    if (key.len < name->prefix_len || memcmp(key.data, name->prefix, name->prefix_len) != 0)
        return 1; /* all keys with this prefix have been seen */
    if (name->has_hash) {
        if (key.len == name->prefix_len) return 0;
        key_name_hash(key, hash);
        if (memcmp(hash, name->hash, sizeof hash) != 0) return 0;
    } else if (key.len != name->prefix_len) {
        return 1; /* such a key would have been the first */
    }
    search->found = true;
    search->key->len = 0;
    text_append_str(search->key, key);
    return 1;
}

int key_name_find(struct reel_sink_host *host, struct reel_view *view, const char *collection,
                  struct reel_str text, struct text *ret) {
    struct key_name name;
    struct search search = {.name = &name, .key = ret};
    if (!read_name(text, &name)) return -EINVAL;
    ret->len = 0;
    text_append(ret, name.prefix, name.prefix_len);
    struct reel_str from = {(const char *)name.prefix, name.prefix_len};
    int rc = reel_sink_list(host, view, collection, from, false, look_at, &search);
    if (rc < 0) return rc;
    return ret->failed ? -ENOMEM : search.found;
}
