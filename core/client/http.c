/* http.c: see http.h. */
#include "client/http.h"

#include "base/cleanup.h"

#include <curl/curl.h>
#include <stdio.h>

#define CONNECT_S_MAX 15
/* A stream says something at least every 25 seconds; a request that looks back waits longest. */
#define SILENCE_S_MAX 120

struct http {
    CURL *curl;
    char *url;           /* without a slash at the end */
    char *authorization; /* the header, or NULL */
    char why[CURL_ERROR_SIZE];
};

/* One request under way. */
struct exchange {
    const struct http_request *request;
    struct http_answer *answer;
    CURL *curl;
    bool is_too_large;
};

void access_finish(struct access *access) {
    if (access->token) explicit_bzero(access->token, strlen(access->token));
    free(access->url);
    free(access->token);
    free(access->ca_file);
    *access = (struct access){0};
}

void http_answer_finish(struct http_answer *answer) {
    text_finish(&answer->body);
    text_finish(&answer->link);
    text_finish(&answer->location);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static bool has_part(CURLU *parts, CURLUPart part) {
    char *found = NULL;
    bool has = curl_url_get(parts, part, &found, 0) == CURLUE_OK && found && found[0];
    curl_free(found);
    return has;
}

/* A user name, a query or a fragment would be lost, or sent where they are not expected. */
static bool is_url(const char *url) {
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) return false;
    CURLU *parts = curl_url();
    bool is = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
              !has_part(parts, CURLUPART_USER) && !has_part(parts, CURLUPART_PASSWORD) &&
              !has_part(parts, CURLUPART_QUERY) && !has_part(parts, CURLUPART_FRAGMENT);
    curl_url_cleanup(parts);
    return is;
}

/* A token ends up in a header. */
static bool is_token(const char *token) {
    for (const char *at = token; *at; at++)
        if (*at <= ' ' || *at >= 0x7F) return false;
    return token[0];
}

static int prepare(struct http *http, const struct access *access) {
    size_t len = strlen(access->url);
    while (len > 0 && access->url[len - 1] == '/') len--;
    http->url = strndup(access->url, len);
    http->curl = curl_easy_init();
    if (!http->url || !http->curl) return -ENOMEM;
    if (access->token &&
        asprintf(&http->authorization, "Authorization: Bearer %s", access->token) < 0) {
        http->authorization = NULL;
        return -ENOMEM;
    }
    curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, http->why);
    curl_easy_setopt(http->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(http->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(http->curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(http->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S_MAX);
    curl_easy_setopt(http->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(http->curl, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S_MAX);
    curl_easy_setopt(http->curl, CURLOPT_USERAGENT, "reel/" REEL_VERSION);
    if (access->ca_file) curl_easy_setopt(http->curl, CURLOPT_CAINFO, access->ca_file);
    return 0;
}

int http_open(const struct access *access, struct http **ret, struct failure *failure) {
    if (!is_url(access->url))
        return failure_advise(
            failure, failure_usage(failure, "`%s` is not the URL of a server", access->url),
            "It is http://HOST[:PORT][/PATH], or https.");
    if (access->token && !is_token(access->token))
        return failure_usage(failure, access->token[0]
                                          ? "the token has a character that no token has"
                                          : "the token is empty");
    struct http *http = calloc(1, sizeof *http);
    if (!http || prepare(http, access) < 0) {
        http_close(http);
        return failure_memory(failure);
    }
    *ret = http;
    return 0;
}

void http_close(struct http *http) {
    if (!http) return;
    curl_easy_cleanup(http->curl);
    if (http->authorization) explicit_bzero(http->authorization, strlen(http->authorization));
    free(http->authorization);
    free(http->url);
    free(http);
}

const char *http_url(const struct http *http) {
    return http->url;
}

void http_limit(struct http *http, long most_ms) {
    curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, most_ms);
}

/* ---- Headers of the answer ------------------------------------------------------------------- */

static void keep_header(struct reel_str value, char *to, size_t size) {
    size_t len = value.len < size - 1 ? value.len : 0; /* one that does not fit is of no use */
    memcpy(to, value.data, len);
    to[len] = '\0';
}

/* libcurl has a bound for all headers. NUL-terminated beyond its length. */
static void keep_text(struct reel_str value, struct text *to) {
    to->len = 0;
    text_append_str(to, value);
    text_append(to, "", 1);
    if (!to->failed) to->len--;
}

/* 0: it is not a number, or one that does not fit. */
static void keep_number(struct reel_str value, uint64_t *to) {
    if (number_read(value, to) < 0) *to = 0;
}

static void take_named_header(struct http_answer *answer, struct reel_str name,
                              struct reel_str value) {
    if (str_is_caseless(name, "Content-Type"))
        keep_header(value, answer->content_type, sizeof answer->content_type);
    else if (str_is_caseless(name, "Reel-Epoch"))
        keep_header(value, answer->epoch, sizeof answer->epoch);
    else if (str_is_caseless(name, "Content-Location"))
        keep_text(value, &answer->location);
    else if (str_is_caseless(name, "Link"))
        keep_text(value, &answer->link);
    else if (str_is_caseless(name, "ETag"))
        keep_header(value, answer->etag, sizeof answer->etag);
    else if (str_is_caseless(name, "Reel-Changed"))
        keep_header(value, answer->changed, sizeof answer->changed);
    else if (str_is_caseless(name, "Idempotent-Replayed"))
        keep_header(value, answer->replayed, sizeof answer->replayed);
    else if (str_is_caseless(name, "Reel-Stale"))
        answer->is_stale = str_is_caseless(value, "true");
    else if (str_is_caseless(name, "Reel-Cursor"))
        keep_number(value, &answer->cursor);
    else if (str_is_caseless(name, "Retry-After"))
        keep_number(value, &answer->retry_after_s);
}

static size_t take_header(char *bytes, size_t unit, size_t count, void *context) {
    struct exchange *exchange = context;
    struct reel_str line = {bytes, unit * count};
    while (line.len > 0 && strchr("\r\n", line.data[line.len - 1])) line.len--;
    if (line.len > 5 && memcmp(line.data, "HTTP/", 5) == 0) { /* also after 100 Continue */
        struct http_answer *answer = exchange->answer;
        answer->link.len = answer->location.len = 0;
        *answer = (struct http_answer){
            .body = answer->body, .link = answer->link, .location = answer->location};
    }
    const char *colon = memchr(line.data, ':', line.len);
    if (!colon) return unit * count;
    struct reel_str name = {line.data, (size_t)(colon - line.data)};
    struct reel_str value = {colon + 1, line.len - name.len - 1};
    take_named_header(exchange->answer, name, str_trimmed(value));
    return unit * count;
}

/* ---- The body -------------------------------------------------------------------------------- */

static bool is_good(long status) {
    return status >= 200 && status < 300;
}

/* What it returns is not `len` if the request is to end. */
static size_t take_body(char *bytes, size_t unit, size_t count, void *context) {
    struct exchange *exchange = context;
    struct http_answer *answer = exchange->answer;
    size_t len = unit * count;
    curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    if (is_good(answer->status) && exchange->request->take) {
        answer->was_ended =
            exchange->request->take(exchange->request->context, (struct reel_str){bytes, len}) != 0;
        return answer->was_ended ? CURL_WRITEFUNC_ERROR : len;
    }
    size_t most = is_good(answer->status) ? ANSWER_BYTES_MAX : REFUSAL_BYTES_MAX;
    exchange->is_too_large = len > most - answer->body.len;
    if (exchange->is_too_large) return CURL_WRITEFUNC_ERROR;
    text_append(&answer->body, bytes, len);
    return answer->body.failed ? CURL_WRITEFUNC_ERROR : len;
}

static int take_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                         curl_off_t up) {
    const struct exchange *exchange = context;
    (void)down_total, (void)down, (void)up_total;
    exchange->request->sent(exchange->request->context, (uint64_t)up);
    return 0;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static bool add_header(struct curl_slist **headers, const char *name, const char *value) {
    AUTO_FREE char *line = NULL;
    if (!value) return true;
    if (asprintf(&line, "%s%s", name, value) < 0) {
        line = NULL;
        return false;
    }
    struct curl_slist *grown = curl_slist_append(*headers, line);
    if (grown) *headers = grown;
    return grown;
}

static bool add_headers(struct http *http, const struct http_request *request,
                        struct curl_slist **headers) {
    bool added =
        add_header(headers, "Accept: ", request->accept ? request->accept : "application/json") &&
        add_header(headers, "Content-Type:", request->content_type ? request->content_type : "") &&
        add_header(headers, "", http->authorization) &&
        add_header(headers, "", "Expect:"); /* no 100 Continue */
    for (size_t i = 0; i < sizeof request->headers / sizeof *request->headers; i++)
        added = added && add_header(headers, "", request->headers[i]);
    return added;
}

static void set_body(CURL *curl, const struct http_request *request) {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    bool is_post = request->method && strcmp(request->method, "POST") == 0;
    if (!is_post && request->body.len == 0) return;
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.data ? request->body.data : "");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
}

static int explain(struct http *http, CURLcode rc, const struct exchange *exchange,
                   struct failure *failure) {
    const char *why = http->why[0] ? http->why : curl_easy_strerror(rc);
    if (exchange->is_too_large)
        return failure_set(failure, "the answer of %s is larger than this client accepts",
                           http->url);
    if (exchange->answer->body.failed) return failure_memory(failure);
    if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE)
        return failure_advise(failure, failure_unreachable(failure, "%s: %s", http->url, why),
                              "If the certificate is of an authority of your own, name its file "
                              "with --ca-file.");
    if (exchange->answer->status > 0)
        return failure_unreachable(failure, "the answer of %s is not complete: %s", http->url, why);
    return failure_advise(
        failure, failure_unreachable(failure, "cannot reach %s: %s", http->url, why),
        "Does a daemon run there? The URL is that of --url, REEL_URL or a context "
        "(reel help config).");
}

int http_ask(struct http *http, const struct http_request *request, struct http_answer *ret,
             struct failure *failure) {
    AUTO_FREE char *url = NULL;
    struct curl_slist *headers = NULL;
    struct exchange exchange = {.request = request, .answer = ret, .curl = http->curl};
    *ret = (struct http_answer){0};
    if (asprintf(&url, "%s%s", http->url, request->path) < 0) {
        url = NULL;
        return failure_memory(failure);
    }
    bool is_ready = add_headers(http, request, &headers);
    http->why[0] = '\0';
    set_body(http->curl, request);
    curl_easy_setopt(http->curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(http->curl, CURLOPT_URL, url);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(http->curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(http->curl, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(http->curl, CURLOPT_NOPROGRESS, request->sent ? 0L : 1L);
    curl_easy_setopt(http->curl, CURLOPT_XFERINFOFUNCTION, take_progress);
    curl_easy_setopt(http->curl, CURLOPT_XFERINFODATA, &exchange);
    CURLcode rc = is_ready ? curl_easy_perform(http->curl) : CURLE_OUT_OF_MEMORY;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &ret->status);
    curl_slist_free_all(headers);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
    if (rc == CURLE_OK || ret->was_ended) {
        text_append(&ret->body, "", 1);
        if (ret->body.failed || ret->link.failed || ret->location.failed)
            return failure_memory(failure);
        ret->body.len--;
        return 0;
    }
    return explain(http, rc, &exchange, failure);
}
