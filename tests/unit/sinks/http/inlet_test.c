/* inlet_test.c: recv() on sockets with an inlet, and on others. */
#include "unit.h"

#include "http/inlet.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNKED                                                                                    \
    "\r\nPOST / HTTP/1.1\r\nCookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\n"  \
    "X: y\r\n\r\n"
#define PASSED                                                                                     \
    "POST / HTTP/1.1\r\nCookie:\r\nTransfer-Encoding:chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

static void open_pair(int pair[2]) {
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
}

static void close_pair(int pair[2]) {
    inlet_close(pair[0]);
    close(pair[0]);
    close(pair[1]);
}

/* Receives as libmicrohttpd does: when fewer bytes came than were asked for, nothing more is
 * there. */
static size_t receive(int fd, char *to, size_t len, size_t room) {
    size_t got = 0;
    for (;;) {
        size_t asked = len < room - got ? len : room - got;
        ssize_t done = recv(fd, to + got, asked, 0);
        if (done < 0) must(errno == EAGAIN);
        if (done <= 0) return got;
        got += (size_t)done;
        if ((size_t)done < asked) return got;
    }
}

static void assert_received(struct reel_str sent, struct reel_str expected) {
    char got[512];
    for (size_t len = 1; len < 100; len++) {
        int pair[2];
        open_pair(pair);
        must(inlet_open(pair[0]) == 0);
        must(send(pair[1], sent.data, sent.len, 0) == (ssize_t)sent.len);
        test_context("%zu at a time", len);
        size_t all = receive(pair[0], got, len, sizeof got);
        assert_bytes((struct reel_str){got, all}, expected);
        assert_int_equal(recv(pair[0], got, len, 0), -1);
        assert_int_equal(errno, EAGAIN);
        close(pair[1]);
        pair[1] = -1;
        assert_int_equal(recv(pair[0], got, len, 0), 0);
        close_pair(pair);
    }
    test_context("%s", "");
}

static void a_socket_is_read_to_its_end_whatever_is_removed(void **state) {
    (void)state;
    assert_received(STR(CHUNKED CHUNKED), STR(PASSED PASSED));
}

static void nothing_is_received_behind_a_fault(void **state) {
    (void)state;
    assert_received(STR(CHUNKED "GET /x\r\n" CHUNKED), STR(PASSED "GET /x HTTP/1.1\r\n\r\n"));
}

static void other_sockets_are_the_systems(void **state) {
    (void)state;
    int pair[2];
    char got[64];
    open_pair(pair);
    assert_null(inlet_of(pair[0]));
    must(send(pair[1], "\r\nx", 3, 0) == 3);
    assert_int_equal(recv(pair[0], got, sizeof got, MSG_PEEK), 3);
    assert_int_equal(recv(pair[0], got, sizeof got, 0), 3);
    must(inlet_open(pair[0]) == 0);
    assert_non_null(inlet_of(pair[0]));
    inlet_close(pair[0]);
    assert_null(inlet_of(pair[0]));
    must(send(pair[1], "\r\nx", 3, 0) == 3);
    assert_int_equal(recv(pair[0], got, sizeof got, 0), 3);
    close_pair(pair);
    assert_null(inlet_of(-1));
    assert_null(inlet_of(INT32_MAX));
    assert_int_equal(inlet_open(-1), -ENOMEM);
    inlet_close(INT32_MAX);
    assert_int_equal(recv(-1, got, sizeof got, 0), -1);
    assert_int_equal(errno, EBADF);
}

static void libmicrohttpd_calls_this_recv(void **state) {
    (void)state;
    struct reel_error error;
    must_ok(inlet_check(&error), error);
}

UNIT_TESTS(inlet_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_is_read_to_its_end_whatever_is_removed),
        cmocka_unit_test(nothing_is_received_behind_a_fault),
        cmocka_unit_test(other_sockets_are_the_systems),
        cmocka_unit_test(libmicrohttpd_calls_this_recv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
