/* http_connections_test.c: connections: what they leave in memory, how long they may last, and who
 * gets a place when there are too many. */
#include "http_raw.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>

#define MIB ((uint64_t)1 << 20)

/* A head with a query of so many parameters; the caller frees it. */
static char *head_with_parameters(const char *path, int count) {
    struct text head = {0};
    text_format(&head, "GET %s?", path);
    for (int i = 0; i < count; i++) text_format(&head, "%d&", i);
    text_format(&head, " HTTP/1.1\r\n" HOST "A: b\r\nC: d\r\n\r\n");
    return head.data;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Sends each on a connection of its own, says that this was all, and reads to the end. */
enum { AT_ONCE = 40 };

static void exchange(const struct site *site, const struct text bytes[AT_ONCE]) {
    struct raw raws[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
        raws[i] = raw_opened(site);
        try_to_send(&raws[i], bytes[i].data, bytes[i].len);
        shutdown(raws[i].fd, SHUT_WR);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        while (raw_read(&raws[i])) continue;
        raw_close(&raws[i]);
    }
}

static void ask_often(const struct site *site, struct text (*made)(unsigned number), unsigned from,
                      unsigned to) {
    struct text all[AT_ONCE];
    while (from < to) {
        for (int i = 0; i < AT_ONCE; i++) all[i] = made(from++);
        exchange(site, all);
        for (int i = 0; i < AT_ONCE; i++) free(all[i].data);
    }
}

/* The second `count` requests take no more memory than the first have left. */
static void check_memory(struct site *site, struct text (*made)(unsigned number), unsigned count) {
    ask_often(site, made, 0, count);
    wait_until_quiet(site, 3);
    uint64_t before = process_memory(site->daemon.pid);
    ask_often(site, made, count, 2 * count);
    wait_until_quiet(site, 3);
    uint64_t after = process_memory(site->daemon.pid);
    if (after > before + MIB && !memory_is_sanitized())
        fail_msg("%llu bytes more after %u requests", (unsigned long long)(after - before), count);
}

static struct text too_many_parameters(unsigned number) {
    char *head = head_with_parameters("/healthz", 150 + (int)(number % 400));
    return (struct text){.data = head, .len = strlen(head)};
}

/* libmicrohttpd takes what is behind the NUL for parameters. */
static struct text too_many_parameters_behind_a_nul(unsigned number) {
    char *head = head_with_parameters("/health!", 150 + (int)(number % 400));
    struct text text = {.data = head, .len = strlen(head)};
    *strchr(head, '!') = '\0';
    return text;
}

static void parameters_beyond_libmicrohttpds_memory_leave_nothing(void **state) {
    (void)state;
    struct site site = site_opened("--http-idle-s", "3600", "--http-request-s", "3600", NULL);
    check_memory(&site, too_many_parameters, 2000);
    check_memory(&site, too_many_parameters_behind_a_nul, 4000);
    site_closed(&site);
}

static void a_query_with_any_number_of_parameters_is_answered(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    for (int count = 65; count < 3000; count += 117) {
        char *head = head_with_parameters("/healthz", count);
        struct raw raw = raw_opened(&site);
        say(&raw, head);
        struct reply reply = heard(&raw, false);
        assert_true(reply.status == 400 || reply.status == 414);
        assert_non_null(strstr(reply.body.data, "\"type\":\"/problems/"));
        reply_free(&reply);
        raw_close(&raw);
        free(head);
    }
    site_closed(&site);
}

static uint32_t random_below(uint32_t *seed, uint32_t bound) {
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)*seed * bound) >> 32);
}

/* A request with some of its bytes changed, left out, or given many times. */
static struct text anything(unsigned number) {
    static const char *const heads[] = {
        "GET /healthz?a=1&b=%20 HTTP/1.1\r\n" HOST "X: y\r\n\r\n",
        "POST /v1/events HTTP/1.1\r\n" HOST WRITES AS_EVENT "Content-Length: 20\r\n\r\n{}",
        "POST /v1/events HTTP/1.1\r\n" HOST WRITES AS_EVENT
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nT: t\r\n\r\n",
        "GET /v1/cells?limit=1 HTTP/1.1\r\n" HOST WRITES "Cookie: a=b; c=\"d\"\r\n\r\n",
        "GET /ws/events HTTP/1.1\r\n" HOST WRITES
        "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    };
    static const char odd[] = {'\0', '\r', '\n', ' ', '&', '?', ':', ';', '=', '%', '/', '\xff'};
    struct text bytes = {0};
    uint32_t seed = number * 2654435761u + 1;
    const char *head = heads[number % (sizeof heads / sizeof *heads)];
    uint32_t changes = 1 + random_below(&seed, 3), len = (uint32_t)strlen(head);
    text_add(&bytes, head, len);
    while (changes-- > 0) {
        uint32_t at = random_below(&seed, len), what = random_below(&seed, 3);
        if (what == 0) bytes.data[at] = odd[random_below(&seed, sizeof odd)];
        if (what == 1) bytes.len = at + 1;
        if (bytes.len < len) break;
        if (what != 2) continue;
        struct text longer = {0};
        uint32_t part = 1 + random_below(&seed, len - at < 24 ? len - at : 24);
        uint32_t times = random_below(&seed, 20000 / part);
        text_add(&longer, bytes.data, at);
        while (times-- > 0) text_add(&longer, bytes.data + at, part);
        text_add(&longer, bytes.data + at, bytes.len - at);
        free(bytes.data);
        bytes = longer;
    }
    return bytes;
}

static void no_request_leaves_memory_behind(void **state) {
    (void)state;
    struct site site = site_opened("--http-idle-s", "3600", "--http-request-s", "3600", NULL);
    check_memory(&site, anything, 4000);
    site_closed(&site);
}

/* ---- Places ---------------------------------------------------------------------------------- */

static void a_part_of_a_request_and_then_the_end_frees_the_place(void **state) {
    (void)state;
    struct site site = site_opened("--http-idle-s", "3600", "--http-request-s", "3600", NULL);
    static const char *const parts[] = {"G", "GET /healthz HTTP/1.1\r\nHost: r",
                                        "POST /v1/events HTTP/1.1\r\n" HOST WRITES AS_EVENT
                                        "Content-Length: 9\r\n\r\n{",
                                        "GET /healthz HTTP/1.1\r\n" HOST "\r\nGET /heal"};
    for (int i = 0; i < 400; i++) {
        struct raw raw = raw_opened(&site);
        say(&raw, parts[i % 4]);
        raw_close(&raw);
    }
    wait_until_quiet(&site, 3);
    site_closed(&site);
}

/* Who has said all it has to say, and shows it, still gets its answer. */
static void a_request_and_then_the_end_is_answered(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    for (int i = 0; i < 100; i++) {
        struct raw raw = raw_opened(&site);
        say(&raw, i % 2 ? "GET /v1/cells HTTP/1.1\r\n" HOST WRITES "\r\n"
                        : "GET /v1/cells?min_cursor=9&timeout=0 HTTP/1.1\r\n" HOST WRITES "\r\n");
        must(shutdown(raw.fd, SHUT_WR) == 0);
        check_heard(&raw, i % 2 ? 200 : 504, NULL);
        check_ended(&raw);
        raw_close(&raw);
    }
    wait_until_quiet(&site, 3);
    site_closed(&site);
}

/* A byte now and then, for longer than it may take: true if the daemon had enough of it. */
static bool is_cut_while_dripping(struct raw *raw, const char *drop, int drops) {
    for (int i = 0; i < drops; i++) {
        struct pollfd poll_fd = {.fd = raw->fd, .events = POLLRDHUP};
        if (!try_to_send(raw, drop, 1)) return true;
        if (poll(&poll_fd, 1, 50) > 0) return true;
    }
    return false;
}

static void a_request_that_comes_in_drops_is_cut(void **state) {
    (void)state;
    struct site site = site_opened("--http-idle-s", "2", "--http-request-s", "1", NULL);
    static const char *const begun[] = {
        "",
        "GET /healthz HTTP/1.1\r\nX: ",
        "POST /v1/events HTTP/1.1\r\n" HOST AS_EVENT "Content-Length: 60000\r\n\r\n{",
        "POST /v1/events HTTP/1.1\r\n" HOST WRITES AS_EVENT "Content-Length: 60000\r\n\r\n{",
        "GET /v1/cells HTTP/1.1\r\n" HOST WRITES "\r\nGET /",
    };
    for (size_t i = 0; i < sizeof begun / sizeof *begun; i++) {
        struct raw raw = raw_opened(&site);
        test_context("%s", begun[i]);
        say(&raw, begun[i]);
        assert_true(is_cut_while_dripping(&raw, "a", 1000)); /* 50 s */
        raw_close(&raw);
    }
    assert_true(figure_of(&site, "\nreel_http_connections_cut_total{reason=\"late\"} ") >= 5);
    site_closed(&site);
}

static void clients_without_a_token_do_not_take_the_places_of_clients_with_one(void **state) {
    (void)state;
    enum { STRANGERS = 60 };
    struct site site = site_opened("--connections-max", "2", "--connections-unknown-max", "8",
                                   "--http-idle-s", "3600", "--http-request-s", "3600", NULL);
    struct raw strangers[STRANGERS];
    for (int i = 0; i < STRANGERS; i++) {
        strangers[i] = raw_opened(&site);
        say(&strangers[i], "GET /healthz HTTP/1.1\r\nX");
    }
    struct reply reply = got(site.reader, "/v1/cells", 200);
    reply_free(&reply);
    reply = got(site.writer, "/v1/cells", 200);
    reply_free(&reply);
    assert_true(figure_of(&site, "\nreel_http_connections_cut_total{reason=\"displaced\"} ") > 0);
    assert_true(figure_of(&site, "\nreel_http_connections_unknown ") <= 8);
    assert_true(figure_of(&site, "\nreel_http_connections ") <= 10);
    for (int i = 0; i < STRANGERS; i++) raw_close(&strangers[i]);
    wait_until_quiet(&site, 3);
    site_closed(&site);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void set_files(const struct site *site, rlim_t files) {
    struct rlimit limit;
    must(prlimit(worker_of(site->daemon.pid), RLIMIT_NOFILE, NULL, &limit) == 0);
    limit.rlim_cur = files;
    must(prlimit(worker_of(site->daemon.pid), RLIMIT_NOFILE, &limit, NULL) == 0);
}

static double processor_seconds(const struct site *site) {
    char path[64], text[1024];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)worker_of(site->daemon.pid));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0);
    ssize_t len = read(fd, text, sizeof text - 1);
    must(len > 0);
    close(fd);
    text[len] = '\0';
    must(sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                &kernel) == 2);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static void without_files_it_waits_and_goes_on_when_there_are_some(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    struct raw waiting[4];
    struct reply reply = got(site.reader, "/v1/cells", 200);
    reply_free(&reply);
    set_files(&site, 3); /* fewer than it has */
    for (int i = 0; i < 4; i++) {
        waiting[i] = raw_opened(&site);
        say(&waiting[i], "GET /v1/cells HTTP/1.1\r\n" HOST WRITES "\r\n");
    }
    while (figure_of(&site, "\nreel_http_not_accepted_total ") == 0) usleep(1000);
    double before = processor_seconds(&site);
    sleep(2);
    assert_true(processor_seconds(&site) - before < 0.5);
    daemon_wait_for_log(&site.daemon, "cannot accept connections");
    set_files(&site, 1000);
    for (int i = 0; i < 4; i++) {
        check_heard(&waiting[i], 200, NULL);
        raw_close(&waiting[i]);
    }
    site_closed(&site);
}

/* Comes last: this process and what it starts have few files from then on. */
static void bounds_beyond_the_files_that_may_be_open_are_told_at_start(void **state) {
    (void)state;
    enum { FILES = 200 };
    struct rlimit limit = {FILES, FILES};
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    struct site site = site_opened(NULL);
    daemon_wait_for_log(&site.daemon, "may have 200 files open");
    struct raw held[100];
    for (int i = 0; i < 100; i++) {
        held[i] = raw_opened(&site);
        say(&held[i], "GET /healthz HTTP/1.1\r\nX");
    }
    struct reply reply = got(site.reader, "/v1/cells", 200);
    reply_free(&reply);
    assert_int_equal(figure_of(&site, "\nreel_http_not_accepted_total "), 0);
    assert_true(figure_of(&site, "\nreel_http_connections ") <= 72);
    for (int i = 0; i < 100; i++) raw_close(&held[i]);
    site_closed(&site);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_beyond_libmicrohttpds_memory_leave_nothing),
        cmocka_unit_test(a_query_with_any_number_of_parameters_is_answered),
        cmocka_unit_test(no_request_leaves_memory_behind),
        cmocka_unit_test(a_part_of_a_request_and_then_the_end_frees_the_place),
        cmocka_unit_test(a_request_and_then_the_end_is_answered),
        cmocka_unit_test(a_request_that_comes_in_drops_is_cut),
        cmocka_unit_test(clients_without_a_token_do_not_take_the_places_of_clients_with_one),
        cmocka_unit_test(without_files_it_waits_and_goes_on_when_there_are_some),
        cmocka_unit_test(bounds_beyond_the_files_that_may_be_open_are_told_at_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
