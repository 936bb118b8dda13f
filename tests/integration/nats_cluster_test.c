/* nats_cluster_test.c: three brokers, a stream of three replicas, two daemons. The stream's leader
 * is killed under load, twice: nothing is lost or doubled, and the daemons end equal. */
#include "nats_support.h"

enum { BEFORE = 200, BETWEEN = 200 };

static struct daemon follower_started(const struct cluster *cluster) {
    return daemon_started(scratch_directory(), "--nats", cluster->urls, NULL);
}

/* The stream's leader is gone without a word, and comes back when another has taken over. */
static void kill_the_leader(struct cluster *cluster, struct jetstream *stream) {
    struct stream_state led = stream_led(stream, STREAM, NULL);
    struct broker *leader = cluster_node(cluster, led.leader);
    broker_kill(leader);
    stream_led(stream, STREAM, leader->name);
    broker_start(leader);
}

/* The tag of a list has the epoch, the revision and the seq of its last change in it. */
static void check_equal(struct client *a, struct client *b) {
    static const char *const paths[] = {"/v1/cells", "/v1/formations"};
    for (size_t i = 0; i < 2; i++) {
        struct reply one = got(a, paths[i], 200), other = got(b, paths[i], 200);
        char *tag = strdup(reply_header(&one, "ETag"));
        assert_string_equal(one.body.data, other.body.data);
        assert_string_equal(tag, reply_header(&other, "ETag"));
        free(tag);
        reply_free(&one);
        reply_free(&other);
    }
}

static void a_leader_that_is_killed_under_load_loses_and_doubles_nothing(void **state) {
    (void)state;
    struct cluster *cluster = cluster_started();
    struct jetstream stream = jetstream_opened(cluster->urls, NULL);
    stream_make(&stream, &(struct stream_options){.replicas = CLUSTER_NODES});
    struct site sites[2] = {site_of(follower_started(cluster)), site_of(follower_started(cluster))};
    struct publisher *publisher = publisher_started(cluster->urls, 0);
    publisher_wait(publisher, BEFORE);
    for (size_t kills = 0; kills < 2; kills++) {
        kill_the_leader(cluster, &stream);
        publisher_wait(publisher, BETWEEN);
    }
    uint64_t count = publisher_ended(publisher);
    struct stream_state end = stream_led(&stream, STREAM, NULL);
    assert_int_equal(end.last, count); /* the cluster itself has each once */
    assert_int_equal(end.messages, count);
    for (size_t i = 0; i < 2; i++) {
        wait_for_cursor(sites[i].writer, count);
        wait_until_ready(sites[i].writer);
        check_load(sites[i].writer, 0, count);
        check_load_log(sites[i].writer, 0, count);
    }
    check_equal(sites[0].writer, sites[1].writer);
    for (size_t i = 0; i < 2; i++) site_closed(&sites[i]);
    jetstream_close(&stream);
    cluster_free(cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leader_that_is_killed_under_load_loses_and_doubles_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
