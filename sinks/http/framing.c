/* framing.c: see framing.h.
 *
 * `steps` has the next state and the action for each state and class of character. Without an entry
 * the request is malformed; `ends` then has the sentence for this state, and the rest with which
 * the request is completed for libmicrohttpd. CR is never passed on alone: the end of a line is
 * written when its LF is received.
 *
 *   BEGIN ─► METHOD ─► TARGET ─► VERSION ─► LINE ─┐
 *     ▲                                           ▼
 *     │     ┌──────────── VALUE, HELD ◄─ NAME ◄─ FIELD ─► HEAD_LF ─┬─► OPAQUE
 *     │     └────────────────────────────────────►┘               │
 *     ├───────────────────────────────────── BODY ◄────────────────┤
 *     └─ TRAILER… ◄─ SIZE… ◄─────────────────────────────────────◄┘
 *                     └► DATA ─► DATA_CR ─► DATA_LF ─► SIZE
 */
#include "framing.h"

#include "base/chars.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum state {
    BEGIN,
    BEGIN_LF,
    METHOD,
    TARGET_FIRST,
    TARGET,
    VERSION,
    LINE_CR,
    LINE_LF,
    FIELD, /* the beginning of a header line, or the end of the head */
    NAME,
    VALUE,
    VALUE_LF,
    HELD, /* a value that is passed on when it is complete, or not at all */
    HELD_LF,
    HEAD_LF,
    BODY,
    SIZE, /* of a chunk */
    SIZE_BLANK,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_VALUE_LF,
    TRAILER_LF,
    OPAQUE,
    ENDED,
    STATES
};

enum class {
    BAD,
    CR,
    LF,
    SPACE,
    TAB,
    COLON,
    SEMICOLON,
    AMPERSAND,
    HEX,
    TOKEN,
    VISIBLE,
    HIGH,
    CLASSES
};

enum action {
    REFUSE,
    PASS,
    SKIP,
    BEGIN_REQUEST,
    PASS_AMPERSAND,
    PASS_VERSION,
    END_VERSION,
    BEGIN_NAME,
    PASS_NAME,
    END_NAME,
    HOLD,
    END_LINE,
    END_HELD,
    END_HEAD,
    ADD_DIGIT,
    END_SIZE,
    END_TRAILERS,
};

enum field { FIELD_OTHER, FIELD_LENGTH, FIELD_ENCODING, FIELD_COOKIE, FIELD_TYPE };

/* ---- Tables ---------------------------------------------------------------------------------- */

static const uint8_t classes[256] = {
    ['\r'] = CR,
    ['\n'] = LF,
    [' '] = SPACE,
    ['\t'] = TAB,
    [':'] = COLON,
    [';'] = SEMICOLON,
    ['!'] = TOKEN,
    ['#' ... '%'] = TOKEN,
    ['&'] = AMPERSAND,
    ['\''] = TOKEN,
    ['*'] = TOKEN,
    ['+'] = TOKEN,
    ['-'] = TOKEN,
    ['.'] = TOKEN,
    ['0' ... '9'] = HEX,
    ['A' ... 'F'] = HEX,
    ['a' ... 'f'] = HEX,
    ['G' ... 'Z'] = TOKEN,
    ['g' ... 'z'] = TOKEN,
    ['^' ... '`'] = TOKEN,
    ['|'] = TOKEN,
    ['~'] = TOKEN,
    ['"'] = VISIBLE,
    ['('] = VISIBLE,
    [')'] = VISIBLE,
    [','] = VISIBLE,
    ['/'] = VISIBLE,
    ['<' ... '@'] = VISIBLE,
    ['[' ... ']'] = VISIBLE,
    ['{'] = VISIBLE,
    ['}'] = VISIBLE,
    [0x80 ... 0xff] = HIGH,
};

struct step {
    uint8_t next, action;
};

/* tchar of RFC 9110, section 5.6.2; visible characters except `&`; field-content, section 5.5. */
#define TOKENS(...) [AMPERSAND] = {__VA_ARGS__}, [HEX] = {__VA_ARGS__}, [TOKEN] = {__VA_ARGS__}
#define GRAPHS(...)                                                                                \
    [COLON] = {__VA_ARGS__}, [SEMICOLON] = {__VA_ARGS__}, [HEX] = {__VA_ARGS__},                   \
    [TOKEN] = {__VA_ARGS__}, [VISIBLE] = {__VA_ARGS__}, [HIGH] = {__VA_ARGS__}
#define CONTENTS(...)                                                                              \
    GRAPHS(__VA_ARGS__), [AMPERSAND] = {__VA_ARGS__}, [SPACE] = {__VA_ARGS__}, [TAB] = {__VA_ARGS__}

static const struct step steps[STATES][CLASSES] = {
    [BEGIN] = {TOKENS(METHOD, BEGIN_REQUEST), [CR] = {BEGIN_LF, SKIP}},
    [BEGIN_LF] = {[LF] = {BEGIN, SKIP}},
    [METHOD] = {TOKENS(METHOD, PASS), [SPACE] = {TARGET_FIRST, PASS}},
    [TARGET_FIRST] = {GRAPHS(TARGET, PASS), [AMPERSAND] = {TARGET, PASS_AMPERSAND}},
    [TARGET] =
        {GRAPHS(TARGET, PASS), [AMPERSAND] = {TARGET, PASS_AMPERSAND}, [SPACE] = {VERSION, PASS}},
    [VERSION] = {[HEX] = {LINE_CR, END_VERSION}},
    [LINE_CR] = {[CR] = {LINE_LF, SKIP}},
    [LINE_LF] = {[LF] = {FIELD, END_LINE}},
    [FIELD] = {TOKENS(NAME, BEGIN_NAME), [CR] = {HEAD_LF, SKIP}},
    [NAME] = {TOKENS(NAME, PASS_NAME), [COLON] = {VALUE, END_NAME}},
    [VALUE] = {CONTENTS(VALUE, PASS), [CR] = {VALUE_LF, SKIP}},
    [VALUE_LF] = {[LF] = {FIELD, END_LINE}},
    [HELD] = {CONTENTS(HELD, HOLD), [CR] = {HELD_LF, SKIP}},
    [HELD_LF] = {[LF] = {FIELD, END_HELD}},
    [HEAD_LF] = {[LF] = {BEGIN, END_HEAD}},
    [SIZE] = {[HEX] = {SIZE, ADD_DIGIT},
              [SPACE] = {SIZE_BLANK, SKIP},
              [TAB] = {SIZE_BLANK, SKIP},
              [SEMICOLON] = {EXTENSION, SKIP},
              [CR] = {SIZE_LF, SKIP}},
    [SIZE_BLANK] =
        {[SPACE] = {SIZE_BLANK, SKIP}, [TAB] = {SIZE_BLANK, SKIP}, [SEMICOLON] = {EXTENSION, SKIP}},
    [EXTENSION] = {CONTENTS(EXTENSION, SKIP), [CR] = {SIZE_LF, SKIP}},
    [SIZE_LF] = {[LF] = {DATA, END_SIZE}},
    [DATA_CR] = {[CR] = {DATA_LF, SKIP}},
    [DATA_LF] = {[LF] = {SIZE, END_LINE}},
    [TRAILER] = {TOKENS(TRAILER_NAME, SKIP), [CR] = {TRAILER_LF, SKIP}},
    [TRAILER_NAME] = {TOKENS(TRAILER_NAME, SKIP), [COLON] = {TRAILER_VALUE, SKIP}},
    [TRAILER_VALUE] = {CONTENTS(TRAILER_VALUE, SKIP), [CR] = {TRAILER_VALUE_LF, SKIP}},
    [TRAILER_VALUE_LF] = {[LF] = {TRAILER, SKIP}},
    [TRAILER_LF] = {[LF] = {BEGIN, END_TRAILERS}},
};

/* The action for the characters that leave a state as it is. pass_span handles all of them, as many
 * at a time as there are. */
static const uint8_t span_actions[STATES] = {
    [METHOD] = PASS,    [TARGET] = PASS, [VERSION] = PASS_VERSION,
    [NAME] = PASS_NAME, [VALUE] = PASS,  [HELD] = HOLD,
};

static const char bad_method[] = "the method must be a token, followed by one space";
static const char bad_line[] = "the request line must be a method, a target and HTTP/1.1, with one "
                               "space between them and CR LF at its end";
static const char bad_field[] = "a header line must be a name, a colon and a value: no white space "
                                "before the colon, and no folded lines";
static const char bad_value[] =
    "a header's value must not contain control characters, and its line "
    "must end with CR LF";
static const char bad_chunk[] = "a chunk must be its size in hexadecimal digits, CR LF, that many "
                                "bytes, CR LF";
static const char bad_trailer[] =
    "a trailer line must be a name, a colon and a value, and end with "
    "CR LF";

/* For each state: the sentence about a character that is not allowed in it; and the shortest text
 * that completes the request. */
static const struct {
    const char *why, *rest;
} ends[STATES] = {
    [BEGIN] = {bad_method, "GET / HTTP/1.1\r\n\r\n"},
    [BEGIN_LF] = {bad_method, "GET / HTTP/1.1\r\n\r\n"},
    [METHOD] = {bad_method, " / HTTP/1.1\r\n\r\n"},
    [TARGET_FIRST] = {bad_line, "/ HTTP/1.1\r\n\r\n"},
    [TARGET] = {bad_line, " HTTP/1.1\r\n\r\n"},
    [VERSION] = {bad_line, "HTTP/1.1\r\n\r\n"}, /* from version_len on */
    [LINE_CR] = {bad_line, "\r\n\r\n"},
    [LINE_LF] = {bad_line, "\r\n\r\n"},
    [FIELD] = {bad_field, "\r\n"},
    [NAME] = {bad_field, ":0\r\n\r\n"},
    [VALUE] = {bad_value, "\r\n\r\n"},
    [VALUE_LF] = {bad_value, "\r\n\r\n"},
    [HELD] = {bad_value, "0\r\n\r\n"},
    [HELD_LF] = {bad_value, "0\r\n\r\n"},
    [HEAD_LF] = {bad_value, "\r\n"},
    [SIZE] = {bad_chunk, "0\r\n\r\n"},
    [SIZE_BLANK] = {bad_chunk, "0\r\n\r\n"},
    [EXTENSION] = {bad_chunk, "0\r\n\r\n"},
    [SIZE_LF] = {bad_chunk, "0\r\n\r\n"},
    [DATA_CR] = {bad_chunk, "\r\n0\r\n\r\n"},
    [DATA_LF] = {bad_chunk, "\r\n0\r\n\r\n"},
    [TRAILER] = {bad_trailer, "0\r\n\r\n"},
    [TRAILER_NAME] = {bad_trailer, "0\r\n\r\n"},
    [TRAILER_VALUE] = {bad_trailer, "0\r\n\r\n"},
    [TRAILER_VALUE_LF] = {bad_trailer, "0\r\n\r\n"},
    [TRAILER_LF] = {bad_trailer, "0\r\n\r\n"},
};

/* ---- Faults ---------------------------------------------------------------------------------- */

static void put(char **out, const char *bytes, size_t len) {
    *out = mempcpy(*out, bytes, len);
}

/* Writes a part of the form of a message, which is not data. */
static void put_form(const struct framing *framing, char **out, const char *bytes, size_t len) {
    if (!framing->is_body) put(out, bytes, len);
}

/* `why` may be NULL: then the sentence of the state is used. */
static void refuse(struct framing *framing, enum framing_fault fault, const char *why, char **out) {
    const char *rest = ends[framing->state].rest;
    if (framing->state <= BEGIN_LF) framing->requests++;
    if (framing->state == VERSION) rest += framing->version_len;
    framing->fault = (uint8_t)fault;
    framing->why = why ? why : ends[framing->state].why;
    framing->state = ENDED;
    put_form(framing, out, rest, strlen(rest));
}

/* All of a head, and what is removed from a body; not what a chunk must have, as there may be any
 * number of them. */
static bool has_cost(uint8_t state) {
    return state > BEGIN_LF && (state < SIZE || state == SIZE_BLANK || state == EXTENSION ||
                                (state >= TRAILER && state < OPAQUE));
}

/* Returns false if the request was refused. */
static bool add_cost(struct framing *framing, uint32_t cost, char **out) {
    bool in_head = framing->state < BODY, in_line = framing->state < FIELD;
    framing->cost += cost;
    if (framing->cost <= (in_head ? FRAMING_HEAD_MAX : FRAMING_REMOVED_MAX)) return true;
    refuse(framing, in_line ? FRAMING_LONG_TARGET : FRAMING_LARGE_HEAD,
           in_line   ? "the target is too long, or has too many parameters"
           : in_head ? "the headers are too long, or too many"
                     : "the chunk extensions and trailers of the body are too long",
           out);
    return false;
}

/* ---- The request line ------------------------------------------------------------------------ */

static void begin_request(struct framing *framing) {
    const uint64_t requests = framing->requests + 1;
    const struct framing_bulk bulk = framing->bulk;
    *framing = (struct framing){.state = METHOD, .requests = requests, .bulk = bulk};
}

static const char version[] = "HTTP/1.";
enum { VERSION_LEN = sizeof version - 1 };

/* The number of characters that are as they must be. */
static size_t span_of_version(const struct framing *framing, const char *in, size_t len) {
    size_t span = 0, left = VERSION_LEN - framing->version_len;
    while (span < len && span < left && in[span] == version[framing->version_len + span]) span++;
    return span;
}

static void end_version(struct framing *framing, char c, char **out) {
    bool is_other = framing->version_len == 5 && char_is_digit(c); /* such as HTTP/2.0 */
    if (framing->version_len == VERSION_LEN && char_is_digit(c)) {
        framing->is_http10 = c == '0';
        framing->state = LINE_CR;
        put(out, &c, 1);
    } else {
        refuse(framing, is_other ? FRAMING_BAD_VERSION : FRAMING_MALFORMED,
               is_other ? "only HTTP/1.x is supported" : NULL, out);
    }
}

/* ---- Headers --------------------------------------------------------------------------------- */

static void add_to_name(struct framing *framing, const char *part, size_t len) {
    const size_t most = sizeof framing->name, before = framing->name_len;
    if (before > most) return;
    const size_t added = len < most - before ? len : most - before;
    memcpy(framing->name + before, part, added);
    framing->name_len = (uint8_t)(before + added + (added < len));
}

static void begin_name(struct framing *framing, char c, char **out) {
    if (!add_cost(framing, FRAMING_FIELD_COST, out)) return;
    framing->name_len = 0;
    framing->state = NAME;
    add_to_name(framing, &c, 1);
    put(out, &c, 1);
}

static bool name_is(const struct framing *framing, const char *name) {
    size_t len = strlen(name);
    return framing->name_len == len && strncasecmp(framing->name, name, len) == 0;
}

static enum field find_field(const struct framing *framing) {
    if (name_is(framing, "Content-Length")) return FIELD_LENGTH;
    if (name_is(framing, "Transfer-Encoding")) return FIELD_ENCODING;
    if (name_is(framing, "Content-Type")) return FIELD_TYPE;
    return name_is(framing, "Cookie") ? FIELD_COOKIE : FIELD_OTHER;
}

static void end_name(struct framing *framing, char **out) {
    framing->field = (uint8_t)find_field(framing);
    framing->is_handshake = framing->is_handshake || name_is(framing, "Sec-WebSocket-Key");
    framing->held_len = 0;
    framing->state = framing->field == FIELD_OTHER || framing->field == FIELD_TYPE ? VALUE : HELD;
    put(out, ":", 1);
    if (framing->field != FIELD_LENGTH && framing->field != FIELD_ENCODING) return;
    /* RFC 9112, sections 6.1 and 6.3: a request has only one way to give the length of its body. */
    if (framing->has_length || framing->is_chunked)
        refuse(framing, FRAMING_MALFORMED,
               "wanted one Content-Length, or Transfer-Encoding: chunked", out);
    else if (framing->field == FIELD_ENCODING && framing->is_http10)
        refuse(framing, FRAMING_MALFORMED, "HTTP/1.0 has no Transfer-Encoding", out);
}

/* White space around a value is not part of it. If a value is too long for `held`, it is not one of
 * the values that are needed here. */
static void hold(struct framing *framing, const char *part, size_t len) {
    for (size_t i = 0; i < len && framing->held_len < sizeof framing->held; i++)
        if (framing->held_len > 0 || (part[i] != ' ' && part[i] != '\t'))
            framing->held[framing->held_len++] = part[i];
}

static void end_length(struct framing *framing, char **out) {
    uint64_t length = 0;
    if (number_read((struct reel_str){framing->held, framing->held_len}, &length) == -EINVAL)
        refuse(framing, FRAMING_MALFORMED, "Content-Length must be one number", out);
    else if (framing->held_len == sizeof framing->held || length >= INT64_MAX)
        refuse(framing, FRAMING_LARGE_BODY, "Content-Length is too large", out);
    framing->has_length = true;
    framing->length = length;
}

static void end_encoding(struct framing *framing, char **out) {
    if (framing->held_len == 7 && strncasecmp(framing->held, "chunked", 7) == 0)
        framing->is_chunked = true;
    else
        refuse(framing, FRAMING_MALFORMED,
               "wanted one Content-Length, or Transfer-Encoding: chunked", out);
}

static void end_held(struct framing *framing, char **out) {
    while (framing->held_len > 0 && (framing->held[framing->held_len - 1] == ' ' ||
                                     framing->held[framing->held_len - 1] == '\t'))
        framing->held_len--;
    if (framing->field == FIELD_LENGTH) end_length(framing, out);
    if (framing->field == FIELD_ENCODING) end_encoding(framing, out);
    if (framing->state == ENDED) return;
    if (framing->field != FIELD_COOKIE) put(out, framing->held, framing->held_len);
    put(out, "\r\n", 2);
    framing->state = FIELD;
}

/* The end of a value that was passed on, of which the beginning is held, too. */
static void end_value(struct framing *framing) {
    static const char ndjson[] = "application/x-ndjson";
    const size_t len = sizeof ndjson - 1;
    if (framing->field != FIELD_TYPE) return;
    framing->field = FIELD_OTHER;
    framing->is_ndjson = framing->held_len >= len && strncasecmp(framing->held, ndjson, len) == 0 &&
                         (framing->held_len == len || strchr("; \t", framing->held[len]));
}

static void find_bulk(struct framing *framing) {
    if (!framing->is_ndjson || framing->bulk.is_found) return;
    if (!framing->is_chunked && framing->length == 0) return;
    framing->bulk = (struct framing_bulk){
        .is_found = true, .is_chunked = framing->is_chunked, .length = framing->length};
}

static void end_head(struct framing *framing, char **out) {
    put(out, "\r\n", 2);
    find_bulk(framing);
    framing->cost = 0;
    framing->left = framing->length;
    framing->held_len = 0;
    framing->is_opaque = framing->is_handshake && !framing->is_chunked && framing->length == 0;
    framing->state = framing->is_chunked  ? SIZE
                     : framing->left > 0  ? BODY
                     : framing->is_opaque ? OPAQUE
                                          : BEGIN;
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

/* Leading zeros of a chunk's size are dropped. */
static void add_digit(struct framing *framing, char c, char **out) {
    enum { DIGITS_MAX = 15 };
    if (framing->held_len == 1 && framing->held[0] == '0') framing->held_len = 0;
    if (framing->held_len == DIGITS_MAX) {
        refuse(framing, FRAMING_LARGE_BODY, "a chunk is too large", out);
        return;
    }
    framing->held[framing->held_len++] = c;
}

static uint64_t held_number(const struct framing *framing) {
    uint64_t number = 0;
    for (size_t i = 0; i < framing->held_len; i++)
        number = number * 16 + (uint64_t)char_hex_value(framing->held[i]);
    return number;
}

static void end_size(struct framing *framing, char **out) {
    if (framing->held_len == 0) {
        refuse(framing, FRAMING_MALFORMED, NULL, out);
        return;
    }
    framing->left = held_number(framing);
    framing->state = framing->left > 0 ? DATA : TRAILER;
    if (framing->left > 0) {
        put_form(framing, out, framing->held, framing->held_len);
        put_form(framing, out, "\r\n", 2);
    }
    framing->held_len = 0;
}

/* Passes on the bytes of a body. Returns how many of `len` were used. */
static size_t pass_data(struct framing *framing, const char *in, size_t len, char **out) {
    if (framing->state == OPAQUE || framing->state == ENDED) {
        if (framing->state == OPAQUE) put(out, in, len);
        return len;
    }
    size_t passed = framing->left < len ? (size_t)framing->left : len;
    put(out, in, passed);
    framing->left -= passed;
    if (framing->left == 0) framing->state = framing->state == BODY ? BEGIN : DATA_CR;
    return passed;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static void act(struct framing *framing, struct step step, char c, char **out) {
    switch ((enum action)step.action) {
    case REFUSE:
        refuse(framing, FRAMING_MALFORMED, NULL, out);
        return;
    case END_VERSION:
        end_version(framing, c, out);
        return;
    case BEGIN_NAME:
        begin_name(framing, c, out);
        return;
    case END_NAME:
        end_name(framing, out);
        return;
    case END_HELD:
        end_held(framing, out);
        return;
    case END_HEAD:
        end_head(framing, out);
        return;
    case ADD_DIGIT:
        add_digit(framing, c, out);
        return;
    case END_SIZE:
        end_size(framing, out);
        return;
    case BEGIN_REQUEST:
        begin_request(framing);
        break;
    case PASS_AMPERSAND:
        if (!add_cost(framing, FRAMING_FIELD_COST, out)) return;
        break;
    case END_LINE:
        end_value(framing);
        put_form(framing, out, "\r\n", 2);
        break;
    case END_TRAILERS:
        put_form(framing, out, "0\r\n\r\n", 5);
        break;
    default:
        break;
    }
    if (step.action <= PASS || step.action == BEGIN_REQUEST || step.action == PASS_AMPERSAND)
        put(out, &c, 1);
    framing->state = step.next;
}

/* The number of characters, in steps of eight, before one that is no part of a value, or TAB. */
static size_t span_of_words(const char *in, size_t len) {
    const uint64_t each = UINT64_C(0x0101010101010101);
    size_t span = 0;
    for (uint64_t word; len - span >= sizeof word; span += sizeof word) {
        memcpy(&word, in + span, sizeof word);
        uint64_t del = word ^ 0x7f * each;
        if (((word - 0x20 * each) & ~word & 0x80 * each) | ((del - each) & ~del & 0x80 * each))
            break;
    }
    return span;
}

/* The number of characters that do not change the state. */
static size_t span_of(uint8_t state, uint8_t action, const char *in, size_t len) {
    size_t span = state == VALUE ? span_of_words(in, len) : 0;
    for (; span < len; span++) {
        struct step step = steps[state][classes[(unsigned char)in[span]]];
        if (step.next != state || step.action != action) break;
    }
    return span;
}

/* Handles the next characters that do not change the state. Returns their number. */
static size_t pass_span(struct framing *framing, const char *in, size_t len, char **out) {
    const uint8_t action = span_actions[framing->state];
    const size_t room = FRAMING_HEAD_MAX - framing->cost;
    if (len > room) len = room;
    size_t span = action == PASS_VERSION ? span_of_version(framing, in, len)
                                         : span_of(framing->state, action, in, len);
    framing->cost += (uint32_t)span;
    if (action != HOLD) put(out, in, span);
    if (action == HOLD || (framing->state == VALUE && framing->field == FIELD_TYPE))
        hold(framing, in, span);
    if (action == PASS_NAME) add_to_name(framing, in, span);
    if (action == PASS_VERSION) framing->version_len += (uint8_t)span;
    return span;
}

size_t framing_pass(struct framing *framing, const char *in, size_t len, char *out) {
    const char *begin = out, *first = in, *end = in + len;
    while (in < end && !framing_body_ended(framing)) {
        const uint8_t state = framing->state;
        const bool had_bulk = framing->bulk.is_found;
        if (state == BODY || state == DATA || state >= OPAQUE) {
            in += pass_data(framing, in, (size_t)(end - in), &out);
            continue;
        }
        if (span_actions[state]) {
            in += pass_span(framing, in, (size_t)(end - in), &out);
            if (in == end) break;
        }
        if (has_cost(state) && !add_cost(framing, 1, &out)) continue;
        char c = *in++;
        act(framing, steps[state][classes[(unsigned char)c]], c, &out);
        if (framing->bulk.is_found && !had_bulk) framing->bulk.at = (size_t)(in - first);
    }
    return (size_t)(out - begin);
}

/* ---- A body alone ---------------------------------------------------------------------------- */

void framing_begin_body(struct framing *framing, const struct framing_bulk *body) {
    *framing = (struct framing){.state = body->is_chunked ? SIZE : BODY,
                                .is_body = true,
                                .is_chunked = body->is_chunked,
                                .requests = 1,
                                .length = body->length,
                                .left = body->length};
}

bool framing_body_ended(const struct framing *framing) {
    return framing->is_body && framing->state == BEGIN;
}
