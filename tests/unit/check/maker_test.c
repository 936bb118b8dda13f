/* maker_test.c: what is made of a lesson: JSON, the same for the same seed, with what was learned
 * in it and garbage where it was wanted. */
#include "unit.h"

#include "check/maker.h"
#include "engine/fold/host.h"
#include "json/parser.h"
#include "json/value.h"

#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

enum { ID = NODES_FIXED, LINES, LINE, PRICE, BODY, NOTE, COUNT };

static struct {
    struct lesson lesson;
    struct json_parser *parser;
    struct text event;
} fixture;

static void add_node(uint16_t at, uint16_t parent, const char *name, uint16_t asked) {
    struct node *node = &fixture.lesson.nodes[at];
    node->parent = parent;
    node->asked = asked;
    strcpy(node->name, name);
}

static int set_up(void **state) {
    struct lesson *lesson = &fixture.lesson;
    (void)state;
    memset(lesson, 0, sizeof *lesson);
    lesson->nodes[NODE_DATA].asked = ASKED_MEMBER;
    lesson->nodes[NODE_SUBJECT].asked = ASKED_STR;
    add_node(ID, NODE_DATA, "id", ASKED_STR);
    add_node(LINES, NODE_DATA, "lines", ASKED_NEXT);
    add_node(LINE, LINES, "[]", ASKED_MEMBER);
    add_node(PRICE, LINE, "price", ASKED_INT);
    add_node(BODY, NODE_BODY, "orders place", ASKED_MEMBER);
    add_node(NOTE, BODY, "note", ASKED_STR);
    lesson->node_count = COUNT;
    strcpy(lesson->words[0], "placed");
    lesson->word_count = lesson->suffix_count = 1;
    strcpy(lesson->types[0].text, "test.orders.");
    strcpy(lesson->types[1].text, "test.orders.placed");
    lesson->types[0].weight = lesson->types[1].weight = 2;
    lesson->type_count = 2;
    lesson->group_count = 1;
    fixture.parser = json_parser_create(&host_table);
    return fixture.parser ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    json_parser_destroy(fixture.parser);
    text_finish(&fixture.event);
    return 0;
}

/* The event as it was made, or a failed test. */
static struct reel_value parsed(void) {
    struct json *json;
    const char *why;
    assert_int_equal(json_parse(fixture.parser, text_str(&fixture.event), 0, &json, &why), 0);
    return json_root(json);
}

static void begin(struct maker *maker, uint64_t seed) {
    maker_begin(maker, &fixture.lesson, NULL, NULL, seed);
}

static const struct reel_command_info nothing_declared;

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_good_event_has_what_was_asked_for_as_what_it_was_asked_for(void **state) {
    struct maker maker;
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct reel_value line = {0};
        begin(&maker, seed);
        make_event(&maker, &fixture.event);
        struct reel_value event = parsed(), data = reel_get(event, "data");
        assert_memory_equal(reel_member_str(event, "type").data, "test.orders.", 12);
        assert_non_null(reel_member_str(event, "subject").data);
        assert_non_null(reel_member_str(data, "id").data);
        assert_int_equal(reel_kind_of(reel_get(data, "note")), REEL_MISSING);
        while ((line = reel_next(reel_get(data, "lines"), line, NULL)).json)
            assert_int_equal(reel_kind_of(reel_get(line, "price")), REEL_INTEGER);
        assert_int_equal(reel_kind_of(reel_get(data, "lines")), REEL_ARRAY);
    }
}

static void all_garbage_at_any_place_is_json(void **state) {
    struct maker maker;
    (void)state;
    begin(&maker, 1);
    for (uint32_t node = 0; node < fixture.lesson.node_count; node++)
        for (int garbage = 0; garbage < GARBAGES; garbage++) {
            make_garbage_at(&maker, node, (enum garbage)garbage, &fixture.event);
            struct reel_str type = reel_member_str(parsed(), "type");
            assert_true(type.len >= 12);
        }
}

static void garbage_stands_where_it_was_wanted(void **state) {
    struct maker maker;
    (void)state;
    begin(&maker, 1);
    make_garbage_at(&maker, ID, GARBAGE_MISSING, &fixture.event);
    assert_int_equal(reel_kind_of(reel_get(reel_get(parsed(), "data"), "id")), REEL_MISSING);
    make_garbage_at(&maker, ID, GARBAGE_DEEP_ARRAY, &fixture.event);
    assert_int_equal(reel_kind_of(reel_get(reel_get(parsed(), "data"), "id")), REEL_ARRAY);
    make_garbage_at(&maker, NODE_DATA, GARBAGE_MISSING, &fixture.event);
    assert_int_equal(reel_kind_of(reel_get(parsed(), "data")), REEL_MISSING);
    make_garbage_at(&maker, NODE_TIME, GARBAGE_NULL, &fixture.event);
    assert_int_equal(reel_kind_of(reel_get(parsed(), "time")), REEL_NULL);
    make_garbage_at(&maker, NODE_TYPE, GARBAGE_HUGE, &fixture.event);
    assert_true(reel_member_str(parsed(), "type").len > HUGE_BYTES);
}

static void bodies_are_json_too(void **state) {
    struct maker maker;
    (void)state;
    begin(&maker, 1);
    assert_int_equal(lesson_body(&fixture.lesson, "orders", reel_text("place")), BODY);
    make_body(&maker, BODY, &nothing_declared, false, &fixture.event);
    assert_non_null(reel_member_str(parsed(), "note").data);
    for (int n = 0; n < 500; n++) {
        make_body(&maker, BODY, &nothing_declared, true, &fixture.event);
        (void)parsed();
    }
}

static void the_same_seed_makes_the_same(void **state) {
    struct maker maker, other;
    struct events events = {0}, again = {0};
    (void)state;
    begin(&maker, 7);
    begin(&other, 7);
    make_events(&maker, true, &events);
    make_events(&other, true, &again);
    assert_int_equal(events.count, again.count);
    for (size_t n = 0; n < events.count; n++)
        assert_true(reel_str_eq(text_str(&events.texts[n]), text_str(&again.texts[n])));
    begin(&other, 8);
    make_events(&other, true, &again);
    assert_false(reel_str_eq(text_str(&events.texts[0]), text_str(&again.texts[0])));
    events_finish(&events);
    events_finish(&again);
}

static void applied_types_are_made_more_often(void **state) {
    struct maker maker;
    (void)state;
    begin(&maker, 1);
    for (int n = 0; n < 20; n++) {
        make_event_of(&maker, 1, &fixture.event);
        maker_reward(&maker);
    }
    int placed = 0;
    for (int n = 0; n < 100; n++) {
        make_event(&maker, &fixture.event);
        placed += reel_str_is(reel_member_str(parsed(), "type"), "test.orders.placed");
    }
    assert_true(placed > 80);
}

/* So the events of a file may depend on those before them. */
static void samples_come_in_the_order_of_their_file(void **state) {
    char *lines[] = {"{\"n\":0}", "{\"n\":1}", "{\"n\":2}"};
    const struct samples samples = {lines, 3};
    struct maker maker;
    int from_first = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct events events = {0};
        int64_t last = -1, n;
        maker_begin(&maker, &fixture.lesson, &samples, NULL, seed);
        make_events(&maker, false, &events);
        for (size_t at = 0; at < events.count; at++) {
            fixture.event.len = 0;
            text_append_str(&fixture.event, text_str(&events.texts[at]));
            if (!reel_get_int(reel_get(parsed(), "n"), &n)) continue;
            if (last >= 0) assert_int_equal(n, (last + 1) % 3);
            if (last < 0 && n == 0) from_first++;
            last = n;
        }
        events_finish(&events);
    }
    assert_in_range(from_first, 50, 90);
}

/* So there are events that need a state to which several other events lead. */
static void every_other_run_has_one_subject_and_declared_types(void **state) {
    struct maker maker;
    int runs = 0;
    (void)state;
    fixture.lesson.types[1].declared = true;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct events events = {0};
        char subject[WORD_BYTES] = "";
        bool one = true;
        begin(&maker, seed);
        make_events(&maker, false, &events);
        for (size_t at = 0; at < events.count; at++) {
            fixture.event.len = 0;
            text_append_str(&fixture.event, text_str(&events.texts[at]));
            struct reel_str found = reel_member_str(parsed(), "subject");
            if (at == 0) snprintf(subject, sizeof subject, "%.*s", REEL_FMT(found));
            one = one && reel_str_is(found, subject) &&
                  reel_str_is(reel_member_str(parsed(), "type"), "test.orders.placed");
        }
        runs += one;
        events_finish(&events);
    }
    assert_in_range(runs, 30, 70);
}

UNIT_TESTS(maker_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_good_event_has_what_was_asked_for_as_what_it_was_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_garbage_at_any_place_is_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(garbage_stands_where_it_was_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bodies_are_json_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_seed_makes_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(applied_types_are_made_more_often, set_up, tear_down),
        cmocka_unit_test_setup_teardown(samples_come_in_the_order_of_their_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_other_run_has_one_subject_and_declared_types, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
