/* fixtures.h: what the tests of this directory share: where the fixtures are, and events for them.
 * Everything here fails the running test rather than return an error. */
#ifndef TESTS_ABI_FIXTURES_H
#define TESTS_ABI_FIXTURES_H

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_OF(array) (sizeof(array) / sizeof *(array))

/* The plugin that was built from plugins/NAME.c; good until the process exits. */
static inline const char *fixture_so(const char *name) {
    char relative[256];
    int len = snprintf(relative, sizeof relative, "tests/abi/%s.so", name);
    assert_in_range(len, 1, sizeof relative - 1);
    return build_path(relative);
}

/* An event `test.FAMILY.SUFFIX` about the thing `id`. */
struct event_text {
    char text[256];
};
static inline struct event_text event_text(const char *family, const char *suffix, const char *id) {
    struct event_text event;
    int len = snprintf(event.text, sizeof event.text,
                       "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/tests/abi\","
                       "\"type\":\"test.%s.%s\",\"data\":{\"id\":\"%s\"}}",
                       family, suffix, id);
    assert_in_range(len, 1, sizeof event.text - 1);
    return event;
}

static inline uint64_t apply_event(struct reel *reel, const char *family, const char *suffix,
                                   const char *id, reel_outcome expected) {
    struct event_text event = event_text(family, suffix, id);
    return apply_text(reel, event.text, expected);
}

/* A record equals this JSON; NULL: there is no such record. */
static inline void assert_record(struct reel *reel, const char *collection, const char *key,
                                 const char *expected) {
    char *text = record_text(reel, collection, key);
    if (!expected) {
        if (text) fail_msg("%s has a record %s: %s", collection, key, text);
        return;
    }
    if (!text) fail_msg("%s has no record %s", collection, key);
    json_t *found = json_loads(text, 0, NULL);
    json_t *wanted = json_loads(expected, 0, NULL);
    assert_non_null(wanted);
    if (!json_same(found, wanted)) fail_msg("%s %s is %s, not %s", collection, key, text, expected);
    json_decref(wanted);
    json_decref(found);
    free(text);
}

#endif
