/* write.c: see write.h. */
#include "json/write.h"

#include "base/invariant.h"

/* Bytes that a character takes in a JSON string: 1, 2 ("\n") or 6 ("\u0001"). */
static size_t escaped_len(unsigned char c) {
    if (c >= 0x20) return c == '"' || c == '\\' ? 2 : 1;
    return c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t' ? 2 : 6;
}

/* True if a byte of the word is below 0x20, a quote or a backslash. Each term sets the top bit of
 * such a byte. Bytes above 0x7F need no escape, and are masked out. */
static bool word_needs_escape(uint64_t word) {
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
    uint64_t found = (word - ones * 0x20) | (quote - ones) | (backslash - ones);
    return (found & ~word & tops) != 0;
}

/* True for ASCII that needs no escape, as most texts. */
static bool is_plain(struct reel_str str) {
    uint64_t word = str_tail(str), seen = word;
    bool escape = word_needs_escape(word);
    for (size_t at = 0; at + sizeof word < str.len; at += sizeof word) {
        memcpy(&word, str.data + at, sizeof word);
        escape |= word_needs_escape(word);
        seen |= word;
    }
    return !escape && (seen & UINT64_C(0x8080808080808080)) == 0;
}

size_t json_quoted_len(struct reel_str str) {
    size_t len = 2;
    if (is_plain(str)) return len + str.len;
    if (!utf8_valid(str)) return 0;
    for (size_t i = 0; i < str.len; i++) len += escaped_len((unsigned char)str.data[i]);
    return len;
}

static char *write_escape(char *to, unsigned char c) {
    *to++ = '\\';
    switch (c) {
    case '"':
    case '\\':
        *to++ = (char)c;
        return to;
    case '\b':
        *to++ = 'b';
        return to;
    case '\f':
        *to++ = 'f';
        return to;
    case '\n':
        *to++ = 'n';
        return to;
    case '\r':
        *to++ = 'r';
        return to;
    case '\t':
        *to++ = 't';
        return to;
    default:
        memcpy(to, "u00", 3);
        to[3] = "01"[c >> 4];
        to[4] = "0123456789abcdef"[c & 15];
        return to + 5;
    }
}

void json_quote(char *to, struct reel_str str, size_t quoted_len) {
    const char *end = to + quoted_len - 1; /* of the closing quote */
    *to++ = '"';
    if (quoted_len == str.len + 2) {
        if (str.len) memcpy(to, str.data, str.len);
        to += str.len;
    } else {
        for (size_t i = 0; i < str.len; i++) {
            unsigned char c = (unsigned char)str.data[i];
            if (escaped_len(c) == 1)
                *to++ = (char)c;
            else
                to = write_escape(to, c);
        }
    }
    INVARIANT(to == end); /* json_quoted_len counts what is written here */
    *to = '"';
}

void text_append_quoted(struct text *text, struct reel_str str) {
    size_t len = json_quoted_len(str);
    if (len == 0) text->failed = true; /* not UTF-8; the caller should have checked this */
    char *to = len ? text_extend(text, len) : NULL;
    if (to) json_quote(to, str, len);
}

/* ---- Reading a string's text ----------------------------------------------------------------- */

static unsigned hex4(const char *at) {
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)at[i];
        value = value << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static char *write_utf8(char *to, unsigned code) {
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xE0 | code >> 12);
        } else {
            *to++ = (char)(0xF0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *to++ = (char)(0x80 | (code & 0x3F));
    return to;
}

static char unescape(char letter) {
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter; /* quote, backslash, slash */
    }
}

struct reel_str json_unquote(struct reel_str quoted, struct arena *arena) {
    INVARIANT(quoted.len >= 2);
    const char *at = quoted.data + 1, *end = quoted.data + quoted.len - 1;
    size_t len = (size_t)(end - at);
    if (!memchr(at, '\\', len)) return (struct reel_str){at, len};
    char *start = arena_text(arena, len), *to = start;
    if (!start) return (struct reel_str){0};
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
        } else if (at[1] != 'u') {
            *to++ = unescape(at[1]);
            at += 2;
        } else {
            unsigned code = hex4(at + 2);
            at += 6;
            if (code >= 0xD800 &&
                code < 0xDC00) { /* the text is valid, so the other half follows */
                code = 0x10000 + ((code - 0xD800) << 10) + (hex4(at + 2) - 0xDC00);
                at += 6;
            }
            to = write_utf8(to, code);
        }
    }
    INVARIANT((size_t)(to - start) <= len); /* no escape is shorter than what it stands for */
    return (struct reel_str){start, (size_t)(to - start)};
}

void json_copy_line(char *to, struct reel_str json) {
    for (size_t i = 0; i < json.len; i++) {
        char c = json.data[i];
        to[i] = c == '\n' || c == '\r' ? ' ' : c;
    }
}
