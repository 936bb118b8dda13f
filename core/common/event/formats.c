/* formats.c: see formats.h. */
#include "event/formats.h"

#include "base/chars.h"

/* True if the character is in `set`. A NUL is not. */
static bool is_in(char c, const char *set) {
    return c != '\0' && strchr(set, c) != NULL;
}

/* At most `len` bytes from `from` on. */
static struct reel_str part_of(struct reel_str str, size_t from, size_t len) {
    return (struct reel_str){str.data + from, len < str.len - from ? len : str.len - from};
}

/* The number of bytes before the first one that is in `set`. */
static size_t before_any(struct reel_str str, const char *set) {
    size_t len = 0;
    while (len < str.len && !is_in(str.data[len], set)) len++;
    return len;
}

/* ---- URIs (RFC 3986) ------------------------------------------------------------------------- */

/* True if the text consists of pchar (section 3.3) and the characters of `more`, with complete
 * percent-encodings. */
static bool is_uri_text(struct reel_str str, const char *more) {
    for (size_t i = 0; i < str.len; i++) {
        char c = str.data[i];
        if (c == '%') {
            if (str.len - i < 3 || !(char_hex_value(str.data[i + 1]) >= 0) ||
                !(char_hex_value(str.data[i + 2]) >= 0))
                return false;
            i += 2;
        } else if (!char_is_letter(c) && !char_is_digit(c) && !is_in(c, "-._~!$&'()*+,;=:@") &&
                   !is_in(c, more)) {
            return false;
        }
    }
    return true;
}

/* The length of `scheme` before a colon (section 3.1); 0: there is none. */
static size_t scheme_len(struct reel_str str) {
    size_t len = 0;
    while (len < str.len &&
           (char_is_letter(str.data[len]) ||
            (len > 0 && (char_is_digit(str.data[len]) || is_in(str.data[len], "+-.")))))
        len++;
    return len < str.len && str.data[len] == ':' ? len : 0;
}

/* host, with userinfo and port (section 3.2). Only the characters within brackets are checked,
 * because no address is made from them. */
static bool is_authority(struct reel_str str) {
    size_t at = before_any(str, "@");
    if (at < str.len) {
        if (!is_uri_text(part_of(str, 0, at), "")) return false;
        str = part_of(str, at + 1, SIZE_MAX);
    }
    if (str.len == 0 || str.data[0] != '[') {
        size_t host = before_any(str, ":");
        if (!is_uri_text(part_of(str, 0, host), "") || before_any(str, "@") < str.len) return false;
        str = part_of(str, host, SIZE_MAX);
    } else {
        size_t host = before_any(str, "]");
        if (host == str.len || host < 3 || !is_uri_text(part_of(str, 1, host - 1), ""))
            return false;
        str = part_of(str, host + 1, SIZE_MAX);
    }
    if (str.len > 0 && str.data[0] != ':') return false;
    for (size_t i = 1; i < str.len; i++)
        if (!char_is_digit(str.data[i])) return false;
    return true;
}

/* The part after the scheme: `//authority/path` or a path. Query and fragment have been cut off. */
static bool is_hierarchy(struct reel_str str, bool relative) {
    if (str.len >= 2 && str.data[0] == '/' && str.data[1] == '/') {
        str = part_of(str, 2, SIZE_MAX);
        size_t authority = before_any(str, "/");
        return is_authority(part_of(str, 0, authority)) &&
               is_uri_text(part_of(str, authority, SIZE_MAX), "/");
    }
    /* without a scheme, a colon in the first segment would end a scheme */
    if (relative && before_any(str, ":") < before_any(str, "/")) return false;
    return is_uri_text(str, "/");
}

static bool is_reference(struct reel_str str, size_t scheme) {
    if (scheme > 0) str = part_of(str, scheme + 1, SIZE_MAX);
    size_t hash = before_any(str, "#");
    if (hash < str.len && !is_uri_text(part_of(str, hash + 1, SIZE_MAX), "/?")) return false;
    str = part_of(str, 0, hash);
    size_t mark = before_any(str, "?");
    if (mark < str.len && !is_uri_text(part_of(str, mark + 1, SIZE_MAX), "/?")) return false;
    return is_hierarchy(part_of(str, 0, mark), scheme == 0);
}

bool format_is_uri_reference(struct reel_str str) {
    return str.len > 0 && is_reference(str, scheme_len(str));
}

bool format_is_uri(struct reel_str str) {
    size_t scheme = scheme_len(str);
    return scheme > 0 && is_reference(str, scheme);
}

/* ---- Times (RFC 3339, section 5.6) ----------------------------------------------------------- */

/* Two digits at `at`, as a number from `min` to `max`. */
static bool is_pair(struct reel_str str, size_t at, int min, int max) {
    if (str.len < at + 2 || !char_is_digit(str.data[at]) || !char_is_digit(str.data[at + 1]))
        return false;
    int value = (str.data[at] - '0') * 10 + str.data[at + 1] - '0';
    return value >= min && value <= max;
}

static bool is_char(struct reel_str str, size_t at, const char *set) {
    return at < str.len && is_in(str.data[at], set);
}

static int number_of(const char *digits, int count) {
    int value = 0;
    for (int i = 0; i < count; i++) value = value * 10 + digits[i] - '0';
    return value;
}

static bool is_date(struct reel_str str) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!is_pair(str, 0, 0, 99) || !is_pair(str, 2, 0, 99) || !is_char(str, 4, "-") ||
        !is_pair(str, 5, 1, 12) || !is_char(str, 7, "-"))
        return false;
    int year = number_of(str.data, 4), month = number_of(str.data + 5, 2);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return is_pair(str, 8, 1, days[month - 1] + (month == 2 && leap));
}

bool format_is_time(struct reel_str str) {
    if (!is_date(str) || !is_char(str, 10, "Tt") || !is_pair(str, 11, 0, 23) ||
        !is_char(str, 13, ":") || !is_pair(str, 14, 0, 59) || !is_char(str, 16, ":") ||
        !is_pair(str, 17, 0, 60))
        return false;
    size_t at = 19;
    if (is_char(str, at, ".")) {
        if (!is_char(str, ++at, "0123456789")) return false;
        while (is_char(str, at, "0123456789")) at++;
    }
    if (is_char(str, at, "Zz")) return at + 1 == str.len;
    return is_char(str, at, "+-") && is_pair(str, at + 1, 0, 23) && is_char(str, at + 3, ":") &&
           is_pair(str, at + 4, 0, 59) && at + 6 == str.len;
}

/* ---- Base64 (RFC 4648, section 4) ------------------------------------------------------------ */

bool format_is_base64(struct reel_str str) {
    size_t len = str.len;
    if (len % 4 != 0) return false;
    for (int padding = 0; padding < 2 && len > 0 && str.data[len - 1] == '='; padding++) len--;
    for (size_t i = 0; i < len; i++)
        if (!char_is_letter(str.data[i]) && !char_is_digit(str.data[i]) &&
            !is_in(str.data[i], "+/"))
            return false;
    return true;
}

void text_append_base64(struct text *text, struct reel_str bytes) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = bytes.len > 0 ? text_extend(text, (bytes.len + 2) / 3 * 4) : NULL;
    if (!to) return;
    for (size_t i = 0; i < bytes.len; i += 3, to += 4) {
        size_t left = bytes.len - i;
        unsigned bits = (unsigned)(unsigned char)bytes.data[i] << 16;
        if (left > 1) bits |= (unsigned)(unsigned char)bytes.data[i + 1] << 8;
        if (left > 2) bits |= (unsigned char)bytes.data[i + 2];
        to[0] = letters[bits >> 18];
        to[1] = letters[bits >> 12 & 63];
        to[2] = left > 1 ? letters[bits >> 6 & 63] : '=';
        to[3] = left > 2 ? letters[bits & 63] : '=';
    }
}

/* ---- Strings (CloudEvents, "Type System") ---------------------------------------------------- */

/* Noncharacters: U+FDD0 to U+FDEF, and the last two of each plane. In well-formed UTF-8, each test
 * below only needs the bytes of the character itself. */
static bool is_noncharacter(const unsigned char *s) {
    if (s[0] == 0xEF && s[1] == 0xB7) return s[2] >= 0x90 && s[2] <= 0xAF;
    if (s[0] == 0xEF) return s[1] == 0xBF && s[2] >= 0xBE;
    return s[0] >= 0xF0 && (s[1] & 0x0F) == 0x0F && s[2] == 0xBF && s[3] >= 0xBE;
}

bool format_is_clean(struct reel_str str) {
    if (!utf8_valid(str)) return false;
    const unsigned char *at = (const unsigned char *)str.data;
    for (const unsigned char *end = at + str.len; at < end; at++) {
        if (*at < 0x20 || *at == 0x7F) return false;
        if (*at == 0xC2 && at[1] < 0xA0) return false; /* U+0080 to U+009F */
        if (*at >= 0xEF && is_noncharacter(at)) return false;
    }
    return true;
}

/* ---- Media types (RFC 9110, section 8.3.1) --------------------------------------------------- */

static bool is_token_char(char c) {
    return char_is_letter(c) || char_is_digit(c) || is_in(c, "!#$%&'*+-.^_`|~");
}

static struct reel_str take_token(struct reel_str *rest) {
    size_t len = 0;
    while (len < rest->len && is_token_char(rest->data[len])) len++;
    struct reel_str token = {rest->data, len};
    *rest = part_of(*rest, len, SIZE_MAX);
    return token;
}

static bool take_char(struct reel_str *rest, char c) {
    if (rest->len == 0 || rest->data[0] != c) return false;
    *rest = part_of(*rest, 1, SIZE_MAX);
    return true;
}

static void take_spaces(struct reel_str *rest) {
    while (rest->len > 0 && is_in(rest->data[0], " \t")) take_char(rest, rest->data[0]);
}

/* A token, or the text between quotes with its escapes. The name of a charset needs no escape. */
static bool take_value(struct reel_str *rest, struct reel_str *ret) {
    if (!take_char(rest, '"')) {
        *ret = take_token(rest);
        return ret->len > 0;
    }
    size_t len = 0;
    while (len < rest->len && rest->data[len] != '"') {
        if (rest->data[len] == '\\') len++;
        len++;
    }
    if (len >= rest->len) return false;
    *ret = part_of(*rest, 0, len);
    *rest = part_of(*rest, len + 1, SIZE_MAX);
    return true;
}

bool format_read_media_type(struct reel_str str, struct media_type *ret) {
    struct media_type media = {0};
    take_spaces(&str);
    media.type = take_token(&str);
    bool slash = take_char(&str, '/');
    media.subtype = take_token(&str);
    if (!slash || media.type.len == 0 || media.subtype.len == 0) return false;
    take_spaces(&str);
    while (take_char(&str, ';')) {
        take_spaces(&str);
        struct reel_str value, name = take_token(&str);
        if (name.len == 0) continue; /* RFC 9110, section 5.6.6 allows empty parameters */
        if (!take_char(&str, '=') || !take_value(&str, &value)) return false;
        if (str_is_caseless(name, "charset")) media.charset = value;
        take_spaces(&str);
    }
    *ret = media;
    return str.len == 0;
}
