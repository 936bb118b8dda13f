/* ws_idle_test.c: thousands of followers to whom nothing happens: what each costs, that plain HTTP
 * is answered as ever, and that there are only so many. */
#include "follow.h"
#include "http_support.h"
#include "load.h"

#include <inttypes.h>
#include <sys/resource.h>

/* Of the process's own, for one of them. */
#define BYTES_EACH_MAX (14 << 10)

enum { WARM = 20 };

/* ---- Many ------------------------------------------------------------------------------------ */

/* False: so many files may not be open here. */
static bool allow_files(size_t count) {
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur >= count) return true;
    if (limit.rlim_max < count) return false;
    limit.rlim_cur = count;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static struct follower *opened(struct site *site, enum follow_kind kind, size_t count) {
    struct follower *followers = calloc(count, sizeof *followers);
    must(followers != NULL);
    for (size_t i = 0; i < count; i++) followers[i] = follower_opened(&site->daemon, kind, "");
    return followers;
}

static void closed(struct follower *followers, size_t count) {
    for (size_t i = 0; i < count; i++) follower_close(&followers[i]);
    free(followers);
}

static void check_http(struct site *site) {
    struct client *client = client_opened(&site->daemon, READ_TOKEN); /* a new connection, too */
    struct reply reply = got(client, "/v1/cells", 200);
    reply_free(&reply);
    client_close(client);
    reply = got(site->reader, "/v1/cells", 200);
    reply_free(&reply);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void check_memory(struct site *site, uint64_t before, size_t count, const char *what) {
    uint64_t after = process_memory(site->daemon.pid);
    uint64_t each = after > before ? (after - before) / count : 0;
    print_message("%zu %s: %" PRIu64 " bytes each\n", count, what, each);
    if (!memory_is_sanitized()) assert_in_range(each, 0, BYTES_EACH_MAX);
}

/* Each is told one event, so that nobody's memory is only a promise. */
static void check_followers(enum follow_kind kind) {
    size_t count = scaled(5000);
    if (!allow_files(count + 200)) skip();
    struct site site = site_opened("--max-websockets", "6000", "--connections-max", "64", NULL);
    cell_started(site.writer, "first");
    struct follower *warm = opened(&site, kind, WARM);
    closed(warm, WARM);
    check_http(&site);
    uint64_t before = process_memory(site.daemon.pid);
    struct follower *followers = opened(&site, kind, count);
    assert_int_equal(follower_count(site.reader), count);
    check_http(&site);
    check_memory(&site, before, count, kind == FOLLOW_SSE ? "streams" : "WebSockets");
    uint64_t seq = cell_started(site.writer, "second");
    for (size_t i = 0; i < count; i++) follower_expect(&followers[i], seq);
    check_http(&site);
    check_memory(&site, before, count, "that were told an event");
    closed(followers, count);
    follower_count_wait(site.reader, 0);
    site_closed(&site);
}

static void an_idle_websocket_costs_little(void **state) {
    (void)state;
    check_followers(FOLLOW_WEBSOCKET);
}

static void an_idle_stream_costs_little(void **state) {
    (void)state;
    check_followers(FOLLOW_SSE);
}

/* ---- The limit ------------------------------------------------------------------------------- */

static void check_refused(struct site *site, enum follow_kind kind) {
    struct follower follower;
    struct reply reply = follower_asked(&site->daemon, kind, "", READ_TOKEN, NULL, &follower);
    assert_problem(&reply, 503, "service-unavailable");
    assert_non_null(reply_header(&reply, "Retry-After"));
    reply_free(&reply);
    follower_close(&follower);
}

/* As soon as the daemon has noticed that there is room. */
static struct follower opened_at_last(struct site *site) {
    for (uint64_t began = now_ms();; usleep(2000)) {
        struct follower follower;
        struct reply reply =
            follower_asked(&site->daemon, FOLLOW_WEBSOCKET, "", READ_TOKEN, NULL, &follower);
        long status = reply.status;
        reply_free(&reply);
        if (status == 101) return follower;
        follower_close(&follower);
        must(status == 503 && now_ms() - began < 30000);
    }
}

static void past_the_limit_it_is_503_and_http_goes_on(void **state) {
    (void)state;
    enum { ALLOWED = 20 };
    struct site site = site_opened("--max-websockets", "20", NULL);
    struct follower *followers = opened(&site, FOLLOW_WEBSOCKET, ALLOWED);
    for (int i = 0; i < 50; i++) check_refused(&site, i % 2 ? FOLLOW_SSE : FOLLOW_WEBSOCKET);
    check_http(&site);
    follower_close(&followers[0]); /* without a word */
    followers[0] = opened_at_last(&site);
    ws_close(&followers[1].wire, 1000);
    follower_close(&followers[1]);
    followers[1] = opened_at_last(&site);
    check_refused(&site, FOLLOW_SSE);
    uint64_t seq = cell_started(site.writer, "for all");
    for (size_t i = 0; i < ALLOWED; i++) follower_expect(&followers[i], seq);
    closed(followers, ALLOWED);
    site_closed(&site);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_websocket_costs_little),
        cmocka_unit_test(an_idle_stream_costs_little),
        cmocka_unit_test(past_the_limit_it_is_503_and_http_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
