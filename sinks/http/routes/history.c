/* history.c: what happened to one record: each event that changed it, oldest first, and what it was
 * afterwards. The host folds the log again for each page. */
#include "base/cleanup.h"
#include "http/key_find.h"
#include "http/looking.h"
#include "http/routes/events.h"

static void write_page(struct request *request, struct looking *result) {
    struct answer *answer = &request->answer;
    struct reel_sink_host *host = request_host_of_sink(request);
    struct reel_position position;
    struct reel_view *view;
    if (request_open_view(request, &view, &position) < 0) return;
    reel_sink_view_close(host, view);
    answer->cursor = result->page.cursor; /* the epoch is the same: another log ends a builder */
    struct text *body = &answer->body;
    text_append_lit(body, "{\"history\":[");
    text_append_str(body, text_str(&result->changes));
    text_finish(&result->changes); /* it may be large */
    text_append_lit(body, "],\"cursor\":");
    text_append_number(body, result->page.cursor);
    text_append_lit(body, ",\"epoch\":\"");
    text_append_lit(body, answer->epoch.text);
    text_append_lit(body, "\"");
    if (result->page.more) {
        text_append_lit(body, ",\"next\":");
        text_append_number(body, result->page.last_seq);
    }
    text_append_lit(body, "}");
    answer->status = MHD_HTTP_OK;
    answer->content_type = "application/json";
}

static void show_history(struct request *request, struct reel_str key) {
    struct looking *result;
    uint64_t after = 0, limit;
    if (events_limit(request, &limit) < 0 || request_number(request, "after", &after) < 0 ||
        !request_read_history(request, key, after, (uint32_t)limit, &result))
        return;
    if (result->page.seen == 0)
        answer_problem(&request->answer, PROBLEM_NOT_FOUND,
                       "no event of the log has changed such a record");
    else
        write_page(request, result);
}

void handle_history(struct request *request) {
    CLEANUP(text_finish) struct text found = {0};
    struct reel_str given = request->uri.segments[2];
    struct reel_key key;
    if (!request_wait_for_cursor(request)) return;
    if (key_is_name(given)) {
        if (record_find_key(request, given, &found) == 0) show_history(request, text_str(&found));
        return;
    }
    if (record_read_key(request, given, &key)) show_history(request, key.str);
}
