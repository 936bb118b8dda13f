/* http.h: requests to a server, by libcurl.
 *
 * Everything that comes from the server has a bound: an answer that is kept (ANSWER_BYTES_MAX), the
 * headers (libcurl's own), and the time in which nothing comes. Redirects are not followed, because
 * the token would go to another server.
 */
#ifndef REEL_CLIENT_HTTP_H
#define REEL_CLIENT_HTTP_H

#include "base/text.h"
#include "client/exact_json.h"
#include "client/failure.h"

/* Most bytes of an answer that is kept in memory. Lists come in pages of a thousand records. */
#define ANSWER_BYTES_MAX ((size_t)256 << 20)

/* Of an answer that says no. */
#define REFUSAL_BYTES_MAX ((size_t)1 << 20)

/* Where a server is, and how to be let in. */
struct access {
    char *url;     /* http://HOST[:PORT][/PATH], or https */
    char *token;   /* NULL: none */
    char *ca_file; /* NULL: the certificates that the system trusts */
};
void access_finish(struct access *access);

struct http_request {
    const char *method; /* NULL: GET */
    const char *path;   /* begins with /v1/; with the query, percent-encoded */
    const char *accept; /* NULL: application/json */
    const char *content_type;
    struct reel_str body;
    const char *headers[4]; /* "Name: value" */
    /* Gets the body of a 2xx answer in parts; not 0 ends the request. NULL: the body is kept. */
    int (*take)(void *context, struct reel_str bytes);
    /* Told how many bytes of the body were sent; may be NULL. */
    void (*sent)(void *context, uint64_t bytes);
    void *context;
};

/* All zero: none. */
struct http_answer {
    long status;
    struct text body; /* NUL-terminated beyond its length; of a 2xx answer only without `take` */
    char content_type[128], epoch[64], etag[256], changed[24], replayed[8];
    struct text link, location; /* location: Content-Location. Without data: there is none */
    uint64_t cursor, retry_after_s;
    bool is_stale;  /* the collection does not fold: these are the records as of `cursor` */
    bool was_ended; /* by `take` */
};
void http_answer_finish(struct http_answer *answer);

struct http;
int http_open(const struct access *access, struct http **ret, struct failure *failure);
void http_close(struct http *http);
const char *http_url(const struct http *http);

/* No request takes longer than this. */
void http_limit(struct http *http, long most_ms);

/* 0: there is an answer, whatever its status. EXIT_UNREACHABLE: there is none, or it is not
 * complete; then `ret` has what came. `ret` is finished by the caller in each case. */
int http_ask(struct http *http, const struct http_request *request, struct http_answer *ret,
             struct failure *failure);

#endif
