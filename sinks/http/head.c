/* head.c: see head.h. */
#include "head.h"

#include "base/chars.h"

#include "inlet.h"

#include <errno.h>
#include <strings.h>

/* ---- Faults found by framing ----------------------------------------------------------------- */

void head_begin(struct request *request) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    request->inlet = info ? inlet_of(info->connect_fd) : NULL;
    if (request->inlet) request->number = ++request->inlet->requests;
}

bool head_is_readable(const struct request *request) {
    return request->inlet && request->number <= request->inlet->framing.requests;
}

/* If several requests were received together, the fault is in the last one. */
static bool is_newest(const struct request *request) {
    return request->number == request->inlet->framing.requests;
}

static bool has_fault(const struct request *request) {
    return request->inlet->framing.fault && is_newest(request);
}

bool head_is_last(const struct request *request) {
    return has_fault(request) || (request->inlet->framing.is_opaque && is_newest(request));
}

static int refuse_fault(struct request *request) {
    static const enum problem problems[] = {
        [FRAMING_MALFORMED] = PROBLEM_BAD_REQUEST,
        [FRAMING_BAD_VERSION] = PROBLEM_VERSION_NOT_SUPPORTED,
        [FRAMING_LONG_TARGET] = PROBLEM_URI_TOO_LONG,
        [FRAMING_LARGE_HEAD] = PROBLEM_HEADERS_TOO_LARGE,
        [FRAMING_LARGE_BODY] = PROBLEM_PAYLOAD_TOO_LARGE,
    };
    const struct framing *framing = &request->inlet->framing;
    answer_problem(&request->answer, problems[framing->fault], "%s", framing->why);
    return -EBADMSG;
}

void head_check_body(struct request *request) {
    if (!request->answer.status && has_fault(request)) refuse_fault(request);
}

/* ---- Headers --------------------------------------------------------------------------------- */

/* Headers that may be given only once. If there were two, a proxy in front of the daemon might use
 * the other one. */
#define HEADER(name)                                                                               \
    { name, sizeof(name) - 1 }
static const struct reel_str once[] = {
    HEADER(MHD_HTTP_HEADER_HOST),
    HEADER(MHD_HTTP_HEADER_AUTHORIZATION),
    HEADER("Origin"),
    HEADER(MHD_HTTP_HEADER_CONTENT_TYPE),
    HEADER("Last-Event-ID"),
    HEADER("Idempotency-Key"),
    HEADER("Reel-Expect-Cursor"),
    HEADER("Reel-Expect-Epoch"),
    HEADER("Sec-WebSocket-Key"),
};
enum { HOST, ONCE = sizeof once / sizeof *once };

struct headers {
    unsigned counts[ONCE];
};

static enum MHD_Result count_header(void *context, enum MHD_ValueKind kind, const char *name,
                                    size_t name_len, const char *value, size_t value_len) {
    struct headers *headers = context;
    (void)kind, (void)value, (void)value_len;
    for (size_t i = 0; i < ONCE; i++)
        if (name_len == once[i].len && strncasecmp(name, once[i].data, name_len) == 0)
            headers->counts[i]++;
    return MHD_YES;
}

static bool is_host_char(char c) {
    static const char marks[] = "-._~%!$&'()*+,;=";
    return char_is_alnum(c) || (c && strchr(marks, c));
}

/* The length of an address in brackets; 0: it is not one. */
static size_t skip_brackets(struct reel_str host) {
    for (size_t at = 1; at < host.len; at++) {
        if (host.data[at] == ']') return at > 1 ? at + 1 : 0;
        if (host.data[at] != ':' && !is_host_char(host.data[at])) return 0;
    }
    return 0;
}

bool head_host_valid(struct reel_str host) {
    size_t at = 0;
    if (host.len > 0 && host.data[0] == '[')
        at = skip_brackets(host);
    else
        while (at < host.len && is_host_char(host.data[at])) at++;
    if (at < host.len && host.data[at] == ':') {
        at++;
        while (at < host.len && char_is_digit(host.data[at])) at++;
    }
    return at == host.len;
}

/* A proxy may have read this head in another way: nothing else is read from its connection. */
static int refuse_header(struct request *request, const char *name, const char *why) {
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "the header %s %s", name, why);
    request->answer.closes = true;
    return -EINVAL;
}

int head_check(struct request *request, const char *version) {
    struct headers headers = {0};
    /* a fault in a body of NDJSON is found again by who reads this body (routes/bulk.c) */
    if (has_fault(request) && !request->inlet->framing.bulk.is_found) return refuse_fault(request);
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, count_header, &headers);
    for (size_t i = 0; i < ONCE; i++) {
        if (headers.counts[i] <= 1) continue;
        return refuse_header(request, once[i].data, "is given twice");
    }
    if (headers.counts[HOST] == 0 && strcmp(version, MHD_HTTP_VERSION_1_0) != 0)
        return refuse_header(request, MHD_HTTP_HEADER_HOST, "is missing");
    if (!head_host_valid(request_header(request, MHD_HTTP_HEADER_HOST)))
        return refuse_header(request, MHD_HTTP_HEADER_HOST, "is not a host with an optional port");
    return 0;
}
