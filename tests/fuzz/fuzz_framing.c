/* fuzz_framing.c: what a client sends (sinks/http/framing.h). However its bytes are cut into
 * pieces, the same is passed on; what is passed on passes again unchanged; and a lenient reader
 * finds the same requests in it, so that no proxy can be made to see others. The first byte says
 * how to cut. */
#include "fuzz.h"

#include "base/text.h"
#include "http/framing.h"

#include <strings.h>

static struct framing pass(const uint8_t *data, size_t size, size_t piece, struct text *to) {
    struct framing framing = {0};
    for (size_t at = 0; at < size; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        char *in = malloc(len), *out = malloc(len + FRAMING_EXTRA);
        memcpy(in, data + at, len);
        size_t passed = framing_pass(&framing, in, len, out);
        check(passed <= len + FRAMING_EXTRA, "more was written than there is room for");
        text_append(to, out, passed);
        free(in);
        free(out);
    }
    return framing;
}

/* ---- A lenient reader ------------------------------------------------------------------------ */

/* Takes a line off, up to LF, without white space at its ends. False: none has ended. */
static bool take_line(struct reel_str *rest, struct reel_str *ret) {
    const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    if (!end) return false;
    size_t len = (size_t)(end - rest->data);
    *ret = str_trimmed((struct reel_str){rest->data, len});
    while (ret->len > 0 && ret->data[ret->len - 1] == '\r') ret->len--;
    rest->data += len + 1;
    rest->len -= len + 1;
    return true;
}

static bool skip(struct reel_str *rest, uint64_t len) {
    if (len > rest->len) return false;
    rest->data += len;
    rest->len -= len;
    return true;
}

static bool skip_chunks(struct reel_str *rest) {
    struct reel_str line;
    char digits[32] = {0};
    while (take_line(rest, &line)) {
        memcpy(digits, line.data, line.len < sizeof digits - 1 ? line.len : sizeof digits - 1);
        uint64_t size = strtoull(digits, NULL, 16);
        memset(digits, 0, sizeof digits);
        if (size > 0 && (!skip(rest, size) || !take_line(rest, &line))) return false;
        if (size > 0) continue;
        while (take_line(rest, &line))
            if (line.len == 0) return true;
        return false;
    }
    return false;
}

struct lenient {
    uint64_t length;
    bool is_chunked, is_handshake;
};

static void read_header(struct reel_str line, struct lenient *ret) {
    const char *colon = memchr(line.data, ':', line.len);
    if (!colon) return;
    struct reel_str name = str_trimmed((struct reel_str){line.data, (size_t)(colon - line.data)});
    struct reel_str value =
        str_trimmed((struct reel_str){colon + 1, line.len - (size_t)(colon + 1 - line.data)});
    char digits[32] = {0};
    memcpy(digits, value.data, value.len < sizeof digits - 1 ? value.len : sizeof digits - 1);
    if (str_is_caseless(name, "Content-Length")) ret->length = strtoull(digits, NULL, 10);
    if (str_is_caseless(name, "Transfer-Encoding")) ret->is_chunked = true;
    if (str_is_caseless(name, "Sec-WebSocket-Key")) ret->is_handshake = true;
}

/* How many requests have begun, up to a handshake. */
static uint64_t count_requests(struct reel_str rest) {
    struct reel_str line;
    uint64_t count = 0;
    while (rest.len > 0) {
        struct lenient found = {0};
        count++;
        if (!take_line(&rest, &line)) return count;
        do {
            if (!take_line(&rest, &line)) return count;
            read_header(line, &found);
        } while (line.len > 0);
        if (found.is_chunked ? !skip_chunks(&rest) : !skip(&rest, found.length)) return count;
        if (found.is_handshake && !found.is_chunked && found.length == 0) return count;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text whole = {0}, pieces = {0}, again = {0};
    if (size == 0) return 0;
    struct framing framing = pass(data + 1, size - 1, size, &whole);
    struct framing other = pass(data + 1, size - 1, data[0] % 64 + 1, &pieces);
    check(reel_str_eq(text_str(&whole), text_str(&pieces)), "in pieces something else passes");
    check(framing.fault == other.fault && framing.requests == other.requests,
          "in pieces it is judged otherwise");
    check(!framing.fault == !framing.why, "a fault without a sentence");
    if (!framing.fault) {
        pass((const uint8_t *)whole.data, whole.len, whole.len + 1, &again);
        check(reel_str_eq(text_str(&whole), text_str(&again)), "passing again changes it");
        check(count_requests(text_str(&whole)) == framing.requests, "others see other requests");
    }
    text_finish(&whole);
    text_finish(&pieces);
    text_finish(&again);
    return 0;
}
