/* browser_test.c: a page in a real browser (headless Chromium) reads the records, follows by
 * WebSocket, lives through a restart of the daemon, and ends with the right records. Skipped where
 * there is no Chromium. The page is browser.html, and this is the server that it comes from.
 * Another page, browser_records.html, follows the records, through a rebuild, too. */
#include "browser.h"
#include "http_support.h"
#include "load.h"
#include "wire.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/socket.h>

enum { STEPS = 50 };

static struct browser *browser;

/* ---- The page's server ----------------------------------------------------------------------- */

struct page {
    int listener, port;
    pthread_t thread;
    struct text html;
};

/* Browsers open connections ahead of need, and ask for an icon. */
static void *serve(void *context) {
    struct page *page = context;
    int fd;
    while ((fd = accept4(page->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct timeval patience = {.tv_sec = 2};
        struct text out = {0};
        char request[16384];
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ssize_t len = recv(fd, request, sizeof request, 0);
        bool is_wanted = len > 10 && strncmp(request, "GET /page?", 10) == 0;
        text_format(&out,
                    "HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %zu\r\n"
                    "Connection: close\r\n\r\n",
                    is_wanted ? "200 OK" : "404 Not Found", is_wanted ? page->html.len : 0);
        if (is_wanted) text_add(&out, page->html.data, page->html.len);
        send(fd, out.data, out.len, MSG_NOSIGNAL);
        close(fd);
        free(out.data);
    }
    return NULL;
}

static void page_start(struct page *page, const char *name) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    char path[128];
    snprintf(path, sizeof path, "tests/integration/%s", name);
    *page = (struct page){.html = text_of_file(source_path(path))};
    page->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(page->listener, (struct sockaddr *)&address, sizeof address) == 0);
    must(listen(page->listener, 64) == 0);
    must(getsockname(page->listener, (struct sockaddr *)&address, &len) == 0);
    page->port = ntohs(address.sin_port);
    must(pthread_create(&page->thread, NULL, serve, page) == 0);
}

static void page_stop(struct page *page) {
    shutdown(page->listener, SHUT_RDWR);
    pthread_join(page->thread, NULL);
    close(page->listener);
    free(page->html.data);
}

/* Waits until the page has got so far, over at least so many connections. */
static void wait_for_page(uint64_t seq, unsigned opened) {
    browser_wait(browser, "last >= %" PRIu64 " && opened >= %u", seq, opened);
}

/* ---- The daemon ------------------------------------------------------------------------------ */

/* A daemon that is followed by a page of another origin. */
struct stage {
    struct page page;
    const char *directory;
    char origin[64];
    struct site site;
};

/* On this port, 0: any. Cells are rebuilt first, or not. */
static void start_daemon(struct stage *stage, int port, bool rebuilds) {
    char bind[32];
    const char *const arguments[] = {"serve",
                                     "--data",
                                     stage->directory,
                                     "--bind",
                                     bind,
                                     "--plugin",
                                     CELL_SO,
                                     "--plugin",
                                     FORMATION_SO,
                                     "--websocket-origin",
                                     stage->origin,
                                     rebuilds ? "--rebuild" : NULL,
                                     "cells",
                                     NULL};
    static const char *const environment[] = {"REEL_TOKEN=" WRITE_TOKEN, NULL};
    snprintf(bind, sizeof bind, "127.0.0.1:%d", port);
    struct daemon daemon = daemon_launched(arguments, environment);
    daemon_wait_until_it_listens(&daemon);
    stage->site = (struct site){.daemon = daemon, .writer = client_opened(&daemon, WRITE_TOKEN)};
    wait_until_ready(stage->site.writer);
}

static void end_daemon(struct stage *stage, bool kills) {
    client_close(stage->site.writer);
    (kills ? daemon_kill : daemon_end)(&stage->site.daemon);
}

/* Some cells begin, some end; the last seq. */
static uint64_t move_on(struct site *site, int round) {
    uint64_t seq = 0;
    for (int i = 0; i < STEPS; i++) {
        char id[32];
        snprintf(id, sizeof id, "round %d, cell %d", round, i);
        seq = cell_started(site->writer, id);
        if (i % 3 == 0) seq = cell_event(site->writer, CELL_DESTROYED, id);
    }
    return seq;
}

static void check_shown(struct stage *stage, const json_t *shown, uint64_t seq) {
    struct reply reply = got(stage->site.writer, "/v1/cells", 200);
    assert_int_equal(number_of(shown, "last"), seq);
    if (json_array_size(json_object_get(shown, "faults")) > 0)
        support_failed(__FILE__, __LINE__, "%s", json_dumps(shown, 0));
    load_check_cells(json_object_get(shown, "cells"), &reply);
    reply_free(&reply);
}

/* ---- The cases ------------------------------------------------------------------------------- */

/* A daemon with some cells, and a page that has them; the last seq. */
static uint64_t begin(struct stage *stage, const char *html) {
    char url[512];
    stage->directory = scratch_directory();
    page_start(&stage->page, html);
    snprintf(stage->origin, sizeof stage->origin, "http://127.0.0.1:%d", stage->page.port);
    start_daemon(stage, 0, false);
    snprintf(url, sizeof url, "%s/page?daemon=%s&token=" WRITE_TOKEN, stage->origin,
             stage->site.daemon.base);
    uint64_t seq = move_on(&stage->site, 0); /* the snapshot has these */
    browser_page(browser);
    browser_go(browser, url);
    wait_for_page(seq, 1);
    return seq;
}

static void end(struct stage *stage) {
    end_daemon(stage, false);
    page_stop(&stage->page);
}

static void a_page_follows_through_a_restart(void **state) {
    (void)state;
    struct stage stage;
    begin(&stage, "browser.html");
    int port = stage.site.daemon.port;
    wait_for_page(move_on(&stage.site, 1), 1);
    move_on(&stage.site, 2); /* it may not have all of these when the daemon ends, or is ended */
    end_daemon(&stage, true);
    start_daemon(&stage, port, false);
    wait_for_page(move_on(&stage.site, 3), 2);
    end_daemon(&stage, false);
    start_daemon(&stage, port, false);
    uint64_t seq = move_on(&stage.site, 4);
    wait_for_page(seq, 3);
    json_t *shown = browser_value(browser, "({last, faults, cells})");
    check_shown(&stage, shown, seq);
    json_decref(shown);
    end(&stage);
}

/* A restart is no reason to read the records again; a rebuild is, for a page that was not connected
 * when it ended. */
static void a_table_of_records_follows_through_restarts_and_a_rebuild(void **state) {
    (void)state;
    struct stage stage;
    uint64_t seq = begin(&stage, "browser_records.html");
    int port = stage.site.daemon.port;
    wait_for_page(move_on(&stage.site, 1), 1);
    for (int round = 2; round < 5; round++) {
        move_on(&stage.site, round);
        end_daemon(&stage, round == 2);
        start_daemon(&stage, port, round == 3);
        seq = move_on(&stage.site, round + 10);
        wait_for_page(seq, (unsigned)round);
    }
    json_t *shown = browser_value(browser, "({last, faults, cells, snapshots, "
                                           "rows: document.getElementById('cells').rows.length})");
    check_shown(&stage, shown, seq);
    assert_int_equal(number_of(shown, "rows"), json_object_size(json_object_get(shown, "cells")));
    assert_in_range(number_of(shown, "snapshots"), 1, 2);
    json_decref(shown);
    end(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_follows_through_a_restart),
        cmocka_unit_test(a_table_of_records_follows_through_restarts_and_a_rebuild),
    };
    if (!browser_is_there()) return SKIPPED;
    browser = browser_opened();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    browser_closed(browser);
    return failed;
}
