/* subject_test.c: the subject of an event that no stream has carried. */
#include "unit.h"

#include "events/subject.h"

#include <string.h>

static void an_event_has_its_own_subject_or_one_of_its_type(void **state) {
    (void)state;
    char space[SUBJECT_BYTES_MAX], type[300];
    struct reel_entry entry = {.type = STR("dev.cellos.x"), .nats_subject = STR("a.b")};
    assert_bytes(subject_of(&entry, space), STR("a.b"));
    entry.nats_subject = (struct reel_str){0};
    assert_bytes(subject_of(&entry, space), STR("cellos.events.event.dev%2Ecellos%2Ex"));
    entry.type = (struct reel_str){0};
    assert_bytes(subject_of(&entry, space), STR("cellos.events.event.%"));
    memset(type, 'a', sizeof type);
    entry.type = (struct reel_str){type, SUBJECT_PART_MAX};
    assert_int_equal(subject_of(&entry, space).len, SUBJECT_BYTES_MAX);
    entry.type = (struct reel_str){type, sizeof type};
    struct reel_str hashed = subject_of(&entry, space);
    assert_int_equal(hashed.len, strlen(SUBJECT_OF_EVENTS) + 32);
    assert_true(subject_matches(STR("cellos.events.event.*"), hashed));
}

UNIT_TESTS(subject_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_its_own_subject_or_one_of_its_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
