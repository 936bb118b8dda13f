/* frames_test.c: frames of followers as a client reads them, however their bytes are cut into
 * pieces; and those that it writes. */
#include "unit.h"

#include "conform/frames.h"
#include "websocket/wire.h"

/* All frames as text: a letter each, with what belongs to it, and a slash. */
static int read_cut(enum frames_kind kind, struct reel_str bytes, size_t piece, struct text *ret) {
    struct frames frames = {.kind = kind};
    struct frame frame;
    const char *why = NULL;
    int rc = 0;
    ret->len = 0;
    while (rc == 0 && bytes.len > 0) {
        size_t len = bytes.len < piece ? bytes.len : piece;
        frames_compact(&frames);
        text_append(&frames.in, bytes.data, len);
        bytes.data += len;
        bytes.len -= len;
        while ((rc = frames_next(&frames, &frame, &why)) == 1) {
            text_append(ret, &"TPOC"[frame.what], 1);
            if (frame.what == FRAME_CLOSE) text_append_number(ret, frame.code);
            text_append_str(ret, frame.text);
            if (frame.id.data) text_append_lit(ret, "#");
            text_append_str(ret, frame.id);
            text_append_lit(ret, "/");
        }
    }
    assert_true((rc == -EPROTO) == (why != NULL));
    frames_finish(&frames);
    return rc;
}

static void check(enum frames_kind kind, struct reel_str bytes, int wanted, const char *frames) {
    struct text found = {0};
    for (size_t piece = 1; piece <= bytes.len; piece++) {
        assert_int_equal(read_cut(kind, bytes, piece, &found), wanted);
        if (wanted == 0) assert_bytes(text_str(&found), reel_text(frames));
    }
    text_finish(&found);
}

static void events_have_data_and_ids(void **state) {
    (void)state;
    check(FRAMES_SSE, STR("id: 1\ndata: {\"seq\":1}\n\ndata: a\nid: 2.0\n\ndata:b\n\n"), 0,
          "T{\"seq\":1}#1/Ta#2.0/Tb/");
    check(FRAMES_SSE, STR("data: a\r\ndata: b\r\n\r\nid\ndata\n\n"), 0, "Ta\nb/T#/");
    check(FRAMES_SSE, STR(":\n\n:\n\nretry: 5\n\nevent: x\ndata: y\n\ndata: not complete\n"), 0,
          "P/P/Ty/");
    check(FRAMES_SSE, STR("\n\n\n\ndata: z\n\n"), 0, "Tz/");
}

static void messages_are_read(void **state) {
    (void)state;
    check(FRAMES_WEBSOCKET, STR("\x81\x01x\x89\x02pp\x8A\x01o\x81\x00"), 0, "Tx/Ppp/Oo/T/");
    check(FRAMES_WEBSOCKET, STR("\x88\x00"), 0, "C1005/");
    check(FRAMES_WEBSOCKET,
          STR("\x88\x05\x03\xE9"
              "bye\x81\x01x"),
          0, "C1001bye/");
}

static void a_gateway_may_cut_messages_into_fragments(void **state) {
    (void)state;
    check(FRAMES_WEBSOCKET,
          STR("\x01\x01"
              "a\x89\x00\x00\x01"
              "b\x80\x01"
              "c\x81\x01"
              "d"),
          0, "P/Tabc/Td/");
    check(FRAMES_WEBSOCKET, STR("\x01\x01\xC3\x80\x01\xA9"), 0, "T\xC3\xA9/");
}

static void frames_that_break_the_rules_are_refused(void **state) {
    (void)state;
    static const struct reel_str faults[] = {
        STR("\x81\x81\x01\x02\x03\x04x"),                /* a mask */
        STR("\xC1\x01x"),                                /* a reserved bit */
        STR("\x82\x01x"),                                /* not text */
        STR("\x83\x01x"),                                /* unknown */
        STR("\x8B\x01x"),                                /* unknown control frame */
        STR("\x80\x01x"),                                /* a fragment of nothing */
        STR("\x01\x01x\x81\x01y"),                       /* a message within another */
        STR("\x09\x01x"),                                /* a ping in fragments */
        STR("\x89\x7E\x00\x7E"),                         /* a long ping */
        STR("\x81\x7E\x00\x01x"),                        /* a length that could be shorter */
        STR("\x81\x7F\x00\x00\x00\x00\x7F\xFF\xFF\xFF"), /* a frame that is too long */
        STR("\x81\x01\xFF"),                             /* not UTF-8 */
        STR("\x88\x01\x03"),                             /* half a code */
        STR("\x88\x03\x03\xE8\xFF"),                     /* a reason that is not UTF-8 */
    };
    for (size_t i = 0; i < LENGTH(faults); i++) check(FRAMES_WEBSOCKET, faults[i], -EPROTO, "");
}

/* What a client writes is what the daemon reads. */
static void what_is_written_is_heard_by_the_server(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 3, 4, 5, 125, 126, 60000};
    for (size_t i = 0; i < LENGTH(lengths); i++) {
        struct websocket_pool pool = {0};
        struct text bytes = {0}, payload = {0}, message = {0};
        struct websocket_input input = {.message = &message, .message_max = 70000};
        struct websocket_said said;
        if (lengths[i]) memset(text_extend(&payload, lengths[i]), 'p', lengths[i]);
        text_append_lit(&bytes, "before");
        frames_write(&bytes, WEBSOCKET_TEXT, text_str(&payload), 0x12345678);
        struct reel_str rest = {bytes.data + 6, bytes.len - 6};
        assert_int_equal(websocket_hear(&input, &pool, &rest, &said), WEBSOCKET_HEARD_MESSAGE);
        assert_bytes(text_str(&message), text_str(&payload));
        assert_int_equal(rest.len, 0);
        websocket_input_finish(&input, &pool);
        websocket_pool_finish(&pool);
        text_finish(&bytes);
        text_finish(&payload);
        text_finish(&message);
    }
}

UNIT_TESTS(frames_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_have_data_and_ids),
        cmocka_unit_test(messages_are_read),
        cmocka_unit_test(a_gateway_may_cut_messages_into_fragments),
        cmocka_unit_test(frames_that_break_the_rules_are_refused),
        cmocka_unit_test(what_is_written_is_heard_by_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
