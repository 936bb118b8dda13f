/* serve_lines_test.c: the daemon's log says what an operator asks: which plugins are loaded, when a
 * rebuild begins and ends, which collections nobody serves, which plugin breaks a rule. */
#include "daemon.h"

#include <stdlib.h>
#include <string.h>

#define COUNTER(version) build_path("tests/integration/plugins/counter_" version ".so")
enum { EVENTS = 200 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static void post_counts(const struct daemon *daemon) {
    struct client *client = client_opened(daemon, WRITE_TOKEN);
    for (int n = 0; n < EVENTS; n++) {
        char event[256];
        int len = snprintf(event, sizeof event,
                           "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"/t\",\"type\":"
                           "\"test.count.v1.one\",\"subject\":\"s\"}",
                           n);
        struct reply reply = post_event(client, event, (size_t)len);
        assert_int_equal(reply.status, 201);
        reply_free(&reply);
    }
    client_close(client);
}

static void assert_line(const char *log, const char *part) {
    if (!strstr(log, part)) support_failed(__FILE__, __LINE__, "no `%s` in: %s", part, log);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void the_log_says_what_an_operator_asks(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    char part[512];
    struct daemon daemon = daemon_started(directory, "--plugin", COUNTER("1"), NULL);
    post_counts(&daemon);
    daemon_end(&daemon);
    char *log = daemon_log(&daemon);
    snprintf(part, sizeof part, "plugin counter 1.0.0 is loaded, from %s", COUNTER("1"));
    assert_line(log, part);
    assert_line(log, "counters: event 1: counted");
    assert_line(log, "counters: 195 more like this were left out: counted");
    assert_null(strstr(log, "counters: event 6: counted"));
    free(log);

    daemon = daemon_started(directory, NULL);
    daemon_end(&daemon);
    log = daemon_log(&daemon);
    assert_line(log,
                "collection `counters` is in the store, with 1 records as of event 200, but no "
                "plugin serves it");
    free(log);

    daemon = daemon_started(directory, "--plugin", COUNTER("2"), NULL);
    daemon_wait_for_log(&daemon, "collection `counters`: rebuild ended, events 1 to 200, in ");
    daemon_end(&daemon);
    log = daemon_log(&daemon);
    assert_line(log,
                "collection `counters`: rebuild begun, events 1 to 200, since its revision has "
                "changed");
    assert_line(log, " s: 200 applied, 0 ignored, 0 rejected");
    free(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_says_what_an_operator_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
