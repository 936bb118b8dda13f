/* wire_test.c: WebSocket frames: those that are written, and what is heard of a client, however its
 * bytes are cut into pieces (RFC 6455, section 5). */
#include "unit.h"

#include "websocket/wire.h"

/* ---- A client -------------------------------------------------------------------------------- */

struct talk {
    struct websocket_pool pool;
    struct websocket_input input;
    struct websocket_said said;
    struct text pongs; /* the payloads of pings, each behind a slash */
};

static void talk_end(struct talk *talk) {
    websocket_input_finish(&talk->input, &talk->pool);
    websocket_pool_finish(&talk->pool);
    text_finish(&talk->pongs);
}

/* `first` is a frame's first byte; the mask is real. */
static void add_frame_of(struct text *text, uint8_t first, uint8_t mask_bit,
                         struct reel_str payload, uint64_t told_len) {
    static const uint8_t mask[4] = {0x37, 0xFA, 0x21, 0x3D};
    uint8_t head[14] = {first}, size = told_len < 126 ? 0 : told_len <= UINT16_MAX ? 2 : 8;
    head[1] = mask_bit | (uint8_t)(size == 0 ? told_len : size == 2 ? 126 : 127);
    for (uint8_t i = 0; i < size; i++) head[2 + i] = (uint8_t)(told_len >> 8 * (size - 1 - i));
    text_append(text, head, 2 + size);
    if (mask_bit) text_append(text, mask, sizeof mask);
    for (size_t i = 0; i < payload.len; i++) {
        char byte = (char)(payload.data[i] ^ (mask_bit ? mask[i % 4] : 0));
        text_append(text, &byte, 1);
    }
}

static void add_frame(struct text *text, uint8_t first, struct reel_str payload) {
    add_frame_of(text, first, 0x80, payload, payload.len);
}

static enum websocket_heard hear(struct talk *talk, struct reel_str bytes) {
    enum websocket_heard heard;
    do {
        heard = websocket_hear(&talk->input, &talk->pool, &bytes, &talk->said);
        if (heard == WEBSOCKET_HEARD_PING) {
            text_append_lit(&talk->pongs, "/");
            text_append(&talk->pongs, talk->said.payload, talk->said.len);
        }
    } while (heard == WEBSOCKET_HEARD_PING);
    if (heard == WEBSOCKET_HEARD_NOTHING) assert_int_equal(bytes.len, 0);
    return heard;
}

/* In pieces of so many bytes, each in memory of its own. */
static enum websocket_heard hear_cut(struct talk *talk, struct reel_str bytes, size_t piece) {
    enum websocket_heard heard = WEBSOCKET_HEARD_NOTHING;
    while (bytes.len > 0 && heard == WEBSOCKET_HEARD_NOTHING) {
        size_t len = bytes.len < piece ? bytes.len : piece;
        struct reel_str part = {bytes.data, len};
        char *copy = exact_copy(part);
        part.data = copy;
        heard = hear(talk, part);
        free(copy);
        bytes.data += len;
        bytes.len -= len;
    }
    return heard;
}

/* What comes of it, the same in pieces of every size; 0: nothing, -1: a close, else a fault's code.
 * Takes the text. */
static int heard_of(struct text *text) {
    int first = 0;
    for (size_t piece = 1; piece <= 20 && piece <= text->len + 1; piece++) {
        struct talk talk = {0};
        enum websocket_heard heard = hear_cut(&talk, text_str(text), piece == 20 ? 65536 : piece);
        int code = heard == WEBSOCKET_HEARD_FAULT   ? (int)talk.said.code
                   : heard == WEBSOCKET_HEARD_CLOSE ? -1
                                                    : 0;
        if (piece == 1) first = code;
        assert_int_equal(code, first);
        talk_end(&talk);
    }
    text_finish(text);
    return first;
}

static int heard_of_frame(uint8_t first, struct reel_str payload) {
    struct text text = {0};
    add_frame(&text, first, payload);
    return heard_of(&text);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void lengths_are_written_in_the_shortest_way(void **state) {
    (void)state;
    static const struct {
        size_t len;
        struct reel_str head;
    } cases[] = {
        {0, STR("\x81\x00")},
        {125, STR("\x81\x7D")},
        {126, STR("\x81\x7E\x00\x7E")},
        {65535, STR("\x81\x7E\xFF\xFF")},
        {65536, STR("\x81\x7F\x00\x00\x00\x00\x00\x01\x00\x00")},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct text text = {0};
        char *payload = calloc(1, cases[i].len + 1);
        websocket_write(&text, WEBSOCKET_TEXT, (struct reel_str){payload, cases[i].len});
        size_t head_len = cases[i].head.len;
        assert_int_equal(text.len, head_len + cases[i].len);
        assert_bytes((struct reel_str){text.data, head_len}, cases[i].head);
        free(payload);
        text_finish(&text);
    }
}

/* ---- Hearing --------------------------------------------------------------------------------- */

static void messages_are_thrown_away(void **state) {
    (void)state;
    assert_int_equal(heard_of_frame(0x81, STR("hello")), 0);
    assert_int_equal(heard_of_frame(0x81, STR("")), 0);
    assert_int_equal(heard_of_frame(0x82, STR("\xFF\x00\xFE")), 0);
    assert_int_equal(heard_of_frame(0x8A, STR("a pong that nobody asked for")), 0);
}

static void a_ping_is_told_with_its_payload(void **state) {
    (void)state;
    char longest[WEBSOCKET_CONTROL_MAX];
    memset(longest, 'x', sizeof longest);
    for (size_t piece = 1; piece < 300; piece++) {
        struct talk talk = {0};
        struct text text = {0};
        add_frame(&text, 0x89, STR(""));
        add_frame(&text, 0x89, STR("one"));
        add_frame(&text, 0x89, (struct reel_str){longest, sizeof longest});
        assert_int_equal(hear_cut(&talk, text_str(&text), piece), WEBSOCKET_HEARD_NOTHING);
        assert_int_equal(talk.pongs.len, 1 + 4 + 1 + sizeof longest);
        assert_memory_equal(talk.pongs.data, "//one/xxx", 9);
        text_finish(&text);
        talk_end(&talk);
    }
}

static void control_frames_may_stand_between_fragments(void **state) {
    (void)state;
    struct talk talk = {0};
    struct text text = {0};
    add_frame(&text, 0x01, STR("hel\xC3"));
    add_frame(&text, 0x89, STR("p"));
    add_frame(&text, 0x00, STR(""));
    add_frame(&text, 0x80, STR("\xA4lo"));
    assert_int_equal(hear(&talk, text_str(&text)), WEBSOCKET_HEARD_NOTHING);
    assert_bytes(text_str(&talk.pongs), STR("/p"));
    talk_end(&talk);
    assert_int_equal(heard_of(&text), 0);
}

static void a_close_is_told_with_its_code(void **state) {
    (void)state;
    struct talk talk = {0};
    struct text text = {0};
    add_frame(&text, 0x88, STR("\x03\xE8 good \xC3\xA4"));
    assert_int_equal(hear(&talk, text_str(&text)), WEBSOCKET_HEARD_CLOSE);
    assert_int_equal(talk.said.code, 1000);
    talk_end(&talk);
    text_finish(&text);
    assert_int_equal(heard_of_frame(0x88, STR("")), -1);
    assert_int_equal(heard_of_frame(0x88, STR("\x0B\xB8")), -1); /* 3000 */
    assert_int_equal(heard_of_frame(0x88, STR("\x13\x87")), -1); /* 4999 */
}

static void codes_that_there_are_not_are_faults(void **state) {
    (void)state;
    assert_int_equal(heard_of_frame(0x88, STR("\x03")), 1002);
    static const unsigned codes[] = {0,    999,  1004, 1005, 1006, 1015,
                                     1016, 1100, 2000, 2999, 5000, 65535};
    for (size_t i = 0; i < LENGTH(codes); i++) {
        const char payload[2] = {(char)(codes[i] >> 8), (char)codes[i]};
        assert_int_equal(heard_of_frame(0x88, (struct reel_str){payload, 2}), 1002);
    }
    assert_int_equal(heard_of_frame(0x88, STR("\x03\xE8\xFF")), 1007);
    assert_int_equal(heard_of_frame(0x88, STR("\x03\xE8\xC3")), 1007);
}

static void nothing_is_heard_behind_a_close(void **state) {
    (void)state;
    struct talk talk = {0};
    struct text text = {0};
    add_frame(&text, 0x88, STR("\x03\xE8"));
    add_frame(&text, 0x89, STR("late"));
    assert_int_equal(hear(&talk, text_str(&text)), WEBSOCKET_HEARD_CLOSE);
    assert_int_equal(talk.pongs.len, 0);
    talk_end(&talk);
    text_finish(&text);
}

static void a_frame_needs_a_mask(void **state) {
    (void)state;
    struct text text = {0};
    add_frame_of(&text, 0x81, 0, STR("hi"), 2);
    assert_int_equal(heard_of(&text), 1002);
}

static void reserved_bits_and_opcodes_are_faults(void **state) {
    (void)state;
    for (uint8_t bits = 0x10; bits <= 0x70; bits += 0x10)
        assert_int_equal(heard_of_frame(0x81 | bits, STR("x")), 1002);
    for (uint8_t opcode = 3; opcode < 16; opcode++)
        if (opcode < 8 || opcode > 10)
            assert_int_equal(heard_of_frame(0x80 | opcode, STR("")), 1002);
}

static void control_frames_are_whole_and_short(void **state) {
    (void)state;
    char payload[126] = {0};
    for (uint8_t opcode = 8; opcode <= 10; opcode++) {
        assert_int_equal(heard_of_frame(opcode, STR("")), 1002);
        assert_int_equal(heard_of_frame(0x80 | opcode, (struct reel_str){payload, 126}), 1002);
    }
}

static void fragments_come_in_order(void **state) {
    (void)state;
    struct text text = {0};
    assert_int_equal(heard_of_frame(0x80, STR("x")), 1002); /* goes on with nothing */
    add_frame(&text, 0x01, STR("x"));
    add_frame(&text, 0x81, STR("y"));
    assert_int_equal(heard_of(&text), 1002);
    text = (struct text){0};
    add_frame(&text, 0x02, STR("x"));
    add_frame(&text, 0x80, STR("y"));
    add_frame(&text, 0x80, STR("z"));
    assert_int_equal(heard_of(&text), 1002);
}

static void text_is_utf8(void **state) {
    (void)state;
    static const struct reel_str bad[] = {
        STR("\x80"),
        STR("\xC0\x80"),
        STR("\xC3"),
        STR("\xC3("),
        STR("\xE0\x9F\xBF"),
        STR("\xED\xA0\x80"),
        STR("\xE2\x82"),
        STR("\xF0\x8F\xBF\xBF"),
        STR("\xF4\x90\x80\x80"),
        STR("\xF5\x80\x80\x80"),
        STR("ok\xFFok"),
        STR("\xF0\x9F\x98"),
    };
    static const struct reel_str good[] = {
        STR("\xC2\x80\xDF\xBF"),
        STR("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"),
        STR("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"),
        STR("\x00\x7F"),
    };
    for (size_t i = 0; i < LENGTH(bad); i++) assert_int_equal(heard_of_frame(0x81, bad[i]), 1007);
    for (size_t i = 0; i < LENGTH(good); i++) assert_int_equal(heard_of_frame(0x81, good[i]), 0);
}

static void utf8_in_pieces_is_judged_like_utf8(void **state) {
    (void)state;
    uint64_t random = 1;
    static const char bytes[] = "a\x80\xBF\xC2\xE0\xA0\xED\x9F\xF0\x90\xF4\x8F\xEF";
    for (size_t i = 0; i < scaled(200000); i++) {
        char text[6];
        size_t len = random_below(&random, sizeof text + 1);
        for (size_t n = 0; n < len; n++) text[n] = bytes[random_below(&random, sizeof bytes - 1)];
        struct utf8_walk walk = {0};
        size_t cut = random_below(&random, len + 1);
        bool good = utf8_walk(&walk, (const uint8_t *)text, cut) &&
                    utf8_walk(&walk, (const uint8_t *)text + cut, len - cut) && walk.left == 0;
        assert_int_equal(good, utf8_valid((struct reel_str){text, len}));
    }
}

static void a_message_that_is_too_large_is_refused_at_its_head(void **state) {
    (void)state;
    struct text text = {0};
    add_frame_of(&text, 0x82, 0x80, STR(""), WEBSOCKET_MESSAGE_MAX + 1);
    assert_int_equal(heard_of(&text), 1009);
    text = (struct text){0};
    add_frame_of(&text, 0x81, 0x80, STR(""), UINT64_MAX >> 1);
    assert_int_equal(heard_of(&text), 1009);
    text = (struct text){0};
    add_frame(&text, 0x02, STR("one byte"));
    add_frame_of(&text, 0x80, 0x80, STR(""), WEBSOCKET_MESSAGE_MAX - 7);
    assert_int_equal(heard_of(&text), 1009);
}

static void as_much_as_may_be_is_heard(void **state) {
    (void)state;
    char *payload = calloc(1, WEBSOCKET_MESSAGE_MAX);
    must(payload);
    assert_int_equal(heard_of_frame(0x81, (struct reel_str){payload, WEBSOCKET_MESSAGE_MAX}), 0);
    free(payload);
}

static void lengths_that_could_be_shorter_are_faults(void **state) {
    (void)state;
    struct text text = {0};
    text_append(&text, "\x81\xFE\x00\x05mask", 8);
    assert_int_equal(heard_of(&text), 1002);
    text = (struct text){0};
    text_append(&text, "\x81\xFF\x00\x00\x00\x00\x00\x00\xFF\xFFmask", 14);
    assert_int_equal(heard_of(&text), 1002);
    text = (struct text){0};
    text_append(&text, "\x81\xFF\x80\x00\x00\x00\x00\x00\x00\x00mask", 14);
    assert_int_equal(heard_of(&text), 1002);
}

/* A frame context is only had in the middle of a frame, and goes from one client to the next. */
static void the_silent_cost_nothing(void **state) {
    (void)state;
    struct talk talk = {0};
    struct text text = {0};
    add_frame(&text, 0x89, STR("ping"));
    hear(&talk, (struct reel_str){text.data, 3});
    assert_non_null(talk.input.frame);
    hear(&talk, (struct reel_str){text.data + 3, text.len - 3});
    assert_null(talk.input.frame);
    assert_int_equal(talk.pool.count, 1);
    struct websocket_input other = {0};
    struct reel_str bytes = text_str(&text);
    assert_int_equal(websocket_hear(&other, &talk.pool, &bytes, &talk.said), WEBSOCKET_HEARD_PING);
    assert_int_equal(talk.pool.count, 1);
    text_finish(&text);
    talk_end(&talk);
}

UNIT_TESTS(wire_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_written_in_the_shortest_way),
        cmocka_unit_test(messages_are_thrown_away),
        cmocka_unit_test(a_ping_is_told_with_its_payload),
        cmocka_unit_test(control_frames_may_stand_between_fragments),
        cmocka_unit_test(a_close_is_told_with_its_code),
        cmocka_unit_test(codes_that_there_are_not_are_faults),
        cmocka_unit_test(nothing_is_heard_behind_a_close),
        cmocka_unit_test(a_frame_needs_a_mask),
        cmocka_unit_test(reserved_bits_and_opcodes_are_faults),
        cmocka_unit_test(control_frames_are_whole_and_short),
        cmocka_unit_test(fragments_come_in_order),
        cmocka_unit_test(text_is_utf8),
        cmocka_unit_test(utf8_in_pieces_is_judged_like_utf8),
        cmocka_unit_test(a_message_that_is_too_large_is_refused_at_its_head),
        cmocka_unit_test(as_much_as_may_be_is_heard),
        cmocka_unit_test(lengths_that_could_be_shorter_are_faults),
        cmocka_unit_test(the_silent_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
