/* nats_message_test.c: what a message of JetStream says: where it stands in the stream, by which id
 * it was published, and its event. */
#include "unit.h"

#include "engine/log/log.h"
#include "feeds/nats/nats.h"
#include "feeds/nats/nats_message.h"
#include "json/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Places ---------------------------------------------------------------------------------- */

static bool read_place(const char *reply, struct nats_place *ret) {
    char *exact = exact_copy((struct reel_str){reply, strlen(reply) + 1});
    bool is_place = nats_place_read(exact, ret);
    free(exact);
    return is_place;
}

static void assert_place(const char *reply, uint64_t seq, uint64_t consumer_seq, uint64_t time_ns,
                         uint64_t pending) {
    struct nats_place place;
    test_context("%s", reply);
    must(read_place(reply, &place));
    must(place.seq == seq && place.consumer_seq == consumer_seq);
    must(place.time_ns == time_ns && place.pending == pending);
}

static void a_place_is_read_in_every_form(void **state) {
    (void)state;
    assert_place("$JS.ACK.S.c.1.22.3.1700000000000000000.5", 22, 3, 1700000000000000000, 5);
    assert_place("$JS.ACK.S.c.1.1.1.0.0", 1, 1, 0, 0);
    assert_place("$JS.ACK._.ACC.S.c.1.22.3.44.5", 22, 3, 44, 5);
    assert_place("$JS.ACK.hub.ACC.S.c.1.22.3.44.5.token", 22, 3, 44, 5);
    assert_place("$JS.ACK.hub.ACC.S.c.1.22.3.44.5.a.b.c", 22, 3, 44, 5);
    assert_place("$JS.ACK.S.c.1.18446744073709551599.3.4.5", UINT64_C(18446744073709551599), 3, 4,
                 5);
}

static void subjects_that_are_not_positions_are_recognized(void **state) {
    (void)state;
    static const char *const others[] = {
        "",
        "$JS.ACK",
        "$JS.ACK.",
        "$JS.ACK........",
        "_INBOX.abc.1",
        "$js.ack.S.c.1.22.3.44.5",
        "x$JS.ACK.S.c.1.22.3.44.5",
        "$JS.ACKS.S.c.1.22.3.44.5",
        "$JS.ACK.S.c.1.22.3.44",                     /* too few */
        "$JS.ACK.S.c.1.22.3.44.5.6",                 /* neither form */
        "$JS.ACK.S.c.1.0.3.44.5",                    /* there is no message 0 */
        "$JS.ACK.S.c.1..3.44.5",                     /* empty */
        "$JS.ACK.S.c.1.22.3.44.",                    /* empty, at the end */
        "$JS.ACK.S.c.1.22x.3.44.5",                  /* no number */
        "$JS.ACK.S.c.1.+22.3.44.5",                  /* a sign */
        "$JS.ACK.S.c.1.-22.3.44.5",                  /* likewise */
        "$JS.ACK.S.c.1. 22.3.44.5",                  /* white space */
        "$JS.ACK.S.c.1.0x16.3.44.5",                 /* another base */
        "$JS.ACK.S.c.1.22.3.44.5 ",                  /* something behind it */
        "$JS.ACK.S.c.1.18446744073709551616.3.44.5", /* 2^64 */
        "$JS.ACK.S.c.1.22.3.44.99999999999999999999999",
    };
    struct nats_place place;
    assert_false(nats_place_read(NULL, &place));
    for (size_t i = 0; i < LENGTH(others); i++) {
        test_context("%s", others[i]);
        must(!read_place(others[i], &place));
    }
}

/* ---- Ids ------------------------------------------------------------------------------------- */

static bool read_id(const char *text, uint8_t ret[16]) {
    char *exact = exact_copy((struct reel_str){text, strlen(text) + 1});
    bool is_id = nats_id_read(exact, ret);
    free(exact);
    return is_id;
}

static void an_id_is_read_as_it_was_written(void **state) {
    (void)state;
    uint64_t random = 7;
    for (size_t times = 0; times < 200; times++) {
        uint8_t hash[16], found[16];
        char text[NATS_ID_TEXT];
        for (size_t i = 0; i < 16; i++) hash[i] = (uint8_t)random_below(&random, 256);
        nats_id_write(hash, text);
        assert_int_equal(strlen(text), NATS_ID_TEXT - 1);
        assert_true(read_id(text, found));
        assert_memory_equal(found, hash, 16);
    }
}

static void the_ids_of_others_are_none(void **state) {
    (void)state;
    static const char *const others[] = {
        "",
        "1",
        "0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0",
        "0123456789ABCDEF0123456789ABCDEF",
        "0123456789abcdef0123456789abcdeg",
        "g123456789abcdef0123456789abcdef",
        "01234567-89ab-cdef-0123-456789ab",
        " 123456789abcdef0123456789abcdef",
        "0123456789abcdef\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    uint8_t found[16];
    assert_false(nats_id_read(NULL, found));
    for (size_t i = 0; i < LENGTH(others); i++) {
        test_context("%s", others[i]);
        must(!read_id(others[i], found));
    }
}

/* ---- Messages -------------------------------------------------------------------------------- */

struct message_reading {
    struct nats_decoder reader;
    struct reel_error said;
};

static void say(void *context, const char *sentence) {
    error_set(&((struct message_reading *)context)->said, "%s", sentence);
}

static int begin(void **state) {
    struct message_reading *reading = calloc(1, sizeof *reading);
    must(reading);
    reading->reader = (struct nats_decoder){.parser = json_parser_create(NULL),
                                            .event_bytes_max = 1000,
                                            .say = say,
                                            .context = reading};
    must(reading->reader.parser);
    *state = reading;
    return 0;
}

static int finish(void **state) {
    struct message_reading *reading = *state;
    json_parser_destroy(reading->reader.parser);
    arena_finish(&reading->reader.arena);
    free(reading);
    return 0;
}

/* Headers: name, value, …, NULL. */
static struct feed_message taken(struct message_reading *reading, struct reel_str payload,
                                 const char *const *headers) {
    natsMsg *msg;
    struct reel_error error;
    struct feed_message message = {.seq = 7, .time_ns = 8};
    must(natsMsg_Create(&msg, "some.subject", NULL, payload.data, (int)payload.len) == NATS_OK);
    for (; headers && *headers; headers += 2)
        must(natsMsgHeader_Add(msg, headers[0], headers[1]) == NATS_OK);
    must_ok(nats_message_take(&reading->reader, msg, &message, &error), error);
    must(message.seq == 7 && message.time_ns == 8 && message.owner == msg);
    assert_bytes(message.subject, STR("some.subject"));
    return message;
}

static void a_structured_event_is_its_payload(void **state) {
    struct message_reading *reading = *state;
    struct feed_message message = taken(reading, STR("{\"id\":\"1\"}"), NULL);
    assert_bytes(message.bytes, STR("{\"id\":\"1\"}"));
    assert_int_equal(message.flags, 0);
    assert_int_equal(message.made.len, 0);
    assert_false(message.has_id);
    nats_release(&message);
    message = taken(reading, STR(""), NULL);
    assert_int_equal(message.bytes.len, 0);
    assert_non_null(message.bytes.data);
    nats_release(&message);
    assert_string_equal(reading->said.text, "");
}

static void one_in_binary_mode_is_made_structured(void **state) {
    static const char *const headers[] = {
        "ce-specversion",   "1.0", "ce-id", "x", "ce-source", "/s", "ce-type", "t", "content-type",
        "application/json", NULL};
    struct feed_message message = taken(*state, STR("{\"a\":1}"), headers);
    assert_int_equal(message.flags, LOG_CONVERTED);
    json_t *event = json_parsed(message.bytes.data, message.bytes.len);
    assert_string_equal(json_string_value(json_object_get(event, "id")), "x");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(event, "data"), "a")), 1);
    json_decref(event);
    nats_release(&message);
}

static void one_that_is_malformed_is_kept_and_said(void **state) {
    static const char *const headers[] = {"ce-specversion", "1.0", "ce-id", "x", NULL};
    struct message_reading *reading = *state;
    struct feed_message message = taken(reading, STR("payload"), headers);
    assert_int_equal(message.flags, LOG_CONVERTED);
    assert_non_null(memmem(message.bytes.data, message.bytes.len, "payload", 7));
    assert_sentence(&reading->said, "message 7 is not a CloudEvent in binary mode");
    nats_release(&message);
}

static void one_of_ours_has_its_id(void **state) {
    static const char *const ours[] = {NATS_ID_HEADER, "00112233445566778899aabbccddeeff", NULL};
    static const char *const of_a_command[] = {NATS_ID_HEADER,
                                               "ffeeddccbbaa99887766554433221100",
                                               NATS_BODY_HEADER,
                                               "00112233445566778899aabbccddeeff",
                                               NATS_CALLER_HEADER,
                                               "00112233445566778899aabbccddeeff",
                                               NATS_KEY_HEADER,
                                               "a%2Fb%00",
                                               NATS_PRINCIPAL_HEADER,
                                               "line%203",
                                               NULL};
    static const char *const malformed[] = {NATS_ID_HEADER,
                                            "ffeeddccbbaa99887766554433221100",
                                            NATS_BODY_HEADER,
                                            "00112233445566778899aabbccddeeff",
                                            NATS_CALLER_HEADER,
                                            "0011",
                                            NATS_KEY_HEADER,
                                            "a%2",
                                            NATS_PRINCIPAL_HEADER,
                                            "%zz",
                                            NULL};
    static const char *const theirs[] = {NATS_ID_HEADER, "order-17", NULL};
    static const uint8_t id[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                   0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    struct feed_message message = taken(*state, STR("{}"), ours);
    assert_true(message.has_id);
    assert_memory_equal(message.id_hash, id, 16);
    assert_false(message.answer.has_body);
    nats_release(&message);
    message = taken(*state, STR("{}"), of_a_command);
    assert_true(message.has_id && message.answer.has_body && message.answer.has_record);
    assert_memory_equal(message.answer.body_hash, id, 16);
    assert_memory_equal(message.answer.caller_hash, id, 16);
    assert_bytes(message.answer.key, STR("a/b\0"));
    assert_bytes(message.answer.principal, STR("line 3"));
    nats_release(&message);
    message = taken(*state, STR("{}"), malformed);
    assert_true(message.has_id && message.answer.has_body);
    assert_false(message.answer.has_record);
    assert_int_equal(message.answer.caller_hash[1], 0);
    assert_int_equal(message.answer.principal.len, 0);
    nats_release(&message);
    static const char *const names[] = {"a%0Ab", "%FF", "%C2%85"}; /* a sink shows the name */
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        const char *const unclean[] = {NATS_BODY_HEADER, "00112233445566778899aabbccddeeff",
                                       NATS_PRINCIPAL_HEADER, names[n], NULL};
        message = taken(*state, STR("{}"), unclean);
        assert_true(message.answer.has_body);
        assert_int_equal(message.answer.principal.len, 0);
        nats_release(&message);
    }
    message = taken(*state, STR("{}"), theirs);
    assert_false(message.has_id);
    nats_release(&message);
}

UNIT_TESTS(nats_message_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_read_in_every_form),
        cmocka_unit_test(subjects_that_are_not_positions_are_recognized),
        cmocka_unit_test(an_id_is_read_as_it_was_written),
        cmocka_unit_test(the_ids_of_others_are_none),
        CASE(a_structured_event_is_its_payload),
        CASE(one_in_binary_mode_is_made_structured),
        CASE(one_that_is_malformed_is_kept_and_said),
        CASE(one_of_ours_has_its_id),
    };
    must(nats_Open(-1) == NATS_OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    nats_Close();
    return failed;
}
