/* console_test.c: the console in a real browser (headless Chromium): each view, with real keys and
 * clicks; live updates, commands, restarts, tokens, many records, narrow and dark pages. What is
 * seen is kept as <build>/console/NAME.png. Skipped where there is no Chromium.
 *
 *     console_test [PATTERN]       all cases, or those whose names match, such as '*picture*'
 *     console_test --axe FILE      axe-core's rules for accessibility on each view (axe.min.js)
 */
#include "console_support.h"

#include <signal.h>

static char *axe; /* the text of axe.min.js, or NULL */

static int open_site(void **state) {
    static struct site site;
    site = site_on(scratch_directory(), 0, NULL);
    browser_page(browser);
    if (axe) browser_bypass_policy(browser);
    *state = &site;
    return 0;
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

static void a_wrong_token_is_refused_and_a_right_one_is_kept_for_the_tab(void **state) {
    struct site *site = *state;
    go(site, "");
    give_token("not-a-token-of-the-tests");
    see("the bearer token is not known");
    browser_photograph(browser, "wrong-token");
    give_token(READ_TOKEN);
    see("Overview");
    see("Token: read");
    go(site, "#/plugins");
    see("Event types");
    browser_reload(browser);
    see("Event types");
    must(browser_is(browser, "localStorage.length === 0 && document.cookie === ''"));
    browser_click(browser, "#who button", "Sign out");
    see("Sign in");
    must(browser_is(browser, "sessionStorage.length === 0"));
    expect_no_complaints(false);
}

static void a_token_that_may_read_sees_all_and_has_no_buttons_to_change(void **state) {
    struct site *site = *state;
    char id[37], hash[128];
    formation_made(site->writer, "web", id);
    snprintf(hash, sizeof hash, "#/c/formations/%s", id);
    sign_in(site, READ_TOKEN, "#/c/formations");
    see("1 record, live");
    must(browser_is(browser, "!document.querySelector('.command')"));
    go(site, hash);
    see("PENDING");
    see("This token may not look back");
    must(browser_is(browser, "!document.querySelector('.command')"));
    browser_photograph(browser, "record-read-token");
    go(site, "#/plugins");
    see("Event types");
    must(browser_is(browser, "!document.querySelector('main [role=group]')"));
    must(browser_is(browser, "![...document.querySelectorAll('main button')].length"));
    expect_no_complaints(true);
}

/* ---- Views ----------------------------------------------------------------------------------- */

static void the_overview_says_where_the_log_stands_and_what_is_wrong(void **state) {
    struct site *site = *state;
    cell_started(site->writer, "c1");
    sign_in(site, WRITE_TOKEN, "");
    see("All is well");
    see("Checkpoint");
    see("Followers");
    browser_wait(browser, "document.querySelector('main table').innerText.includes('cells')");
    cell_started(site->writer, "c2");
    browser_wait(browser, "document.querySelector('.facts').innerText.includes('1 to 2')");
    browser_wait(browser, "document.querySelector('svg.chart polyline').points.numberOfItems > 1");
    must(browser_is(browser, "document.querySelector('svg.chart').getAttribute('aria-label')"
                             ".includes('Events folded')"));
    posted(site->writer, "r", "dev.cellos.events.cell.formation.v1.created", "{}", "rejected");
    see("It works, with remarks");
    see("1 event was rejected");
    browser_photograph(browser, "overview");
    browser_click(browser, ".findings a", "Look");
    see("event missing formationId");
    expect_no_complaints(true);
}

static void a_collection_is_live_filtered_and_ordered(void **state) {
    struct site *site = *state;
    cell_started(site->writer, "b");
    cell_started(site->writer, "a");
    sign_in(site, WRITE_TOKEN, "#/c/cells");
    see("2 records, live");
    wait_for_rows("a,b,");
    cell_started(site->writer, "c");
    wait_for_rows("a,b,c,");
    choose("Order", "-changed");
    wait_for_rows("c,a,b,");
    cell_event(site->writer, CELL_DESTROYED, "b");
    wait_for_rows("b,c,a,");
    choose("Field", "state");
    choose("Value", "running");
    browser_click(browser, "form button[type=submit]", "Add filter");
    wait_for_rows("c,a,");
    cell_event(site->writer, CELL_DESTROYED, "c");
    wait_for_rows("a,");
    see("state is running");
    browser_photograph(browser, "collection");
    must(browser_is(browser, "location.hash.includes('state.eq=running')"));
    browser_reload(browser);
    wait_for_rows("a,"); /* the address has it all */
    browser_click(browser, ".chips button", "Remove");
    wait_for_rows("c,b,a,");
    choose("Show", "pages");
    see("1 to 3 of 3 records");
    expect_no_complaints(true);
}

static void pages_follow_each_other(void **state) {
    struct site *site = *state;
    struct text lines = {0};
    for (int i = 0; i < 1200; i++)
        text_format(&lines,
                    "{\"specversion\":\"1.0\",\"id\":\"p%d\",\"source\":\"/pages\",\"type\":\"%s\","
                    "\"data\":{\"cellId\":\"page-%04d\",\"specId\":\"s\"}}\n",
                    i, CELL_STARTED, i);
    post_lines(site->writer, &lines);
    sign_in(site, READ_TOKEN, "#/c/cells?mode=pages");
    see("1 to 500 of 1,200 records");
    browser_click(browser, ".pager button", "Next page");
    see("501 to 1,000 of 1,200 records");
    browser_wait(browser, "document.querySelector('.rows tbody th').textContent === 'page-0500'");
    browser_click(browser, ".pager button", "Next page");
    see("1,001 to 1,200 of 1,200 records");
    must(browser_is(browser, "[...document.querySelectorAll('.pager button')][1].disabled"));
    browser_click(browser, ".pager button", "Previous page");
    see("501 to 1,000 of 1,200 records");
    cell_started(site->writer, "page-9999");
    see("501 to 1,000 of 1,201 records");
    expect_no_complaints(true);
}

static void a_record_is_made_and_changed_by_forms_and_tells_its_history(void **state) {
    struct site *site = *state;
    sign_in(site, WRITE_TOKEN, "#/c/formations");
    browser_click(browser, "details.command summary", "New record");
    browser_click(browser, "details.command button", "Fill in the example");
    browser_click(browser, "details.command button[type=submit]", "Send");
    see("Done.");
    see("1 record, live");
    browser_photograph(browser, "command-create");
    browser_click(browser, ".done a", "Show the record");
    browser_wait(browser, "document.querySelector('.facts').innerText.includes('PENDING')");
    browser_click(browser, "details.command summary", "Status");
    browser_wait(browser, "document.querySelector('details.command[open] label')"
                          ".textContent.startsWith('state')");
    json_decref(browser_value(
        browser, "(() => { const c = document.querySelector('details.command[open] input, "
                 "details.command[open] select'); c.value = [...(c.options ?? [])]"
                 ".map(o => o.value).find(v => v.toLowerCase() === 'running') ?? 'running'; })()"));
    browser_click(browser, "details.command[open] button[type=submit]", "Send");
    see("RUNNING");
    browser_click(browser, "main button", "Show the history");
    see("2 changes");
    browser_wait(browser, "[...document.querySelectorAll('.timeline del')]"
                          ".some(one => one.textContent === 'PENDING')");
    browser_photograph(browser, "record");
    browser_click(browser, "details.command summary", "Delete");
    browser_click(browser, "details.command[open] button.danger", "Send");
    see("Delete from formations?");
    browser_press(browser, "Escape");
    must(!sees("CANCELLED"));
    browser_click(browser, "details.command[open] button.danger", "Send");
    browser_click(browser, "dialog button.danger", "Delete");
    see("CANCELLED");
    expect_no_complaints(true);
}

/* Also while it does not exist, and only it: the page follows this record alone. */
static void a_record_is_live(void **state) {
    struct site *site = *state;
    cell_started(site->writer, "other");
    sign_in(site, READ_TOKEN, "#/c/cells/c-1");
    see("There is no record with this key.");
    cell_started(site->writer, "c-1");
    browser_wait(browser, "document.querySelector('.facts')?.innerText.includes('running')");
    cell_event(site->writer, CELL_DESTROYED, "c-1");
    browser_wait(browser, "document.querySelector('.facts').innerText.includes('destroyed')");
    see("Last changed by the event 3");
    expect_no_complaints(false); /* it was not found at first */
}

static void a_refused_command_says_why(void **state) {
    struct site *site = *state;
    sign_in(site, WRITE_TOKEN, "#/c/formations");
    browser_click(browser, "details.command summary", "New record");
    browser_click(browser, "details.command button", "Fill in the example");
    browser_wait(browser, "(() => { const label = [...document.querySelectorAll('label')]"
                          ".find(one => one.textContent.startsWith('coordinator'));"
                          "document.getElementById(label.htmlFor).value = '\"nobody\"';"
                          "return true; })()");
    browser_click(browser, "details.command button[type=submit]", "Send");
    browser_wait(browser, "document.querySelector('.trouble')?.innerText.includes('coordinator')");
    must(!sees("Done."));
    browser_photograph(browser, "command-refused");
    expect_no_complaints(false);
}

static void events_are_live_go_back_and_show_their_bytes_and_outcomes(void **state) {
    struct site *site = *state;
    for (int i = 0; i < 300; i++) {
        char id[32];
        snprintf(id, sizeof id, "early-%d", i);
        cell_started(site->writer, id);
    }
    for (int i = 0; i < 300; i++) {
        char id[32];
        snprintf(id, sizeof id, "other-%d", i);
        posted(site->writer, id, "tests.other", "{\"n\":1}", "ignored");
    }
    sign_in(site, READ_TOKEN, "#/events");
    see("since 401, live");
    must(browser_is(browser, "document.querySelectorAll('.rows tbody tr').length < 60"));
    posted(site->writer, "late", "tests.late", NULL, "ignored");
    browser_wait(
        browser,
        "document.querySelector('.rows tbody:not(.spacer) td').textContent === 'tests.late'");
    browser_click(browser, "main button", "Older events");
    see("since 201, live");
    browser_photograph(browser, "events");
    fill("input[name=type]", "dev.cellos.");
    browser_press(browser, "Enter");
    browser_wait(browser, "document.querySelector('.rows tbody th').textContent === '300'");
    cell_started(site->writer, "live-1");
    posted(site->writer, "not-shown", "tests.other", NULL, "ignored");
    browser_wait(browser, "document.querySelector('.rows tbody th').textContent === '602'");
    browser_click(browser, "main button", "Hold");
    cell_started(site->writer, "live-2");
    see("held: 1 newer");
    uint64_t seq = posted(site->writer, "bad", "dev.cellos.events.cell.formation.v1.created",
                          "{\"a\":\"<b>&\"}", "rejected");
    char hash[64];
    snprintf(hash, sizeof hash, "#/events/%llu", (unsigned long long)seq);
    go(site, hash);
    see("event missing formationId");
    see("{\"a\":\"<b>&\"}"); /* as text */
    see("ignored");
    browser_photograph(browser, "event");
    browser_click(browser, "main a", "Previous");
    see("live-2");
    go(site, "#/rejected");
    see("1 formations: event missing formationId");
    browser_click(browser, ".groups summary", NULL);
    browser_photograph(browser, "rejected");
    expect_no_complaints(true);
}

/* A quiet log: no event has come since the view was opened, so its stream has no id. */
static void a_quiet_stream_of_events_ends_and_nothing_is_lost(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct site site = site_on(directory, 0, NULL);
    int port = site.daemon.port;
    browser_page(browser);
    import_many(&site, 500);
    sign_in(&site, READ_TOKEN, "#/events");
    see("200 events since 301, live");
    browser_click(browser, "main button", "Older events");
    see("400 events since 101, live");
    site_closed(&site);
    see("The connection is interrupted");
    site = site_on(directory, port, NULL);
    cell_started(site.writer, "meanwhile");
    see("401 events since 101, live");
    browser_wait(browser, "document.querySelector('.rows tbody th').textContent === '501'");
    go(&site, "#/events?type=nothing");
    see("0 events since 1, live");
    site_closed(&site);
    see("The connection is interrupted");
    site = site_on(directory, port, (const char *const[]){"--new-epoch", NULL});
    posted(site.writer, "first", "nothing", NULL, "ignored");
    see("1 events since 1, live");
    expect_no_complaints(false);
    site_closed(&site);
}

/* The clock of the page runs 20 times as fast: pings that come every 1.25 s are to it what those of
 * every 25 s, the default, are to others. */
static void a_quiet_stream_of_events_is_not_cut(void **state) {
    (void)state;
    struct site site =
        site_on(scratch_directory(), 0, (const char *const[]){"--follow-ping-ms", "1250", NULL});
    browser_page(browser);
    browser_script(browser, "(() => { const inner = window.setTimeout, ask = window.fetch;"
                            "window.streams = 0;"
                            "window.setTimeout = (call, ms) => inner(call, ms / 20);"
                            "window.fetch = (path, ...rest) => {"
                            "if (path.includes('/stream')) window.streams++;"
                            "return ask(path, ...rest); }; })()");
    cell_started(site.writer, "a");
    sign_in(&site, READ_TOKEN, "#/events");
    see("1 events since 1, live");
    usleep(4 * 1250 * 1000); /* that nothing is done cannot be waited for */
    must(browser_is(browser, "window.streams === 1"));
    cell_started(site.writer, "b");
    see("2 events since 1, live");
    expect_no_complaints(true);
    site_closed(&site);
}

/* Clicks as long as it may. */
static void older_events_are_read_until_the_page_is_full(void **state) {
    struct site *site = *state;
    import_many(site, 20300);
    sign_in(site, READ_TOKEN, "#/events");
    see("200 events since 20,101, live");
    browser_wait(browser,
                 "(older => { if (!older.disabled) older.click(); return older.disabled &&"
                 "document.querySelector('.count').textContent.startsWith('20,000 events'); })"
                 "([...document.querySelectorAll('main button')]"
                 ".find(one => one.textContent === 'Older events'))");
    see("20,000 events since 301, live");
    see("The page is full: for older events, filter, or go to one by its seq.");
    must(browser_is(browser, "[...document.querySelectorAll('main button')]"
                             ".find(one => one.textContent === 'Older events').disabled"));
    cell_started(site->writer, "late");
    see("20,000 events since 302, live");
    fill("input[name=type]", "nothing");
    browser_press(browser, "Enter");
    see("0 events since 1, live");
    must(!sees("The page is full"));
    expect_no_complaints(true);
}

static void plugins_are_shown_with_what_they_declare(void **state) {
    struct site *site = *state;
    sign_in(site, WRITE_TOKEN, "#/plugins");
    see("formation.so");
    see("1.0");
    browser_click(browser, "summary", "Events (");
    browser_photograph(browser, "plugins");
    must(browser_is(browser, "![...document.querySelectorAll('main button')].length"));
    expect_no_complaints(true);
}

/* ---- Restarts and epochs --------------------------------------------------------------------- */

static void restarts_and_another_epoch_are_survived_in_sight_of_the_user(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct site site = site_on(directory, 0, NULL);
    int port = site.daemon.port;
    browser_page(browser);
    cell_started(site.writer, "a");
    sign_in(&site, WRITE_TOKEN, "#/c/cells");
    wait_for_rows("a,");
    site_closed(&site);
    see("The daemon does not answer");
    see("trying again");
    browser_photograph(browser, "away");
    site = site_on(directory, port, NULL);
    see("The daemon was restarted at");
    cell_started(site.writer, "b");
    wait_for_rows("a,b,");
    see("2 records, live");
    site_closed(&site);
    site = site_on(directory, port, (const char *const[]){"--new-epoch", NULL});
    see("The log is another one");
    cell_started(site.writer, "c");
    wait_for_rows("a,b,c,");
    browser_photograph(browser, "epoch");
    browser_click(browser, "#notices button", "Dismiss");
    go(&site, "#/events");
    see("since 1, live");
    client_close(site.writer);
    client_close(site.reader);
    client_close(site.nobody);
    daemon_kill(&site.daemon);
    see("The daemon does not answer");
    site = site_on(directory, port, NULL);
    cell_started(site.writer, "d");
    browser_wait(browser, "document.querySelector('.rows tbody th').textContent === '4'");
    expect_no_complaints(false);
    site_closed(&site);
}

/* ---- Many records ---------------------------------------------------------------------------- */

enum { MANY = 100000, SOME = 10000 };

static void of_a_hundred_thousand_records_a_few_are_in_the_page(void **state) {
    struct site *site = *state;
    import_many(site, MANY);
    sign_in(site, READ_TOKEN, "#/c/cells");
    see("100,000 records, live");
    must(browser_is(browser, "document.querySelectorAll('main *').length < 1000"));
    browser_click(browser, ".rows tbody a", "cell-000000");
    see("All records of cells");
    json_decref(browser_value(browser, "history.back()"));
    see("100,000 records, live");
    json_decref(browser_value(browser, "document.querySelector('.rows').focus()"));
    browser_press(browser, "End");
    browser_wait(browser, "document.activeElement.textContent === 'cell-099999'");
    must(browser_is(browser, "document.querySelector('.rows table').getAttribute('aria-rowcount')"
                             " === '100001'"));
    must(browser_is(browser, "document.activeElement.closest('tr').getAttribute('aria-rowindex')"
                             " === '100001'"));
    browser_photograph(browser, "many");
    cell_started(site->writer, "cell-0999995");
    see("100,001 records, live");
    browser_wait(browser, "[...document.querySelectorAll('.rows tbody th')]"
                          ".some(one => one.textContent === 'cell-0999995')");
    must(browser_is(browser, "document.querySelectorAll('main *').length < 1000"));
    browser_press(browser, "Home");
    browser_wait(browser, "document.activeElement.textContent === 'cell-000000'");
    expect_no_complaints(true);
}

/* Milliseconds between frames while somebody pages through the records and they change: half of
 * them, 95 of 100, and all took at most so long. */
static void measure_frames(struct site *site, double ret[3]) {
    json_decref(browser_value(
        browser,
        "(() => { const times = (window.times = []), rows = document.querySelector('.rows');"
        "let last = performance.now(); window.deepest = 0;"
        "const step = now => { times.push(now - last); last = now;"
        "window.deepest = Math.max(window.deepest, rows.scrollTop);"
        "requestAnimationFrame(step); }; requestAnimationFrame(step); })()"));
    for (int i = 0; i < 100; i++) {
        char id[32];
        snprintf(id, sizeof id, "cell-%06d", i * 90);
        cell_event(site->writer, CELL_DESTROYED, id);
        browser_press(browser, i < 50 ? "PageDown" : "PageUp");
    }
    json_t *found = browser_value(
        browser, "(() => { const sorted = window.times.slice(2).sort((a, b) => a - b);"
                 "return [0.5, 0.95, 1].map(part => "
                 "sorted[Math.ceil(part * sorted.length) - 1]); })()");
    for (size_t i = 0; i < 3; i++) ret[i] = json_number_value(json_array_get(found, i));
    json_decref(found);
    must(browser_is(browser, "window.times.length > 20 && window.deepest > 10000"));
}

/* How long frames take is printed only: tests run side by side. What makes them short is that few
 * rows are in the page. */
static void ten_thousand_rows_are_paged_through_while_they_change(void **state) {
    struct site *site = *state;
    double ms[3];
    import_many(site, SOME);
    sign_in(site, READ_TOKEN, "#/c/cells");
    see("10,000 records, live");
    json_decref(browser_value(browser, "document.querySelector('.rows').focus()"));
    measure_frames(site, ms);
    print_message("frames: half of them within %.1f ms, 95 of 100 within %.1f ms, all within %.1f "
                  "ms\n",
                  ms[0], ms[1], ms[2]);
    must(browser_is(browser, "document.querySelectorAll('main *').length < 1000"));
    expect_no_complaints(true);
}

/* The page's order is the daemon's. */
static void the_order_of_the_page_is_that_of_the_daemon(void **state) {
    struct site *site = *state;
    static const char *const keys[] = {
        "b", "a", "\xf0\x9f\x98\x80", "\xef\xbf\xbd", "\xc3\xa9", "B", "a b", "z"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) cell_started(site->writer, keys[i]);
    cell_event(site->writer, CELL_DESTROYED, "a");
    sign_in(site, READ_TOKEN, "");
    json_t *different = browser_value(
        browser, "(async () => { const { comparison } = await import('/console/order.js');"
                 "const { request } = await import('/console/api.js'); const wrong = [];"
                 "const { collections } = await (await request('/v1/plugins')).json();"
                 "const fields = collections.find(one => one.name === 'cells').fields;"
                 "const orders = ['', ...fields.filter(one => one.indexed).flatMap(one => "
                 "[one.name, '-' + one.name])];"
                 "for (const order of orders) {"
                 " const { cells } = await (await request('/v1/cells' + (order && '?order=') + "
                 "order)).json();"
                 " const rows = cells.map(record => ({ key: record.id, record }));"
                 " const sorted = [...rows].reverse().sort(comparison(order));"
                 " if (sorted.some((row, i) => row !== rows[i])) wrong.push(order);"
                 "} return [wrong, orders.length]; })()");
    char *dumped = json_dumps(different, 0);
    if (json_array_size(json_array_get(different, 0)) > 0)
        support_failed(__FILE__, __LINE__, "other orders: %s", dumped);
    must(json_integer_value(json_array_get(different, 1)) > 1);
    free(dumped);
    json_decref(different);
}

/* Digits beyond a double, a key that is a step of a path, an empty one. */
static void odd_keys_and_large_numbers_are_shown_as_they_are(void **state) {
    struct site *site = *state;
    posted(site->writer, "big", "test.library.v1.book",
           "{\"key\":\"..\",\"title\":\"T\",\"pages\":9007199254740993}", "applied");
    posted(site->writer, "slash", "test.library.v1.book",
           "{\"key\":\"a/b?c#d%41\",\"title\":\"<img src=x onerror=alert(1)>\"}", "applied");
    sign_in(site, READ_TOKEN, "#/c/books");
    see("9007199254740993");
    see("<img src=x onerror=alert(1)>");
    browser_click(browser, ".rows tbody a", "..");
    see("Last changed by");
    see("9007199254740993");
    go(site, "#/c/books?mode=pages");
    see("1 to 2 of 2 records");
    browser_click(browser, ".rows tbody a", "a/b");
    browser_wait(browser, "document.querySelector('h1').textContent === 'a/b?c#d%%41'");
    see("Last changed by");
    must(browser_is(browser, "document.querySelectorAll('main img').length === 0"));
    expect_no_complaints(true);
}

/* ---- Looks ----------------------------------------------------------------------------------- */

static void make_something(struct site *site, char ret_formation[37]) {
    formation_made(site->writer, "web", ret_formation);
    for (int i = 0; i < 40; i++) {
        char id[32];
        snprintf(id, sizeof id, "cell-%02d", i);
        cell_started(site->writer, id);
    }
    cell_event(site->writer, CELL_DESTROYED, "cell-07");
    posted(site->writer, "r", "dev.cellos.events.cell.formation.v1.created", "{}", "rejected");
}

/* Calls `look` in each view. */
static void in_each_view(struct site *site, const char *formation,
                         void (*look)(const char *name, void *context), void *context) {
    char record[64];
    snprintf(record, sizeof record, "#/c/formations/%s", formation);
    const struct {
        const char *name, *hash, *text;
    } views[] = {{"overview", "#/", "Checkpoint"},
                 {"collection", "#/c/cells", "40 records, live"},
                 {"record", record, "Last changed by"},
                 {"events", "#/events", "events since 1, live"},
                 {"event", "#/events/1", "Bytes ("},
                 {"rejected", "#/rejected", "event missing formationId"},
                 {"plugins", "#/plugins", "Event types"}};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        test_context("%s", views[i].name);
        go(site, views[i].hash);
        see(views[i].text);
        must(browser_is(browser, "performance.getEntriesByType('resource').every(one => "
                                 "new URL(one.name).origin === location.origin)"));
        look(views[i].name, context);
    }
    test_context("%s", "");
}

/* ---- The picture of the README --------------------------------------------------------------- */

/* docs/console.png is a PNG of at most this size. */
static void check_picture(const char *path) {
    enum { BYTES_MAX = 150 * 1024 };
    struct text png = text_of_file(path);
    must(png.len > 8 && memcmp(png.data, "\x89PNG\r\n\x1a\n", 8) == 0);
    if (png.len > BYTES_MAX) support_failed(__FILE__, __LINE__, "%s has %zu bytes", path, png.len);
    free(png.data);
}

/* The events of the quickstart, as the quickstart posts them. The picture is made each time, and
 * kept as the others are; with REEL_TEST_WRITE=1 it becomes docs/console.png. Pixels are not
 * compared: fonts differ. */
static void the_picture_of_the_readme_shows_the_quickstart(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    char picture[300];
    char *events = text_of_file(source_path("examples/events.ndjson")).data;
    struct reply reply = asked(site.writer, "POST", "/v1/events?stop=false",
                               "Content-Type: application/x-ndjson", events, 200);
    reply_free(&reply);
    free(events);
    browser_page(browser);
    browser_look(browser, 1120, 560, false);
    sign_in(&site, WRITE_TOKEN, "#/c/cells?order=-changed");
    see("54 records, live");
    browser_wait(browser, "document.querySelectorAll('.rows tbody th').length > 8");
    browser_photograph(browser, "readme");
    snprintf(picture, sizeof picture, "%s/readme.png", build_path("console"));
    if (getenv("REEL_TEST_WRITE")) copy_over(picture, source_path("docs/console.png"));
    check_picture(picture);
    check_picture(source_path("docs/console.png"));
    expect_no_complaints(true);
    site_closed(&site);
}

static void check_narrow(const char *name, void *context) {
    char file[80];
    snprintf(file, sizeof file, "%s-%s", name, (const char *)context);
    if (!browser_is(browser, "document.documentElement.scrollWidth <= innerWidth")) {
        browser_photograph(browser, "failed");
        support_failed(__FILE__, __LINE__, "%s is wider than the page", file);
    }
    browser_photograph(browser, file);
}

static void each_view_fits_360_pixels_and_is_dark_for_who_wants_it(void **state) {
    struct site *site = *state;
    char formation[37];
    make_something(site, formation);
    sign_in(site, WRITE_TOKEN, "");
    browser_look(browser, 360, 740, false);
    in_each_view(site, formation, check_narrow, "narrow");
    browser_look(browser, 360, 740, true);
    browser_wait(browser, "getComputedStyle(document.body).backgroundColor === 'rgb(18, 22, 28)'");
    in_each_view(site, formation, check_narrow, "narrow-dark");
    browser_look(browser, 1280, 900, true);
    in_each_view(site, formation, check_narrow, "dark");
    expect_no_complaints(true);
}

/* ---- Keyboard -------------------------------------------------------------------------------- */

/* Presses Tab until this is true of the element in focus, `here`. */
static void tab_to(const char *condition) {
    for (int i = 0; i < 60; i++) {
        if (browser_is(browser, "(here => Boolean(%s))(document.activeElement)", condition)) return;
        browser_press(browser, "Tab");
    }
    support_failed(__FILE__, __LINE__, "Tab does not lead to where %s", condition);
}

static void everything_is_reached_by_keys(void **state) {
    struct site *site = *state;
    char formation[37];
    make_something(site, formation);
    go(site, "");
    see("Sign in");
    browser_wait(browser, "document.activeElement.type === 'password'");
    browser_type(browser, WRITE_TOKEN);
    browser_press(browser, "Enter");
    see("Checkpoint");
    tab_to("here.textContent === 'cells' && here.closest('nav')");
    browser_press(browser, "Enter");
    see("40 records, live");
    browser_wait(browser, "document.activeElement.id === 'main'"); /* not at the top again */
    tab_to("here.classList.contains('rows')");
    must(browser_is(browser, "getComputedStyle(document.activeElement).outlineStyle !== 'none'"));
    browser_press(browser, "ArrowDown");
    browser_wait(browser, "document.activeElement.textContent === 'cell-00'");
    for (int i = 0; i < 7; i++) browser_press(browser, "ArrowDown");
    browser_wait(browser, "document.activeElement.textContent === 'cell-07'");
    browser_press(browser, "Enter");
    see("Last changed by");
    browser_wait(browser, "document.querySelector('h1').textContent === 'cell-07'");
    tab_to("here.textContent === 'Show the history'");
    browser_press(browser, "Enter");
    see("2 changes");
    go(site, "#/c/formations");
    tab_to("here.tagName === 'SUMMARY'");
    browser_press(browser, "Enter");
    tab_to("here.textContent === 'Fill in the example'");
    browser_press(browser, "Enter");
    tab_to("here.textContent === 'Send'");
    browser_press(browser, "Enter");
    see("2 records, live");
    expect_no_complaints(true);
}

/* ---- Accessibility --------------------------------------------------------------------------- */

static void check_axe(const char *name, void *context) {
    (void)context;
    json_decref(browser_value(browser, axe));
    json_t *found = browser_value(
        browser, "(async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
                 ".map(one => one.id + ': ' + one.help + ': ' + one.nodes.slice(0, 3)"
                 ".map(node => node.html).join(' | ')))()");
    if (json_array_size(found) == 0) {
        json_decref(found);
        return;
    }
    char *list = json_dumps(found, JSON_INDENT(1));
    support_failed(__FILE__, __LINE__, "%s: %s", name, list);
}

static void axe_finds_nothing(void **state) {
    struct site *site = *state;
    char formation[37];
    make_something(site, formation);
    go(site, "");
    see("Sign in");
    check_axe("sign in", NULL);
    give_token(WRITE_TOKEN);
    see("Checkpoint");
    in_each_view(site, formation, check_axe, NULL);
    browser_look(browser, 360, 740, true);
    in_each_view(site, formation, check_axe, NULL);
}

/* ---- All ------------------------------------------------------------------------------------- */

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, site_teardown)

static int run_axe(const char *path) {
    const struct CMUnitTest tests[] = {CASE(axe_finds_nothing)};
    struct text script = text_of_file(path);
    text_add(&script, "\n;0", 3); /* its value is large */
    axe = script.data;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static int run_all(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_wrong_token_is_refused_and_a_right_one_is_kept_for_the_tab),
        CASE(a_token_that_may_read_sees_all_and_has_no_buttons_to_change),
        CASE(the_overview_says_where_the_log_stands_and_what_is_wrong),
        CASE(a_collection_is_live_filtered_and_ordered),
        CASE(pages_follow_each_other),
        CASE(a_record_is_made_and_changed_by_forms_and_tells_its_history),
        CASE(a_record_is_live),
        CASE(a_refused_command_says_why),
        CASE(events_are_live_go_back_and_show_their_bytes_and_outcomes),
        cmocka_unit_test(a_quiet_stream_of_events_ends_and_nothing_is_lost),
        cmocka_unit_test(a_quiet_stream_of_events_is_not_cut),
        CASE(older_events_are_read_until_the_page_is_full),
        CASE(plugins_are_shown_with_what_they_declare),
        cmocka_unit_test(restarts_and_another_epoch_are_survived_in_sight_of_the_user),
        CASE(of_a_hundred_thousand_records_a_few_are_in_the_page),
        CASE(ten_thousand_rows_are_paged_through_while_they_change),
        CASE(the_order_of_the_page_is_that_of_the_daemon),
        CASE(odd_keys_and_large_numbers_are_shown_as_they_are),
        cmocka_unit_test(the_picture_of_the_readme_shows_the_quickstart),
        CASE(each_view_fits_360_pixels_and_is_dark_for_who_wants_it),
        CASE(everything_is_reached_by_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv) {
    if (!browser_is_there()) return SKIPPED;
    if (argc == 2) cmocka_set_test_filter(argv[1]);
    browser = browser_opened();
    int failed = argc == 3 && strcmp(argv[1], "--axe") == 0 ? run_axe(argv[2]) : run_all();
    browser_closed(browser);
    return failed;
}
