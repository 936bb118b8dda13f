/* records_wanted.c: see records_wanted.h. */
#include "records_wanted.h"

#include "base/cleanup.h"

/* Is the media type among those that the client accepts (RFC 9110, section 12.5.1)? */
static bool accepts_streams(const struct request *request) {
    CLEANUP(text_finish) struct text accept = {0};
    struct reel_str rest, one;
    request_header_list(request, MHD_HTTP_HEADER_ACCEPT, &accept);
    rest = text_str(&accept);
    while (!accept.failed && header_list_next(&rest, &one)) {
        const char *end = one.len ? memchr(one.data, ';', one.len) : NULL;
        struct reel_str type = {one.data, end ? (size_t)(end - one.data) : one.len};
        if (str_is_caseless(str_trimmed(type), "text/event-stream")) return true;
    }
    return false;
}

enum records_form records_wanted(const struct request *request) {
    if (accepts_streams(request)) return RECORDS_STREAMED;
    return uri_param(&request->uri, "since") ? RECORDS_POLLED : RECORDS_LISTED;
}
