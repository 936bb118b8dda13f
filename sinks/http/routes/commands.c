/* commands.c: handles the commands of all collections: hands them over to the writer, and suspends
 * the request until they are durable. Their meaning is defined by their projectors: nothing here
 * depends on a collection. */
#include "base/cleanup.h"
#include "http/etag.h"
#include "http/key_find.h"
#include "http/routes.h"

#include <errno.h>
#include <stdlib.h>

#define IDEMPOTENCY_KEY_MAX 255

/* A command that was handed over. What it points to is owned by the request or by this struct. */
struct command {
    struct request *request;
    struct reel_command_request asked;
    struct precondition precondition;
    struct text key; /* found by name */
};

static void command_destroy(void *context) {
    struct command *command = context;
    text_finish(&command->key);
    free(command);
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* Adds the location of a new record, and its position: in the record's JSON, after the last
 * field. */
static void show_created(struct answer *answer, const struct command *command,
                         const struct reel_command_result *given) {
    answer->status = MHD_HTTP_CREATED;
    key_target_append(&answer->header, command->asked.collection,
                      (struct reel_str){given->key, given->key_len});
    if (answer->body.failed || answer->body.len < 2) return;
    answer->body.len--;
    text_append_lit(&answer->body, answer->body.len > 1 ? ",\"cursor\":" : "\"cursor\":");
    text_append_number(&answer->body, given->cursor);
    text_append_lit(&answer->body, "}");
}

static void show_accepted(struct answer *answer, const struct command *command,
                          const struct reel_command_result *given) {
    answer->status = MHD_HTTP_OK;
    answer->content_type = "application/json";
    answer->has_position = true;
    answer->cursor = given->cursor;
    answer->replayed = given->repeated;
    text_append(&answer->body, given->record ? given->record : "null",
                given->record ? given->record_len : 4);
    if (given->record && reel_str_is(command->asked.verb, "create"))
        show_created(answer, command, given);
}

static unsigned status_of(reel_refusal refusal) {
    switch (refusal) {
    case REEL_CONFLICT:
        return MHD_HTTP_CONFLICT;
    case REEL_NOT_FOUND:
        return MHD_HTTP_NOT_FOUND;
    case REEL_TOO_LARGE:
        return MHD_HTTP_CONTENT_TOO_LARGE;
    case REEL_KEY_REUSED:
        return MHD_HTTP_UNPROCESSABLE_CONTENT;
    case REEL_CHANGED:
        return MHD_HTTP_PRECONDITION_FAILED;
    default:
        return MHD_HTTP_BAD_REQUEST;
    }
}

/* Runs on the writer's thread: the request is suspended, and no other thread uses it. */
static void take_answer(void *context, int rc, const struct reel_command_result *given,
                        const struct reel_error *error) {
    struct command *command = context;
    struct request *request = command->request;
    struct answer *answer = &request->answer;
    if (rc < 0)
        answer_error(answer, rc, error);
    else if (given->accepted)
        show_accepted(answer, command, given);
    else
        answer_refusal(answer, status_of(given->refusal), given->problem, given->detail);
    request_resume(request);
}

/* ---- Handing over ---------------------------------------------------------------------------- */

/* -EINVAL: the answer is a problem. */
static int read_idempotency_key(struct request *request, struct reel_str *ret) {
    *ret = request_header(request, "Idempotency-Key");
    if (!ret->data) return 0;
    if (ret->len > 0 && ret->len <= IDEMPOTENCY_KEY_MAX && utf8_valid(*ret)) return 0;
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST,
                   "Idempotency-Key has %zu bytes, wanted 1 to %d of UTF-8", ret->len,
                   IDEMPOTENCY_KEY_MAX);
    return -EINVAL;
}

static int check_body_type(struct request *request) {
    if (request->body.len == 0 || request_is_json(request)) return 0;
    answer_problem(&request->answer, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                   "the body needs Content-Type: application/json, in UTF-8");
    return -EINVAL;
}

/* A condition that would be passed over silently. */
static int check_no_cursor(struct request *request) {
    if (!request_expects_cursor(request)) return 0;
    request_refuse(request, PROBLEM_BAD_REQUEST,
                   "Reel-Expect-Cursor is for events: a command has If-Match");
    return -EINVAL;
}

/* Makes the command from the target, the body and the headers. */
static int read_request(struct request *request, struct command *command) {
    const struct uri *uri = &request->uri;
    bool create = uri->segment_count == 2;
    struct reel_command_request *order = &command->asked;
    *order = (struct reel_command_request){
        .struct_size = sizeof *order,
        .collection = uri->segments[1],
        .verb = reel_text("create"),
        .body = text_str(&request->body),
        .caller = reel_text(request->caller.id),
        .principal = reel_text(request->caller.name),
        .unless_versions = command->precondition.none_match.list,
        .versions = command->precondition.match.list,
    };
    if (!create) order->key = command->key.data ? text_str(&command->key) : uri->segments[2];
    if (request->method == METHOD_DELETE) order->verb = reel_text("delete");
    if (request->method == METHOD_POST && !create) order->verb = uri->segments[3];
    int rc = read_idempotency_key(request, &order->idempotency_key);
    if (rc == 0) rc = precondition_read(request, &command->precondition);
    if (rc == 0) rc = check_no_cursor(request);
    if (rc == 0) rc = check_body_type(request);
    order->flags = command->precondition.flags;
    return rc;
}

/* Takes ownership of the key, if it was found by name. */
static void hand_over(struct request *request, struct text *key) {
    struct command *command = calloc(1, sizeof *command);
    if (!command) {
        answer_error(&request->answer, -ENOMEM, &(struct reel_error){"out of memory"});
        return;
    }
    command->request = request;
    command->key = *key;
    *key = (struct text){0};
    if (read_request(request, command) < 0) {
        command_destroy(command);
        return;
    }
    request->work = command;
    request->work_done = command_destroy;
    struct reel_error error = {0};
    request_suspend(request);
    int rc = reel_sink_command(request_host_of_sink(request), &command->asked, take_answer, command,
                               &error);
    if (rc == 0) return; /* the request may have been answered already */
    answer_error(&request->answer, rc, &error);
    request_resume(request);
}

void handle_command(struct request *request) {
    CLEANUP(text_finish) struct text key = {0};
    const struct uri *uri = &request->uri;
    bool is_named = uri->segment_count > 2 && key_is_name(uri->segments[2]);
    if (!is_named || record_find_key(request, uri->segments[2], &key) == 0)
        hand_over(request, &key);
}

void handle_command_by_name(struct request *request) {
    CLEANUP(text_finish) struct text key = {0};
    if (record_find_named(request, &key) == 0) hand_over(request, &key);
}
