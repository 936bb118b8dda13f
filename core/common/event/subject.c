/* subject.c: see subject.h. */
#include "event/subject.h"

#include "base/chars.h"

#include <string.h>

/* FNV-1a: simple, and the same everywhere and for ever. If somebody chooses types that collide,
 * only filters for these events become less exact. */
static size_t write_hash(char to[SUBJECT_PART_MAX], struct reel_str part) {
    const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13B;
    unsigned __int128 hash = (unsigned __int128)UINT64_C(0x6C62272E07BB0142) << 64;
    size_t len = 0;
    hash += UINT64_C(0x62B821756295C58D);
    for (size_t i = 0; i < part.len; i++) hash = (hash ^ (unsigned char)part.data[i]) * prime;
    for (int shift = 124; shift >= 0; shift -= 4)
        to[len++] = char_of_hex((unsigned)(hash >> shift));
    return len;
}

size_t subject_write_part(char to[SUBJECT_PART_MAX], struct reel_str part) {
    char space[3 * SUBJECT_PART_MAX];
    if (part.len > SUBJECT_PART_MAX) return write_hash(to, part);
    size_t len = part.len > 0 ? percent_write(space, part, "_-") : 1;
    if (len > SUBJECT_PART_MAX) return write_hash(to, part);
    memcpy(to, part.len > 0 ? space : "%", len);
    return len;
}

void subject_append_part(struct text *text, struct reel_str part) {
    char token[SUBJECT_PART_MAX];
    text_append(text, token, subject_write_part(token, part));
}

/* ---- Filters --------------------------------------------------------------------------------- */

/* Removes the first token, and the dot after it. `*more` says whether there was a dot: then another
 * token follows, which may be empty. */
static struct reel_str take_token(struct reel_str *rest, bool *more) {
    const char *dot = rest->len ? memchr(rest->data, '.', rest->len) : NULL;
    struct reel_str token = {rest->data, dot ? (size_t)(dot - rest->data) : rest->len};
    *more = dot != NULL;
    rest->data += token.len + (dot ? 1 : 0);
    rest->len -= token.len + (dot ? 1 : 0);
    return token;
}

static bool token_is(struct reel_str token, char c) {
    return token.len == 1 && token.data[0] == c;
}

static bool token_valid(struct reel_str token, bool last) {
    if (token_is(token, '*')) return true;
    if (token_is(token, '>')) return last;
    for (size_t i = 0; i < token.len; i++) {
        unsigned char c = (unsigned char)token.data[i];
        if (c <= ' ' || c == 0x7F || c == '*' || c == '>') return false;
    }
    return token.len > 0;
}

bool subject_filter_valid(struct reel_str filter) {
    bool more;
    if (!filter.data) return false;
    do {
        struct reel_str token = take_token(&filter, &more);
        if (!token_valid(token, !more)) return false;
    } while (more);
    return true;
}

bool subject_matches(struct reel_str filter, struct reel_str subject) {
    bool more_filter = true, more_subject = true;
    while (more_filter && more_subject) {
        struct reel_str wanted = take_token(&filter, &more_filter);
        struct reel_str token = take_token(&subject, &more_subject);
        if (token_is(wanted, '>')) return true;
        bool any = token_is(wanted, '*') && !token_is(token, '>');
        if (!any && !reel_str_eq(wanted, token)) return false;
    }
    return !more_filter && !more_subject;
}
