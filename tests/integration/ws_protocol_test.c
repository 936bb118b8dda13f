/* ws_protocol_test.c: frames as RFC 6455 has them, and as it does not: what a client sends once it
 * is a WebSocket. The cases are those that conformance suites try: sizes, pings, reserved bits and
 * opcodes, fragments, UTF-8, closing; each whole, in single bytes, and cut in two everywhere. */
#include "follow.h"
#include "http_support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define FOLLOW       "/ws/events"

/* A string with its length, NULs and all. */
#define BYTES(text)                                                                                \
    (struct reel_str) {                                                                            \
        "" text, sizeof text - 1                                                                   \
    }

/* ---- What comes of it ------------------------------------------------------------------------ */

/* A ping is still answered, and nothing but that is said. */
static void expect_alive(struct wire *ws) {
    struct ws_frame frame;
    must(ws_send(ws, WS_FIN | WS_PING, "still there?", 12));
    if (!ws_read(ws, &frame)) support_failed(__FILE__, __LINE__, "the connection ended");
    if (frame.opcode != WS_PONG || !reel_str_eq(frame.payload, reel_text("still there?")))
        support_failed(__FILE__, __LINE__, "opcode %u, %zu bytes", frame.opcode, frame.payload.len);
}

static void expect_closed(struct wire *ws, unsigned code) {
    char reason[124];
    unsigned found = ws_closed(ws, reason);
    if (found != code)
        support_failed(__FILE__, __LINE__, "closed with %u `%s` instead of %u", found, reason,
                       code);
}

static void expect_pong(struct wire *ws, const void *payload, size_t len) {
    struct ws_frame frame;
    must(ws_read(ws, &frame) && frame.opcode == WS_PONG);
    must(frame.payload.len == len && memcmp(frame.payload.data, payload, len) == 0);
}

/* ---- Cases as lists of frames ---------------------------------------------------------------- */

struct sent {
    unsigned first; /* byte of the frame */
    struct reel_str payload;
};

/* Frames of a client, and the code that it is closed with; 0: it is not. */
struct exchange {
    const char *name;
    unsigned code;
    struct sent frames[4]; /* up to one that is all zero */
};

#define TEXT  (WS_FIN | WS_TEXT)
#define BLOB  (WS_FIN | WS_BINARY)
#define CLOSE (WS_FIN | WS_CLOSE)
#define PING  (WS_FIN | WS_PING)
#define PONG  (WS_FIN | WS_PONG)
#define BEGIN WS_TEXT
#define MORE  (0x100 | WS_CONTINUATION) /* not all zero; the frame's first byte has eight bits */
#define LAST  (WS_FIN | WS_CONTINUATION)

static void add_frames(struct text *text, const struct exchange *exchange) {
    for (size_t i = 0; i < COUNT(exchange->frames) && exchange->frames[i].first; i++)
        ws_add_frame(text, exchange->frames[i].first & 0xFF, exchange->frames[i].payload.data,
                     exchange->frames[i].payload.len);
}

static void expect(struct wire *ws, const struct exchange *exchange) {
    if (exchange->code)
        expect_closed(ws, exchange->code);
    else
        expect_alive(ws);
}

/* Whole, and in single bytes. */
static void check_exchanges(struct site *site, const struct exchange *exchanges, size_t count) {
    for (size_t i = 0; i < count * 2; i++) {
        const struct exchange *exchange = &exchanges[i / 2];
        struct wire ws = ws_opened(&site->daemon, FOLLOW);
        struct text bytes = {0};
        size_t step;
        test_context("%s, %s", exchange->name, i % 2 ? "in single bytes" : "whole");
        add_frames(&bytes, exchange);
        step = i % 2 ? 1 : bytes.len;
        for (size_t at = 0; at < bytes.len; at += step)
            if (!wire_send(&ws, bytes.data + at, step)) break;
        expect(&ws, exchange);
        wire_close(&ws);
        free(bytes.data);
    }
    test_context("%s", "");
}

/* ---- Data ------------------------------------------------------------------------------------ */

/* A follower has nothing to say: what it says is held to the rules and thrown away. */
static void messages_are_thrown_away(void **state) {
    static char filling[65536];
    memset(filling, '*', sizeof filling);
    const struct exchange exchanges[] = {
        {"an empty text", 0, {{TEXT, BYTES("")}}},
        {"a text", 0, {{TEXT, BYTES("hello")}}},
        {"an empty blob", 0, {{BLOB, BYTES("")}}},
        {"a blob", 0, {{BLOB, BYTES("\xFF\xFE\x00")}}},
        {"fragments", 0, {{BEGIN, BYTES("a")}, {MORE, BYTES("")}, {LAST, BYTES("b")}}},
        {"empty fragments", 0, {{BEGIN, BYTES("")}, {MORE, BYTES("")}, {LAST, BYTES("")}}},
        {"a cut character", 0, {{BEGIN, BYTES("\xF0\x9F")}, {LAST, BYTES("\x98\x80")}}},
        {"a pong between", 0, {{BEGIN, BYTES("\xCE")}, {PONG, BYTES("x")}, {LAST, BYTES("\xBA")}}},
        {"one after another", 0, {{TEXT, BYTES("a")}, {BLOB, BYTES("b")}, {TEXT, BYTES("c")}}},
    };
    check_exchanges(*state, exchanges, COUNT(exchanges));
    static const size_t lens[] = {125, 126, 127, 65535, 65536};
    for (size_t i = 0; i < COUNT(lens) * 2; i++) {
        struct site *site = *state;
        struct wire ws = ws_opened(&site->daemon, FOLLOW);
        must(ws_send(&ws, i % 2 ? TEXT : BLOB, filling, lens[i / 2]));
        expect_alive(&ws);
        wire_close(&ws);
    }
}

/* ---- Pings and pongs ------------------------------------------------------------------------- */

static void a_ping_is_answered_with_its_payload(void **state) {
    struct site *site = *state;
    static const size_t lens[] = {0, 1, 12, 124, 125};
    struct wire ws = ws_opened(&site->daemon, FOLLOW);
    unsigned char payload[125];
    for (size_t i = 0; i < sizeof payload; i++) payload[i] = (unsigned char)(0xFE - i);
    for (size_t i = 0; i < COUNT(lens); i++) {
        must(ws_send(&ws, PING, payload, lens[i]));
        expect_pong(&ws, payload, lens[i]);
    }
    ws_close(&ws, 1000);
    wire_close(&ws);
}

static void of_pings_in_one_packet_the_last_is_answered(void **state) {
    struct site *site = *state;
    enum { PINGS = 100 };
    struct wire ws = ws_opened(&site->daemon, FOLLOW);
    struct text bytes = {0};
    char payload[16];
    for (int i = 0; i < PINGS; i++)
        ws_add_frame(&bytes, PING, payload, (size_t)snprintf(payload, sizeof payload, "n%d", i));
    must(wire_send(&ws, bytes.data, bytes.len));
    for (int i = 0; i < PINGS; i++) { /* section 5.5.3: the last of those that wait will do */
        struct ws_frame frame;
        snprintf(payload, sizeof payload, "n%d", PINGS - 1);
        must(ws_read(&ws, &frame) && frame.opcode == WS_PONG);
        if (reel_str_eq(frame.payload, reel_text(payload))) break;
        must(i + 1 < PINGS);
    }
    expect_alive(&ws);
    wire_close(&ws);
    free(bytes.data);
}

static void pongs_that_nobody_asked_for_and_long_pings(void **state) {
    static char long_one[126];
    static const struct exchange exchanges[] = {
        {"an empty pong", 0, {{PONG, BYTES("")}}},
        {"a pong with a payload", 0, {{PONG, BYTES("nobody asked")}}},
        {"pongs around a ping", 0, {{PONG, BYTES("a")}, {PONG, BYTES("b")}}},
        {"a ping of 126 bytes", 1002, {{PING, {long_one, 126}}}},
        {"a pong of 126 bytes", 1002, {{PONG, {long_one, 126}}}},
    };
    check_exchanges(*state, exchanges, COUNT(exchanges));
}

/* ---- Reserved bits and opcodes --------------------------------------------------------------- */

static void reserved_bits_are_refused(void **state) {
    static const unsigned opcodes[] = {WS_TEXT, WS_BINARY, WS_PING, WS_PONG, WS_CLOSE};
    for (unsigned bits = 1; bits <= 7; bits++)
        for (size_t i = 0; i < COUNT(opcodes); i++) {
            struct exchange exchange = {
                "reserved bits", 1002, {{WS_FIN | bits << 4 | opcodes[i], BYTES("")}}};
            check_exchanges(*state, &exchange, 1);
        }
}

static void reserved_opcodes_are_refused(void **state) {
    static const unsigned opcodes[] = {3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF};
    for (size_t i = 0; i < COUNT(opcodes); i++) {
        struct exchange exchanges[] = {
            {"alone", 1002, {{WS_FIN | opcodes[i], BYTES("")}}},
            {"with a payload", 1002, {{WS_FIN | opcodes[i], BYTES("payload")}}},
            {"begun", 1002, {{opcodes[i], BYTES("payload")}}},
            {"in a message", 1002, {{BEGIN, BYTES("a")}, {WS_FIN | opcodes[i], BYTES("")}}},
        };
        check_exchanges(*state, exchanges, COUNT(exchanges));
    }
}

/* ---- Fragments ------------------------------------------------------------------------------- */

static void fragments(void **state) {
    static const struct exchange exchanges[] = {
        {"a fragmented ping", 1002, {{WS_PING, BYTES("a")}, {LAST, BYTES("b")}}},
        {"a fragmented pong", 1002, {{WS_PONG, BYTES("a")}, {LAST, BYTES("b")}}},
        {"a fragmented close", 1002, {{WS_CLOSE, BYTES("\x03\xE8")}, {LAST, BYTES("b")}}},
        {"an end without a beginning", 1002, {{LAST, BYTES("a")}}},
        {"more without a beginning", 1002, {{MORE, BYTES("a")}, {LAST, BYTES("b")}}},
        {"a message in a message", 1002, {{BEGIN, BYTES("a")}, {TEXT, BYTES("b")}}},
        {"a binary one in it", 1002, {{BEGIN, BYTES("a")}, {BLOB, BYTES("b")}}},
        {"another beginning", 1002, {{BEGIN, BYTES("a")}, {BEGIN, BYTES("b")}}},
        {"a close in a message", 1000, {{BEGIN, BYTES("a")}, {CLOSE, BYTES("\x03\xE8")}}},
    };
    check_exchanges(*state, exchanges, COUNT(exchanges));
}

/* Control frames come between the fragments of a message and are not held up by it. */
static void a_ping_between_fragments_is_answered_at_once(void **state) {
    struct site *site = *state;
    struct wire ws = ws_opened(&site->daemon, FOLLOW);
    must(ws_send(&ws, BEGIN, "begun", 5));
    expect_alive(&ws);
    must(ws_send(&ws, WS_CONTINUATION, "", 0));
    expect_alive(&ws);
    wire_close(&ws);
}

/* ---- Masks and lengths ----------------------------------------------------------------------- */

/* Frames by hand, up to their heads' end. */
struct raw_case {
    const char *name;
    unsigned code;
    struct reel_str bytes;
};

static void check_raw(struct site *site, const struct raw_case *raw) {
    struct wire ws = ws_opened(&site->daemon, FOLLOW);
    test_context("%s", raw->name);
    must(wire_send(&ws, raw->bytes.data, raw->bytes.len));
    expect_closed(&ws, raw->code);
    wire_close(&ws);
    test_context("%s", "");
}

static void frames_without_a_mask_are_refused(void **state) {
    static const struct raw_case cases[] = {
        {"text", 1002, BYTES("\x81\x05hello")},     {"empty text", 1002, BYTES("\x81\x00")},
        {"binary", 1002, BYTES("\x82\x01x")},       {"ping", 1002, BYTES("\x89\x01x")},
        {"empty ping", 1002, BYTES("\x89\x00")},    {"pong", 1002, BYTES("\x8A\x00")},
        {"close", 1002, BYTES("\x88\x02\x03\xE8")}, {"begin", 1002, BYTES("\x01\x01x")},
        {"empty close", 1002, BYTES("\x88\x00")},
    };
    for (size_t i = 0; i < COUNT(cases); i++) check_raw(*state, &cases[i]);
}

/* Section 5.2: the shortest form; the highest bit of 64 is not set; section 5.5: control frames
 * have 125 bytes at most. */
static void lengths_that_are_wrongly_written_are_refused(void **state) {
    static const struct raw_case cases[] = {
        {"5 in 16 bits", 1002, BYTES("\x81\xFE\x00\x05\0\0\0\0hello")},
        {"125 in 64 bits", 1002, BYTES("\x81\xFF\0\0\0\0\0\0\0\x7D\0\0\0\0")},
        {"65535 in 64 bits", 1002, BYTES("\x81\xFF\0\0\0\0\0\0\xFF\xFF\0\0\0\0")},
        {"the highest bit", 1002, BYTES("\x81\xFF\x80\0\0\0\0\0\0\x01\0\0\0\0")},
        {"a ping in 16 bits", 1002, BYTES("\x89\xFE\x00\x01\0\0\0\0x")},
        {"a close in 64 bits", 1002, BYTES("\x88\xFF\0\0\0\0\0\0\0\x02\0\0\0\0\x03\xE8")},
    };
    for (size_t i = 0; i < COUNT(cases); i++) check_raw(*state, &cases[i]);
}

/* A length that is too much is answered when it has been read, not when all of it has come. */
static void a_message_that_is_too_long_is_refused_at_its_head(void **state) {
    static const struct raw_case cases[] = {
        {"a tebibyte", 1009, BYTES("\x81\xFF\0\0\x01\0\0\0\0\0\0\0\0\0")},
        {"all of 63 bits", 1009, BYTES("\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0")},
        {"100 MB, begun", 1009, BYTES("\x01\xFF\0\0\0\0\x05\xF5\xE1\x00\0\0\0\0abc")},
    };
    for (size_t i = 0; i < COUNT(cases); i++) check_raw(*state, &cases[i]);
}

static void a_message_that_grows_too_long_is_refused(void **state) {
    struct site *site = *state;
    static char part[32768];
    struct wire ws = ws_opened(&site->daemon, FOLLOW);
    bool open = ws_send(&ws, WS_BINARY, part, sizeof part);
    for (int i = 0; i < 1024 && open; i++)
        open =
            ws_send(&ws, WS_CONTINUATION, part, sizeof part) && !wire_receive(&ws, 0) && !ws.ended;
    assert_false(open);
    expect_closed(&ws, 1009);
    wire_close(&ws);
}

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

/* Ill-formed, as table 3-7 of the Unicode standard has it. */
static const struct reel_str ill_formed[] = {
    BYTES("\x80"),
    BYTES("\xBF"),
    BYTES("\xC0\x80"),
    BYTES("\xC1\xBF"),
    BYTES("\xC3\x28"),
    BYTES("\xC3"),
    BYTES("\xE0\x80\x80"),
    BYTES("\xE0\x9F\xBF"),
    BYTES("\xE1\x80"),
    BYTES("\xE1\x80\x28"),
    BYTES("\xED\xA0\x80"),
    BYTES("\xED\xBF\xBF"),
    BYTES("\xEF\xBF"),
    BYTES("\xF0\x80\x80\x80"),
    BYTES("\xF0\x8F\xBF\xBF"),
    BYTES("\xF1\x80\x80"),
    BYTES("\xF4\x90\x80\x80"),
    BYTES("\xF5\x80\x80\x80"),
    BYTES("\xF8\x88\x80\x80\x80"),
    BYTES("\xFC\x84\x80\x80\x80\x80"),
    BYTES("\xFE"),
    BYTES("\xFF"),
    BYTES("\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80"
          "edited"),
};

static void text_that_is_not_utf_8_is_refused(void **state) {
    for (size_t i = 0; i < COUNT(ill_formed); i++) {
        struct reel_str bad = ill_formed[i], first = {bad.data, 1},
                        rest = {bad.data + 1, bad.len - 1};
        struct exchange exchanges[] = {
            {"in one frame", 1007, {{TEXT, bad}}},
            {"in two fragments", 1007, {{BEGIN, first}, {LAST, rest}}},
            {"after what is good", 1007, {{BEGIN, BYTES("good \xCE\xBA")}, {LAST, bad}}},
        };
        check_exchanges(*state, exchanges, COUNT(exchanges));
    }
}

/* Bad at once, though more is still to come. */
static void text_that_cannot_become_utf_8_is_refused_early(void **state) {
    static const struct exchange exchanges[] = {
        {"begun", 1007, {{BEGIN, BYTES("\xCE\xBA\xF4\x90\x80")}}},
        {"begun, and more", 1007, {{BEGIN, BYTES("\xCE")}, {MORE, BYTES("\x28")}}},
    };
    check_exchanges(*state, exchanges, COUNT(exchanges));
}

/* ---- Closing --------------------------------------------------------------------------------- */

static void closing(void **state) {
    static char longest[125] = "\x03\xE8", too_long[126] = "\x03\xE8";
    memset(longest + 2, 'r', sizeof longest - 2);
    memset(too_long + 2, 'r', sizeof too_long - 2);
    const struct exchange exchanges[] = {
        {"with a reason",
         1000,
         {{CLOSE, BYTES("\x03\xE8"
                        "done")}}},
        {"with the longest reason", 1000, {{CLOSE, {longest, sizeof longest}}}},
        {"with a longer one", 1002, {{CLOSE, {too_long, sizeof too_long}}}},
        {"with one byte", 1002, {{CLOSE, BYTES("\x03")}}},
        {"with a reason that is not UTF-8", 1007, {{CLOSE, BYTES("\x03\xE8\xCE\xBA\xED\xA0\x80")}}},
        {"and then a ping", 1000, {{CLOSE, BYTES("\x03\xE8")}, {PING, BYTES("late")}}},
        {"and then a text", 1000, {{CLOSE, BYTES("\x03\xE8")}, {TEXT, BYTES("late")}}},
        {"twice", 1000, {{CLOSE, BYTES("\x03\xE8")}, {CLOSE, BYTES("\x03\xE9")}}},
    };
    check_exchanges(*state, exchanges, COUNT(exchanges));
}

/* Section 5.5.1: answered with the code that came. */
static void close_codes_that_may_be_sent_are_answered_with_themselves(void **state) {
    struct site *site = *state;
    static const unsigned codes[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009,
                                     1010, 1011, 3000, 3999, 4000, 4410, 4999};
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct wire ws = ws_opened(&site->daemon, FOLLOW);
        test_context("code %u", codes[i]);
        ws_close(&ws, codes[i]);
        wire_close(&ws);
    }
    test_context("%s", "");
}

/* Section 7.4: outside the ranges, reserved, or never to be sent. */
static void close_codes_that_may_not_be_sent_are_refused(void **state) {
    static const unsigned codes[] = {0,    1,    999,  1004, 1005, 1006, 1015,
                                     1016, 1100, 2000, 2999, 5000, 65535};
    for (size_t i = 0; i < COUNT(codes); i++) {
        char payload[2] = {(char)(codes[i] >> 8), (char)codes[i]};
        char name[16];
        snprintf(name, sizeof name, "code %u", codes[i]);
        struct exchange exchange = {name, 1002, {{CLOSE, {payload, sizeof payload}}}};
        check_exchanges(*state, &exchange, 1);
    }
}

static void a_close_without_a_code_is_answered(void **state) {
    struct site *site = *state;
    struct wire ws = ws_opened(&site->daemon, FOLLOW);
    must(ws_send(&ws, CLOSE, "", 0));
    unsigned code = ws_closed(&ws, NULL);
    assert_true(code == 1000 || code == 1005);
    wire_close(&ws);
}

/* ---- Cut anywhere ---------------------------------------------------------------------------- */

/* Everything that a good client may send. */
static void add_all_kinds(struct text *bytes) {
    static char longer[300];
    ws_add_frame(bytes, PING, "one", 3);
    ws_add_frame(bytes, PONG, "nobody asked", 12);
    ws_add_frame(bytes, PING, longer, 125);
    ws_add_frame(bytes, PONG, "", 0);
    ws_add_frame(bytes, PING, "three", 5);
    ws_add_frame(bytes, CLOSE,
                 "\x03\xE8"
                 "done",
                 6);
}

static void expect_all_kinds(struct wire *ws) {
    struct ws_frame frame = {0};
    while (frame.opcode != WS_PONG || !reel_str_eq(frame.payload, reel_text("three")))
        must(ws_read(ws, &frame) && frame.opcode == WS_PONG);
    expect_closed(ws, 1000);
}

static void frames_may_be_cut_at_every_byte(void **state) {
    struct site *site = *state;
    struct text bytes = {0};
    add_all_kinds(&bytes);
    for (size_t cut = 0; cut <= bytes.len; cut++) { /* 0: all in one packet */
        struct wire ws = ws_opened(&site->daemon, FOLLOW);
        test_context("cut at %zu", cut);
        must(wire_send(&ws, bytes.data, cut));
        must(wire_send(&ws, bytes.data + cut, bytes.len - cut));
        expect_all_kinds(&ws);
        wire_close(&ws);
    }
    test_context("%s", "");
    free(bytes.data);
}

/* A client that does not wait for the answer: what comes in the packet of the handshake, behind it
 * or in part, is no less a frame. */
static void frames_may_come_together_with_the_handshake(void **state) {
    struct site *site = *state;
    static const char *const headers[] = {WS_UPGRADE, NULL};
    struct text head = {0}, all = {0};
    text_format(&head, "GET " FOLLOW " HTTP/1.1\r\nHost: reel\r\nAuthorization: Bearer " READ_TOKEN
                       "\r\n");
    for (size_t i = 0; headers[i]; i++) text_format(&head, "%s\r\n", headers[i]);
    text_format(&head, "\r\n");
    text_add(&all, head.data, head.len);
    add_all_kinds(&all);
    for (size_t cut = head.len; cut <= all.len; cut++) {
        struct wire ws = wire_opened(&site->daemon, 0);
        test_context("cut at %zu of %zu", cut, head.len);
        must(wire_send(&ws, all.data, cut));
        must(wire_send(&ws, all.data + cut, all.len - cut));
        struct reply reply = wire_answer(&ws);
        assert_int_equal(reply.status, 101);
        reply_free(&reply);
        expect_all_kinds(&ws);
        wire_close(&ws);
    }
    test_context("%s", "");
    free(head.data);
    free(all.data);
}

/* ---- Noise ----------------------------------------------------------------------------------- */

/* Good frames in which a few bytes are others: whatever comes of it, the daemon goes on. */
static void noise_ends_only_its_own_connection(void **state) {
    struct site *site = *state;
    uint64_t random = 5;
    struct wire good = ws_opened(&site->daemon, FOLLOW);
    for (size_t i = scaled(5000); i > 0; i--) {
        struct wire ws = ws_opened(&site->daemon, FOLLOW);
        struct text bytes = {0};
        add_all_kinds(&bytes);
        for (uint64_t n = random_next(&random) % 8; n > 0; n--)
            bytes.data[random_next(&random) % bytes.len] = (char)random_next(&random);
        wire_send(&ws, bytes.data, random_next(&random) % (bytes.len + 1));
        wire_close(&ws);
        free(bytes.data);
    }
    expect_alive(&good);
    follower_count_wait(site->reader, 1); /* of the others nothing is left */
    wire_close(&good);
    struct reply reply = got(site->reader, "/v1/cells", 200);
    reply_free(&reply);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_thrown_away),
        cmocka_unit_test(a_ping_is_answered_with_its_payload),
        cmocka_unit_test(of_pings_in_one_packet_the_last_is_answered),
        cmocka_unit_test(pongs_that_nobody_asked_for_and_long_pings),
        cmocka_unit_test(reserved_bits_are_refused),
        cmocka_unit_test(reserved_opcodes_are_refused),
        cmocka_unit_test(fragments),
        cmocka_unit_test(a_ping_between_fragments_is_answered_at_once),
        cmocka_unit_test(frames_without_a_mask_are_refused),
        cmocka_unit_test(lengths_that_are_wrongly_written_are_refused),
        cmocka_unit_test(a_message_that_is_too_long_is_refused_at_its_head),
        cmocka_unit_test(a_message_that_grows_too_long_is_refused),
        cmocka_unit_test(text_that_is_not_utf_8_is_refused),
        cmocka_unit_test(text_that_cannot_become_utf_8_is_refused_early),
        cmocka_unit_test(closing),
        cmocka_unit_test(close_codes_that_may_be_sent_are_answered_with_themselves),
        cmocka_unit_test(close_codes_that_may_not_be_sent_are_refused),
        cmocka_unit_test(a_close_without_a_code_is_answered),
        cmocka_unit_test(frames_may_be_cut_at_every_byte),
        cmocka_unit_test(frames_may_come_together_with_the_handshake),
        cmocka_unit_test(noise_ends_only_its_own_connection),
    };
    return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
