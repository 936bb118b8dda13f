/* browser.h: a page in a real browser (headless Chromium), driven over the DevTools protocol, which
 * Chromium speaks on two pipes (--remote-debugging-pipe): keys and mouse are real input, and
 * everything that the browser complains about is kept. As everywhere in support, a failure fails
 * the test; waiting has a generous bound. */
#ifndef TESTS_SUPPORT_BROWSER_H
#define TESTS_SUPPORT_BROWSER_H

#include "support.h"

/* True if there is a Chromium. */
bool browser_is_there(void);

/* Starts the browser. browser_page: a new page, with a profile of its own (cookies, storage); the
 * page before it is closed. */
struct browser;
struct browser *browser_opened(void);
void browser_page(struct browser *browser);
void browser_closed(struct browser *browser);

/* Size of the page in CSS pixels, and the colours that the user prefers. */
void browser_look(struct browser *browser, int width, int height, bool dark);

/* Runs this script before those of each page that is loaded from now on. */
void browser_script(struct browser *browser, const char *script);

/* Pages that are loaded from now on have no policy: for scripts of the test. */
void browser_bypass_policy(struct browser *browser);

/* Loads a page, or the same one again, and waits until it is loaded. */
void browser_go(struct browser *browser, const char *url);
void browser_reload(struct browser *browser);

/* The value of an expression, promises awaited; json_decref() it. */
json_t *browser_value(struct browser *browser, const char *expression);
REEL_PRINTF(2, 3)
bool browser_is(struct browser *browser, const char *expression, ...);

/* A string of JavaScript; `null` for NULL; free() it. */
char *browser_literal(const char *text);

/* Waits until an expression is true. While it throws, it is not. */
REEL_PRINTF(2, 3)
void browser_wait(struct browser *browser, const char *expression, ...);

/* Clicks with the mouse in the middle of the first element that matches the selector, is in sight,
 * and has this text in it (NULL: any); waits until there is one. */
void browser_click(struct browser *browser, const char *selector, const char *text);

/* Presses a key, "Tab", "Enter", "ArrowDown", "PageDown", "Home", "End", "Escape" or "Shift+Tab";
 * or types text where the focus is. */
void browser_press(struct browser *browser, const char *key);
void browser_type(struct browser *browser, const char *text);

/* Writes what is seen to `<build>/console/<name>.png`. */
void browser_photograph(struct browser *browser, const char *name);

/* What the browser has complained about since the page was opened: errors and warnings of the
 * console, exceptions, violations of the page's policy; each a line; free() it. Answers with an
 * error status, which are lines of their own beginning with "network: ", only if asked for. */
char *browser_complaints(struct browser *browser, bool with_network);

#endif
