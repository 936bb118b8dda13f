/* console_support.h: a daemon with its console in a real browser, for the tests of the console:
 * pages are gone to, texts are seen, fields are filled. What is seen is kept as
 * <build>/console/NAME.png. */
#ifndef TESTS_CONSOLE_SUPPORT_H
#define TESTS_CONSOLE_SUPPORT_H

#include "browser.h"
#include "http_support.h"
#include "load.h"

#define HISTORY_TOKEN "history-token-of-the-tests"

static struct browser *browser;

/* ---- The daemon ------------------------------------------------------------------------------ */

static inline const char *token_file(void) {
    static const char tokens[] =
        "write writer " WRITE_TOKEN "\nread reader " READ_TOKEN "\nhistory historian " HISTORY_TOKEN
        "\nadmin operator " ADMIN_TOKEN "\n";
    const char *path = path_in(scratch_directory(), "tokens");
    FILE *file = fopen(path, "w");
    must(file && fwrite(tokens, 1, sizeof tokens - 1, file) == sizeof tokens - 1);
    must(fclose(file) == 0);
    return path;
}

/* On this port, 0: any. `more`: other flags, NULL-terminated, or NULL. It need not be ready yet. */
static inline struct site site_begun_on(const char *directory, int port, const char *const *more) {
    char bind[32];
    const char *arguments[32] = {"serve",    "--data",       directory,   "--bind",     bind,
                                 "--plugin", CELL_SO,        "--plugin",  FORMATION_SO, "--plugin",
                                 LIBRARY_SO, "--token-file", token_file()};
    size_t count = 13;
    for (; more && *more; more++) arguments[count++] = *more;
    must(count < sizeof arguments / sizeof *arguments);
    snprintf(bind, sizeof bind, "127.0.0.1:%d", port);
    struct daemon daemon = daemon_launched(arguments, NULL);
    daemon_wait_until_it_listens(&daemon);
    return site_of(daemon);
}

static inline struct site site_on(const char *directory, int port, const char *const *more) {
    struct site site = site_begun_on(directory, port, more);
    wait_until_ready(site.nobody);
    return site;
}

/* So many cells are started: cell-000000 and so on. */
static inline void import_many(struct site *site, int count) {
    struct text lines = {0};
    for (int i = 0; i < count; i++)
        text_format(&lines,
                    "{\"specversion\":\"1.0\",\"id\":\"m%d\",\"source\":\"/many\",\"type\":\"%s\","
                    "\"data\":{\"cellId\":\"cell-%06d\",\"specId\":\"s-%d\"}}\n",
                    i, CELL_STARTED, i, i % 10);
    post_lines(site->writer, &lines);
}

/* ---- The page -------------------------------------------------------------------------------- */

/* Goes to another view; `hash` is the part of its address from `#` on. Waits until the view before
 * it has gone, which has some of the same texts. */
static inline void go(const struct site *site, const char *hash) {
    char url[512];
    snprintf(url, sizeof url, "%s/%s", site->daemon.base, hash);
    json_decref(browser_value(
        browser, "document.querySelector('main > div:has(> h1)')?.setAttribute('data-left', '')"));
    browser_go(browser, url);
    browser_wait(browser, "!document.querySelector('main > [data-left]')");
}

/* Waits until this text is on the page. */
static inline void see(const char *text) {
    char *literal = browser_literal(text);
    browser_wait(browser, "document.body.innerText.includes(%s)", literal);
    free(literal);
}

static inline bool sees(const char *text) {
    char *literal = browser_literal(text);
    bool so = browser_is(browser, "document.body.innerText.includes(%s)", literal);
    free(literal);
    return so;
}

static inline void fill(const char *selector, const char *text) {
    browser_click(browser, selector, NULL);
    json_decref(browser_value(browser, "document.activeElement.select()"));
    browser_type(browser, text);
}

static inline void give_token(const char *token) {
    see("Sign in");
    fill("input[type=password]", token);
    browser_press(browser, "Enter");
}

static inline void sign_in(const struct site *site, const char *token, const char *hash) {
    go(site, hash);
    give_token(token);
    browser_wait(browser, "document.querySelectorAll('nav a').length > 4");
}

static inline void choose(const char *label, const char *value) {
    char *label_js = browser_literal(label), *value_js = browser_literal(value);
    browser_wait(browser,
                 "(() => { const label = [...document.querySelectorAll('main label')]"
                 ".find(one => one.textContent === %s); if (!label) return false;"
                 "const select = document.getElementById(label.htmlFor); select.value = %s;"
                 "select.dispatchEvent(new Event('change', {bubbles: true}));"
                 "return select.value === %s; })()",
                 label_js, value_js, value_js);
    free(label_js);
    free(value_js);
}

static inline void expect_no_complaints(bool with_network) {
    char *complaints = browser_complaints(browser, with_network);
    if (complaints[0]) support_failed(__FILE__, __LINE__, "the browser says: %s", complaints);
    free(complaints);
}

/* The texts of the first cells of the rows in sight, each with a comma, in order. */
static inline void wait_for_rows(const char *wanted) {
    char *literal = browser_literal(wanted);
    browser_wait(
        browser,
        "[...document.querySelectorAll('.rows tbody th')].map(one => one.textContent + ',')"
        ".join('') === %s",
        literal);
    free(literal);
}

#endif
