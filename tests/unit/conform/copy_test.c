/* copy_test.c: what followers have received, and what is found to be wrong with it. */
#include "unit.h"

#include "conform/copy.h"
#include "engine/store/digest.h"

#include <inttypes.h>

struct fixture {
    struct json_parser *parser;
    struct copy copy;
    struct reel_error error;
};

static int set_up(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){.parser = json_parser_create(NULL)};
    must(fixture.parser);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    copy_finish(&fixture->copy);
    json_parser_destroy(fixture->parser);
    return 0;
}

static int take(struct fixture *fixture, const char *frame) {
    struct parsed parsed;
    char *copied = exact_copy(reel_text(frame));
    int rc = parse_frame(fixture->parser, (struct reel_str){copied, strlen(frame)}, true, &parsed,
                         &fixture->error);
    if (rc == 0) rc = copy_take(&fixture->copy, &parsed, &fixture->error);
    free(copied);
    return rc;
}

static void takes(struct fixture *fixture, const char *frame) {
    if (take(fixture, frame) < 0)
        support_failed(__FILE__, __LINE__, "%s: %s", frame, fixture->error.text);
}

static void refuses(struct fixture *fixture, const char *frame, const char *part) {
    assert_int_equal(take(fixture, frame), -EPROTO);
    if (!strstr(fixture->error.text, part))
        support_failed(__FILE__, __LINE__, "%s: %s", frame, fixture->error.text);
}

/* It may be of a rebuild, until the next position says that there was none. */
static void refuses_later(struct fixture *fixture, const char *frame, const char *part) {
    takes(fixture, frame);
    refuses(fixture, "{\"seq\":6,\"generation\":7}", part);
}

static void begin(struct fixture *fixture) {
    copy_begin(&fixture->copy);
    takes(fixture, "{\"seq\":3,\"key\":\"a\",\"record\":{\"v\":1}}");
    takes(fixture, "{\"seq\":2,\"key\":\"b\",\"record\":{\"v\":2}}");
    takes(fixture, "{\"seq\":4,\"key\":\"a\",\"record\":{\"v\":3}}");
    takes(fixture, "{\"seq\":4,\"generation\":7,\"snapshot\":true}");
}

/* The digest as the daemon computes it. */
static void write_point(char ret[160], uint64_t seq, const char *const *records, size_t count) {
    struct digest digest = {0};
    char text[DIGEST_TEXT_SIZE];
    for (size_t i = 0; i < count; i += 2)
        digest_add(&digest, digest_hash(reel_text(records[i]), reel_text(records[i + 1])));
    digest_write(&digest, text);
    snprintf(ret, 160, "{\"seq\":%" PRIu64 ",\"generation\":7,\"digest\":\"%s\"}", seq, text);
}

static void a_copy_has_the_newest_records(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    assert_bytes(copy_find(&fixture->copy, STR("a"))->json, STR("{\"v\":3}"));
    takes(fixture, "{\"seq\":5,\"key\":\"b\",\"record\":null}");
    assert_null(copy_find(&fixture->copy, STR("b"))->json.data);
    assert_null(copy_find(&fixture->copy, STR("c")));
    assert_false(fixture->copy.has_point);
    takes(fixture, "{\"seq\":9,\"generation\":7}");
    assert_true(fixture->copy.has_point && fixture->copy.point == 9);
}

static void the_digest_is_the_one_of_the_daemon(void **state) {
    struct fixture *fixture = *state;
    static const char *const right[] = {"a", "{\"v\":3}", "c", "{ }"};
    static const char *const wrong[] = {"a", "{\"v\":3}", "b", "{\"v\":2}", "c", "{ }"};
    char point[160];
    begin(fixture);
    takes(fixture, "{\"seq\":5,\"key\":\"b\",\"record\":null}");
    takes(fixture, "{\"seq\":6,\"key\":\"c\",\"record\":{ }}");
    write_point(point, 6, right, LENGTH(right));
    takes(fixture, point);
    assert_int_equal(fixture->copy.digests, 1);
    write_point(point, 7, wrong, LENGTH(wrong));
    refuses(fixture, point, "not those of the collection at 7");
}

static void what_must_not_come_is_found(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    takes(fixture, "{\"seq\":6,\"key\":\"b\",\"record\":{}}");
    refuses_later(fixture, "{\"seq\":5,\"key\":\"c\",\"record\":{}}", "an older state");
    refuses_later(fixture, "{\"seq\":6,\"key\":\"b\",\"record\":{}}", "a repeat");
    refuses_later(fixture, "{\"seq\":6,\"key\":\"a\",\"record\":{}}", "a repeat");
    refuses_later(fixture, "{\"seq\":4,\"key\":\"c\",\"record\":{}}", "an older state");
    refuses(fixture, "{\"seq\":5,\"generation\":7}", "came after 6");
    refuses(fixture, "{\"seq\":6,\"generation\":7,\"snapshot\":true}", "a snapshot");
    assert_int_equal(take(fixture, "{\"seq\":6,\"generation\":8}"), -ESTALE);
    takes(fixture, "{\"seq\":1,\"kind\":\"of the future\"}");
    refuses(fixture, "{\"seq\":6,\"key\":\"a\"}", "without `record`");
    refuses(fixture, "{\"key\":\"a\",\"record\":null}", "without `seq`");
    refuses(fixture, "{\"seq\":-1,\"generation\":7}", "without `seq`");
    refuses(fixture, "[]", "without `seq`");
    refuses(fixture, "{", "not JSON");
}

/* Records that differ come in the order of keys, with the seq that changed them. */
static void after_a_rebuild_nothing_is_misplaced(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    takes(fixture, "{\"seq\":3,\"key\":\"a\",\"record\":{\"v\":9}}");
    takes(fixture, "{\"seq\":2,\"key\":\"b\",\"record\":null}");
    assert_int_equal(copy_take_id(&fixture->copy, (struct reel_str){NULL, 0}, &fixture->error), 0);
    assert_int_equal(take(fixture, "{\"seq\":5,\"generation\":8}"), -ESTALE);
    copy_end(&fixture->copy);
    fixture->copy.has_position = false;
    begin(fixture);
    takes(fixture, "{\"seq\":5,\"generation\":7}");
}

static void a_snapshot_has_no_repeats_and_one_end(void **state) {
    struct fixture *fixture = *state;
    copy_begin(&fixture->copy);
    takes(fixture, "{\"seq\":3,\"key\":\"a\",\"record\":{}}");
    refuses(fixture, "{\"seq\":3,\"key\":\"a\",\"record\":{}}", "a repeat in the snapshot");
    refuses(fixture, "{\"seq\":4,\"generation\":7}", "within a snapshot");
    copy_end(&fixture->copy); /* it cannot be resumed */
    assert_int_equal(fixture->copy.count, 0);
    assert_false(fixture->copy.has_position);
}

/* Only when a frame of a later event comes, all of the event before has come. */
static void a_position_is_between_two_events(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    takes(fixture, "{\"seq\":6,\"key\":\"b\",\"record\":{}}");
    assert_int_equal(fixture->copy.seq, 4);
    takes(fixture, "{\"seq\":6,\"key\":\"c\",\"record\":{}}");
    assert_int_equal(fixture->copy.seq, 4);
    takes(fixture, "{\"seq\":8,\"key\":\"a\",\"record\":{}}");
    assert_int_equal(fixture->copy.seq, 6);
    copy_end(&fixture->copy);
    copy_begin(&fixture->copy);
    takes(fixture, "{\"seq\":8,\"key\":\"a\",\"record\":{}}");
    fixture->copy.by_ids = true;
    takes(fixture, "{\"seq\":9,\"key\":\"a\",\"record\":{}}");
    assert_int_equal(fixture->copy.seq, 6);
    assert_int_equal(copy_take_id(&fixture->copy, STR("9.7"), &fixture->error), 0);
    assert_int_equal(fixture->copy.seq, 9);
    static const char *const wrong[] = {"8.7", "10.7", "9", "9.", ".7", "9.x", ""};
    for (size_t i = 0; i < LENGTH(wrong); i++)
        assert_int_equal(copy_take_id(&fixture->copy, reel_text(wrong[i]), &fixture->error),
                         -EPROTO);
}

static void a_copy_stands_on_another(void **state) {
    struct fixture *fixture = *state, upper = {.parser = fixture->parser};
    static const char *const right[] = {"a", "{\"v\":3}", "c", "{}"};
    char point[160];
    begin(fixture);
    upper.copy = copy_on(&fixture->copy, 2);
    copy_begin(&upper.copy);
    takes(&upper, "{\"seq\":4,\"key\":\"a\",\"record\":{\"v\":3}}");
    takes(&upper, "{\"seq\":5,\"key\":\"b\",\"record\":null}");
    takes(&upper, "{\"seq\":5,\"key\":\"c\",\"record\":{}}");
    write_point(point, 5, right, LENGTH(right));
    takes(&upper, point);
    assert_int_equal(upper.copy.digests, 1);
    assert_bytes(copy_find(&fixture->copy, STR("b"))->json, STR("{\"v\":2}"));
    copy_finish(&upper.copy);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static int pass(struct fixture *fixture, struct trail *trail, const char *frame) {
    struct parsed parsed;
    must(parse_frame(fixture->parser, reel_text(frame), false, &parsed, &fixture->error) == 0);
    return trail_take(trail, &parsed, &fixture->error);
}

static struct trail trail_of(struct fixture *fixture, const char *const *frames) {
    struct trail trail = {.events = NULL};
    for (; *frames; frames++) must(pass(fixture, &trail, *frames) == 0);
    return trail;
}

static void events_are_compared_with_the_list(void **state) {
    struct fixture *fixture = *state;
    static const char one[] = "{\"seq\":1,\"event\":{\"type\":\"a\"}}", point[] = "{\"seq\":4}",
                      three[] = "{\"seq\":3,\"event\":null,\"error\":\"x\"}",
                      gap[] = "{\"seq\":4,\"gap\":true}",
                      other[] = "{\"seq\":3,\"event\":null,\"error\":\"y\"}",
                      wide[] = "{\"seq\":1,\"event\":{\"type\":\r\"a\"}}",
                      spaced[] = "{\"seq\":1,\"event\":{\"type\": \"a\"}}",
                      two[] = "{\"seq\":2,\"event\":{}}";
    static const struct {
        const char *found[5], *wanted[5], *sentence;
    } cases[] = {
        {{one, three, point}, {one, three}, NULL},
        {{spaced, three, gap}, {wide, three, gap}, NULL},
        {{three}, {one, three}, "a hole: event 1 "},
        {{one}, {one, three}, "a hole: event 3 "},
        {{one, two, three}, {one, three}, "event 2 came, which is not in the list"},
        {{one, three, gap}, {one, three}, "event 4 came, which is not in the list"},
        {{one, other}, {one, three}, "event 3 has other content"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct trail found = trail_of(fixture, cases[i].found);
        struct trail wanted = trail_of(fixture, cases[i].wanted);
        int rc = trail_compare(&found, &wanted, 0, 9, &fixture->error);
        assert_int_equal(rc, cases[i].sentence ? -EPROTO : 0);
        if (rc < 0) assert_non_null(strstr(fixture->error.text, cases[i].sentence));
        trail_finish(&found);
        trail_finish(&wanted);
    }
}

static void events_are_not_repeated(void **state) {
    struct fixture *fixture = *state;
    struct trail trail = {.has_position = true, .seq = 4};
    assert_int_equal(pass(fixture, &trail, "{\"seq\":4}"), 0);
    assert_int_equal(pass(fixture, &trail, "{\"seq\":4,\"event\":{}}"), -EPROTO);
    assert_int_equal(pass(fixture, &trail, "{\"seq\":5,\"event\":{}}"), 0);
    assert_int_equal(pass(fixture, &trail, "{\"seq\":5,\"event\":{}}"), -EPROTO);
    assert_int_equal(pass(fixture, &trail, "{\"seq\":4}"), -EPROTO);
    assert_int_equal(trail.count, 1);
    trail_finish(&trail);
}

UNIT_TESTS(copy_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_has_the_newest_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_digest_is_the_one_of_the_daemon, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_must_not_come_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_rebuild_nothing_is_misplaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_snapshot_has_no_repeats_and_one_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_position_is_between_two_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_stands_on_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_are_compared_with_the_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_are_not_repeated, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
