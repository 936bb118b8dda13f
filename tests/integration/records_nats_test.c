/* records_nats_test.c: followers of records where the log mirrors a stream: through restarts of the
 * broker and of the daemon, each copy is the list with the same filter at the same cursor. */
#include "nats_support.h"
#include "records.h"

struct copies {
    struct record_copy copies[18];
    size_t count;
};

static void make_copies(struct copies *copies) {
    static const struct {
        const char *collection, *filter;
    } kinds[] = {{"cells", ""},           {"cells", "state=running"},
                 {"formations", ""},      {"cells", "state=destroyed"},
                 {"cells", "spec_id=zz"}, {"formations", "status=RUNNING"}};
    for (size_t i = 0; i < sizeof copies->copies / sizeof *copies->copies; i++) {
        struct record_copy *copy = &copies->copies[copies->count++];
        copy->collection = kinds[i % 6].collection;
        snprintf(copy->filter, sizeof copy->filter, "%s", kinds[i % 6].filter);
        copy->transport = (enum record_transport)(i / 6);
        copy->wants_digest = !copy->filter[0] && copy->transport != RECORDS_POLL;
    }
}

static void check_copies(struct copies *copies, struct mirror *mirror, uint64_t head) {
    wait_for_cursor(mirror->client, head);
    for (size_t i = 0; i < copies->count; i++) {
        struct record_copy *copy = &copies->copies[i];
        test_context("%s?%s by %d at %" PRIu64, copy->collection, copy->filter, copy->transport,
                     head);
        record_copy_reach(copy, &mirror->daemon, mirror->client, head);
        record_copy_check(copy, mirror->client);
        test_context("%s", "");
    }
}

static void cut_some(struct copies *copies, size_t every) {
    for (size_t i = 0; i < copies->count; i += every)
        if (copies->copies[i].is_connected) record_copy_cut(&copies->copies[i]);
}

static void through_restarts_of_broker_and_daemon_copies_are_the_list(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    struct copies copies = {.count = 0};
    uint64_t head = 300;
    make_copies(&copies);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, head);
    mirror_run(&mirror);
    wait_for_cursor(mirror.client, head);
    wait_until_ready(mirror.client);
    check_copies(&copies, &mirror, head);
    for (int round = 0; round < 3; round++) {
        cut_some(&copies, 4);
        (round == 1 ? broker_kill : broker_stop)(mirror.broker);
        wait_until_not_ready(mirror.client, "broker");
        check_copies(&copies, &mirror, head); /* from the local copy */
        cut_some(&copies, 3);
        broker_start(mirror.broker);
        publish_load(&mirror.stream, head); /* waits until the broker is there */
        publish_many(&mirror.stream, head + 1, 299);
        check_copies(&copies, &mirror, head += 300);
        cut_some(&copies, 1);
        (round == 0 ? mirror_kill : mirror_end)(&mirror);
        publish_many(&mirror.stream, head, 50);
        mirror_run(&mirror);
        check_copies(&copies, &mirror, head += 50);
    }
    for (size_t i = 0; i < copies.count; i++) {
        assert_true(copies.copies[i].snapshots <= 1); /* nobody had to begin again */
        record_copy_free(&copies.copies[i]);
    }
    mirror_closed(&mirror);
}

/* A stream that was made anew has another epoch, under which positions mean something else. */
static void another_stream_ends_followers(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, 20);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    struct record_copy copy = {.collection = "cells", .transport = RECORDS_WEBSOCKET};
    wait_for_cursor(mirror.client, 20);
    record_copy_reach(&copy, &mirror.daemon, mirror.client, 20);
    stream_delete(&mirror.stream, STREAM);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, 30);
    while (!copy.close_code)
        must(record_copy_read(&copy, &mirror.daemon, mirror.client, WIRE_PATIENCE_MS));
    assert_int_equal(copy.close_code, 4409);
    record_copy_free(&copy);
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(through_restarts_of_broker_and_daemon_copies_are_the_list),
        cmocka_unit_test(another_stream_ends_followers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
