/* fuzz_answer.c: what a server says to `reeld conform`: its answer (conform/http_reader.h), and the
 * frames in it (conform/frames.h, conform/copy.h). They are the same however the bytes are cut into
 * pieces. The first byte says how, and what the bytes are. */
#include "conform/copy.h"
#include "conform/frames.h"
#include "conform/http_reader.h"
#include "fuzz.h"

static const size_t body_max = 4096;

/* The head and the body, as text. */
static void read_answer(struct reel_str bytes, size_t piece, struct text *ret) {
    struct http_reader reader = {.part = HTTP_HEAD};
    struct text body = {0};
    const char *why = NULL;
    int rc = 0;
    while (bytes.len > 0 && rc == 0 && reader.part != HTTP_OVER) {
        struct reel_str part = {bytes.data, bytes.len < piece ? bytes.len : piece};
        size_t len = part.len;
        rc = http_read(&reader, &part, &body, body_max, &why);
        check(rc < 0 || part.len == 0 || reader.part == HTTP_OVER, "bytes were left");
        check((rc == -EPROTO) == (why != NULL), "no reason");
        bytes.data += len - part.len;
        bytes.len -= len - part.len;
    }
    check(body.len <= body_max && reader.head.len <= HTTP_HEAD_MAX, "a bound was passed");
    text_append_number(ret, (uint64_t)-rc);
    text_append_lit(ret, " ");
    text_append_number(ret, reader.status);
    text_append_str(ret, http_header(&reader, "Content-Type"));
    if (rc == 0) text_append_str(ret, text_str(&body)); /* else it depends on the pieces */
    if (rc == 0) text_append_number(ret, bytes.len);
    http_reader_finish(&reader);
    text_finish(&body);
}

/* What a follower makes of a frame. It never fails without a sentence. */
static void take(struct json_parser *parser, struct copy *copy, struct trail *trail,
                 const struct frame *frame) {
    struct reel_error error = {{0}};
    struct parsed parsed;
    int rc = parse_frame(parser, frame->text, true, &parsed, &error);
    if (rc == 0) rc = copy_take(copy, &parsed, &error);
    if (rc == 0 && frame->id.data) rc = copy_take_id(copy, frame->id, &error);
    check(rc == 0 || error.text[0], "no sentence");
    error.text[0] = '\0';
    rc = parse_frame(parser, frame->text, false, &parsed, &error);
    if (rc == 0) rc = trail_take(trail, &parsed, &error);
    check(rc == 0 || error.text[0], "no sentence");
}

static void read_frames(enum frames_kind kind, struct reel_str bytes, size_t piece,
                        struct json_parser *parser, struct text *ret) {
    struct frames frames = {.kind = kind};
    struct copy copy = {.base = NULL};
    struct trail trail = {.events = NULL};
    struct frame frame;
    const char *why = NULL;
    int rc = 0;
    copy_begin(&copy);
    while (rc == 0 && bytes.len > 0) {
        size_t len = bytes.len < piece ? bytes.len : piece;
        frames_compact(&frames);
        text_append(&frames.in, bytes.data, len);
        bytes.data += len;
        bytes.len -= len;
        while ((rc = frames_next(&frames, &frame, &why)) == 1) {
            text_append_number(ret, frame.what);
            text_append_number(ret, frame.code);
            text_append_str(ret, frame.text);
            text_append_str(ret, frame.id);
            text_append_lit(ret, "\n");
            if (frame.what == FRAME_TEXT) take(parser, &copy, &trail, &frame);
        }
    }
    check((rc == -EPROTO) == (why != NULL), "no reason");
    text_append_number(ret, (uint64_t)-rc);
    frames_finish(&frames);
    copy_finish(&copy);
    trail_finish(&trail);
}

static void run(unsigned what, struct reel_str bytes, size_t piece, struct json_parser *parser,
                struct text *ret) {
    if (what == 0)
        read_answer(bytes, piece, ret);
    else
        read_frames(what == 1 ? FRAMES_SSE : FRAMES_WEBSOCKET, bytes, piece, parser, ret);
}

/* Each event of the input is also read as the data of an event: so frames of records are reached.
 */
static void run_as_data(struct reel_str bytes, struct json_parser *parser) {
    struct text text = {0}, notes = {0};
    text_append_lit(&text, "id: 1.0\ndata: ");
    text_append_str(&text, bytes);
    text_append_lit(&text, "\n\n");
    read_frames(FRAMES_SSE, text_str(&text), text.len, parser, &notes);
    text_finish(&text);
    text_finish(&notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct json_parser *parser; /* one for all inputs: to make one takes long */
    if (size == 0) return 0;
    if (!parser) parser = json_parser_create(NULL);
    check(parser != NULL, "out of memory");
    struct reel_str bytes = {(const char *)data + 1, size - 1};
    for (unsigned what = 0; what < 3; what++) {
        struct text whole = {0}, pieces = {0};
        run(what, bytes, size, parser, &whole);
        run(what, bytes, 1 + data[0] / 2, parser, &pieces);
        check(reel_str_eq(text_str(&whole), text_str(&pieces)), "in pieces it is another");
        text_finish(&whole);
        text_finish(&pieces);
    }
    run_as_data(bytes, parser);
    return 0;
}
