/* subject.c: see subject.h. Nothing is allocated: filters are matched against a whole log. */
#include "events/subject.h"

/* ---- Filters --------------------------------------------------------------------------------- */

/* Takes the first token off; the dot behind it, if any, goes too. `*more` tells whether it was
 * there: then another token follows, if only an empty one. */
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
        if (!token_is(wanted, '*') && !reel_str_eq(wanted, token)) return false;
    }
    return !more_filter && !more_subject;
}

/* ---- An event's ------------------------------------------------------------------------------ */

struct reel_str subject_of(const struct reel_entry *entry, char space[SUBJECT_BYTES_MAX]) {
    const size_t prefix = sizeof SUBJECT_OF_EVENTS - 1;
    if (entry->nats_subject.data) return entry->nats_subject;
    memcpy(space, SUBJECT_OF_EVENTS, prefix);
    return (struct reel_str){space, prefix + subject_write_part(space + prefix, entry->type)};
}
