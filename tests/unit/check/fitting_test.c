/* fitting_test.c: what is made of a declaration fits it, has every declared value in the long run,
 * and has garbage where it was wanted. */
#include "unit.h"

#include "check/fitting.h"
#include "check/maker.h"
#include "engine/engine.h"
#include "json/value.h"

#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static const char *const colours[] = {"red", "green", "blue", NULL};
static const struct reel_member *const size_members[] = {
    REEL_MEMBER(.name = "width", .kind = REEL_MEMBER_INTEGER, .flags = REEL_MEMBER_REQUIRED),
    REEL_MEMBER(.name = "weight", .kind = REEL_MEMBER_NUMBER),
    NULL,
};
static const struct reel_member *const members[] = {
    REEL_MEMBER(.name = "id", .kind = REEL_MEMBER_STRING, .flags = REEL_MEMBER_REQUIRED),
    REEL_MEMBER(.name = "colour", .kind = REEL_MEMBER_ONE_OF, .values = colours),
    REEL_MEMBER(.name = "at", .kind = REEL_MEMBER_TIME, .flags = REEL_MEMBER_REQUIRED),
    REEL_MEMBER(.name = "new", .kind = REEL_MEMBER_BOOL),
    REEL_MEMBER(.name = "sizes", .kind = REEL_MEMBER_LIST,
                .items = REEL_MEMBER(.kind = REEL_MEMBER_OBJECT, .members = size_members)),
    REEL_MEMBER(.name = "free", .kind = REEL_MEMBER_JSON),
    REEL_MEMBER(.name = "any", .kind = REEL_MEMBER_OBJECT),
    NULL,
};
enum { MEMBERS = 10 }; /* with those that are inside, and the elements of the list */
static const char example[] = "{\"id\":\"example\",\"at\":\"2026-01-02T03:04:05Z\"}";
static const struct reel_event_info *const events[] = {
    REEL_EVENT(.type = "test.made", .members = members, .example = example),
    REEL_EVENT(.type = "test.gone"),
    NULL,
};
static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING), NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    (void)tx, (void)event;
    return REEL_IGNORED;
}

static const char *const prefixes[] = {"test.", NULL};
static const struct reel_projector things = {
    .struct_size = sizeof things,
    .revision = 1,
    .collection = "things",
    .type_prefixes = prefixes,
    .fields = fields,
    .evolve = evolve,
    .events = events,
};
static const struct reel_projector *const projectors[] = {&things, NULL};
static const struct reel_plugin declared = {
    .header = REEL_PLUGIN_HEADER, .name = "things", .version = "1", .projectors = projectors};

static struct {
    struct lesson lesson;
    struct json_parser *parser;
    struct plugin *plugin;
    struct text text;
} fixture;

static void add_type(const char *type) {
    struct event_type *added = &fixture.lesson.types[fixture.lesson.type_count++];
    strcpy(added->text, type);
    added->weight = 2;
}

static int set_up(void **state) {
    struct reel_error error;
    (void)state;
    memset(&fixture.lesson, 0, sizeof fixture.lesson);
    fixture.lesson.node_count = NODES_FIXED;
    fixture.lesson.group_count = 1;
    add_type("test.");
    add_type("test.made");
    fixture.parser = json_parser_create(&host_table);
    must_ok(plugin_adopt(&declared, &fixture.plugin, &error), error);
    return fixture.parser ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    json_parser_destroy(fixture.parser);
    plugin_unload(fixture.plugin);
    text_finish(&fixture.text);
    return 0;
}

static struct reel_value parsed(void) {
    struct json *json;
    const char *why;
    assert_int_equal(json_parse(fixture.parser, text_str(&fixture.text), 0, &json, &why), 0);
    return json_root(json);
}

static struct maker begun(uint64_t seed) {
    struct maker maker;
    maker_begin(&maker, &fixture.lesson, NULL, fixture.plugin, seed);
    fixture.text.len = 0;
    return maker;
}

static bool fits(struct reel_value object) {
    struct misfit misfit;
    return fit_object(members, object, "data", &misfit);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void what_is_made_fits(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct maker maker = begun(seed);
        assert_true(fitting_append(&maker, members, example, NODE_DATA, &fixture.text));
        if (!fits(parsed())) fail_msg("%.*s", REEL_FMT(text_str(&fixture.text)));
    }
}

static void every_declared_value_is_made_and_members_are_left_out(void **state) {
    size_t counts[4] = {0}, examples = 0, missing = 0, elements = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct maker maker = begun(seed);
        fitting_append(&maker, members, example, NODE_DATA, &fixture.text);
        struct reel_value data = parsed();
        struct reel_str colour = reel_member_str(data, "colour");
        for (size_t i = 0; colours[i]; i++) counts[i] += reel_str_is(colour, colours[i]);
        missing += reel_kind_of(reel_get(data, "new")) == REEL_MISSING;
        examples += reel_str_is(reel_member_str(data, "id"), "example");
        elements += reel_kind_of(reel_next(reel_get(data, "sizes"), (struct reel_value){0},
                                           NULL)) == REEL_OBJECT;
    }
    for (size_t i = 0; colours[i]; i++) assert_true(counts[i] > 40);
    assert_true(examples > 30 && missing > 100 && elements > 100);
}

static void garbage_is_made_for_each_declared_member_and_there_alone(void **state) {
    struct maker maker = begun(1);
    struct fitting_place place;
    (void)state;
    assert_int_equal(fitting_places(&maker), MEMBERS);
    for (uint32_t number = 0; number < MEMBERS; number++)
        for (int garbage = 0; garbage < GARBAGES; garbage++) {
            assert_true(fitting_place(&maker, number, &place));
            assert_int_equal(place.type, 1);
            assert_true(make_near_miss(&maker, number, (enum garbage)garbage, &fixture.text));
            assert_true(maker.placed);
            (void)parsed();
        }
    assert_false(make_near_miss(&maker, MEMBERS, GARBAGE_NULL, &fixture.text));
    make_near_miss(&maker, 0, GARBAGE_MISSING, &fixture.text);
    struct reel_value data = reel_get(parsed(), "data");
    assert_int_equal(reel_kind_of(reel_get(data, "id")), REEL_MISSING);
    assert_int_equal(reel_kind_of(reel_get(data, "colour")), REEL_STRING);
    make_near_miss(&maker, 6, GARBAGE_TRUE, &fixture.text);
    struct reel_value size =
        reel_next(reel_get(reel_get(parsed(), "data"), "sizes"), (struct reel_value){0}, NULL);
    assert_int_equal(reel_kind_of(reel_get(size, "width")), REEL_BOOL);
}

/* A member that only the plugin asks for is not in the declaration: the event is made as if nothing
 * were declared. */
static void a_node_that_is_not_declared_has_its_garbage_too(void **state) {
    (void)state;
    uint16_t node = lesson_member(&fixture.lesson, NODE_DATA, STR("secret"));
    fixture.lesson.nodes[NODE_DATA].asked = ASKED_MEMBER;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct maker maker = begun(seed);
        make_event_with(&maker, 1, node, STR("open sesame"), &fixture.text);
        struct reel_str found = reel_member_str(reel_get(parsed(), "data"), "secret");
        assert_true(reel_str_is(found, "open sesame"));
    }
}

static void the_same_seed_makes_the_same(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct maker maker = begun(seed);
        make_event_of(&maker, 1, &fixture.text);
        char *first = str_copy(text_str(&fixture.text));
        maker = begun(seed);
        make_event_of(&maker, 1, &fixture.text);
        assert_true(reel_str_is(text_str(&fixture.text), first));
        free(first);
    }
}

UNIT_TESTS(fitting_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_made_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_declared_value_is_made_and_members_are_left_out,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(garbage_is_made_for_each_declared_member_and_there_alone,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_node_that_is_not_declared_has_its_garbage_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_seed_makes_the_same, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
