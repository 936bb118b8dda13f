/* nats_crash_test.c: events of a stream that end the process: each is set aside, and the stream is
 * followed without a hole or a repeat. */
#include "crash_support.h"
#include "nats_support.h"

enum { STREAMED = 3000, DEADLY_EACH = 300 };

static void publish_crash_event(struct jetstream *stream, uint64_t n, const char *way) {
    struct text event = {0};
    char id[64];
    snprintf(id, sizeof id, "Nats-Msg-Id: crash-%" PRIu64, n);
    const char *const headers[] = {id, NULL};
    crash_event_add(&event, n, way, "evolve", false);
    publish(stream, "cellos.events.event.crash", headers, event.data, event.len);
    free(event.data);
}

static void events_of_a_stream_that_crash_are_set_aside(void **state) {
    (void)state;
    const char *const arguments[] = {USUAL_ARGS, NULL};
    struct mirror mirror = mirror_prepared(NULL);
    size_t count = scaled(STREAMED), deadly = 0;
    stream_make(&mirror.stream, NULL);
    for (uint64_t n = 0; n < count; n++) {
        bool dies = n % DEADLY_EACH == 100;
        publish_crash_event(&mirror.stream, n,
                            dies ? crash_ways[n / DEADLY_EACH % (CRASH_WAYS - 1)].name : NULL);
        deadly += dies;
        if (n == count / 2) mirror_run_list(&mirror, arguments); /* the rest comes live */
    }
    wait_for_cursor(mirror.client, count);
    assert_counted(mirror.client, "deadly", count - deadly);
    assert_counted(mirror.client, "healthy", count);
    mirror_end(&mirror);
    assert_verified(mirror.directory, DEADLY_SO);
    mirror_run_list(&mirror, arguments);
    assert_counted(mirror.client, "deadly", count - deadly);
    mirror_closed(&mirror);
}

/* Messages without an id, all equal: it crashes with the third one only. */
static void publish_equal(struct jetstream *stream, const char *data) {
    struct text event = {0};
    text_format(&event,
                "{\"specversion\":\"1.0\",\"source\":\"/tests\",\"type\":\"test.deadly.v1.x\","
                "\"subject\":\"s\",\"data\":%s}",
                data);
    publish(stream, "cellos.events.event.crash", NULL, event.data, event.len);
    free(event.data);
}

static void of_equal_messages_only_the_one_that_crashes_is_set_aside(void **state) {
    (void)state;
    static const char die_at_two[] = "{\"die\":\"segv\",\"at\":2}";
    const char *const arguments[] = {USUAL_ARGS, NULL};
    const char *const again[] = {USUAL_ARGS, "--rebuild", "deadly", NULL};
    char digest[64], found[64];
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    for (int i = 0; i < 3; i++) publish_equal(&mirror.stream, die_at_two);
    publish_equal(&mirror.stream, "{}");
    publish_equal(&mirror.stream, die_at_two);
    mirror_run_list(&mirror, arguments);
    wait_for_cursor(mirror.client, 5);
    assert_counted(mirror.client, "deadly", 4);
    digest_got(mirror.client, "deadly", digest);
    mirror_end(&mirror);
    assert_verified(mirror.directory, DEADLY_SO);
    mirror_run_list(&mirror, again);
    assert_counted(mirror.client, "deadly", 4);
    digest_got(mirror.client, "deadly", found);
    assert_string_equal(found, digest);
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_of_a_stream_that_crash_are_set_aside),
        cmocka_unit_test(of_equal_messages_only_the_one_that_crashes_is_set_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
