/* console.c: see console.h; and the two routes, `/` and `/console/{file}`.
 *
 * Browsers keep the files, and ask each time whether they have changed (ETag): after an upgrade of
 * the daemon, all files are those of one version.
 */
#include "http/console/console.h"

#include "base/fnv.h"
#include "http/etag.h"
#include "http/routes.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

/* ---- Files ----------------------------------------------------------------------------------- */

struct page {
    const char *name;
    struct reel_str text;
};

#define PAGE(name, text) {name, {text, sizeof(text) - 1}},
static const struct page pages[] = {
#include "console_pages.inc"
};
#define PAGES (sizeof pages / sizeof *pages)

static char etags[PAGES][20]; /* made when the program starts */

__attribute__((constructor)) static void make_etags(void) {
    for (size_t i = 0; i < PAGES; i++)
        snprintf(etags[i], sizeof etags[i], "\"%016llx\"",
                 (unsigned long long)fnv_add(FNV_BEGIN, pages[i].text.data, pages[i].text.len));
}

static const char *content_type(const char *name) {
    static const struct {
        const char *suffix, *type;
    } types[] = {{".html", "text/html; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".svg", "image/svg+xml"}};
    const char *suffix = strrchr(name, '.');
    for (size_t i = 0; suffix && i < sizeof types / sizeof *types; i++)
        if (strcmp(suffix, types[i].suffix) == 0) return types[i].type;
    return "application/octet-stream";
}

/* The browser runs and loads nothing that is not of this folder, and no script may write HTML. */
static const struct answer_header headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Cache-Control", "no-cache"},
    {NULL, NULL},
};

/* ---- Hosts ----------------------------------------------------------------------------------- */

/* Without the port. */
static struct reel_str name_of(struct reel_str host) {
    const char *colon = host.len ? memrchr(host.data, ':', host.len) : NULL;
    const char *bracket = host.len ? memrchr(host.data, ']', host.len) : NULL;
    if (colon && (!bracket || bracket < colon)) host.len = (size_t)(colon - host.data);
    return host;
}

bool console_host_is(struct reel_str host, const char *name) {
    return str_is_caseless(name_of(host), name);
}

/* Nobody can point an address elsewhere. */
static bool is_address(struct reel_str host) {
    char text[INET6_ADDRSTRLEN + 2] = "";
    struct in6_addr address;
    if (host.len == 0 || host.len >= sizeof text) return false;
    bool in_brackets = host.data[0] == '[' && host.data[host.len - 1] == ']';
    if (in_brackets) host = (struct reel_str){host.data + 1, host.len - 2};
    memcpy(text, host.data, host.len);
    return inet_pton(in_brackets ? AF_INET6 : AF_INET, text, &address) == 1;
}

bool console_host_is_local(struct reel_str host, const char *bind) {
    static const char *const local[] = {"localhost", "127.0.0.1", "[::1]"};
    struct reel_str name = name_of(host), bound = name_of(reel_text(bind));
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (str_is_caseless(name, local[i])) return true;
    if (reel_str_is(bound, "0.0.0.0") || reel_str_is(bound, "[::]")) return is_address(name);
    return name.len > 0 && name.len == bound.len &&
           strncasecmp(name.data, bound.data, name.len) == 0;
}

static bool is_host_ours(struct request *request) {
    struct reel_sink_host *sink_host = request_host_of_sink(request);
    struct reel_str host = request_host(request);
    const char *own;
    if (!reel_setting_item(sink_host, "console_host", 0))
        return console_host_is_local(host, reel_setting_text(sink_host, "bind"));
    for (size_t i = 0; (own = reel_setting_item(sink_host, "console_host", i)); i++)
        if (console_host_is(host, own)) return true;
    return false;
}

/* ---- The routes ------------------------------------------------------------------------------ */

static void answer_page(struct request *request, size_t n) {
    struct answer *answer = &request->answer;
    answer->content_type = content_type(pages[n].name);
    answer->headers = headers;
    snprintf(answer->etag, sizeof answer->etag, "%s", etags[n]);
    bool has_newest = etag_is_named(request, MHD_HTTP_HEADER_IF_NONE_MATCH, false);
    answer->status = has_newest ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK;
    if (answer->status == MHD_HTTP_OK) answer->constant = pages[n].text;
}

void handle_console(struct request *request) {
    const struct uri *uri = &request->uri;
    struct reel_str wanted = uri->segment_count > 1 ? uri->segments[1] : reel_text("index.html");
    if (!is_host_ours(request)) {
        answer_problem(&request->answer, PROBLEM_FORBIDDEN,
                       "the console is not served under the name `%.*s`: see the setting "
                       "console_host",
                       REEL_FMT(name_of(request_host(request))));
        return;
    }
    for (size_t i = 0; i < PAGES; i++) {
        if (!reel_str_is(wanted, pages[i].name)) continue;
        answer_page(request, i);
        return;
    }
    request_refuse(request, PROBLEM_NOT_FOUND, "the console has no such file");
}
