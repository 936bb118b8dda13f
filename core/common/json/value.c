/* value.c: see value.h.
 *
 * A word of the tape has a letter in its top byte and a payload in the other bytes. The payload of
 * a container ("{", "[") is, in its low 32 bits, the index of the word after its end. The payload
 * of a string is an offset in the string buffer. After a number ("l" signed, "u" unsigned, "d"
 * double), the next word is its value.
 */
#include "json/value.h"

#include "base/invariant.h"
#include "base/text.h"

#define PAYLOAD_MASK ((UINT64_C(1) << 56) - 1)

static const struct reel_value missing;

static struct json *json_of(struct reel_value value) {
    return (struct json *)value.json;
}

static char letter_at(const struct json *json, uint64_t at) {
    return (char)(json->tape[at] >> 56);
}

static uint64_t after(const struct json *json, uint64_t at) {
    switch (letter_at(json, at)) {
    case '{':
    case '[':
        return (uint32_t)json->tape[at];
    case 'l':
    case 'u':
    case 'd':
        return at + 2;
    default:
        return at + 1;
    }
}

static struct reel_str string_at(const struct json *json, uint64_t at) {
    const uint8_t *string = json->strings + (json->tape[at] & PAYLOAD_MASK);
    uint32_t len;
    memcpy(&len, string, sizeof len);
    struct reel_str str = {(const char *)string + sizeof len, len};
    return str;
}

reel_kind json_kind(struct reel_value value) {
    switch (letter_at(json_of(value), value.at)) {
    case 'n':
        return REEL_NULL;
    case 't':
    case 'f':
        return REEL_BOOL;
    case 'l':
        return REEL_INTEGER;
    case 'u':
    case 'd':
        return REEL_NUMBER;
    case '"':
        return REEL_STRING;
    case '[':
        return REEL_ARRAY;
    default:
        return REEL_OBJECT;
    }
}

/* ---- Members --------------------------------------------------------------------------------- */

/* A projector asks an object for several members. At the first question, all members are listed. */
static bool memorise(struct json *json, uint64_t object) {
    uint64_t end = after(json, object) - 1;
    uint32_t count = 0;
    json->memo_of = 0; /* even if this fails, the list of the last object is overwritten */
    for (uint64_t at = object + 1; at < end; at = after(json, at + 1)) {
        if (count == JSON_MEMO_MAX) return false;
        struct reel_str name = string_at(json, at);
        json->memo[count++] = (struct json_member){name, str_tail(name), at + 1};
    }
    json->memo_of = object;
    json->memo_count = count;
    return true;
}

static uint64_t find_in_memo(const struct json *json, struct reel_str name) {
    uint64_t tail = str_tail(name);
    for (uint32_t i = json->memo_count; i-- > 0;) { /* the last member with this name */
        const struct json_member *member = &json->memo[i];
        if (member->tail != tail || member->name.len != name.len) continue;
        if (name.len <= sizeof tail || memcmp(member->name.data, name.data, name.len) == 0)
            return member->at;
    }
    return 0;
}

static uint64_t find_in_tape(const struct json *json, uint64_t object, struct reel_str name) {
    uint64_t end = after(json, object) - 1, found = 0;
    for (uint64_t at = object + 1; at < end; at = after(json, at + 1))
        if (reel_str_eq(string_at(json, at), name)) found = at + 1;
    return found;
}

bool json_prepare(struct reel_value object) {
    struct json *json = json_of(object);
    if (letter_at(json, object.at) != '{') return false;
    return json->memo_of == object.at || memorise(json, object.at);
}

struct reel_value json_get(struct reel_value object, struct reel_str name) {
    struct json *json = json_of(object);
    if (letter_at(json, object.at) != '{') return missing;
    uint64_t found =
        json_prepare(object) ? find_in_memo(json, name) : find_in_tape(json, object.at, name);
    if (found == 0) return missing;
    return (struct reel_value){object.json, found};
}

struct reel_value json_next(struct reel_value container, struct reel_value previous,
                            struct reel_str *ret_name) {
    const struct json *json = json_of(container);
    char letter = letter_at(json, container.at);
    if (letter != '{' && letter != '[') return missing;
    uint64_t at = previous.json ? after(json, previous.at) : container.at + 1;
    if (at >= after(json, container.at) - 1) return missing;
    if (ret_name) *ret_name = letter == '{' ? string_at(json, at) : (struct reel_str){0};
    return (struct reel_value){container.json, letter == '{' ? at + 1 : at};
}

/* ---- Scalars --------------------------------------------------------------------------------- */

struct reel_str json_str(struct reel_value value) {
    const struct json *json = json_of(value);
    if (letter_at(json, value.at) != '"') return (struct reel_str){0};
    return string_at(json, value.at);
}

bool json_int(struct reel_value value, int64_t *ret) {
    const struct json *json = json_of(value);
    if (letter_at(json, value.at) != 'l') return false;
    *ret = (int64_t)json->tape[value.at + 1];
    return true;
}

bool json_number(struct reel_value value, double *ret) {
    const struct json *json = json_of(value);
    uint64_t word = json->tape[value.at + 1];
    switch (letter_at(json, value.at)) {
    case 'l':
        *ret = (double)(int64_t)word;
        return true;
    case 'u':
        *ret = (double)word;
        return true;
    case 'd':
        memcpy(ret, &word, sizeof word);
        return true;
    default:
        return false;
    }
}

bool json_bool(struct reel_value value, bool *ret) {
    char letter = letter_at(json_of(value), value.at);
    if (letter != 't' && letter != 'f') return false;
    *ret = letter == 't';
    return true;
}

/* ---- A value's own text ---------------------------------------------------------------------- */

static bool is_space_or_mark(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == ',' || c == ':';
}

static const char *skip_string(const char *at) {
    for (at++; *at != '"'; at++)
        if (*at == '\\') at++;
    return at + 1;
}

/* Skips a number, or one of true, false, null. */
static const char *skip_word(const char *at, const char *end) {
    while (at < end && !is_space_or_mark(*at) && *at != ']' && *at != '}') at++;
    return at;
}

/* The tape has no positions in the text, but both have the same order. This walks the text and
 * counts tape words until it reaches the value at `target`. It continues where the last walk
 * stopped, so asking for many values in order takes one pass. */
static const char *find_text(struct json *json, uint64_t target) {
    bool resume = json->walked_at != 0 && json->walked_at <= target;
    const char *at = json->text.data + (resume ? json->walked_byte : 0);
    const char *end = json->text.data + json->text.len;
    uint64_t word = resume ? json->walked_at : 1;
    while (true) {
        while (is_space_or_mark(*at)) at++;
        if (word == target) break;
        switch (*at) {
        case '{':
        case '[':
        case '}':
        case ']':
            at++;
            break;
        case '"':
            at = skip_string(at);
            break;
        default:
            at = skip_word(at, end);
            break;
        }
        char letter = letter_at(json, word);
        word += letter == 'l' || letter == 'u' || letter == 'd' ? 2 : 1;
        INVARIANT(word <= target); /* the tape has the order of the text */
    }
    json->walked_at = word;
    json->walked_byte = (size_t)(at - json->text.data);
    return at;
}

static const char *skip_value(const char *at, const char *end) {
    if (*at == '"') return skip_string(at);
    if (*at != '{' && *at != '[') return skip_word(at, end);
    size_t depth = 0;
    do {
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        if (*at == '{' || *at == '[') depth++;
        if (*at == '}' || *at == ']') depth--;
        at++;
    } while (depth > 0);
    return at;
}

struct reel_str json_text(struct reel_value value) {
    struct json *json = json_of(value);
    const char *start = find_text(json, value.at);
    const char *text_end = json->text.data + json->text.len;
    const char *end = skip_value(start, text_end);
    INVARIANT(start < end && end <= text_end);
    return (struct reel_str){start, (size_t)(end - start)};
}

size_t json_text_depth(struct reel_str text) {
    const char *at = text.data, *end = text.data + text.len;
    size_t depth = 0, deepest = 0;
    while (at < end) {
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        if ((*at == '{' || *at == '[') && ++depth > deepest) deepest = depth;
        if (*at == '}' || *at == ']') depth--;
        at++;
    }
    return deepest;
}

/* ---- Keeping --------------------------------------------------------------------------------- */

/* The bytes of the string buffer that are used: strings are there in the order of the tape, each
 * with a NUL behind it. */
static size_t strings_len(const struct json *json, uint64_t words) {
    uint64_t last = 0;
    for (uint64_t at = 1; at < words;) {
        char letter = letter_at(json, at);
        if (letter == '"') last = at;
        at += letter == 'l' || letter == 'u' || letter == 'd' ? 2 : 1;
    }
    if (last == 0) return 0;
    struct reel_str str = string_at(json, last);
    return (size_t)((const uint8_t *)str.data + str.len + 1 - json->strings);
}

struct json *json_keep(const struct json *json, struct reel_str text, struct arena *arena) {
    uint64_t words = json->tape[0] & PAYLOAD_MASK; /* the root's payload: behind the last word */
    size_t strings = strings_len(json, words);
    struct json *kept = arena_alloc(arena, sizeof *kept);
    uint64_t *tape = arena_alloc(arena, words * sizeof *tape);
    uint8_t *copy = strings ? arena_copy(arena, json->strings, strings) : NULL;
    if (!kept || !tape || (strings && !copy)) return NULL;
    memcpy(tape, json->tape, words * sizeof *tape);
    kept->values = json->values;
    kept->tape = tape;
    kept->strings = copy;
    kept->text = text;
    kept->walked_at = 0;
    kept->memo_of = 0;
    return kept;
}
