/* nats_restart_test.c: a daemon that is stopped or killed at any moment, while it replays and while
 * events come, and started again: in the end its log is the stream, each event was counted once,
 * and its records are a fold of them. */
#include "nats_support.h"

#include <time.h>

enum { BACKLOG = 400000, ROUNDS = 100, MOMENT_NS_MAX = 60000000 };

static void run_for_a_moment(struct mirror *mirror, uint64_t *random) {
    /* Small commits in half of the rounds, so that there are many moments between them. */
    static const char *const small[] = {"--batch-events-max", "200", NULL};
    struct timespec moment = {.tv_nsec = (long)(random_next(random) % MOMENT_NS_MAX)};
    mirror_run_list(mirror, random_next(random) % 2 ? small : NULL);
    nanosleep(&moment, NULL); /* any moment will do; nothing is waited for */
    if (random_next(random) % 2)
        mirror_kill(mirror);
    else
        mirror_end(mirror);
}

static void however_it_ends_it_goes_on_at_the_next_event(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    size_t backlog = scaled(BACKLOG), rounds = scaled(ROUNDS);
    uint64_t random = 5;
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, backlog);
    struct publisher *publisher = NULL;
    for (size_t round = 0; round < rounds; round++) {
        test_context("round %zu", round);
        if (round == rounds / 2) publisher = publisher_started(mirror.broker->url, backlog);
        run_for_a_moment(&mirror, &random);
    }
    publisher_wait(publisher, 10);
    uint64_t count = publisher_ended(publisher);
    mirror_run(&mirror);
    wait_for_cursor(mirror.client, count);
    wait_until_ready(mirror.client);
    check_load(mirror.client, 0, count);
    check_load_log(mirror.client, 0, count);
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(however_it_ends_it_goes_on_at_the_next_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
