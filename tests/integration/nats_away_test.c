/* nats_away_test.c: the broker is stopped, killed, cut off, silent, or was never there. What the
 * daemon has it serves; afterwards nothing is lost or doubled. */
#include "nats_support.h"

static const char event[] =
    "{\"specversion\":\"1.0\",\"id\":\"posted\",\"source\":\"/tests\",\"type\":\"" CELL_STARTED
    "\",\"data\":{\"cellId\":\"posted\",\"specId\":\"s\"}}";

/* Reads go on, from these load events; writes are refused. */
static void check_away(struct mirror *mirror, uint64_t count) {
    struct reply reply = got(mirror->client, "/healthz", 200);
    reply_free(&reply);
    check_load(mirror->client, 0, count);
    reply = post_event(mirror->client, event, sizeof event - 1);
    assert_problem(&reply, 503, "service-unavailable");
    reply_free(&reply);
    post_problem(mirror->client, "/v1/formations", FORMATION, 503, "service-unavailable");
    json_t *status = json_got(mirror->client, "/v1/status");
    assert_string_equal(text_of(json_object_get(status, "feed"), "kind"), "jetstream");
    assert_string_equal(text_of(json_object_get(status, "feed"), "state"), "down");
    json_decref(status);
}

static void check_all(struct mirror *mirror, uint64_t count) {
    wait_for_cursor(mirror->client, count);
    wait_until_ready(mirror->client);
    check_load(mirror->client, 0, count);
    check_load_log(mirror->client, 0, count);
}

static void while_the_broker_is_away_reads_go_on_and_readyz_tells_why(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    uint64_t count = 0;
    for (int round = 0; round < 3; round++) {
        publish_many(&mirror.stream, count, 500);
        check_all(&mirror, count += 500);
        if (round % 2)
            broker_kill(mirror.broker);
        else
            broker_stop(mirror.broker);
        wait_until_not_ready(mirror.client, "broker");
        check_away(&mirror, count);
        broker_start(mirror.broker);
        wait_until_ready(mirror.client);
    }
    publish_many(&mirror.stream, count, 500);
    check_all(&mirror, count + 500);
    mirror_closed(&mirror);
}

static void events_published_meanwhile_arrive_when_the_connection_is_free(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    publish_many(&mirror.stream, 0, 500);
    check_all(&mirror, 500);
    proxy_refuse(mirror.proxy, true);
    publish_many(&mirror.stream, 500, 500);
    broker_kill(mirror.broker);
    broker_start(mirror.broker);
    publish_load(&mirror.stream, 1000); /* waits until the broker is there */
    publish_many(&mirror.stream, 1001, 499);
    wait_until_not_ready(mirror.client, "broker");
    assert_int_equal(status_number(mirror.client, "cursor"), 500);
    proxy_refuse(mirror.proxy, false);
    check_all(&mirror, 1500);
    mirror_closed(&mirror);
}

static void a_connection_that_is_cut_anywhere_loses_and_doubles_nothing(void **state) {
    (void)state;
    enum { BACKLOG = 30000, BYTES_MAX = 1000000 };
    struct mirror mirror = mirror_prepared(NULL);
    size_t cuts = scaled(100);
    uint64_t random = 11;
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, BACKLOG);
    struct publisher *publisher = publisher_started(mirror.broker->url, BACKLOG);
    proxy_cut_after(mirror.proxy, random_next(&random) % BYTES_MAX + 1);
    mirror_run(&mirror);
    for (size_t done = 1; done <= cuts; done++) {
        for (uint64_t began = now_ms(); proxy_cuts(mirror.proxy) < done; usleep(1000))
            must(now_ms() - began < 60000);
        if (done < cuts) proxy_cut_after(mirror.proxy, random_next(&random) % BYTES_MAX + 1);
    }
    check_all(&mirror, publisher_ended(publisher));
    mirror_closed(&mirror);
}

static void a_way_on_which_nothing_moves_for_a_while_loses_nothing(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    publish_many(&mirror.stream, 0, 500);
    check_all(&mirror, 500);
    proxy_stall(mirror.proxy, true);
    publish_many(&mirror.stream, 500, 500);
    usleep((useconds_t)(scaled(20) * 1000000)); /* this is the stall itself */
    proxy_stall(mirror.proxy, false);
    check_all(&mirror, 1000);
    mirror_closed(&mirror);
}

/* Large events, more than the way takes: as to a broker that has come to a halt. */
enum { SENDERS = 24, LARGE_BYTES = 1000000 };

static void *post_large(void *context) {
    struct client *client = context;
    struct text large = {0};
    char *data = calloc(1, LARGE_BYTES + 3), id[32];
    must(data);
    memset(data, '"', LARGE_BYTES + 2);
    memset(data + 1, 'x', LARGE_BYTES);
    snprintf(id, sizeof id, "%p", context);
    event_add(&large, id, "of.no.family", data);
    struct reply reply = post_event(client, large.data, large.len);
    must(reply.status == 503);
    reply_free(&reply);
    free(large.data);
    free(data);
    return NULL;
}

/* While it lasts, each has its answer, and then all goes on. */
static void a_blocked_connection_does_not_delay_writers(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    struct client *clients[SENDERS];
    pthread_t threads[SENDERS];
    publish_many(&mirror.stream, 0, 500);
    check_all(&mirror, 500);
    proxy_stall(mirror.proxy, true);
    uint64_t began = now_ms();
    for (size_t i = 0; i < SENDERS; i++) {
        clients[i] = client_opened(&mirror.daemon, WRITE_TOKEN);
        must(pthread_create(&threads[i], NULL, post_large, clients[i]) == 0);
    }
    wait_until_not_ready(mirror.client, "broker");
    for (size_t i = 0; i < SENDERS; i++) {
        must(pthread_join(threads[i], NULL) == 0);
        client_close(clients[i]);
    }
    must(now_ms() - began < 60000);
    proxy_stall(mirror.proxy, false);
    wait_until_ready(mirror.client);
    assert_true(cell_started(mirror.client, "after") > 500);
    mirror_closed(&mirror);
}

static void a_broker_that_is_absent_at_the_start_is_waited_for(void **state) {
    (void)state;
    struct mirror mirror = {.broker = broker_prepared(NULL), .directory = scratch_directory()};
    mirror.proxy = proxy_started(mirror.broker->port);
    mirror_run(&mirror);
    wait_until_not_ready(mirror.client, "broker");
    check_away(&mirror, 0);
    broker_start(mirror.broker);
    mirror.stream = jetstream_opened(mirror.broker->url, NULL);
    wait_until_ready(mirror.client);
    publish_many(&mirror.stream, 0, 500);
    check_all(&mirror, 500);
    /* And again, now that there is something to serve. */
    mirror_end(&mirror);
    publish_many(&mirror.stream, 500, 500);
    broker_stop(mirror.broker);
    mirror_run(&mirror);
    wait_until_not_ready(mirror.client, "broker");
    check_away(&mirror, 500);
    broker_start(mirror.broker);
    check_all(&mirror, 1000);
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_the_broker_is_away_reads_go_on_and_readyz_tells_why),
        cmocka_unit_test(events_published_meanwhile_arrive_when_the_connection_is_free),
        cmocka_unit_test(a_connection_that_is_cut_anywhere_loses_and_doubles_nothing),
        cmocka_unit_test(a_way_on_which_nothing_moves_for_a_while_loses_nothing),
        cmocka_unit_test(a_blocked_connection_does_not_delay_writers),
        cmocka_unit_test(a_broker_that_is_absent_at_the_start_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
