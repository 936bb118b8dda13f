/* record.c: see record.h. */
#include "engine/store/record.h"

#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Shape ----------------------------------------------------------------------------------- */

int record_shape_init(struct record_shape *shape, const char *const *names, uint32_t count) {
    size_t size = count * sizeof *shape->before;
    for (uint32_t i = 0; i < count; i++) size += strlen(names[i]) + 4;
    shape->before = malloc(size);
    if (!shape->before) return -ENOMEM;
    char *to = (char *)(shape->before + count);
    for (uint32_t i = 0; i < count; i++) {
        size_t len = strlen(names[i]);
        shape->before[i] = (struct reel_str){to, len + 4};
        *to++ = i == 0 ? '{' : ',';
        *to++ = '"';
        memcpy(to, names[i], len);
        to += len;
        *to++ = '"';
        *to++ = ':';
    }
    shape->count = count;
    return 0;
}

void record_shape_finish(struct record_shape *shape) {
    free(shape->before);
    *shape = (struct record_shape){0};
}

/* ---- Varints: seven bits a byte, the low ones first ------------------------------------------ */

static size_t varint_len(size_t value) {
    size_t len = 1;
    while (value >>= 7) len++;
    return len;
}

static char *varint_write(char *to, size_t value) {
    for (; value >= 0x80; value >>= 7) *to++ = (char)(value | 0x80);
    *to++ = (char)value;
    return to;
}

/* NULL: no varint of at most 32 bits is there. */
static const char *varint_read(const char *at, const char *end, size_t *ret) {
    size_t value = 0;
    for (unsigned shift = 0; at < end && shift < 32; shift += 7) {
        unsigned char byte = (unsigned char)*at++;
        value |= (size_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *ret = value;
            return at;
        }
    }
    return NULL;
}

/* What is behind so many of them; NULL: there are fewer. Eight bytes at a time have at most eight
 * last bytes, which are those below 0x80. */
static const char *varints_skip(const char *at, const char *end, size_t count) {
    uint64_t word;
    for (; count >= sizeof word && (size_t)(end - at) >= sizeof word; at += sizeof word) {
        memcpy(&word, at, sizeof word);
        uint64_t last = (~word >> 7) & UINT64_C(0x0101010101010101); /* a one in each */
        count -= (size_t)((last * UINT64_C(0x0101010101010101)) >> 56);
    }
    for (; count > 0 && at < end; at++) count -= (unsigned char)*at < 0x80;
    return count == 0 ? at : NULL;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* What a null field is given to grow: about a time stamp; a number or a word takes less. */
#define ROOM_PER_NULL 20

/* A stored record may be so much larger than it needs before it is given less. */
static size_t spare_max(size_t needed) {
    return 64 + needed / 4;
}

static bool is_null(struct reel_str value) {
    return value.len == 4 && value.data[0] == 'n';
}

size_t record_size(const struct record_shape *shape, const struct reel_str *values,
                   size_t stored_size) {
    size_t needed = sizeof(uint64_t) + 1, room = 0; /* and the closing brace */
    for (uint32_t i = 0; i < shape->count; i++) {
        needed += varint_len(values[i].len) + shape->before[i].len + values[i].len;
        if (is_null(values[i])) room += ROOM_PER_NULL;
    }
    if (stored_size >= needed && stored_size - needed <= spare_max(needed)) return stored_size;
    return needed + (room < spare_max(needed) ? room : spare_max(needed));
}

size_t record_json_len(const struct record_shape *shape, const struct reel_str *values) {
    size_t len = 1; /* the closing brace */
    for (uint32_t i = 0; i < shape->count; i++) len += shape->before[i].len + values[i].len;
    return len;
}

void record_write(const struct record_shape *shape, const struct reel_str *values, uint64_t changed,
                  char *to, size_t size) {
    const char *end = to + size;
    memcpy(to, &changed, sizeof changed);
    to += sizeof changed;
    for (uint32_t i = 0; i < shape->count; i++) to = varint_write(to, values[i].len);
    for (uint32_t i = 0; i < shape->count; i++) {
        memcpy(to, shape->before[i].data, shape->before[i].len);
        to += shape->before[i].len;
        memcpy(to, values[i].data, values[i].len);
        to += values[i].len;
    }
    *to++ = '}';
    INVARIANT(to <= end); /* record_size counts what is written here */
    memset(to, 0, (size_t)(end - to));
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Without the zeros at its end. */
static struct reel_str trimmed(struct reel_str stored) {
    uint64_t word;
    for (; stored.len >= sizeof word; stored.len -= sizeof word) {
        memcpy(&word, stored.data + stored.len - sizeof word, sizeof word);
        if (word != 0) break;
    }
    while (stored.len > 0 && stored.data[stored.len - 1] == 0) stored.len--;
    return stored;
}

int record_read(const struct record_shape *shape, struct reel_str stored, uint64_t *ret_changed,
                struct reel_str *ret_values) {
    stored = trimmed(stored);
    const char *at = stored.data, *end = stored.data + stored.len;
    if (stored.len < sizeof *ret_changed) return -EBADMSG;
    memcpy(ret_changed, at, sizeof *ret_changed);
    at += sizeof *ret_changed;
    for (uint32_t i = 0; i < shape->count; i++)
        if (!(at = varint_read(at, end, &ret_values[i].len))) return -EBADMSG;
    for (uint32_t i = 0; i < shape->count; i++) {
        size_t left = (size_t)(end - at), before = shape->before[i].len;
        if (left < before || left - before < ret_values[i].len) return -EBADMSG;
        ret_values[i].data = at + before;
        at += before + ret_values[i].len;
    }
    return end - at == 1 && *at == '}' ? 0 : -EBADMSG;
}

int record_json(uint32_t field_count, struct reel_str stored, uint64_t *ret_changed,
                struct reel_str *ret_json) {
    stored = trimmed(stored);
    const char *at = stored.data, *end = stored.data + stored.len;
    if (stored.len < sizeof *ret_changed) return -EBADMSG;
    memcpy(ret_changed, at, sizeof *ret_changed);
    at += sizeof *ret_changed;
    at = varints_skip(at, end, field_count);
    if (!at) return -EBADMSG;
    *ret_json = (struct reel_str){at, (size_t)(end - at)};
    return 0;
}

/* A name has nothing that would be escaped. */
static const char *skip_name(const char *at, const char *end) {
    if (end - at < 2 || at[1] != '"') return NULL;
    const char *quote = memchr(at + 2, '"', (size_t)(end - at) - 2);
    return quote && end - quote >= 2 ? quote + 2 : NULL;
}

int record_values(uint32_t field_count, struct reel_str stored, struct reel_str *ret_values) {
    const size_t before = sizeof(uint64_t);
    stored = trimmed(stored);
    if (stored.len < before) return -EBADMSG;
    const char *at = stored.data + before, *end = stored.data + stored.len;
    for (uint32_t i = 0; i < field_count; i++)
        if (!(at = varint_read(at, end, &ret_values[i].len))) return -EBADMSG;
    for (uint32_t i = 0; i < field_count; i++) {
        at = skip_name(at, end);
        if (!at || (size_t)(end - at) < ret_values[i].len) return -EBADMSG;
        ret_values[i].data = at;
        at += ret_values[i].len;
    }
    return end - at == 1 && *at == '}' ? 0 : -EBADMSG;
}
