/* ingest.c: POST /v1/events: reads CloudEvents (cloudevents.h), hands them over to the writer, and
 * answers when they are durable and folded. With Reel-Expect-Cursor, they are appended only if no
 * event of some kind has come after it: the writer judges this (reel_sink_submit_expecting). */
#include "http/cloudevents.h"
#include "http/etag.h"
#include "http/routes/bulk.h"
#include "http/routes/events.h"

#include <errno.h>
#include <stdlib.h>

/* Events that were handed over. */
struct submission {
    struct request *request;
    struct cloudevents events;
    bool has_expectation;
    struct reel_expectation expected; /* its strings are the request's */
};

static void submission_destroy(void *context) {
    struct submission *submission = context;
    cloudevents_finish(&submission->events);
    free(submission);
}

/* ---- The answer ------------------------------------------------------------------------------ */

static const char *outcome_name(reel_outcome outcome) {
    switch (outcome) {
    case REEL_APPLIED:
        return "\"applied\"";
    case REEL_IGNORED:
        return "\"ignored\"";
    default:
        return "\"rejected\"";
    }
}

/* Writes the rejections of the events. */
static void write_rejections(struct text *body, const struct reel_submit_result *submitted) {
    if (!submitted->rejections[0]) return;
    text_append_lit(body, ",\"rejected\":[");
    for (size_t i = 0; submitted->rejections[i]; i++) {
        const struct reel_rejection *rejection = submitted->rejections[i];
        struct reel_str collection = rejection->collection;
        if (collection.len == 0) collection.data = NULL;
        text_append_lit(body, i > 0 ? ",{\"seq\":" : "{\"seq\":");
        text_append_number(body, rejection->seq);
        events_member(body, ",\"collection\":", collection);
        events_member(body, ",\"reason\":", rejection->reason);
        text_append_lit(body, "}");
    }
    text_append_lit(body, "]");
}

static void write_one(struct text *body, const struct reel_result *result) {
    text_append_lit(body, "{\"seq\":");
    text_append_number(body, result->seq);
    text_append_lit(body, ",\"outcome\":");
    text_append_lit(body, outcome_name(result->outcome));
}

static void write_batch(struct text *body, const struct reel_result *const *results) {
    text_append_lit(body, "{\"seqs\":[");
    for (size_t i = 0; results[i]; i++) {
        if (i > 0) text_append_lit(body, ",");
        text_append_number(body, results[i]->seq);
    }
    text_append_lit(body, "],\"outcomes\":[");
    for (size_t i = 0; results[i]; i++) {
        if (i > 0) text_append_lit(body, ",");
        text_append_lit(body, outcome_name(results[i]->outcome));
    }
    text_append_lit(body, "]");
}

/* Status 200 if all events were repeats. */
static void show_results(struct request *request, bool is_batch,
                         const struct reel_submit_result *submitted) {
    struct answer *answer = &request->answer;
    const struct reel_result *const *results = submitted->results;
    answer->status = MHD_HTTP_OK;
    answer->content_type = "application/json";
    for (size_t i = 0; results[i]; i++) {
        if (!results[i]->repeated) answer->status = MHD_HTTP_CREATED;
        if (results[i]->seq > answer->cursor) answer->cursor = results[i]->seq;
    }
    answer->has_position = results[0] != NULL;
    if (is_batch)
        write_batch(&answer->body, results);
    else
        write_one(&answer->body, results[0]);
    write_rejections(&answer->body, submitted);
    text_append_lit(&answer->body, "}");
}

static void refuse_misfit(struct answer *answer, const struct submission *submission,
                          const struct reel_misfit *misfit, const struct reel_error *error) {
    answer_problem(answer, PROBLEM_EVENT_NOT_AS_DECLARED, "%s", error->text);
    if (submission->events.batch) answer_problem_number(answer, "event", misfit->index);
    answer_problem_text(answer, "collection", misfit->collection);
    answer_problem_text(answer, "member", misfit->member);
    answer_problem_text(answer, "wanted", misfit->wanted);
    answer_problem_text(answer, "found", misfit->found);
}

static void refuse_unmet(struct answer *answer, uint64_t newest_seq,
                         const struct reel_error *error) {
    answer_problem(answer, PROBLEM_PRECONDITION_FAILED, "%s", error->text);
    if (newest_seq > 0) answer_problem_number(answer, "newest_seq", newest_seq);
}

/* Runs on the writer's thread: the request is suspended, and no other thread uses it. */
static void take_results(void *context, int rc, const struct reel_submit_result *submitted,
                         const struct reel_error *error) {
    struct submission *submission = context;
    struct request *request = submission->request;
    if (rc == -ENOMSG && submitted)
        refuse_misfit(&request->answer, submission, submitted->misfit, error);
    else if (rc == -ECANCELED && submitted)
        refuse_unmet(&request->answer, submitted->newest_seq, error);
    else if (rc < 0)
        answer_error(&request->answer, rc, error);
    else
        show_results(request, submission->events.batch, submitted);
    request_resume(request);
}

/* ---- Handing over ---------------------------------------------------------------------------- */

struct header_walk {
    header_fn fn;
    void *context;
    int result;
};

static enum MHD_Result give_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len) {
    struct header_walk *walk = context;
    (void)kind;
    struct reel_str text = {value ? value : "", value_len};
    walk->result = walk->fn(walk->context, (struct reel_str){name, name_len}, text);
    return walk->result == 0 ? MHD_YES : MHD_NO;
}

static int each_header(void *headers, header_fn fn, void *context) {
    const struct request *request = headers;
    struct header_walk walk = {.fn = fn, .context = context};
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, give_header, &walk);
    return walk.result;
}

static int read_events(struct request *request, struct cloudevents *ret, struct reel_error *error) {
    const struct server *server = request->server;
    struct cloudevents_bounds bounds = {server->event_bytes_max, server->batch_events_max};
    struct message_head given = {
        .content_type = request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE),
        .each_header = each_header,
        .headers = request,
    };
    struct json_parser *parser = json_parser_create(NULL);
    if (!parser) return fail_memory(error);
    int rc = cloudevents_read_take(parser, &bounds, &given, &request->body, ret, error);
    json_parser_destroy(parser);
    return rc;
}

static void refuse(struct request *request, int rc, const struct reel_error *error) {
    switch (cloudevents_status(rc)) {
    case 400:
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "%s", error->text);
        return;
    case 413:
        answer_problem(&request->answer, PROBLEM_PAYLOAD_TOO_LARGE, "%s", error->text);
        return;
    case 415:
        answer_problem(&request->answer, PROBLEM_UNSUPPORTED_MEDIA_TYPE, "%s", error->text);
        return;
    default:
        answer_error(&request->answer, rc, error);
    }
}

/* ---- What the sender expects ----------------------------------------------------------------- */

/* A text of a UUID in lower-case, as Reel-Epoch has it. */
static bool read_epoch(struct reel_str given, struct reel_epoch *ret) {
    if (given.len != sizeof ret->text - 1) return false;
    memcpy(ret->text, given.data, given.len);
    ret->text[given.len] = '\0';
    return true;
}

/* Returns false if the answer is a problem. */
static bool read_expectation(struct request *request, bool *ret_given,
                             struct reel_expectation *ret) {
    struct reel_str cursor = request_header(request, "Reel-Expect-Cursor");
    struct reel_str epoch = request_header(request, "Reel-Expect-Epoch");
    struct reel_str type = uri_value(&request->uri, "type");
    struct reel_str subject = uri_value(&request->uri, "ce_subject");
    *ret_given = cursor.data != NULL;
    *ret = (struct reel_expectation){.struct_size = sizeof *ret};
    if (!cursor.data && (epoch.data || type.data || subject.data))
        return request_refuse(request, PROBLEM_BAD_REQUEST,
                              "Reel-Expect-Epoch, `type` and `ce_subject` are for "
                              "Reel-Expect-Cursor, which is missing");
    if (!cursor.data) return true;
    if (!str_number(cursor, &ret->seq))
        return request_refuse(request, PROBLEM_BAD_REQUEST, "Reel-Expect-Cursor is not a seq");
    if (epoch.data && !read_epoch(epoch, &ret->epoch))
        return request_refuse(request, PROBLEM_BAD_REQUEST, "Reel-Expect-Epoch is not an epoch");
    if (!epoch.data)
        return request_refuse(request, PROBLEM_BAD_REQUEST,
                              "Reel-Expect-Cursor needs Reel-Expect-Epoch: the "
                              "Reel-Epoch with which the cursor was received");
    ret->type = type;
    ret->ce_subject = subject;
    return true;
}

static int submit(struct submission *submission, struct reel_error *error) {
    struct reel_sink_host *host = request_host_of_sink(submission->request);
    const struct cloudevents *events = &submission->events;
    return submission->has_expectation
               ? reel_sink_submit_expecting(host, events->events, events->count,
                                            &submission->expected, take_results, submission, error)
               : reel_sink_submit(host, events->events, events->count, take_results, submission,
                                  error);
}

void handle_post_events(struct request *request) {
    struct reel_error error = {0};
    struct reel_expectation expected;
    bool has_expectation;
    if (request_is_ndjson(request)) {
        bulk_answer_empty(request); /* all others were taken over */
        return;
    }
    if (uri_param(&request->uri, "stop")) {
        request_refuse(request, PROBLEM_BAD_REQUEST,
                       "parameter `stop` is for application/x-ndjson");
        return;
    }
    if (!precondition_without_tag(request)) return;
    if (!read_expectation(request, &has_expectation, &expected)) return;
    struct submission *submission = calloc(1, sizeof *submission);
    int rc = submission ? read_events(request, &submission->events, &error) : fail_memory(&error);
    if (rc < 0) {
        free(submission);
        refuse(request, rc, &error);
        return;
    }
    submission->request = request;
    submission->has_expectation = has_expectation;
    submission->expected = expected;
    request->work = submission;
    request->work_done = submission_destroy;
    if (submission->events.count == 0) {
        static const struct reel_result *const no_results[] = {NULL};
        static const struct reel_rejection *const no_rejections[] = {NULL};
        show_results(request, true, &(struct reel_submit_result){no_results, no_rejections});
        return;
    }
    request_suspend(request);
    rc = submit(submission, &error);
    if (rc == 0) return; /* the request may have been answered already */
    answer_error(&request->answer, rc, &error);
    request_resume(request);
}
