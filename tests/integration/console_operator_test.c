/* console_operator_test.c: the console in the hands of an operator, in a real browser: projectors
 * that crash are said first, and what an administrator does with collections is done. Skipped where
 * there is no Chromium. */
#include "console_support.h"
#include "crash_support.h"

#define ACTIONS(collection) "[aria-label='Actions on " collection "'] button"

/* ---- Help ------------------------------------------------------------------------------------ */

static struct site deadly_on(const char *directory, int port, bool is_armed) {
    const char *const more[] = {"--plugin",      DEADLY_SO, "--plugin", HEALTHY_SO,
                                "--strikes-max", "2",       NULL};
    if (is_armed) setenv("DEADLY_ARMED", "1", 1);
    struct site site = site_begun_on(directory, port, more);
    unsetenv("DEADLY_ARMED");
    return site;
}

/* The finding that stands first on the overview. */
static void see_first(const char *text) {
    char *literal = browser_literal(text);
    browser_wait(browser, "document.querySelector('.findings li')?.innerText.includes(%s)",
                 literal);
    free(literal);
}

static void answer_question(const char *question, const char *button) {
    see(question);
    browser_click(browser, "dialog button", button);
    browser_wait(browser, "!document.querySelector('dialog')?.open");
}

static void act(const char *selector, const char *verb, const char *question) {
    char accepted[64];
    snprintf(accepted, sizeof accepted, "%s: accepted.", verb);
    browser_click(browser, selector, verb);
    answer_question(question, verb);
    see(accepted);
}

/* ---- Crashes --------------------------------------------------------------------------------- */

/* The first crash sets an event aside, the second one stops the collection. Then the cause has
 * gone, and the administrator releases the collection: what is set aside stays so. */
static void a_crash_is_said_first_and_a_collection_is_released(void **state) {
    (void)state;
    if (memory_is_sanitized()) skip(); /* the sanitizer would say what the plugin dies of */
    const char *directory = scratch_directory();
    struct site site = deadly_on(directory, 0, true);
    struct reply reply;
    wait_until_ready(site.nobody);
    browser_page(browser);
    post_harmless(site.writer, 0);
    sign_in(&site, ADMIN_TOKEN, "");
    see("All is well");
    post_crash_event(site.writer, 1, "segv", "evolve", true, &reply);
    reply_free(&reply);
    see_first("1 event was set aside, since a projector crashed.");
    see("It works, with remarks");
    browser_photograph(browser, "set-aside");
    browser_click(browser, ".findings a", "Look");
    see("1 deadly: the projector crashed …");
    browser_click(browser, ".groups summary", "deadly");
    see("the projector crashed (SIGSEGV)");
    go(&site, "");
    post_crash_event(site.writer, 2, "segv", "evolve", true, &reply);
    reply_free(&reply);
    see("Something is wrong");
    browser_wait(browser, "[...document.querySelectorAll('.findings .bad, .findings li')]"
                          ".some(one => one.innerText.includes("
                          "'deadly is stopped: the projector crashed (SIGSEGV)'))");
    see_first("The daemon is not ready: collection `deadly` is stopped: the projector crashed");
    browser_photograph(browser, "crashed");
    go(&site, "#/c/healthy");
    see("records, live");
    site_hang_up(&site);
    int port = site.daemon.port;
    daemon_end(&site.daemon);
    site = deadly_on(directory, port, false);
    go(&site, "#/plugins");
    act(ACTIONS("deadly"), "Release", "Release deadly?");
    wait_for_state(site.reader, "deadly", "live");
    post_harmless(site.writer, 3);
    assert_counted(site.writer, "deadly", 2);
    go(&site, "");
    see_first("2 events were set aside");
    must(!sees("is stopped"));
    expect_no_complaints(false);
    site_closed(&site);
}

/* ---- The administrator ----------------------------------------------------------------------- */

static int open_site(void **state) {
    static struct site site;
    site = site_on(scratch_directory(), 0, NULL);
    browser_page(browser);
    *state = &site;
    return 0;
}

static void a_collection_is_paused_and_resumed(void **state) {
    struct site *site = *state;
    cell_started(site->writer, "before");
    sign_in(site, ADMIN_TOKEN, "#/plugins");
    browser_click(browser, ACTIONS("cells"), "Pause");
    answer_question("Pause cells?", "Cancel");
    wait_for_state(site->reader, "cells", "live");
    must(!sees("accepted"));
    act(ACTIONS("cells"), "Pause", "Pause cells?");
    browser_photograph(browser, "paused");
    wait_for_state(site->reader, "cells", "paused");
    posted(site->writer, "meanwhile", CELL_STARTED, "{\"cellId\":\"meanwhile\",\"specId\":\"s\"}",
           "ignored");
    go(site, "");
    see_first("cells is paused at 1.");
    go(site, "#/plugins");
    browser_click(browser, ACTIONS("cells"), "Pause"); /* it is already */
    answer_question("Pause cells?", "Pause");
    browser_wait(browser, "document.querySelector('main .trouble')?.innerText.includes('cells')");
    act(ACTIONS("cells"), "Resume", "Resume cells?");
    wait_for_state(site->reader, "cells", "live");
    go(site, "#/c/cells");
    see("2 records, live");
    go(site, "");
    see("All is well");
    expect_no_complaints(false);
}

/* The page of the collection stays live while its records change places. */
static void a_collection_is_rebuilt(void **state) {
    struct site *site = *state;
    cell_started(site->writer, "a");
    json_t *standing = standing_of(site->reader, "cells");
    uint64_t before = number_of(standing, "generation"), now = before;
    json_decref(standing);
    sign_in(site, ADMIN_TOKEN, "#/plugins");
    act(ACTIONS("cells"), "Rebuild", "Rebuild cells?");
    for (uint64_t began = now_ms(); now == before; usleep(10000)) {
        must(now_ms() - began < 60000);
        standing = standing_of(site->reader, "cells");
        now = number_of(standing, "generation");
        json_decref(standing);
    }
    go(site, "#/c/cells");
    see("1 record, live");
    cell_started(site->writer, "b");
    see("2 records, live");
    expect_no_complaints(true);
}

/* In small slices, so that it takes a while. */
static void a_rebuild_shows_its_progress(void **state) {
    (void)state;
    const int cells = memory_is_sanitized() ? 20000 : 200000;
    const char *directory = scratch_directory();
    struct site site = site_on(directory, 0, NULL);
    import_many(&site, cells);
    site_closed(&site);
    site = site_on(directory, 0, (const char *const[]){"--batch-events-max", "1", NULL});
    browser_page(browser);
    sign_in(&site, ADMIN_TOKEN, "#/plugins");
    act(ACTIONS("cells"), "Rebuild", "Rebuild cells?");
    go(&site, "");
    browser_wait(browser, "[...document.querySelectorAll('main tr')].some(row => "
                          "row.innerText.includes('live, being rebuilt') && "
                          "row.querySelector('progress').position < 1)");
    browser_photograph(browser, "rebuild");
    browser_wait(browser, "!document.querySelector('main tr progress')");
    expect_no_complaints(true);
    site_closed(&site);
}

/* tally.so is exchanged for a build that adds 2 for each event, where the first one adds 1. */
static void plugins_are_reloaded(void **state) {
    (void)state;
    const char *tally = path_in(scratch_directory(), "tally.so");
    copy_over(build_path("tests/integration/plugins/tally_1.so"), tally);
    struct site site =
        site_on(scratch_directory(), 0, (const char *const[]){"--plugin", tally, NULL});
    pid_t before = worker_of(site.daemon.pid);
    for (uint64_t i = 0; i < 3; i++) post_harmless(site.writer, i);
    browser_page(browser);
    sign_in(&site, ADMIN_TOKEN, "#/plugins");
    copy_over(build_path("tests/integration/plugins/tally_2.so"), tally);
    act("main button", "Reload plugins", "Reload the plugins?");
    for (uint64_t began = now_ms(); worker_of(site.daemon.pid) == before; usleep(10000))
        must(now_ms() - began < 60000);
    go(&site, "#/c/tally_sums/all");
    browser_wait(browser, "document.querySelector('.facts').innerText.includes('6')");
    browser_photograph(browser, "reloaded");
    site_closed(&site);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_is_said_first_and_a_collection_is_released),
        CASE(a_collection_is_paused_and_resumed),
        CASE(a_collection_is_rebuilt),
        cmocka_unit_test(a_rebuild_shows_its_progress),
        cmocka_unit_test(plugins_are_reloaded),
    };
    if (!browser_is_there()) return SKIPPED;
    browser = browser_opened();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    browser_closed(browser);
    return failed;
}
