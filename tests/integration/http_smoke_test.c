/* http_smoke_test.c: a daemon starts, answers and ends. */
#include "daemon.h"

static void a_command_is_seen(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(scratch_directory(), NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct reply reply =
        post_json(client, "/v1/formations",
                  "{\"name\":\"a\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}");
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    reply = get(client, "/v1/formations/by-name/a");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_command_is_seen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
