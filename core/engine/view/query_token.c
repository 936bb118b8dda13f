/* query_token.c: where a page ends, as a text: base64 (RFC 4648, section 5, without padding) of
 *
 *     1 byte     TOKEN_VERSION
 *     8 bytes    a hash of the collection, the order and the conditions
 *     2 bytes    length of the encoded value; and the value. Big-endian, as all numbers here
 *     1 byte     KEY_WHOLE: the rest is the key; KEY_CUT: its first KEY_PREFIX bytes, and 16 bytes
 * of its hash (XXH3-128)
 *
 * So its length is bounded whatever the value and the key are. What is missing is looked up: a key
 * that is cut among the keys that begin so, a value that is cut in its record. If that record does
 * not exist any more, or has another value, the page begins at the first place where it may have
 * been: no record is left out, but some may be given again.
 */
#include "engine/view/query.h"

#include "base/fnv.h"

#include <endian.h>
#include <errno.h>

enum { TOKEN_VERSION = 1, KEY_WHOLE = 0, KEY_CUT = 1, KEY_PREFIX = 256, HASH_BYTES = 16 };
enum { BYTES_MAX = 1 + 8 + 2 + FIELD_ENCODED_MAX + 1 + KEY_PREFIX + HASH_BYTES };

_Static_assert((BYTES_MAX * 4 + 2) / 3 < REEL_TOKEN_MAX, "the longest token fits");

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* What a token is bound to. */
static uint64_t hash_of(const struct query *query) {
    const struct reel_query *asked = query->asked;
    uint64_t hash = query->criteria.hash;
    hash = fnv_add(hash, query->collection->name, strlen(query->collection->name) + 1);
    hash = fnv_add(hash, asked->order, strlen(asked->order) + 1);
    return fnv_add(hash, &query->is_descending, sizeof query->is_descending);
}

static XXH128_canonical_t key_hash(struct reel_str key) {
    XXH128_canonical_t hash;
    XXH128_canonicalFromHash(&hash, XXH3_128bits(key.data, key.len));
    return hash;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static char *put(char *to, const void *bytes, size_t len) {
    if (len) memcpy(to, bytes, len);
    return to + len;
}

static void write_letters(const unsigned char *bytes, size_t len, char *to) {
    for (size_t bit = 0; bit < len * 8; bit += 6) {
        unsigned pair =
            (unsigned)bytes[bit / 8] << 8 | (bit / 8 + 1 < len ? bytes[bit / 8 + 1] : 0);
        *to++ = letters[pair >> (10 - bit % 8) & 63];
    }
    *to = '\0';
}

void query_write_token(const struct query *query, char ret[REEL_TOKEN_MAX]) {
    char bytes[BYTES_MAX], *to = bytes;
    struct reel_str value = text_str(&query->last_value), key = text_str(&query->last_key);
    uint64_t hash = htobe64(hash_of(query));
    uint16_t len = htobe16((uint16_t)value.len);
    bool is_cut = key.len > KEY_PREFIX;
    *to++ = TOKEN_VERSION;
    to = put(to, &hash, sizeof hash);
    to = put(to, &len, sizeof len);
    to = put(to, value.data, value.len);
    *to++ = is_cut ? KEY_CUT : KEY_WHOLE;
    to = put(to, key.data, is_cut ? KEY_PREFIX : key.len);
    XXH128_canonical_t full = key_hash(key);
    if (is_cut) to = put(to, &full, sizeof full);
    write_letters((unsigned char *)bytes, (size_t)(to - bytes), ret);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int read_letters(struct reel_str text, unsigned char ret[BYTES_MAX + 1], size_t *ret_len) {
    unsigned held = 0, bits = 0;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *letter = text.data[i] ? strchr(letters, text.data[i]) : NULL;
        if (!letter || len > BYTES_MAX) return -EINVAL;
        held = (held << 6 | (unsigned)(letter - letters)) & 0xFFFF;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        ret[len++] = (unsigned char)(held >> bits);
    }
    *ret_len = len;
    return len > BYTES_MAX ? -EINVAL : 0;
}

/* Takes so many bytes from the beginning; false: there are fewer. */
static bool take(struct reel_str *rest, void *to, size_t len) {
    if (rest->len < len) return false;
    memcpy(to, rest->data, len);
    rest->data += len;
    rest->len -= len;
    return true;
}

/* The value is kept in the criteria's arena. */
static int read_value(struct query *query, struct reel_str bytes) {
    struct place *after = &query->after;
    char *copy = arena_copy(&query->criteria.arena, bytes.data, bytes.len);
    if (!copy) return -ENOMEM;
    after->value.bytes = (struct reel_str){copy, bytes.len};
    after->value.compared = bytes.len;
    if (query->by_change) return bytes.len == sizeof(uint64_t) ? 0 : -EINVAL;
    after->value = field_value_split(tracked_form(query->order), after->value.bytes);
    bool is_value =
        bytes.len > 0 && (bytes.data[0] == FIELD_RANK_VALUE || bytes.data[0] == FIELD_RANK_NULL);
    return is_value && after->value.bytes.len == bytes.len ? 0 : -EINVAL;
}

/* Looks for the record whose key begins so and has this hash; otherwise the page begins at the
 * prefix. */
static int find_cut_key(struct query *query, struct reel_str prefix, const void *hash) {
    const struct collection *collection = query->collection;
    struct table_walk walk;
    struct overlay_row row;
    query->at_after = true;
    table_walk_start(&walk, collection->store, &query->view->at, query->tables->records,
                     query->error);
    int rc = table_seek(&walk, prefix, SEEK_ABOVE, &row);
    for (; rc > 0; rc = table_next(&walk, &row)) {
        if (row.key.len < prefix.len || memcmp(row.key.data, prefix.data, prefix.len) != 0) break;
        XXH128_canonical_t found = key_hash(row.key);
        if (memcmp(&found, hash, sizeof found) != 0) continue;
        query->at_after = false;
        query->after.key.data = arena_copy(&query->criteria.arena, row.key.data, row.key.len);
        query->after.key.len = row.key.len;
        break;
    }
    table_walk_finish(&walk);
    if (rc < 0) return rc;
    return query->after.key.data ? 0 : -ENOMEM;
}

static int read_key(struct query *query, struct reel_str rest) {
    unsigned char kind = 0;
    bool is_cut = take(&rest, &kind, 1) && kind == KEY_CUT;
    if (kind > KEY_CUT || (is_cut && rest.len != KEY_PREFIX + HASH_BYTES)) return -EINVAL;
    struct reel_str key = {rest.data, is_cut ? KEY_PREFIX : rest.len};
    query->after.key =
        (struct reel_str){arena_copy(&query->criteria.arena, key.data, key.len), key.len};
    if (!query->after.key.data) return -ENOMEM;
    return is_cut ? find_cut_key(query, query->after.key, rest.data + KEY_PREFIX) : 0;
}

/* Of a value that is cut: the whole, if its record still has it. */
static int find_whole(struct query *query) {
    const struct collection *collection = query->collection;
    struct place *after = &query->after;
    struct arena *arena = &query->criteria.arena;
    struct reel_str stored, value;
    char encoded[FIELD_ENCODED_MAX];
    uint64_t changed;
    if (!after->value.is_cut || query->at_after) return 0;
    int rc = table_get(collection->store, &query->view->at, query->tables->records, after->key,
                       &stored, query->error);
    if (rc < 0) return rc == -ENOENT ? 0 : rc;
    if (record_read(&collection->shape, stored, &changed, query->values) < 0)
        return store_fail(collection->store, MDB_CORRUPTED, "cannot read a record", query->error);
    struct field_form form = tracked_form(query->order);
    rc = field_value_of_json(form, query->values[query->order->at], arena, &value);
    if (rc < 0) return rc;
    size_t len = field_value_encode(form, value, encoded);
    if (!reel_str_eq((struct reel_str){encoded, len}, after->value.bytes)) return 0;
    after->whole = (struct reel_str){arena_copy(arena, value.data, value.len), value.len};
    return after->whole.data ? 0 : -ENOMEM;
}

int query_read_token(struct query *query) {
    unsigned char bytes[BYTES_MAX + 1];
    struct reel_str rest = {(const char *)bytes, 0};
    unsigned char version = 0;
    uint64_t hash = 0;
    uint16_t len = 0;
    int rc = read_letters(query->asked->after, bytes, &rest.len);
    bool is_whole = rc == 0 && take(&rest, &version, 1) && take(&rest, &hash, sizeof hash) &&
                    take(&rest, &len, sizeof len);
    len = be16toh(len);
    if (!is_whole || version != TOKEN_VERSION || len > rest.len || len > FIELD_ENCODED_MAX)
        rc = -EINVAL;
    else if (be64toh(hash) != hash_of(query))
        return fail(query->error, -EINVAL, "`after` is of a query with another filter or order");
    if (rc == 0) rc = read_value(query, (struct reel_str){rest.data, len});
    if (rc == 0) rc = read_key(query, (struct reel_str){rest.data + len, rest.len - len});
    if (rc == 0) rc = find_whole(query);
    if (rc == -EINVAL)
        return fail(query->error, rc, "`after` is not what `next` of an earlier page was");
    return rc == -ENOMEM ? fail_memory(query->error) : rc;
}
