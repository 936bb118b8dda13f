/* browser_test.c: a page in a real browser (headless Chromium) reads the records, follows by
 * WebSocket, lives through a restart of the daemon, and ends with the right records. Skipped where
 * there is no Chromium. The page is browser.html, and this is the server that it comes from.
 * Another page, browser_records.html, follows the records, through a rebuild, too. */
#include "http_support.h"
#include "load.h"
#include "wire.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { SKIPPED = 77, STEPS = 50 };

/* A browser that begins on a busy machine, ms. */
#define PATIENCE_MS 120000

/* ---- The page's server ----------------------------------------------------------------------- */

struct page {
    int listener, port;
    pthread_t thread;
    char *html;
    pthread_mutex_t lock; /* of the rest */
    long long last;       /* where the page says it stands; -1: it has not begun */
    unsigned opened;      /* WebSockets, so far */
    bool ending;          /* it is to show what it has */
    json_t *shown;
};

static char *html_read(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "tests/integration/%s", name);
    FILE *file = fopen(source_path(path), "r");
    struct text text = {0};
    char part[4096];
    size_t len;
    must(file != NULL);
    while ((len = fread(part, 1, sizeof part, file)) > 0) text_add(&text, part, len);
    fclose(file);
    return text.data;
}

/* Reads one request; its body, in `in`. */
static const char *read_request(int fd, struct text *in) {
    char part[4096], *end = NULL;
    for (;;) {
        ssize_t len = recv(fd, part, sizeof part, 0);
        if (len <= 0) return NULL;
        text_add(in, part, (size_t)len);
        if (!(end = strstr(in->data, "\r\n\r\n"))) continue;
        const char *length = strcasestr(in->data, "\r\ncontent-length:");
        size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        if (in->len >= (size_t)(end + 4 - in->data) + body) return end + 4;
    }
}

static const char *answer_to(struct page *page, const char *request, const char *body) {
    const char *answer = "";
    pthread_mutex_lock(&page->lock);
    if (strncmp(request, "GET /page?", 10) == 0) {
        answer = page->html;
    } else if (strncmp(request, "POST /at ", 9) == 0) {
        must(sscanf(body, "%lld %u", &page->last, &page->opened) == 2);
        answer = page->ending ? "show" : "go on";
    } else if (strncmp(request, "POST /shown ", 12) == 0) {
        page->shown = json_parsed(body, strlen(body));
    }
    pthread_mutex_unlock(&page->lock);
    return answer;
}

static void *serve(void *context) {
    struct page *page = context;
    int fd;
    while ((fd = accept4(page->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct timeval patience = {.tv_sec = 2}; /* browsers open connections ahead of need */
        struct text in = {0}, out = {0};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        const char *body = read_request(fd, &in);
        if (body) {
            const char *answer = answer_to(page, in.data, body);
            text_format(&out,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %zu\r\n"
                        "Connection: close\r\n\r\n",
                        strlen(answer));
            text_add(&out, answer, strlen(answer));
            send(fd, out.data, out.len, MSG_NOSIGNAL);
        }
        close(fd);
        free(in.data);
        free(out.data);
    }
    return NULL;
}

static void page_start(struct page *page, const char *name) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    *page = (struct page){.html = html_read(name), .last = -1};
    pthread_mutex_init(&page->lock, NULL);
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
    json_decref(page->shown);
    free(page->html);
}

/* Waits until the page has got so far, over at least so many WebSockets. */
static void wait_for_page(struct page *page, uint64_t seq, unsigned opened) {
    for (uint64_t began = now_ms();; usleep(2000)) {
        pthread_mutex_lock(&page->lock);
        bool there = page->last >= (long long)seq && page->opened >= opened;
        long long last = page->last;
        pthread_mutex_unlock(&page->lock);
        if (there) return;
        if (now_ms() - began > PATIENCE_MS)
            support_failed(__FILE__, __LINE__, "the page stays at %lld, not %" PRIu64, last, seq);
    }
}

static json_t *wait_until_shown(struct page *page) {
    for (uint64_t began = now_ms();; usleep(2000)) {
        pthread_mutex_lock(&page->lock);
        page->ending = true;
        json_t *shown = page->shown;
        pthread_mutex_unlock(&page->lock);
        if (shown) return shown;
        must(now_ms() - began < PATIENCE_MS);
    }
}

/* ---- The browser ----------------------------------------------------------------------------- */

/* In a process group of its own, as it has many processes. */
static pid_t browser_started(const char *url, const char *scratch) {
    char directory[256], log[256];
    snprintf(directory, sizeof directory, "--user-data-dir=%s/profile", scratch);
    snprintf(log, sizeof log, "%s/log", scratch);
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    setenv("HOME", scratch, 1);
    if (!freopen(log, "w", stderr) || !freopen("/dev/null", "w", stdout)) _exit(126);
    execlp("chromium", "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
           "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
           "--disable-extensions", "--remote-debugging-port=0", directory, url, (char *)NULL);
    _exit(127);
}

static void browser_end(pid_t pid) {
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
    while (kill(-pid, 0) == 0) usleep(2000); /* its helpers write to its directory until then */
}

/* ---- The daemon ------------------------------------------------------------------------------ */

/* On this port, 0: any; pages from `origin` may follow. Cells are rebuilt first, or not. */
static struct site site_rebuilt_on(const char *directory, int port, const char *origin,
                                   bool rebuilds) {
    char bind[32];
    const char *const arguments[] = {"serve",      "--data",
                                     directory,    "--bind",
                                     bind,         "--plugin",
                                     CELL_SO,      "--plugin",
                                     FORMATION_SO, "--websocket-origin",
                                     origin,       rebuilds ? "--rebuild" : NULL,
                                     "cells",      NULL};
    static const char *const environment[] = {"REEL_TOKEN=" WRITE_TOKEN, NULL};
    snprintf(bind, sizeof bind, "127.0.0.1:%d", port);
    struct daemon daemon = daemon_launched(arguments, environment);
    daemon_wait_until_it_listens(&daemon);
    return (struct site){.daemon = daemon, .writer = client_opened(&daemon, WRITE_TOKEN)};
}

static struct site site_on(const char *directory, int port, const char *origin) {
    return site_rebuilt_on(directory, port, origin, false);
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

static void check_shown(struct site *site, const json_t *shown, uint64_t seq) {
    struct reply reply = got(site->writer, "/v1/cells", 200);
    assert_int_equal(number_of(shown, "last"), seq);
    if (json_array_size(json_object_get(shown, "faults")) > 0)
        support_failed(__FILE__, __LINE__, "%s", json_dumps(shown, 0));
    load_check_cells(json_object_get(shown, "cells"), &reply);
    reply_free(&reply);
}

/* ---- The cases ------------------------------------------------------------------------------- */

static void a_page_follows_through_a_restart(void **state) {
    (void)state;
    struct page page;
    char origin[64], url[512];
    const char *directory = scratch_directory();
    page_start(&page, "browser.html");
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d", page.port);
    struct site site = site_on(directory, 0, origin);
    int port = site.daemon.port;
    snprintf(url, sizeof url, "%s/page?daemon=%s&token=" WRITE_TOKEN, origin, site.daemon.base);
    uint64_t seq = move_on(&site, 0); /* the snapshot has these */
    pid_t browser = browser_started(url, scratch_directory());
    wait_for_page(&page, seq, 1);
    seq = move_on(&site, 1);
    wait_for_page(&page, seq, 1);
    move_on(&site, 2); /* it may not have all of these when the daemon ends, or is ended */
    client_close(site.writer);
    daemon_kill(&site.daemon);
    site = site_on(directory, port, origin);
    seq = move_on(&site, 3);
    wait_for_page(&page, seq, 2);
    client_close(site.writer);
    daemon_end(&site.daemon);
    site = site_on(directory, port, origin);
    seq = move_on(&site, 4);
    wait_for_page(&page, seq, 3);
    check_shown(&site, wait_until_shown(&page), seq);
    browser_end(browser);
    client_close(site.writer);
    daemon_end(&site.daemon);
    page_stop(&page);
}

/* A restart is no reason to read the records again; a rebuild is, for a page that was not connected
 * when it ended. */
static void a_table_of_records_follows_through_restarts_and_a_rebuild(void **state) {
    (void)state;
    struct page page;
    char origin[64], url[512];
    const char *directory = scratch_directory();
    page_start(&page, "browser_records.html");
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d", page.port);
    struct site site = site_on(directory, 0, origin);
    int port = site.daemon.port;
    snprintf(url, sizeof url, "%s/page?daemon=%s&token=" WRITE_TOKEN, origin, site.daemon.base);
    uint64_t seq = move_on(&site, 0);
    pid_t browser = browser_started(url, scratch_directory());
    wait_for_page(&page, seq, 1);
    seq = move_on(&site, 1);
    wait_for_page(&page, seq, 1);
    for (int round = 2; round < 5; round++) {
        move_on(&site, round);
        client_close(site.writer);
        if (round == 2)
            daemon_kill(&site.daemon);
        else
            daemon_end(&site.daemon);
        site = site_rebuilt_on(directory, port, origin, round == 3);
        wait_until_ready(site.writer);
        seq = move_on(&site, round + 10);
        wait_for_page(&page, seq, (unsigned)round);
    }
    json_t *shown = wait_until_shown(&page);
    check_shown(&site, shown, seq);
    assert_in_range(number_of(shown, "snapshots"), 1, 2);
    browser_end(browser);
    client_close(site.writer);
    daemon_end(&site.daemon);
    page_stop(&page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_follows_through_a_restart),
        cmocka_unit_test(a_table_of_records_follows_through_restarts_and_a_rebuild),
    };
    if (system("chromium --version >/dev/null 2>&1") != 0) return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
