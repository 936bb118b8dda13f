/* browser.c: see browser.h. A message of the protocol is a JSON object and a NUL. */
#include "browser.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A browser on a busy machine, ms. */
#define PATIENCE_MS 120000

struct browser {
    pid_t pid;
    int to, from;
    struct text in; /* what has come */
    int last_id;
    char *context, *target, *session; /* of the page, or NULL */
    struct text complaints;
    bool is_loaded;
};

bool browser_is_there(void) {
    return system("chromium --version >/dev/null 2>&1") == 0;
}

static uint64_t clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- What the browser says by itself --------------------------------------------------------- */

static const char *text_at(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void complain(struct browser *browser, const char *kind, const char *text) {
    text_format(&browser->complaints, "%s: ", kind);
    text_add(&browser->complaints, text, strlen(text));
    text_add(&browser->complaints, "\n", 1);
}

static void note_console(struct browser *browser, const json_t *params) {
    const char *type = text_at(params, "type");
    if (strcmp(type, "error") != 0 && strcmp(type, "warning") != 0 && strcmp(type, "assert") != 0)
        return;
    char *arguments = json_dumps(json_object_get(params, "args"), JSON_COMPACT);
    complain(browser, "console", arguments);
    free(arguments);
}

static void note_exception(struct browser *browser, const json_t *params) {
    char *details = json_dumps(json_object_get(params, "exceptionDetails"), JSON_COMPACT);
    complain(browser, "exception", details);
    free(details);
}

static void note_entry(struct browser *browser, const json_t *params) {
    const json_t *entry = json_object_get(params, "entry");
    const char *level = text_at(entry, "level"), *source = text_at(entry, "source");
    struct text line = {0};
    if (strcmp(level, "error") != 0 && strcmp(level, "warning") != 0) return;
    text_format(&line, "%s %s", text_at(entry, "text"), text_at(entry, "url"));
    complain(browser, source, line.data);
    free(line.data);
}

/* Only what breaks a policy: other issues are advice. */
static void note_issue(struct browser *browser, const json_t *params) {
    const json_t *issue = json_object_get(params, "issue");
    if (strcmp(text_at(issue, "code"), "ContentSecurityPolicyIssue") != 0) return;
    char *details = json_dumps(json_object_get(issue, "details"), JSON_COMPACT);
    complain(browser, "policy", details);
    free(details);
}

static void note_event(struct browser *browser, const json_t *message) {
    static const struct {
        const char *method;
        void (*note)(struct browser *browser, const json_t *params);
    } notes[] = {{"Runtime.consoleAPICalled", note_console},
                 {"Runtime.exceptionThrown", note_exception},
                 {"Log.entryAdded", note_entry},
                 {"Audits.issueAdded", note_issue}};
    const char *method = text_at(message, "method"), *session = text_at(message, "sessionId");
    if (!browser->session || strcmp(session, browser->session) != 0) return;
    if (strcmp(method, "Page.loadEventFired") == 0) browser->is_loaded = true;
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (strcmp(method, notes[i].method) == 0)
            notes[i].note(browser, json_object_get(message, "params"));
}

/* ---- The protocol ---------------------------------------------------------------------------- */

static void send_message(struct browser *browser, const json_t *message) {
    char *text = json_dumps(message, JSON_COMPACT);
    size_t len = strlen(text) + 1, sent = 0;
    while (sent < len) {
        ssize_t part = write(browser->to, text + sent, len - sent);
        if (part < 0 && errno == EINTR) continue;
        must(part > 0);
        sent += (size_t)part;
    }
    free(text);
}

/* The next message; NULL: none came in time. json_decref() it. */
static json_t *next_message(struct browser *browser, uint64_t until_ms) {
    struct text *in = &browser->in;
    char part[65536], *end;
    while (!(end = in->len ? memchr(in->data, '\0', in->len) : NULL)) {
        uint64_t now = clock_ms();
        struct pollfd from = {.fd = browser->from, .events = POLLIN};
        if (now >= until_ms || poll(&from, 1, (int)(until_ms - now)) == 0) return NULL;
        ssize_t len = read(browser->from, part, sizeof part);
        if (len < 0 && errno == EINTR) continue;
        if (len <= 0) support_failed(__FILE__, __LINE__, "the browser has ended");
        text_add(in, part, (size_t)len);
    }
    size_t len = (size_t)(end - in->data);
    json_t *message = json_parsed(in->data, len);
    in->len -= len + 1;
    memmove(in->data, end + 1, in->len);
    return message;
}

/* Sends a command, of the page if there is one, and waits for its result; json_decref() it. Takes
 * the parameters. */
static json_t *command(struct browser *browser, const char *method, json_t *params_taken) {
    int id = ++browser->last_id;
    json_t *message = json_pack("{s:i, s:s, s:o}", "id", id, "method", method, "params",
                                params_taken ? params_taken : json_object());
    bool is_of_page = browser->session && strncmp(method, "Target.", 7) != 0;
    if (is_of_page) json_object_set_new(message, "sessionId", json_string(browser->session));
    send_message(browser, message);
    json_decref(message);
    const uint64_t until_ms = clock_ms() + PATIENCE_MS;
    while ((message = next_message(browser, until_ms))) {
        if (json_integer_value(json_object_get(message, "id")) == id) break;
        note_event(browser, message);
        json_decref(message);
    }
    if (!message) support_failed(__FILE__, __LINE__, "no answer to %s", method);
    json_t *result = json_incref(json_object_get(message, "result"));
    if (!result) {
        char *error = json_dumps(json_object_get(message, "error"), 0);
        support_failed(__FILE__, __LINE__, "%s: %s", method, error);
    }
    json_decref(message);
    return result;
}

static void do_command(struct browser *browser, const char *method, json_t *params_taken) {
    json_decref(command(browser, method, params_taken));
}

static char *text_of_command(struct browser *browser, const char *method, json_t *params_taken,
                             const char *name) {
    json_t *result = command(browser, method, params_taken);
    char *text = strdup(text_at(result, name));
    json_decref(result);
    return text;
}

/* ---- Starting and ending --------------------------------------------------------------------- */

/* The child reads from 3 and writes to 4. */
static void run_chromium(const char *scratch, int to_read, int to_write) {
    char directory[256], log[256];
    snprintf(directory, sizeof directory, "--user-data-dir=%s/profile", scratch);
    snprintf(log, sizeof log, "%s/log", scratch);
    int reading = fcntl(to_read, F_DUPFD, 10), writing = fcntl(to_write, F_DUPFD, 10);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    setenv("HOME", scratch, 1);
    if (reading < 0 || writing < 0 || dup2(reading, 3) < 0 || dup2(writing, 4) < 0) _exit(126);
    close(reading);
    close(writing);
    if (!freopen(log, "w", stderr) || !freopen("/dev/null", "w", stdout)) _exit(126);
    execlp("chromium", "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
           "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
           "--disable-extensions", "--force-device-scale-factor=1", "--remote-debugging-pipe",
           directory, "about:blank", (char *)NULL);
    _exit(127);
}

struct browser *browser_opened(void) {
    struct browser *browser = calloc(1, sizeof *browser);
    const char *scratch = scratch_directory();
    int there[2], back[2];
    must(browser && pipe2(there, O_CLOEXEC) == 0 && pipe2(back, O_CLOEXEC) == 0);
    signal(SIGPIPE, SIG_IGN);
    fflush(NULL);
    browser->pid = fork();
    must(browser->pid >= 0);
    if (browser->pid == 0) run_chromium(scratch, there[0], back[1]);
    close(there[0]);
    close(back[1]);
    browser->to = there[1];
    browser->from = back[0];
    do_command(browser, "Browser.getVersion", NULL);
    return browser;
}

static void close_page(struct browser *browser) {
    if (!browser->context) return;
    do_command(browser, "Target.disposeBrowserContext",
               json_pack("{s:s}", "browserContextId", browser->context));
    free(browser->context);
    free(browser->target);
    free(browser->session);
    free(browser->complaints.data);
    browser->context = browser->target = browser->session = NULL;
    browser->complaints = (struct text){0};
}

void browser_page(struct browser *browser) {
    static const char *const enabled[] = {"Runtime.enable", "Log.enable", "Page.enable",
                                          "Network.enable", "Audits.enable"};
    close_page(browser);
    browser->context =
        text_of_command(browser, "Target.createBrowserContext", NULL, "browserContextId");
    browser->target = text_of_command(
        browser, "Target.createTarget",
        json_pack("{s:s, s:s}", "url", "about:blank", "browserContextId", browser->context),
        "targetId");
    browser->session = text_of_command(
        browser, "Target.attachToTarget",
        json_pack("{s:s, s:b}", "targetId", browser->target, "flatten", 1), "sessionId");
    for (size_t i = 0; i < sizeof enabled / sizeof *enabled; i++)
        do_command(browser, enabled[i], NULL);
    browser_look(browser, 1280, 900, false);
}

void browser_closed(struct browser *browser) {
    close_page(browser);
    kill(-browser->pid, SIGKILL);
    waitpid(browser->pid, NULL, 0);
    while (kill(-browser->pid, 0) == 0) usleep(2000); /* its helpers write to its directory */
    close(browser->to);
    close(browser->from);
    free(browser->in.data);
    free(browser);
}

/* A string of JavaScript; `null` for NULL. */
static char *quoted(const char *text) {
    if (!text) return strdup("null");
    json_t *json = json_string(text);
    char *dumped = json_dumps(json, JSON_ENCODE_ANY);
    json_decref(json);
    return dumped;
}

/* ---- The page -------------------------------------------------------------------------------- */

void browser_look(struct browser *browser, int width, int height, bool dark) {
    do_command(browser, "Emulation.setDeviceMetricsOverride",
               json_pack("{s:i, s:i, s:i, s:b}", "width", width, "height", height,
                         "deviceScaleFactor", 1, "mobile", width < 500));
    do_command(browser, "Emulation.setEmulatedMedia",
               json_pack("{s:[{s:s, s:s}]}", "features", "name", "prefers-color-scheme", "value",
                         dark ? "dark" : "light"));
}

void browser_script(struct browser *browser, const char *script) {
    do_command(browser, "Page.addScriptToEvaluateOnNewDocument",
               json_pack("{s:s}", "source", script));
}

void browser_bypass_policy(struct browser *browser) {
    do_command(browser, "Page.setBypassCSP", json_pack("{s:b}", "enabled", 1));
}

static void wait_until_loaded(struct browser *browser, const char *url) {
    const uint64_t until_ms = clock_ms() + PATIENCE_MS;
    while (!browser->is_loaded) {
        json_t *message = next_message(browser, until_ms);
        if (!message) support_failed(__FILE__, __LINE__, "%s is not loaded", url);
        note_event(browser, message);
        json_decref(message);
    }
}

void browser_reload(struct browser *browser) {
    browser->is_loaded = false;
    do_command(browser, "Page.reload", NULL);
    wait_until_loaded(browser, "the page");
}

/* The answer may come before the address of the same page has changed. */
void browser_go(struct browser *browser, const char *url) {
    browser->is_loaded = false;
    json_t *result = command(browser, "Page.navigate", json_pack("{s:s}", "url", url));
    if (text_at(result, "errorText")[0])
        support_failed(__FILE__, __LINE__, "%s: %s", url, text_at(result, "errorText"));
    bool is_same_page = !json_object_get(result, "loaderId");
    json_decref(result);
    if (!is_same_page) wait_until_loaded(browser, url);
    char *literal = quoted(url);
    browser_wait(browser, "location.href === %s", literal);
    free(literal);
}

/* ---- Looking --------------------------------------------------------------------------------- */

json_t *browser_value(struct browser *browser, const char *expression) {
    json_t *result = command(browser, "Runtime.evaluate",
                             json_pack("{s:s, s:b, s:b}", "expression", expression, "awaitPromise",
                                       1, "returnByValue", 1));
    if (json_object_get(result, "exceptionDetails")) {
        char *why = json_dumps(json_object_get(result, "exceptionDetails"), JSON_COMPACT);
        support_failed(__FILE__, __LINE__, "%s: %s", expression, why);
    }
    json_t *value = json_object_get(json_object_get(result, "result"), "value");
    json_t *own = value ? json_incref(value) : json_null();
    json_decref(result);
    return own;
}

REEL_PRINTF(1, 0)
static char *formatted(const char *format, va_list args) {
    char *text;
    must(vasprintf(&text, format, args) >= 0);
    return text;
}

static bool is_so(struct browser *browser, const char *expression) {
    json_t *value = browser_value(browser, expression);
    bool so = json_is_true(value);
    json_decref(value);
    return so;
}

bool browser_is(struct browser *browser, const char *expression, ...) {
    va_list args;
    va_start(args, expression);
    char *text = formatted(expression, args);
    va_end(args);
    bool so = is_so(browser, text);
    free(text);
    return so;
}

static char *page_text(struct browser *browser) {
    json_t *value = browser_value(browser, "location.href + '\\n' + document.body?.innerText");
    char *text = strdup(json_string_value(value) ? json_string_value(value) : "");
    json_decref(value);
    return text;
}

static void wait_until(struct browser *browser, const char *expression) {
    for (uint64_t began = clock_ms(); !is_so(browser, expression); usleep(20000)) {
        if (clock_ms() - began < PATIENCE_MS) continue;
        browser_photograph(browser, "failed");
        support_failed(__FILE__, __LINE__, "not so in time: %s\n%.4000s\n%s", expression,
                       page_text(browser), browser_complaints(browser, true));
    }
}

void browser_wait(struct browser *browser, const char *expression, ...) {
    va_list args;
    va_start(args, expression);
    char *text = formatted(expression, args);
    va_end(args);
    wait_until(browser, text);
    free(text);
}

void browser_photograph(struct browser *browser, const char *name) {
    char path[300];
    size_t len;
    const char *directory = build_path("console");
    mkdir(directory, 0777);
    snprintf(path, sizeof path, "%s/%s.png", directory, name);
    char *encoded = text_of_command(browser, "Page.captureScreenshot", NULL, "data");
    char *image = base64_decoded(encoded, &len);
    FILE *file = fopen(path, "w");
    must(file && fwrite(image, 1, len, file) == len && fclose(file) == 0);
    free(image);
    free(encoded);
}

char *browser_complaints(struct browser *browser, bool with_network) {
    struct text all = {0};
    char *line, *rest = NULL;
    json_decref(browser_value(browser, "1")); /* what was said until now has come */
    char *copy = strdup(browser->complaints.data ? browser->complaints.data : "");
    text_add(&all, "", 0);
    for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (with_network || strncmp(line, "network: ", 9) != 0) text_format(&all, "%s\n", line);
    free(copy);
    return all.data;
}

/* ---- Acting ---------------------------------------------------------------------------------- */

static void mouse(struct browser *browser, const char *type, double x, double y) {
    do_command(browser, "Input.dispatchMouseEvent",
               json_pack("{s:s, s:f, s:f, s:s, s:i, s:i}", "type", type, "x", x, "y", y, "button",
                         "left", "buttons", strcmp(type, "mousePressed") == 0, "clickCount", 1));
}

/* Where the element's middle is, if it can be clicked there; else null. */
static const char find_place[] =
    "(() => { for (const e of document.querySelectorAll(%s)) {"
    " if (%s !== null && !e.textContent.includes(%s)) continue;"
    " if (e.disabled || !e.checkVisibility()) continue;"
    " e.scrollIntoView({block: 'center', inline: 'nearest', behavior: 'instant'});"
    " const box = e.getBoundingClientRect();"
    " const x = box.x + Math.min(box.width, innerWidth - Math.max(box.x, 0)) / 2;"
    " const y = box.y + box.height / 2;"
    " const hit = document.elementFromPoint(x, y);"
    " if (hit && (e.contains(hit) || hit.contains(e))) return [x, y];"
    "} return null; })()";

void browser_click(struct browser *browser, const char *selector, const char *text) {
    char *selector_js = quoted(selector), *text_js = quoted(text), *expression;
    must(asprintf(&expression, find_place, selector_js, text_js, text_js) >= 0);
    json_t *place;
    for (uint64_t began = clock_ms();; usleep(20000)) {
        place = browser_value(browser, expression);
        if (json_is_array(place)) break;
        json_decref(place);
        if (clock_ms() - began > PATIENCE_MS)
            support_failed(__FILE__, __LINE__, "nothing to click: %s %s\n%.4000s", selector,
                           text ? text : "", page_text(browser));
    }
    double x = json_number_value(json_array_get(place, 0));
    double y = json_number_value(json_array_get(place, 1));
    json_decref(place);
    mouse(browser, "mouseMoved", x, y);
    mouse(browser, "mousePressed", x, y);
    mouse(browser, "mouseReleased", x, y);
    free(expression);
    free(selector_js);
    free(text_js);
}

static void key_event(struct browser *browser, const char *type, const char *key, int code,
                      const char *text, int modifiers) {
    json_t *params = json_pack("{s:s, s:s, s:s, s:i, s:i}", "type", type, "key", key, "code", key,
                               "windowsVirtualKeyCode", code, "modifiers", modifiers);
    if (text) json_object_set_new(params, "text", json_string(text));
    do_command(browser, "Input.dispatchKeyEvent", params);
}

void browser_press(struct browser *browser, const char *key) {
    static const struct {
        const char *key;
        int code;
        const char *text;
    } keys[] = {{"Tab", 9, NULL},        {"Enter", 13, "\r"},     {"Escape", 27, NULL},
                {"PageUp", 33, NULL},    {"PageDown", 34, NULL},  {"End", 35, NULL},
                {"Home", 36, NULL},      {"ArrowUp", 38, NULL},   {"ArrowDown", 40, NULL},
                {"ArrowLeft", 37, NULL}, {"ArrowRight", 39, NULL}};
    int modifiers = 0;
    if (strncmp(key, "Shift+", 6) == 0) {
        modifiers = 8;
        key += 6;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i].key, key) != 0) continue;
        key_event(browser, keys[i].text ? "keyDown" : "rawKeyDown", key, keys[i].code, keys[i].text,
                  modifiers);
        key_event(browser, "keyUp", key, keys[i].code, NULL, modifiers);
        return;
    }
    support_failed(__FILE__, __LINE__, "no key %s", key);
}

void browser_type(struct browser *browser, const char *text) {
    do_command(browser, "Input.insertText", json_pack("{s:s}", "text", text));
}
