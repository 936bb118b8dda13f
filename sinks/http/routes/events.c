/* events.c: pages of events; and functions for all routes that read the log. */
#include "http/routes/events.h"

#include "base/clock.h"
#include "events/filter.h"
#include "events/frame.h"
#include "http/routes.h"
#include "http/routes/events_back.h"
#include "http/routes/export.h"
#include "http/since.h"

#include <errno.h>

#define LIMIT_STANDARD 100
#define LIMIT_MAX      1000

/* Most events that one request reads: an event that the filter leaves out takes time, too. */
#define EXAMINED_MAX 1000000

int events_limit(struct request *request, uint64_t *ret) {
    *ret = LIMIT_STANDARD;
    int rc = request_number(request, "limit", ret);
    if (*ret < 1) *ret = 1;
    if (*ret > LIMIT_MAX) *ret = LIMIT_MAX;
    return rc < 0 ? rc : 0;
}

void events_member(struct text *body, const char *name, struct reel_str value) {
    text_append_lit(body, name);
    if (value.data)
        text_append_quoted(body, value);
    else
        text_append_lit(body, "null");
}

void events_time(struct text *body, const char *name, uint64_t time_ns) {
    char space[CLOCK_TEXT_MAX];
    events_member(body, name, reel_text(clock_text(time_ns, space)));
}

void events_close(struct request *request, struct reel_view *view, int rc) {
    reel_sink_view_close(request_host_of_sink(request), view);
    if (rc < 0 && !request->answer.status)
        answer_error(&request->answer, rc, &(struct reel_error){{0}});
}

void events_end(struct answer *answer, uint64_t cursor, const char *epoch) {
    text_append_lit(&answer->body, ",\"cursor\":");
    text_append_number(&answer->body, cursor);
    text_append_lit(&answer->body, ",\"epoch\":\"");
    text_append_lit(&answer->body, epoch);
    text_append_lit(&answer->body, "\"}");
    answer->status = MHD_HTTP_OK;
    answer->content_type = "application/json";
}

/* ---- A page of events ------------------------------------------------------------------------ */

struct page {
    struct text *body;
    struct event_filter filter;
    uint64_t limit, bytes_max;
    uint64_t given, examined, last_seq;
};

static int take_entry(void *context, const struct reel_entry *entry) {
    struct page *page = context;
    if (page->examined == EXAMINED_MAX || page->given == page->limit) return 1;
    if (event_filter_matches(&page->filter, entry)) {
        if (page->given > 0 && page->body->len + entry->bytes.len > page->bytes_max) return 1;
        if (page->given++ > 0) text_append_lit(page->body, ",");
        frame_event(page->body, entry);
        if (page->body->failed) return -ENOMEM;
    }
    page->examined++;
    page->last_seq = entry->seq;
    return 0;
}

static int check_page(struct request *request, const struct event_filter *filter, uint64_t since,
                      const struct reel_position *position) {
    struct reel_error error = {0};
    if (event_filter_check(filter, &error) < 0) {
        request_refuse(request, PROBLEM_BAD_REQUEST, error.text);
        return -EINVAL;
    }
    if (!since_check(request, position, since)) return -EINVAL;
    return since <= position->head || since_is_known(request, since) ? 0 : -EINVAL;
}

/* Where a page ends if it has reached the end of the log. */
static uint64_t end_of(const struct reel_position *position, uint64_t since) {
    return since > position->head ? since : position->head;
}

static int write_page(struct request *request, struct reel_view *view,
                      const struct event_filter *filter, const struct reel_position *position,
                      uint64_t since, uint64_t limit) {
    struct page page = {
        .body = &request->answer.body,
        .filter = *filter,
        .limit = limit,
        .bytes_max = request->server->answer_bytes_max,
    };
    int rc = 0;
    text_append_lit(page.body, "{\"events\":[");
    if (since < UINT64_MAX)
        rc = reel_sink_log(request_host_of_sink(request), view, since + 1, take_entry, &page);
    if (rc == -ETIME && page.examined > 0) rc = 1; /* a shorter page is valid, too */
    if (rc < 0) return rc;
    uint64_t cursor = rc > 0 ? page.last_seq : end_of(position, since); /* 0: the end was reached */
    text_append_lit(page.body, "]");
    events_end(&request->answer, cursor, position->epoch.text);
    return 0;
}

/* The newest first; the cursor is where following begins. */
static int write_page_back(struct request *request, struct reel_view *view,
                           const struct event_filter *filter, const struct reel_position *position,
                           uint64_t before, uint64_t limit) {
    struct text *body = &request->answer.body;
    uint64_t next;
    text_append_lit(body, "{\"events\":");
    int rc = events_write_back(request, view, filter, position, before, limit, &next);
    if (rc < 0) return rc;
    if (next > 0) text_append_lit(body, ",\"next\":");
    if (next > 0) text_append_number(body, next);
    events_end(&request->answer, position->head, position->epoch.text);
    return 0;
}

/* ---- All events as lines --------------------------------------------------------------------- */

/* Reads `bare`. -EINVAL: the answer is a problem. */
static int read_bare(struct request *request, bool as_lines, bool *ret) {
    const struct uri_param *param = uri_param(&request->uri, "bare");
    *ret = param && reel_str_is(param->value, "true");
    if (!param || (as_lines && (*ret || reel_str_is(param->value, "false")))) return 0;
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST,
                   as_lines ? "parameter `bare` is neither true nor false"
                            : "parameter `bare` is for Accept: " NDJSON_TYPE);
    return -EINVAL;
}

/* All of them, unless `limit` says less. */
static int read_lines_limit(struct request *request, uint64_t *ret) {
    *ret = UINT64_MAX;
    int rc = request_number(request, "limit", ret);
    if (*ret < 1) *ret = 1;
    return rc < 0 ? rc : 0;
}

/* `before` asks for a page in the other direction. False: the answer is a problem. */
static bool check_before(struct request *request, bool as_lines) {
    static const char *const others[] = {"since", "bare", NULL};
    if (!uri_param(&request->uri, "before")) return true;
    if (as_lines)
        return request_refuse(request, PROBLEM_BAD_REQUEST,
                              "parameter `before` is for pages, not for " NDJSON_TYPE);
    return request_check_without(request, others, "cannot be combined with `before`");
}

void handle_events(struct request *request) {
    struct reel_view *view;
    struct reel_position position;
    uint64_t since = 0, before = 0, limit;
    bool as_lines = request->form == FORM_NDJSON, bare; /* FORMS: a page, too */
    const struct event_filter filter = {uri_value(&request->uri, "type"),
                                        uri_value(&request->uri, "subject"),
                                        uri_value(&request->uri, "ce_subject")};
    if (request_number(request, "since", &since) < 0 || read_bare(request, as_lines, &bare) < 0)
        return;
    if (!check_before(request, as_lines)) return;
    int is_back = request_number(request, "before", &before);
    if (is_back < 0) return;
    if ((as_lines ? read_lines_limit : events_limit)(request, &limit) < 0) return;
    if (request_open_view(request, &view, &position) < 0) return;
    int rc = check_page(request, &filter, since, &position);
    if (rc == 0 && as_lines)
        rc = export_answer(request, &filter, &position, since, limit, bare);
    else if (rc == 0 && is_back)
        rc = write_page_back(request, view, &filter, &position, before, limit);
    else if (rc == 0)
        rc = write_page(request, view, &filter, &position, since, limit);
    events_close(request, view, rc);
}
