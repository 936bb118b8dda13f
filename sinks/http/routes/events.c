/* history.c: reading the log: pages of events, one event's bytes, and what was rejected. */
#include "events/filter.h"
#include "events/frame.h"
#include "http/routes.h"
#include "json/value.h"

#include <errno.h>
#include <stdlib.h>

#define LIMIT_STANDARD 100
#define LIMIT_MAX      1000

/* Events that one request looks at: what a filter leaves out costs time, too. */
#define EXAMINED_MAX 1000000

static struct reel_str value_of(const struct request *request, const char *name) {
    const struct uri_param *param = uri_param(&request->uri, name);
    struct reel_str none = {NULL, 0};
    return param ? param->value : none;
}

static int read_limit(struct request *request, uint64_t *ret) {
    *ret = LIMIT_STANDARD;
    int rc = request_number(request, "limit", ret);
    if (*ret < 1) *ret = 1;
    if (*ret > LIMIT_MAX) *ret = LIMIT_MAX;
    return rc < 0 ? rc : 0;
}

static void close_view(struct request *request, struct reel_view *view, int rc) {
    reel_stage_close(request_stage(request), view);
    if (rc < 0 && !request->answer.status)
        answer_error(&request->answer, rc, &(struct reel_error){{0}});
}

static void write_end(struct answer *answer, uint64_t cursor, const char *epoch) {
    text_append_lit(&answer->body, "],\"cursor\":");
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
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "%s", error.text);
        return -EINVAL;
    }
    if (since == 0 || since >= position->first_seq - 1) return 0; /* there is no seq 0 */
    answer_problem(&request->answer, PROBLEM_CURSOR_TOO_OLD,
                   "the log begins at %llu, what follows %llu is no longer there",
                   (unsigned long long)position->first_seq, (unsigned long long)since);
    answer_problem_number(&request->answer, "first_seq", position->first_seq);
    return -EINVAL;
}

/* Where an empty page ends: at the head, or at `since`, if the log is known to reach that far. */
static uint64_t end_of(struct request *request, const struct reel_position *position,
                       uint64_t since) {
    struct reel_status status;
    if (since <= position->head) return position->head;
    reel_stage_status(request_stage(request), &status);
    return since <= status.known_seq ? since : position->head;
}

static int write_page(struct request *request, struct reel_view *view,
                      const struct reel_position *position, uint64_t since, uint64_t limit) {
    struct page page = {
        .body = &request->answer.body,
        .filter = {value_of(request, "type"), value_of(request, "subject"),
                   value_of(request, "ce_subject")},
        .limit = limit,
        .bytes_max = request->server->answer_bytes_max,
    };
    int rc = check_page(request, &page.filter, since, position);
    if (rc < 0) return rc;
    text_append_lit(page.body, "{\"events\":[");
    if (since < UINT64_MAX)
        rc = reel_stage_log(request_stage(request), view, since + 1, take_entry, &page);
    if (rc == -ETIME && page.examined > 0) rc = 1; /* a shorter page is as good */
    if (rc < 0) return rc;
    uint64_t cursor = rc > 0 ? page.last_seq : end_of(request, position, since); /* 0: to the end */
    write_end(&request->answer, cursor, position->epoch.text);
    return 0;
}

void handle_events(struct request *request) {
    struct reel_view *view;
    struct reel_position position;
    uint64_t since = 0, limit;
    if (request_number(request, "since", &since) < 0 || read_limit(request, &limit) < 0) return;
    if (request_open_view(request, &view, &position) < 0) return;
    close_view(request, view, write_page(request, view, &position, since, limit));
}

/* ---- One event's bytes ----------------------------------------------------------------------- */

struct raw {
    struct answer *answer;
    uint64_t seq;
};

static int take_raw(void *context, const struct reel_entry *entry) {
    struct raw *raw = context;
    struct answer *answer = raw->answer;
    if (entry->seq != raw->seq) return 1;
    if (entry->flags & REEL_LOG_OVERSIZE) {
        answer_problem(answer, PROBLEM_NOT_FOUND,
                       "the event had %u bytes, which was too much: they were not kept",
                       entry->size);
        return 1;
    }
    text_append_str(&answer->body, entry->bytes);
    answer->status = MHD_HTTP_OK;
    answer->content_type = entry->flags & REEL_LOG_NOT_JSON ? "application/octet-stream"
                                                            : "application/cloudevents+json";
    return 1;
}

void handle_raw_event(struct request *request) {
    struct reel_view *view;
    struct reel_position position;
    struct raw raw = {.answer = &request->answer};
    if (!str_number(request->uri.segments[2], &raw.seq)) {
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`%.*s` is no seq",
                       REEL_FMT(request->uri.segments[2]));
        return;
    }
    if (request_open_view(request, &view, &position) < 0) return;
    int rc = reel_stage_log(request_stage(request), view, raw.seq, take_raw, &raw);
    if (rc >= 0 && !request->answer.status && raw.seq > 0 && raw.seq < position.first_seq) {
        answer_problem(&request->answer, PROBLEM_CURSOR_TOO_OLD, "the log begins at %llu",
                       (unsigned long long)position.first_seq);
        answer_problem_number(&request->answer, "first_seq", position.first_seq);
    } else if (rc >= 0 && !request->answer.status) {
        answer_problem(&request->answer, PROBLEM_NOT_FOUND, "there is no event %llu",
                       (unsigned long long)raw.seq);
    }
    close_view(request, view, rc);
}

/* ---- What was rejected ----------------------------------------------------------------------- */

struct rejected {
    uint64_t seq;
    struct text collection, reason;
};
struct rejections {
    struct rejected *list;
    uint64_t count, limit;
};

static void rejections_finish(struct rejections *rejections) {
    for (uint64_t i = 0; i < rejections->count; i++) {
        text_finish(&rejections->list[i].collection);
        text_finish(&rejections->list[i].reason);
    }
    free(rejections->list);
}

static int take_rejection(void *context, const struct reel_rejection *rejection) {
    struct rejections *rejections = context;
    if (rejections->count == rejections->limit) return 1;
    struct rejected *one = &rejections->list[rejections->count++];
    *one = (struct rejected){.seq = rejection->seq};
    text_append_str(&one->collection, rejection->collection);
    text_append_str(&one->reason, rejection->reason);
    return one->collection.failed || one->reason.failed ? -ENOMEM : 0;
}

/* The event's type and id. */
struct named {
    struct text *body;
    struct json_parser *parser;
    uint64_t seq;
};

static void append_member(struct text *body, const char *name, struct reel_str value) {
    text_append_lit(body, name);
    if (value.data)
        text_append_quoted(body, value);
    else
        text_append_lit(body, "null");
}

static int name_event(void *context, const struct reel_entry *entry) {
    struct named *named = context;
    struct json *json = NULL;
    const char *why;
    struct reel_str none = {NULL, 0}, id = none;
    bool found = entry->seq == named->seq;
    if (found && !(entry->flags & (REEL_LOG_NOT_JSON | REEL_LOG_OVERSIZE)) &&
        json_parse(named->parser, entry->bytes, 0, &json, &why) == 0) {
        struct reel_value value = json_get(json_root(json), reel_text("id"));
        if (value.json) id = json_str(value);
    }
    append_member(named->body, ",\"type\":", found ? entry->type : none);
    append_member(named->body, ",\"id\":", id);
    return 1;
}

static int write_rejections(struct request *request, struct reel_view *view,
                            const struct rejections *rejections) {
    struct text *body = &request->answer.body;
    struct named named = {.body = body, .parser = json_parser_create(NULL)};
    int rc = named.parser ? 0 : -ENOMEM;
    text_append_lit(body, "{\"rejected\":[");
    for (uint64_t i = 0; i < rejections->count && rc >= 0; i++) {
        const struct rejected *one = &rejections->list[i];
        text_append_lit(body, i > 0 ? ",{\"seq\":" : "{\"seq\":");
        text_append_number(body, one->seq);
        named.seq = one->seq;
        rc = reel_stage_log(request_stage(request), view, one->seq, name_event, &named);
        append_member(
            body, ",\"collection\":", (struct reel_str){one->collection.data, one->collection.len});
        append_member(body, ",\"reason\":", text_str(&one->reason));
        text_append_lit(body, "}");
    }
    json_parser_destroy(named.parser);
    return rc < 0 ? rc : 0;
}

void handle_rejected(struct request *request) {
    struct reel_view *view;
    struct reel_position position;
    struct rejections rejections = {0};
    if (read_limit(request, &rejections.limit) < 0) return;
    if (request_open_view(request, &view, &position) < 0) return;
    rejections.list = calloc(rejections.limit, sizeof *rejections.list);
    int rc = rejections.list
                 ? reel_stage_rejected(request_stage(request), view, take_rejection, &rejections)
                 : -ENOMEM;
    if (rc >= 0) rc = write_rejections(request, view, &rejections);
    if (rc >= 0) write_end(&request->answer, position.cursor, position.epoch.text);
    rejections_finish(&rejections);
    close_view(request, view, rc);
}
