/* http_together_test.c: requests that a thread of the server finds all at the same moment. */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* As many as libmicrohttpd asks the system for at a time: see core/daemon/epoll.c. */
enum { CLIENTS = 128, PATIENCE_MS = 20000 };

static const char request_text[] = "GET /v1/version HTTP/1.1\r\nHost: here\r\n"
                                   "Authorization: Bearer " READ_TOKEN "\r\n\r\n";

static void send_all(const int *fds) {
    for (size_t i = 0; i < CLIENTS; i++) socket_send(fds[i], request_text, strlen(request_text));
}

static void receive_all(const int *fds) {
    static const char start[] = "HTTP/1.1 200 ";
    char answer[4096];
    for (size_t i = 0; i < CLIENTS; i++) {
        size_t len = socket_receive(fds[i], answer, sizeof start - 1, PATIENCE_MS);
        assert_int_equal(len, sizeof start - 1);
        assert_memory_equal(answer, start, len);
        while (socket_receive(fds[i], answer, sizeof answer, 20) == sizeof answer) {
        }
    }
}

static void requests_that_come_together_are_answered(void **state) {
    (void)state;
    int fds[CLIENTS];
    struct daemon daemon = daemon_started(scratch_directory(), "--http-threads", "1", NULL);
    for (size_t i = 0; i < CLIENTS; i++) fds[i] = socket_opened(&daemon);
    send_all(fds); /* so that all are accepted, and known to the thread */
    receive_all(fds);
    must(kill(worker_of(daemon.pid), SIGSTOP) == 0);
    send_all(fds);
    must(kill(worker_of(daemon.pid), SIGCONT) == 0);
    receive_all(fds);
    for (size_t i = 0; i < CLIENTS; i++) close(fds[i]);
    daemon_end(&daemon);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_that_come_together_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
